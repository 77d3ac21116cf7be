//! Small programs, each about one thing the translator must get right.

#[path = "../harness/mod.rs"]
mod harness;

use harness::check::{assemble, check, machine, registers};
use harness::machine::{differences, map, CODE, DATA};
use harness::native::initial_vectors;
use iced_x86::code_asm::*;
use reenact_trace::event::instruction;
use reenact_translator::{CodeRange, Stop};
use std::sync::OnceLock;

#[test]
fn loops_count_exactly() {
    let mut guard = machine();
    let code = assemble(|a| {
        let mut top = a.create_label();
        a.mov(ecx, 1000)?;
        a.set_label(&mut top)?;
        a.add(rax, rcx)?;
        a.dec(ecx)?;
        a.jnz(top)?;
        a.int3()
    });
    assert_eq!(check(guard.get(), &code), 1 + 3000 + 1);
}

#[test]
fn every_count_can_be_stopped_at() {
    let mut guard = machine();
    let machine = guard.get();
    let code = assemble(|a| {
        let mut top = a.create_label();
        let mut function = a.create_label();
        let mut small = a.create_label();
        a.mov(edi, 12)?;
        a.call(function)?;
        a.set_label(&mut top)?;
        a.int3()?;
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
        a.ret()
    });
    let count = check(machine, &code);
    // The state at each count, by single steps.
    machine.load_alone(0, &code);
    machine.data().fill(0);
    machine.start(&registers(), &initial_vectors());
    let mut states = vec![*machine.translator.registers()];
    for _ in 1..count {
        assert_eq!(machine.run(1), Stop::Budget);
        states.push(*machine.translator.registers());
    }
    for (limit, state) in states.iter().enumerate().step_by(7).skip(1) {
        machine.data().fill(0);
        machine.start(&registers(), &initial_vectors());
        assert_eq!(machine.run(limit as u64), Stop::Budget);
        assert_eq!(machine.translator.registers(), state, "after {limit}");
        assert_eq!(machine.translator.executed(), limit as u64);
    }
}

/// Paths are noted for longer blocks near the end of a run too, where it goes in small pieces: no
/// block may become longer than what a part of the budget is enough for, or nothing moves.
#[test]
fn runs_of_every_length_move_on() {
    let mut guard = machine();
    let machine = guard.get();
    let code = assemble(|a| {
        let mut top = a.create_label();
        let mut odd = a.create_label();
        let mut join = a.create_label();
        a.set_label(&mut top)?;
        for _ in 0..37 {
            a.add(rax, rcx)?;
        }
        a.test(ecx, 1)?;
        a.jnz(odd)?;
        for _ in 0..31 {
            a.sub(rdx, rcx)?;
        }
        a.jmp(join)?;
        a.set_label(&mut odd)?;
        for _ in 0..29 {
            a.xor(rbx, rax)?;
        }
        a.set_label(&mut join)?;
        a.inc(ecx)?;
        a.jmp(top)
    });
    machine.load_alone(0, &code);
    machine.start(&registers(), &initial_vectors());
    let mut executed = machine.translator.executed();
    for limit in (400..1200).chain(400..1200) {
        assert_eq!(machine.run(limit), Stop::Budget);
        executed += limit;
        assert_eq!(machine.translator.executed(), executed);
    }
}

/// Many blocks in a row, to which ways of different lengths lead, all made anew along the paths that are taken: what is
/// executed but not charged must not add up from one to the next.
#[test]
fn a_long_way_through_noted_paths_ends_in_time() {
    const PLACES: usize = 200;
    let mut guard = machine();
    let machine = guard.get();
    let code = assemble(|a| {
        let mut top = a.create_label();
        a.set_label(&mut top)?;
        for place in 0..PLACES {
            let mut join = a.create_label();
            // Another way each time: a multiplicative hash of a counter.
            a.imul_3(eax, ecx, 0x0019_660d)?;
            a.add(ecx, 0x3c6e_f35f)?;
            a.bt(eax, 13 + place as u32 % 17)?;
            a.jc(join)?;
            for _ in 0..20 + place % 60 {
                a.inc(rdx)?;
            }
            a.set_label(&mut join)?;
            a.xor(ebx, eax)?;
        }
        a.jmp(top)
    });
    machine.load_alone(0, &code);
    machine.start(&registers(), &initial_vectors());
    machine.translator.set_sampling(1);
    let mut executed = machine.translator.executed();
    for round in 0..200 {
        let limit = 50_000 + 37 * round;
        assert_eq!(machine.run(limit), Stop::Budget);
        executed += limit;
        assert_eq!(machine.translator.executed(), executed);
        // What leads to a page whose code is translated anew brings its phases along.
        let page = CODE + round % (code.len() as u64 / 4096 + 1) * 4096;
        machine.translator.invalidate(page, 4096);
    }
}

#[test]
fn indirect_targets_with_equal_low_bits_are_told_apart() {
    let mut guard = machine();
    let machine = guard.get();
    // The same offset in another 64 KiB: one entry of the table for both.
    let other = CODE + 0x20_0000;
    static MAPPED: OnceLock<()> = OnceLock::new();
    MAPPED.get_or_init(|| {
        map(other, 4096, 7);
    });
    machine.memory.extra.push(CodeRange {
        start: other,
        end: other + 4096,
    });
    // Two functions at offset 0x100: they return how they found the carry flag.
    for (base, value) in [(CODE, 1u8), (other, 2)] {
        // adc eax, value; ret
        let code = [0x83, 0xd0, value, 0xc3];
        if base == CODE {
            continue;
        }
        // SAFETY: mapped above.
        unsafe { std::ptr::copy_nonoverlapping(code.as_ptr(), (base + 0x100) as *mut u8, 4) };
    }
    let mut code = assemble(|a| {
        let mut top = a.create_label();
        a.mov(r8, CODE + 0x100)?;
        a.mov(r9, other + 0x100)?;
        a.mov(r12d, 200)?;
        a.set_label(&mut top)?;
        a.stc()?;
        a.call(r8)?;
        a.clc()?;
        a.call(r9)?;
        a.stc()?;
        a.call(r9)?;
        a.xchg(r8, r9)?;
        a.dec(r12d)?;
        a.jnz(top)?;
        a.int3()
    });
    code.resize(0x100, 0xcc);
    code.extend([0x83, 0xd0, 1, 0xc3]);
    check(machine, &code);
    machine.memory.extra.clear();
}

#[test]
fn stops_say_where_and_what() {
    let mut guard = machine();
    let machine = guard.get();
    let code = assemble(|a| {
        a.mov(eax, 39)?;
        a.syscall()?;
        a.rdtsc()?;
        a.rdrand(r9)?;
        a.cpuid()?;
        a.int3()
    });
    machine.load_alone(0, &code);
    machine.start(&registers(), &initial_vectors());
    assert_eq!(machine.run(u64::MAX), Stop::Syscall);
    assert_eq!(machine.translator.registers().rip, CODE + 5);
    assert_eq!(machine.translator.registers().rax, 39);
    assert_eq!(machine.translator.executed(), 1);
    machine.translator.registers_mut().rip += 2;
    for (code, register) in [
        (instruction::RDTSC, 0),
        (instruction::RDRAND, 9),
        (instruction::CPUID, 0),
    ] {
        let Stop::Instruction(what) = machine.run(u64::MAX) else {
            panic!("not at an instruction")
        };
        assert_eq!((what.code, what.register), (code, register));
        machine.translator.registers_mut().rip += u64::from(what.length);
    }
    assert!(matches!(machine.run(u64::MAX), Stop::Fault(fault) if fault.signal == 5));
    assert_eq!(machine.translator.executed(), 2);
}

#[test]
fn hooks_stop_before_and_can_be_passed() {
    let mut guard = machine();
    let machine = guard.get();
    let code = assemble(|a| {
        let mut top = a.create_label();
        a.mov(ecx, 3)?;
        a.set_label(&mut top)?;
        a.nop()?;
        a.inc(eax)?;
        a.dec(ecx)?;
        a.jnz(top)?;
        a.int3()
    });
    machine.load_alone(0, &code);
    machine.start(&registers(), &initial_vectors());
    let hook = CODE + 6;
    machine.translator.add_hook(hook);
    for turn in 0..3 {
        let stop = if turn == 0 {
            machine.run(u64::MAX)
        } else {
            // SAFETY: as for `run`.
            unsafe {
                machine
                    .translator
                    .run_past_hook(&mut machine.memory, u64::MAX)
            }
        };
        assert_eq!(stop, Stop::Hook);
        assert_eq!(machine.translator.registers().rip, hook);
        assert_eq!(machine.translator.executed(), 2 + turn * 4);
    }
    machine.translator.remove_hook(hook);
    assert!(matches!(machine.run(u64::MAX), Stop::Fault(_)));
    assert_eq!(machine.translator.executed(), 2 + 3 * 4);
}

#[test]
fn code_that_changes_the_next_instruction() {
    let mut guard = machine();
    // mov byte [rip + 1], 0x2a; mov al, 0 (its operand is what is written); int3
    let code = [0xc6, 0x05, 1, 0, 0, 0, 0x2a, 0xb0, 0, 0xcc];
    assert_eq!(check(guard.get(), &code), 3);
    assert_eq!(guard.get().translator.registers().rax & 0xff, 0x2a);
}

#[test]
fn jumping_to_data_is_a_fault_there() {
    let mut guard = machine();
    let code = assemble(|a| {
        a.mov(rax, DATA + 64)?;
        a.stc()?;
        a.jmp(rax)
    });
    let machine = guard.get();
    machine.load_alone(0, &code);
    let native = machine.native(&registers(), &initial_vectors());
    let translated = machine.translated(&registers(), &initial_vectors(), u64::MAX);
    assert_eq!(differences(&native, &translated), Vec::<String>::new());
    assert_eq!(translated.address, DATA + 64);
}

#[test]
fn the_guests_gs_base_is_its_own() {
    let mut guard = machine();
    let machine = guard.get();
    let code = assemble(|a| {
        a.mov(rax, DATA + 0x100)?;
        a.wrgsbase(rax)?;
        a.mov(ecx, 0x1234)?;
        a.mov(dword_ptr(r11).gs(), ecx)?;
        a.stc()?;
        a.adc(dword_ptr(r11 + r10 * 4 + 8).gs(), 5)?;
        a.rdgsbase(rdx)?;
        a.int3()
    });
    machine.load_alone(0, &code);
    let outcome = machine.translated(&registers(), &initial_vectors(), u64::MAX);
    assert_eq!(outcome.signal, 5);
    assert_eq!(outcome.registers.rdx, DATA + 0x100);
    assert_eq!(outcome.data[0x100..0x102], [0x34, 0x12]);
    assert_eq!(outcome.data[0x108], 6);
    assert_eq!((outcome.registers.r10, outcome.registers.r11), (0, 0));
}

#[test]
fn unsupported_instructions_are_named() {
    let mut guard = machine();
    let machine = guard.get();
    machine.load_alone(0, &[0x0f, 0x34]);
    machine.start(&registers(), &initial_vectors());
    assert!(matches!(machine.run(u64::MAX), Stop::Unsupported(what) if what.name == "sysenter"));
}

#[test]
fn calls_by_int80_stop_there() {
    let mut guard = machine();
    let machine = guard.get();
    machine.load_alone(0, &[0x90, 0xcd, 0x80]);
    machine.start(&registers(), &initial_vectors());
    assert_eq!(machine.run(u64::MAX), Stop::Int80);
    assert_eq!(machine.translator.registers().rip, CODE + 1);
    assert_eq!(machine.translator.executed(), 1);
}

#[test]
fn a_small_cache_is_flushed_and_nothing_changes() {
    let mut guard = machine();
    let machine = guard.get();
    // Many different programs in a row fill 64 MiB too slowly: flush by hand in between.
    let code = assemble(|a| {
        let mut top = a.create_label();
        a.mov(ecx, 100)?;
        a.set_label(&mut top)?;
        a.lea(rax, qword_ptr(rax + rcx * 4))?;
        a.dec(ecx)?;
        a.jnz(top)?;
        a.int3()
    });
    machine.load_alone(0, &code);
    machine.start(&registers(), &initial_vectors());
    for _ in 0..50 {
        assert_eq!(machine.run(5), Stop::Budget);
        machine.translator.invalidate_all();
    }
    assert!(matches!(machine.run(u64::MAX), Stop::Fault(_)));
    assert_eq!(machine.translator.executed(), 302);
    assert_eq!(machine.translator.registers().rax, 4 * 5050);
}

#[test]
fn an_endless_loop_can_be_interrupted() {
    let mut guard = machine();
    let machine = guard.get();
    // inc eax; jmp back
    machine.load_alone(0, &[0xff, 0xc0, 0xeb, 0xfc]);
    machine.start(&registers(), &initial_vectors());
    harness::native::CASE.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    harness::native::watchdog(50);
    let stop = machine.run(u64::MAX);
    harness::native::watchdog(0);
    assert_eq!(stop, Stop::Interrupted);
    let executed = machine.translator.executed();
    assert_eq!(
        machine.translator.registers().rax,
        executed.div_ceil(2) & 0xffff_ffff
    );
    assert_eq!(machine.run(1), Stop::Budget);
}

/// A frame as `iret` pops it, from the last word to the first.
fn push_frame(a: &mut CodeAssembler, flags: i32) -> Result<(), iced_x86::IcedError> {
    a.lea(rcx, qword_ptr(rsp - 24))?;
    a.mov(eax, ss)?;
    a.push(rax)?;
    a.push(rcx)?;
    a.push(flags)?;
    a.mov(eax, cs)?;
    a.push(rax)
}

#[test]
fn a_return_from_interrupt_sets_all_its_registers() {
    let mut guard = machine();
    // All flags a program may set, none, and the alignment check, which nothing violates here.
    for flags in [0xcd5, 0x202, 0x4_0246] {
        let code = assemble(|a| {
            let mut target = a.create_label();
            let mut top = a.create_label();
            a.mov(edi, 3)?;
            a.set_label(&mut top)?;
            push_frame(a, flags)?;
            a.lea(rdx, ptr(target))?;
            a.push(rdx)?;
            a.iretq()?;
            a.ud2()?;
            a.set_label(&mut target)?;
            a.pushfq()?;
            a.pop(r9)?;
            a.cld()?;
            a.dec(edi)?;
            a.jnz(top)?;
            a.push(0x202)?;
            a.popfq()?;
            a.int3()
        });
        check(guard.get(), &code);
    }
}

/// `retf` with 64-bit operand size.
const FAR_RETURN: [u8; 2] = [0x48, 0xcb];

#[test]
fn far_returns_to_the_same_segment_are_returns() {
    let mut guard = machine();
    for drops in [0u32, 24] {
        let code = assemble(|a| {
            let mut target = a.create_label();
            a.sub(rsp, 32)?;
            a.stc()?;
            a.mov(eax, cs)?;
            a.push(rax)?;
            a.lea(rdx, ptr(target))?;
            a.push(rdx)?;
            if drops == 0 {
                a.db(&FAR_RETURN)?;
            } else {
                a.db(&[0x48, 0xca, drops as u8, 0])?;
            }
            a.ud2()?;
            a.set_label(&mut target)?;
            a.adc(r10, 7)?;
            a.int3()
        });
        check(guard.get(), &code);
    }
}

#[test]
fn a_far_return_from_a_bad_stack_faults_there() {
    let mut guard = machine();
    for far in [[0x48, 0xcf], FAR_RETURN] {
        // mov r11d, 5; mov esp, 16; stc
        let mut code = vec![0x41, 0xbb, 5, 0, 0, 0, 0xbc, 16, 0, 0, 0, 0xf9];
        code.extend(far);
        let machine = guard.get();
        machine.load_alone(0, &code);
        let native = machine.native(&registers(), &initial_vectors());
        let mut translated = machine.translated(&registers(), &initial_vectors(), u64::MAX);
        // Which word it reads first is the processor's business, and in a replay the log says it.
        assert!(
            (16..56).contains(&translated.address),
            "{:#x}",
            translated.address
        );
        translated.address = native.address;
        assert_eq!(differences(&native, &translated), Vec::<String>::new());
    }
}

#[test]
fn a_far_return_to_another_segment_is_named_and_not_counted() {
    let mut guard = machine();
    let machine = guard.get();
    let code = assemble(|a| {
        a.push(0x10)?;
        a.push(0)?;
        a.db(&FAR_RETURN)
    });
    machine.load_alone(0, &code);
    machine.start(&registers(), &initial_vectors());
    let stop = machine.run(u64::MAX);
    assert!(matches!(stop, Stop::Unsupported(what) if what.name == "return to another segment"));
    assert_eq!(machine.translator.executed(), 2);
    assert_eq!(machine.translator.registers().rip, CODE + 4);
}
