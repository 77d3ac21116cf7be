//! A program that is interposed for once: this test. It patches code of its own, and its calls come in.

use std::sync::atomic::{AtomicU64, Ordering};

use reenact_interpose::breakpoints;
use reenact_interpose::call_sites::{self, Patch};
use reenact_interpose::{entry, frame, Frame, Origin};

const GETPID: u64 = 39;
/// `mov eax, 39; syscall; ret`
const MOVE: [u8; 8] = [0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3];
/// `push 39; pop rax; syscall; cmp rax, -4096; seta al; movzx eax, al; ret`
const COMPARE: [u8; 18] = [
    0x6a, 39, 0x58, 0x0f, 0x05, 0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff, 0x0f, 0x97, 0xc0, 0x0f, 0xb6,
    0xc0, 0xc3,
];
/// Where they lie in their page: there are bytes before them that are looked at.
const MOVE_AT: usize = 64;
const COMPARE_AT: usize = 128;

/// What the next call is told, and what it was.
static ANSWER: AtomicU64 = AtomicU64::new(0);
static NUMBER: AtomicU64 = AtomicU64::new(0);
static CALLED_FROM: AtomicU64 = AtomicU64::new(0);

#[no_mangle]
extern "C" fn on_entry(frame: *mut Frame) {
    // SAFETY: the one frame of this test, in which nothing else is done now.
    unsafe {
        let frame = &mut *frame;
        assert_eq!(frame.origin, Origin::Patched as u64);
        NUMBER.store(frame.registers.rax, Ordering::Relaxed);
        CALLED_FROM.store(frame.registers.rip, Ordering::Relaxed);
        frame.registers.rax = ANSWER.load(Ordering::Relaxed);
        entry::leave(frame);
    }
}

/// A page of code.
fn map_code() -> &'static mut [u8] {
    const SIZE: usize = 4096;
    // SAFETY: a fresh mapping that is never removed.
    unsafe {
        let at = reenact_freestanding::syscall::syscall6(
            9, // mmap
            0,
            SIZE as u64,
            3,    // PROT_READ | PROT_WRITE
            0x22, // MAP_PRIVATE | MAP_ANONYMOUS
            u64::MAX,
            0,
        );
        assert!(at > 0);
        std::slice::from_raw_parts_mut(at as *mut u8, SIZE)
    }
}

/// Call code as a function, interposed or not; by inline assembly, because the call destroys what a system call
/// does.
fn run(code: &[u8]) -> u64 {
    let result: u64;
    // SAFETY: one of the two functions above.
    unsafe {
        std::arch::asm!("call {function}", function = in(reg) code.as_ptr(), out("rax") result,
            out("rcx") _, out("r11") _);
    }
    result
}

/// Let a call site trap until it is patched.
fn patch(after: u64) -> Patch {
    let traps = (0..100).find_map(|_| call_sites::trapped(after, GETPID, |_| true));
    traps.expect("a shape that can be patched")
}

#[test]
fn patched_calls_come_in_and_go_on() {
    let page = map_code();
    page.fill(0x90);
    page[MOVE_AT..MOVE_AT + MOVE.len()].copy_from_slice(&MOVE);
    page[COMPARE_AT..COMPARE_AT + COMPARE.len()].copy_from_slice(&COMPARE);
    let (before, start) = (page.to_vec(), page.as_ptr() as u64);
    let stack = Box::leak(vec![0u128; 64 * 1024].into_boxed_slice());
    let frame = Box::leak(Box::new(Frame::new(stack.as_ptr_range().end as u64)));
    frame::set_current(frame);

    let after_move = start + MOVE_AT as u64 + 7;
    let after_compare = start + COMPARE_AT as u64 + 5;
    let patches = [patch(after_move), patch(after_compare)];
    for patch in &patches {
        let at = (patch.address - start) as usize;
        assert_eq!(&page[at..at + patch.written().len()], patch.written());
        assert_eq!(&before[at..at + patch.original().len()], patch.original());
    }

    // The number is set by the trampoline, and the result is ours.
    ANSWER.store(4711, Ordering::Relaxed);
    assert_eq!(run(&page[MOVE_AT..]), 4711);
    assert_eq!(NUMBER.load(Ordering::Relaxed), GETPID);
    assert_eq!(CALLED_FROM.load(Ordering::Relaxed), after_move);
    // The comparison is made on our result.
    for (answer, is_error) in [(7, 0), (-4096_i64 as u64, 0), (-4095_i64 as u64, 1)] {
        ANSWER.store(answer, Ordering::Relaxed);
        assert_eq!(run(&page[COMPARE_AT..]), is_error);
        assert_eq!(CALLED_FROM.load(Ordering::Relaxed), after_compare);
    }
    assert!(call_sites::is_jump(after_compare - 2));
    assert!(!call_sites::is_jump(after_move - 2));

    // Undone, the kernel answers.
    for patch in &patches {
        assert!(patch.undo());
    }
    assert_eq!(page[..], before[..]);
    assert!(!call_sites::is_jump(after_compare - 2));
    NUMBER.store(0, Ordering::Relaxed);
    assert_eq!(run(&page[MOVE_AT..]), u64::from(std::process::id()));
    assert_eq!(NUMBER.load(Ordering::Relaxed), 0);

    breakpoints_are_found_and_removed(page);
}

/// Here, because the tables are for one thread at a time.
fn breakpoints_are_found_and_removed(page: &mut [u8]) {
    const KIND: u16 = 3;
    // The code has been made read-only.
    // SAFETY: the page of this test.
    unsafe {
        let made = reenact_freestanding::syscall::syscall3(10, page.as_ptr() as u64, 4096, 7);
        assert_eq!(made, 0);
    }
    let address = page.as_ptr() as u64;
    assert!(breakpoints::place(address, KIND));
    assert!(!breakpoints::place(address, KIND), "there is one");
    assert_eq!(page[0], 0xcc);
    let found = breakpoints::executed(address + 1).expect("just placed");
    assert_eq!(
        (found.address, found.kind, found.original),
        (address, KIND, 0x90)
    );
    assert_eq!(breakpoints::executed(address + 2), None);
    assert!(found.remove());
    assert_eq!(page[0], 0x90);
    assert_eq!(breakpoints::executed(address + 1), None);
}
