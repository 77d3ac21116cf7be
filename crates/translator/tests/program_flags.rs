//! Flags with which a program reaches the code that runs it: the trap flag and the alignment check.

#[path = "../harness/mod.rs"]
mod harness;

use harness::check::{assemble, machine, registers};
use harness::machine::{differences, CODE, DATA};
use harness::native::initial_vectors;
use iced_x86::code_asm::*;
use iced_x86::IcedError;
use reenact_trace::registers::TRAP_FLAG;
use reenact_trace::Registers;
use reenact_translator::Stop;

const ALIGNMENT_CHECK: i32 = 1 << 18;

/// Run with the trap flag set from the start on: the number of steps, which are those of the processor.
fn steps(build: impl FnOnce(&mut CodeAssembler) -> Result<(), IcedError>) -> usize {
    let mut guard = machine();
    let machine = guard.get();
    let code = assemble(build);
    let vectors = initial_vectors();
    machine.load_alone(0, &code);
    machine.data().fill(0);
    let (native, expected) = machine.native_steps(&registers(), &vectors);
    machine.load_alone(0, &code);
    machine.data().fill(0);
    let (translated, steps) = machine.translated_steps(&registers(), &vectors);
    assert_eq!(differences(&native, &translated), Vec::<String>::new());
    assert_eq!(steps, expected);
    steps.len()
}

/// `pushfq`, and the flags on the stack changed.
fn push_flags(a: &mut CodeAssembler, set: i32, clear: i32) -> Result<(), IcedError> {
    a.pushfq()?;
    a.or(qword_ptr(rsp), set)?;
    a.and(qword_ptr(rsp), !clear)
}

#[test]
fn each_instruction_is_a_step() {
    let count = steps(|a| {
        let mut top = a.create_label();
        let mut function = a.create_label();
        a.mov(ecx, 5)?;
        a.set_label(&mut top)?;
        a.call(function)?;
        a.dec(ecx)?;
        a.jnz(top)?;
        a.int3()?;
        a.set_label(&mut function)?;
        a.add(rax, rcx)?;
        a.ret()
    });
    assert_eq!(count, 1 + 5 * 5);
}

#[test]
fn each_round_of_a_repeated_instruction_is_a_step() {
    let count = steps(|a| {
        a.lea(rdi, qword_ptr(rbx + 64))?;
        a.mov(ecx, 7)?;
        a.rep().stosb()?;
        a.mov(byte_ptr(rbx + 67), 5)?;
        a.lea(rdi, qword_ptr(rbx + 64))?;
        a.mov(ecx, 7)?;
        // Ends early, in the fourth round.
        a.repe().scasb()?;
        // No round at all.
        a.xor(ecx, ecx)?;
        a.rep().stosb()?;
        a.nop()?;
        a.int3()
    });
    assert_eq!(count, 2 + 7 + 3 + 4 + 1 + 1 + 1);
}

#[test]
fn flags_that_are_pushed_and_popped_have_the_trap_flag() {
    let count = steps(|a| {
        a.pushfq()?;
        a.pop(rsi)?;
        a.pushfq()?;
        a.popfq()?;
        a.nop()?;
        // Cleared: the last step is behind the instruction that does it.
        push_flags(a, 0, TRAP_FLAG as i32)?;
        a.popfq()?;
        a.nop()?;
        a.int3()
    });
    assert_eq!(count, 5 + 4);
}

#[test]
fn a_fault_in_a_repeated_instruction_leaves_its_count() {
    let count = steps(|a| {
        a.mov(rdi, DATA + harness::machine::DATA_SIZE as u64 - 3)?;
        a.mov(ecx, 9)?;
        a.rep().stosb()
    });
    assert_eq!(count, 2 + 3);
}

/// A program that sets the trap flag itself.
fn is_trapped_behind(set: impl FnOnce(&mut CodeAssembler, CodeLabel) -> Result<(), IcedError>) {
    let mut guard = machine();
    let machine = guard.get();
    let mut behind = 0;
    let code = assemble(|a| {
        let mut label = a.create_label();
        set(a, label)?;
        a.set_label(&mut label)?;
        a.nop()?;
        a.nop()?;
        a.int3()
    });
    behind += CODE + code.len() as u64 - 2;
    // At full speed, and near the end of a budget.
    for limit in [u64::MAX, 30] {
        machine.load_alone(0, &code);
        machine.data().fill(0);
        machine.start(&registers(), &initial_vectors());
        assert_eq!(machine.run(limit), Stop::stepped(behind));
        let stepping = *machine.translator.registers();
        assert_ne!(stepping.rflags & TRAP_FLAG, 0);
        assert_eq!(stepping.rsp, registers().rsp);
        assert_eq!(machine.run(limit), Stop::stepped(behind + 1));
        machine.translator.registers_mut().rflags &= !TRAP_FLAG;
        assert!(matches!(machine.run(limit), Stop::Fault(_)));
        assert_eq!(machine.translator.registers().rip, behind + 2);
    }
}

#[test]
fn a_program_sets_the_trap_flag_by_popping_flags() {
    is_trapped_behind(|a, _| {
        push_flags(a, TRAP_FLAG as i32, 0)?;
        a.popfq()
    });
    is_trapped_behind(|a, _| {
        a.pushf()?;
        a.or(word_ptr(rsp), TRAP_FLAG as i32)?;
        a.popf()
    });
}

#[test]
fn a_program_sets_the_trap_flag_by_an_interrupt_return() {
    is_trapped_behind(|a, label| {
        a.mov(rsi, rsp)?;
        a.mov(eax, ss)?;
        a.push(rax)?;
        a.push(rsi)?;
        push_flags(a, TRAP_FLAG as i32, 0)?;
        a.mov(eax, cs)?;
        a.push(rax)?;
        a.lea(rax, qword_ptr(label))?;
        a.push(rax)?;
        a.iretq()
    });
}

/// With the alignment check, calls and returns, constants and checks of watched memory are the program's own
/// accesses only.
#[test]
fn an_access_that_is_not_aligned_faults_as_it_does_natively() {
    for misaligned in [0, 1] {
        let mut guard = machine();
        let machine = guard.get();
        let code = assemble(|a| {
            let mut top = a.create_label();
            let mut function = a.create_label();
            let mut over = a.create_label();
            push_flags(a, ALIGNMENT_CHECK, 0)?;
            a.popfq()?;
            a.mov(ecx, 300)?;
            a.set_label(&mut top)?;
            a.call(function)?;
            a.dec(ecx)?;
            a.jnz(top)?;
            a.mov(eax, dword_ptr(rbx + misaligned))?;
            push_flags(a, 0, ALIGNMENT_CHECK)?;
            a.popfq()?;
            a.mov(eax, dword_ptr(rbx + 1))?;
            a.jmp(over)?;
            a.set_label(&mut function)?;
            a.lea(rsi, qword_ptr(over))?;
            a.add(qword_ptr(rbx + 64), rsi)?;
            a.ret()?;
            a.set_label(&mut over)?;
            a.int3()
        });
        let vectors = initial_vectors();
        machine.load_alone(0, &code);
        machine.data().fill(0);
        let native = machine.native(&registers(), &vectors);
        machine.load_alone(0, &code);
        machine.data().fill(0);
        let translated = machine.translated(&registers(), &vectors, u64::MAX);
        assert_eq!(differences(&native, &translated), Vec::<String>::new());
        let expected = if misaligned == 1 {
            libc::SIGBUS
        } else {
            libc::SIGTRAP
        };
        assert_eq!(native.signal, expected);
    }
}

#[test]
fn what_is_performed_for_a_program_that_steps_itself_leaves_the_flag() {
    let mut guard = machine();
    let machine = guard.get();
    let code = assemble(|a| {
        a.syscall()?;
        a.rdtsc()?;
        a.nop()
    });
    machine.load_alone(0, &code);
    let stepping = Registers {
        rflags: 0x202 | TRAP_FLAG,
        ..registers()
    };
    machine.start(&stepping, &initial_vectors());
    assert_eq!(machine.run(u64::MAX), Stop::Syscall);
    assert_ne!(machine.translator.registers().rflags & TRAP_FLAG, 0);
    machine.translator.registers_mut().rip += 2;
    assert!(matches!(machine.run(u64::MAX), Stop::Instruction(_)));
    assert_ne!(machine.translator.registers().rflags & TRAP_FLAG, 0);
}
