//! Frames that are built and read back.

use reenact_interpose::alternate_stack::AlternateStack;
use reenact_interpose::extended_state::Components;
use reenact_interpose::signal_action::{Action, SA_ONSTACK, SA_SIGINFO};
use reenact_interpose::signal_frame::{build, read, Interruption, SignalFrame, READ_BACK, SIZE};
use reenact_trace::Registers;

const COMPONENTS: Components = Components {
    features: 7,
    size: 832,
};
const STACK: AlternateStack = AlternateStack {
    base: 0x7000_0000,
    flags: 0,
    size: 0x4000,
};

/// Registers that all differ.
fn registers() -> Registers {
    let mut bytes = [0u8; Registers::SIZE];
    for (index, word) in bytes.chunks_exact_mut(8).enumerate() {
        word.copy_from_slice(&(0x1111 * (index as u64 + 1)).to_le_bytes());
    }
    let mut registers = Registers::from_bytes(&bytes).expect("long enough");
    registers.rsp = 0x7fff_ffff_1230;
    registers.rflags = 0x1_0746;
    registers
}

fn built(flags: u64, stack: AlternateStack, before: &Registers) -> SignalFrame {
    let action = Action {
        handler: 0x40_1000,
        flags,
        restorer: 0x40_2000,
        mask: 0,
    };
    let interruption = Interruption {
        registers: before,
        mask: 0x5555,
        stack,
        signal: 10,
        info: &[9; 16],
        action: &action,
        fault: None,
    };
    build(&interruption, COMPONENTS)
}

fn word(frame: &SignalFrame, index: usize) -> u64 {
    let bytes = &frame.bytes()[8 * index..8 * index + 8];
    u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

#[test]
fn a_handler_begins_as_the_kernel_lets_it() {
    let before = registers();
    let frame = built(SA_SIGINFO, STACK, &before);
    // As after a call: the stack is aligned before the return address is pushed.
    assert_eq!((frame.address + 8) % 16, 0);
    assert_eq!(frame.state_address % 64, 0);
    // The red zone and both areas lie apart.
    assert!(frame.state_address + 832 + 4 <= before.rsp - 128);
    assert!(frame.address + SIZE as u64 <= frame.state_address);
    let after = frame.registers;
    assert_eq!(
        (after.rip, after.rsp, after.rdi),
        (0x40_1000, frame.address, 10)
    );
    assert_eq!(
        (after.rdx, after.rsi),
        (frame.address + 8, frame.address + 312)
    );
    assert_eq!(after.rflags, 0x246);
    assert_eq!(after.r12, before.r12);
    assert_eq!(word(&frame, 0), 0x40_2000);
    assert_eq!(word(&frame, 39), 9);
    assert!(!STACK.contains(frame.address));
}

#[test]
fn information_is_only_for_those_who_ask() {
    assert_eq!(word(&built(0, STACK, &registers()), 39), 0);
}

#[test]
fn the_alternate_stack_is_used_once() {
    let mut before = registers();
    let frame = built(SA_ONSTACK, STACK, &before);
    assert!(STACK.contains(frame.address));
    assert!(STACK.contains(frame.address));
    // A second handler goes on below the first.
    before.rsp = frame.address;
    let nested = built(SA_ONSTACK, STACK, &before);
    assert!(nested.address < frame.address && STACK.contains(nested.address));
    // And none that is disabled.
    before.rsp = 0x7fff_ffff_1230;
    let disabled = built(SA_ONSTACK, AlternateStack::DISABLED, &before);
    assert!(!STACK.contains(disabled.address));
}

#[test]
fn a_frame_read_back_is_what_it_was_built_from() {
    let before = registers();
    let frame = built(SA_SIGINFO, STACK, &before);
    let bytes: [u8; READ_BACK] = frame.bytes()[8..8 + READ_BACK]
        .try_into()
        .expect("the frame is longer");
    let returned = read(&bytes, &frame.registers);
    let expected = Registers {
        // The resume flag is set again, bits that only the kernel may change are not.
        rflags: frame.registers.rflags & !0x5_0dd5 | before.rflags & 0x5_0dd5,
        ..before
    };
    assert_eq!(returned.registers, expected);
    assert_eq!(returned.mask, 0x5555);
    assert_eq!(returned.stack, STACK);
    assert_eq!(returned.state_address, frame.state_address);
}

#[test]
fn an_alternate_stack_in_use_cannot_be_changed() {
    const EPERM: i64 = 1;
    const ENOMEM: i64 = 12;
    const EINVAL: i64 = 22;
    let mut stack = STACK;
    assert_eq!(
        stack.set(&AlternateStack::DISABLED, STACK.base + 16),
        -EPERM
    );
    let too_small = AlternateStack {
        size: 2047,
        ..STACK
    };
    assert_eq!(stack.set(&too_small, 0), -ENOMEM);
    let unknown = AlternateStack { flags: 4, ..STACK };
    assert_eq!(stack.set(&unknown, 0), -EINVAL);
    assert_eq!(stack, STACK);
    assert_eq!(stack.set(&AlternateStack::DISABLED, 0), 0);
    assert_eq!(stack, AlternateStack::DISABLED);
}
