//! Measures the cost of translating and the slowdown of a few loops.

#[path = "../harness/mod.rs"]
mod harness;

use harness::machine::{Machine, CODE, DATA, STACK};
use harness::native::initial_vectors;
use iced_x86::code_asm::*;
use reenact_trace::Registers;
use reenact_translator::Stop;
use std::time::Instant;

/// A program and its name. It ends with `int3`.
type Program = (
    &'static str,
    fn(&mut CodeAssembler) -> Result<(), IcedError>,
);

use iced_x86::IcedError;

/// A loop like the match finder of a compressor: loads, compares, short branches.
fn match_finder(a: &mut CodeAssembler) -> Result<(), IcedError> {
    let mut outer = a.create_label();
    let mut inner = a.create_label();
    let mut done = a.create_label();
    a.mov(rbx, DATA)?;
    a.mov(r12d, 6_000_000)?;
    a.set_label(&mut outer)?;
    a.mov(esi, r12d)?;
    a.and(esi, 1023)?;
    a.mov(edi, esi)?;
    a.add(edi, 64)?;
    a.xor(ecx, ecx)?;
    a.set_label(&mut inner)?;
    a.movzx(eax, byte_ptr(rbx + rsi))?;
    a.cmp(al, byte_ptr(rbx + rdi))?;
    a.jne(done)?;
    a.inc(esi)?;
    a.inc(edi)?;
    a.inc(ecx)?;
    a.cmp(ecx, 40)?;
    a.jb(inner)?;
    a.set_label(&mut done)?;
    a.add(r13d, ecx)?;
    a.dec(r12d)?;
    a.jnz(outer)?;
    a.int3()
}

fn tight_loop(a: &mut CodeAssembler) -> Result<(), IcedError> {
    let mut top = a.create_label();
    a.mov(ecx, 20_000_000)?;
    a.set_label(&mut top)?;
    a.add(rax, rcx)?;
    a.dec(ecx)?;
    a.jnz(top)?;
    a.int3()
}

fn fibonacci(a: &mut CodeAssembler) -> Result<(), IcedError> {
    let mut function = a.create_label();
    let mut small = a.create_label();
    let mut end = a.create_label();
    a.mov(edi, 33)?;
    a.call(function)?;
    a.jmp(end)?;
    a.set_label(&mut function)?;
    a.cmp(edi, 2)?;
    a.jb(small)?;
    a.push(rbx)?;
    a.push(rdi)?;
    a.dec(edi)?;
    a.call(function)?;
    a.mov(rbx, rax)?;
    a.pop(rdi)?;
    a.sub(edi, 2)?;
    a.call(function)?;
    a.add(rax, rbx)?;
    a.pop(rbx)?;
    a.ret()?;
    a.set_label(&mut small)?;
    a.mov(eax, edi)?;
    a.ret()?;
    a.set_label(&mut end)?;
    a.int3()
}

/// A byte-code interpreter: eight small handlers, each dispatching through a table.
fn interpreter(a: &mut CodeAssembler) -> Result<(), IcedError> {
    let mut handlers: Vec<CodeLabel> = (0..8).map(|_| a.create_label()).collect();
    let mut table = a.create_label();
    let mut end = a.create_label();
    a.lea(r15, qword_ptr(table))?;
    a.mov(rbx, DATA)?;
    a.xor(esi, esi)?;
    a.mov(r12d, 5_000_000)?;
    let dispatch = |a: &mut CodeAssembler| -> Result<(), IcedError> {
        a.movzx(eax, byte_ptr(rbx + rsi))?;
        a.inc(esi)?;
        a.and(esi, 4095)?;
        a.and(eax, 7)?;
        a.jmp(qword_ptr(r15 + rax * 8))
    };
    dispatch(a)?;
    for (index, handler) in handlers.iter_mut().enumerate() {
        a.set_label(handler)?;
        a.add(r8, index as i32)?;
        a.mov(r9, r8)?;
        a.shl(r9, 3)?;
        a.mov(qword_ptr(rbx + 0x2000 + index * 8), r9)?;
        a.cmp(r9, 7)?;
        a.dec(r12d)?;
        a.js(end)?;
        dispatch(a)?;
    }
    a.set_label(&mut end)?;
    a.int3()?;
    a.set_label(&mut table)?;
    // Filled in by the caller: labels cannot be data here.
    a.dq(&[0; 8])
}

/// Straight-line code of many blocks, run once: the cost of translating.
fn straight(a: &mut CodeAssembler) -> Result<(), IcedError> {
    for index in 0..1400u32 {
        let mut next = a.create_label();
        a.mov(rax, qword_ptr(rbx + (index % 64) * 8))?;
        a.lea(rcx, qword_ptr(rax + 8))?;
        a.mov(qword_ptr(rsp - 64), rcx)?;
        a.test(rax, rax)?;
        a.cmovs(rdx, rcx)?;
        a.add(edx, 1)?;
        a.movzx(esi, dl)?;
        a.cmp(edx, 0x1234)?;
        a.je(next)?;
        a.xor(edi, edi)?;
        a.set_label(&mut next)?;
        a.nop()?;
    }
    a.int3()
}

fn main() {
    let mut machine = Machine::new();
    for offset in 0..1024usize {
        machine.data()[offset] = ((offset * 7) >> 4) as u8;
    }
    for chunk in machine.data()[1024..4096].iter_mut().enumerate() {
        *chunk.1 = ((chunk.0 * 2_654_435_761) >> 7) as u8;
    }
    let programs: [Program; 4] = [
        ("tight loop", tight_loop),
        ("match finder", match_finder),
        ("calls and returns", fibonacci),
        ("interpreter", interpreter),
    ];
    for (name, build) in programs {
        let registers = load(&mut machine, name, build);
        let vectors = initial_vectors();
        let (mut native, mut translated, mut count) = (f64::MAX, f64::MAX, 0);
        for _ in 0..3 {
            let begin = Instant::now();
            machine.native(&registers, &vectors);
            native = native.min(begin.elapsed().as_secs_f64());
            machine.start(&registers, &vectors);
            let begin = Instant::now();
            let stop = machine.run(u64::MAX);
            translated = translated.min(begin.elapsed().as_secs_f64());
            assert!(matches!(stop, Stop::Fault(_)), "{stop:?}");
            count = machine.translator.executed();
        }
        println!(
            "{name:20} {:6.2}x  native {:.0} ms, {count} instructions",
            translated / native,
            native * 1e3
        );
    }
    let registers = load(&mut machine, "straight", straight);
    let mut best = f64::MAX;
    let mut count = 0;
    for _ in 0..20 {
        machine.translator.invalidate(CODE, 1 << 16);
        machine.memory.protect = false;
        machine.start(&registers, &initial_vectors());
        let begin = Instant::now();
        machine.run(u64::MAX);
        count = machine.translator.executed();
        best = best.min(begin.elapsed().as_secs_f64());
    }
    println!(
        "translating: {:.0} ns an instruction ({count} instructions)",
        best * 1e9 / count as f64
    );
}

fn load(
    machine: &mut Machine,
    name: &str,
    build: fn(&mut CodeAssembler) -> Result<(), IcedError>,
) -> Registers {
    let mut assembler = CodeAssembler::new(64).expect("64-bit code");
    build(&mut assembler).expect("a valid program");
    let mut code = assembler.assemble(CODE).expect("it assembles");
    if name == "interpreter" {
        // The handlers begin with `add r8, index` (49 83 c0 index).
        let table = code.len() - 64;
        for index in 0..8 {
            let pattern = [0x49, 0x83, 0xc0, index as u8, 0x4d, 0x89];
            let at = code
                .windows(6)
                .position(|bytes| bytes == pattern)
                .expect("a handler");
            let address = CODE + at as u64;
            code[table + index * 8..][..8].copy_from_slice(&address.to_le_bytes());
        }
    }
    machine.load(0, &code);
    Registers {
        rip: CODE,
        rsp: STACK,
        rbx: DATA,
        rflags: 0x202,
        ..Registers::default()
    }
}
