//! Small programs in machine code, and their recordings.

use reenact_trace::event::{flags, start};
use reenact_trace::{EventKind, Registers, Tag};

use crate::chunks::EventFile;
use crate::EventBuilder;

pub const TID: u32 = 4711;
pub const CHILD: u32 = 4712;
pub const CODE: u64 = 0x40_0000;
pub const DATA: u64 = 0x50_0000;
pub const STACK: u64 = 0x7fff_ff00_0000;
pub const STACK_SIZE: u64 = 0x2_0000;

const READ: u32 = 1;
const WRITE: u32 = 2;
const EXECUTE: u32 = 4;

/// Registers at the start of a program.
pub fn initial() -> Registers {
    Registers {
        rip: CODE,
        rsp: STACK + STACK_SIZE - 64,
        rflags: 0x202,
        ..Registers::default()
    }
}

/// The events that start a process with this code.
pub fn prologue(code: &[u8]) -> Vec<EventBuilder> {
    vec![
        EventBuilder::new(EventKind::ProcessStart, start::ROOT, TID).args([
            u64::from(u32::MAX),
            0,
            u64::from(TID),
            1,
            0,
            0,
        ]),
        EventBuilder::new(EventKind::ImageBegin, 0, TID)
            .map(CODE, 0x1000, READ | EXECUTE)
            .attach(Tag::Write, CODE, code)
            .map(DATA, 0x2000, READ | WRITE)
            .attach(Tag::Write, DATA, b"hello\n")
            .map(STACK, STACK_SIZE, READ | WRITE),
        EventBuilder::new(EventKind::ImageReady, 0, TID).registers(&initial()),
    ]
}

/// `mov eax, imm32`.
pub fn set_rax(value: u32) -> Vec<u8> {
    set(0xb8, value)
}

/// `mov edi, imm32`.
pub fn set_rdi(value: u32) -> Vec<u8> {
    set(0xbf, value)
}

/// `mov esi, imm32`.
pub fn set_rsi(value: u32) -> Vec<u8> {
    set(0xbe, value)
}

/// `mov edx, imm32`.
pub fn set_rdx(value: u32) -> Vec<u8> {
    set(0xba, value)
}

fn set(opcode: u8, value: u32) -> Vec<u8> {
    let mut bytes = vec![opcode];
    bytes.extend_from_slice(&value.to_le_bytes());
    bytes
}

pub const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// What a system call instruction at `ip` leaves.
pub fn returned(registers: &Registers, result: i64) -> Registers {
    let ip = registers.rip + 2;
    Registers {
        rax: result as u64,
        rcx: ip,
        r11: registers.rflags,
        rip: ip,
        ..*registers
    }
}

/// `write(1, "hello\n", 6); exit_group(3)`, with events.
pub fn hello() -> Vec<EventBuilder> {
    let mut code = [set_rax(1), set_rdi(1), set_rsi(DATA as u32), set_rdx(6)].concat();
    code.extend(SYSCALL);
    let mut at = initial();
    (at.rax, at.rdi, at.rsi, at.rdx, at.rip) = (1, 1, DATA, 6, CODE + 20);
    let mut events = Vec::new();
    let sequence = Tag::Sequence;
    events.push(
        EventBuilder::syscall(&at, TID, 6)
            .flags(flags::STDOUT)
            .attach(sequence, 7, &[]),
    );
    at = returned(&at, 6);
    code.extend(set_rax(231));
    code.extend(set_rdi(3));
    code.extend(SYSCALL);
    (at.rax, at.rdi, at.rip) = (231, 3, at.rip + 10);
    events.push(EventBuilder::syscall(&at, TID, 3).kind(EventKind::Exit));
    let mut all = prologue(&code);
    all.append(&mut events);
    all
}

/// `fork()`; both: `exit_group(rax != 0)` by way of their registers.
/// Events of the parent and of the child (process 1).
pub fn forking() -> (Vec<EventBuilder>, Vec<EventBuilder>) {
    // mov eax, 57; syscall; mov edi, eax; mov eax, 231; syscall
    let code = [
        set_rax(57),
        SYSCALL.to_vec(),
        vec![0x89, 0xc7],
        set_rax(231),
        SYSCALL.to_vec(),
    ];
    let mut at = initial();
    (at.rax, at.rip) = (57, CODE + 5);
    let result = i64::from(CHILD);
    let child_number = [1u32.to_le_bytes(), CHILD.to_le_bytes()].concat();
    let mut parent = prologue(&code.concat());
    parent.push(EventBuilder::syscall(&at, TID, result).attach(Tag::Process, 0, &child_number));
    let exits = |result: i64, tid: u32| {
        let mut after = returned(&at, result);
        (after.rdi, after.rax, after.rip) = (result as u64, 231, after.rip + 7);
        EventBuilder::syscall(&after, tid, result).kind(EventKind::Exit)
    };
    parent.push(exits(result, TID));
    let child = vec![
        EventBuilder::new(EventKind::ProcessStart, start::FORK, CHILD).args([
            0,
            3,
            u64::from(CHILD),
            u64::from(TID),
            0,
            0,
        ]),
        exits(0, CHILD),
    ];
    (parent, child)
}

/// A trace of one process.
pub fn single(events: &[EventBuilder]) -> EventFile {
    let mut file = EventFile::default();
    file.chunk(0, events, true);
    file
}
