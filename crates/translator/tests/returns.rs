//! Returns that do not go where the processor expects them, or not where the call was.

#[path = "../harness/mod.rs"]
mod harness;

use harness::check::{assemble, check, machine, registers};
use harness::machine::{map, DATA};
use harness::native::initial_vectors;
use iced_x86::code_asm::*;
use iced_x86::IcedError;
use reenact_translator::Stop;

/// `body` a hundred times (the counter is r15), then the end.
fn repeated(
    body: impl FnOnce(&mut CodeAssembler, &mut CodeLabel) -> Result<(), IcedError>,
) -> Vec<u8> {
    assemble(|a| {
        let mut top = a.create_label();
        let mut again = a.create_label();
        a.mov(r15d, 100)?;
        a.set_label(&mut top)?;
        body(a, &mut again)?;
        a.set_label(&mut again)?;
        a.dec(r15d)?;
        a.jnz(top)?;
        a.int3()
    })
}

#[test]
fn calls_on_a_stack_of_any_alignment() {
    let mut guard = machine();
    let code = repeated(|a, again| {
        let mut outer = a.create_label();
        let mut inner = a.create_label();
        // Slots of the two calls overlap, at every distance.
        a.mov(r14, rsp)?;
        a.mov(ecx, r15d)?;
        a.and(ecx, 7)?;
        a.sub(rsp, rcx)?;
        a.call(outer)?;
        a.mov(rsp, r14)?;
        a.jmp(*again)?;
        a.set_label(&mut outer)?;
        a.sub(rsp, 3)?;
        a.call(inner)?;
        a.lea(rsp, qword_ptr(rsp - 1))?;
        a.call(inner)?;
        a.add(rsp, 4)?;
        a.ret()?;
        a.set_label(&mut inner)?;
        a.add(rax, qword_ptr(rsp))?;
        a.ret()
    });
    check(guard.get(), &code);
}

#[test]
fn long_jumps_leave_calls_open() {
    let mut guard = machine();
    let code = repeated(|a, again| {
        let mut first = a.create_label();
        let mut second = a.create_label();
        let mut third = a.create_label();
        let mut resume = a.create_label();
        let mut quiet = a.create_label();
        a.mov(r14, rsp)?;
        a.call(first)?;
        a.set_label(&mut resume)?;
        a.mov(rsp, r14)?;
        a.inc(rdx)?;
        a.jmp(*again)?;
        a.set_label(&mut first)?;
        a.call(second)?;
        a.inc(rsi)?;
        a.ret()?;
        a.set_label(&mut second)?;
        a.push(rbx)?;
        a.call(third)?;
        a.pop(rbx)?;
        a.ret()?;
        a.set_label(&mut third)?;
        a.test(r15d, 3)?;
        a.jnz(quiet)?;
        a.jmp(resume)?;
        a.set_label(&mut quiet)?;
        a.ret()
    });
    check(guard.get(), &code);
}

#[test]
fn a_function_changes_its_return_address() {
    let mut guard = machine();
    let code = repeated(|a, again| {
        let mut function = a.create_label();
        let mut same = a.create_label();
        a.call(function)?;
        // Three bytes, skipped now and then.
        a.inc(rdx)?;
        a.inc(rsi)?;
        a.jmp(*again)?;
        a.set_label(&mut function)?;
        a.test(r15d, 4)?;
        a.jz(same)?;
        a.add(qword_ptr(rsp), 3)?;
        a.set_label(&mut same)?;
        a.ret()
    });
    check(guard.get(), &code);
}

#[test]
fn a_return_used_as_a_jump_keeps_the_flags() {
    let mut guard = machine();
    let code = repeated(|a, again| {
        let mut here = a.create_label();
        let mut below = a.create_label();
        a.lea(rax, qword_ptr(here))?;
        a.push(rax)?;
        a.cmp(r15d, 50)?;
        a.ret()?;
        a.set_label(&mut here)?;
        a.jb(below)?;
        a.inc(rdx)?;
        a.set_label(&mut below)?;
        a.pushfq()?;
        a.pop(rcx)?;
        a.add(rdi, rcx)?;
        a.jmp(*again)
    });
    check(guard.get(), &code);
}

#[test]
fn indirect_calls_and_returns_that_pop_more() {
    let mut guard = machine();
    let code = repeated(|a, again| {
        let mut even = a.create_label();
        let mut odd = a.create_label();
        a.lea(r10, qword_ptr(even))?;
        a.lea(rcx, qword_ptr(odd))?;
        a.test(r15d, 1)?;
        a.cmovz(rcx, r10)?;
        a.push(rcx)?;
        a.call(qword_ptr(rsp))?;
        a.add(rsp, 8)?;
        a.push(rcx)?;
        a.call(rcx)?;
        a.lea(rsp, qword_ptr(rsp + 8))?;
        a.push(rcx)?;
        a.push(rcx)?;
        a.call(odd)?;
        a.add(rsp, 16)?;
        a.jmp(*again)?;
        a.set_label(&mut even)?;
        a.add(rdi, r10)?;
        a.ret()?;
        a.set_label(&mut odd)?;
        a.sub(rsp, 8)?;
        a.pop(rsi)?;
        a.add(rsi, qword_ptr(rsp))?;
        a.ret()
    });
    check(guard.get(), &code);
    let code = repeated(|a, again| {
        let mut function = a.create_label();
        a.push(rax)?;
        a.push(rbx)?;
        a.call(function)?;
        a.inc(rsi)?;
        a.jmp(*again)?;
        a.set_label(&mut function)?;
        a.inc(rax)?;
        a.ret_1(16)
    });
    check(guard.get(), &code);
}

#[test]
fn two_stacks_take_turns() {
    let mut guard = machine();
    let code = repeated(|a, again| {
        let mut switch = a.create_label();
        let mut other = a.create_label();
        let mut ready = a.create_label();
        // r13 is the other stack's pointer; at first it has the other routine's start on it.
        a.test(r13, r13)?;
        a.jnz(ready)?;
        a.lea(rax, qword_ptr(other))?;
        a.lea(r13, qword_ptr(rbx + 4096))?;
        a.mov(qword_ptr(r13), rax)?;
        a.set_label(&mut ready)?;
        a.call(switch)?;
        a.inc(rdx)?;
        a.jmp(*again)?;
        a.set_label(&mut switch)?;
        a.xchg(rsp, r13)?;
        a.ret()?;
        a.set_label(&mut other)?;
        a.call(switch)?;
        a.inc(rsi)?;
        a.call(switch)?;
        a.add(rdi, 5)?;
        a.jmp(other)
    });
    check(guard.get(), &code);
}

#[test]
fn recursion_deeper_than_the_table() {
    let mut guard = machine();
    let machine = guard.get();
    let size = 1 << 20;
    // Mapped once: tests run in one process, and this address is this test's.
    let base = DATA + (64 << 20);
    map(base, size, 3);
    let code = assemble(|a| {
        let mut function = a.create_label();
        let mut bottom = a.create_label();
        a.mov(edi, 5000)?;
        a.call(function)?;
        a.int3()?;
        a.set_label(&mut function)?;
        a.push(rdi)?;
        a.sub(rsp, 72)?;
        a.dec(edi)?;
        a.jz(bottom)?;
        a.call(function)?;
        a.set_label(&mut bottom)?;
        a.add(rsp, 72)?;
        a.pop(rdi)?;
        a.add(rax, rdi)?;
        a.ret()
    });
    machine.load_alone(0, &code);
    let mut start = registers();
    start.rsp = base + size as u64;
    machine.start(&start, &initial_vectors());
    assert!(matches!(machine.run(u64::MAX), Stop::Fault(_)));
    assert_eq!(machine.translator.registers().rax, 5000 * 5001 / 2);
    assert_eq!(machine.translator.registers().rsp, start.rsp);
    assert_eq!(machine.translator.executed(), 3 + 5000 * 9 - 1);
}

#[test]
fn faults_of_calls_and_returns() {
    let mut guard = machine();
    // On a stack that is not there: the call's push, the indirect call's target, and the return's pop.
    for kind in 0..3 {
        let code = assemble(|a| {
            let mut function = a.create_label();
            a.mov(rcx, 0x1111u64)?;
            a.mov(r10, 0x2222u64)?;
            a.call(function)?;
            a.lea(rax, qword_ptr(function))?;
            a.mov(rsp, 0x1_0000u64)?;
            match kind {
                0 => a.call(function)?,
                1 => a.call(qword_ptr(rsp + 8))?,
                _ => a.ret()?,
            }
            a.set_label(&mut function)?;
            a.inc(rdx)?;
            a.ret()
        });
        check(guard.get(), &code);
    }
}

#[test]
fn flags_at_a_fault_behind_a_call_are_right() {
    let mut guard = machine();
    // The second block leaves all flags but one as they are, and the third overwrites them behind what faults.
    let code = assemble(|a| {
        let mut second = a.create_label();
        let mut third = a.create_label();
        a.mov(r8d, 1)?;
        a.mov(r9, 0x1_0000u64)?;
        a.cmp(r8d, 2)?;
        a.call(second)?;
        a.set_label(&mut second)?;
        a.bt(r8d, 1)?;
        a.call(third)?;
        a.set_label(&mut third)?;
        a.mov(rax, qword_ptr(r9))?;
        a.sbb(r10, rcx)?;
        a.int3()
    });
    check(guard.get(), &code);
}
