//! Landings: found where they were, and never accepted where they were not.

use reenact_replayer_tests::chunks::EventFile;
use reenact_replayer_tests::programs::{
    initial, prologue, returned, set_rax, set_rsi, single, CODE, DATA, SYSCALL, TID,
};
use reenact_replayer_tests::{replay, EventBuilder, Replay};
use reenact_trace::checksum::checksum;
use reenact_trace::{EventKind, Registers, Tag};

/// Rounds of the loop before it was interrupted.
const ROUNDS: u64 = 5000;
/// The jump at the end of the loop.
const JUMP: u64 = CODE + 20;

/// A loop without an end, whose registers are the same in each round: it counts in memory.
fn program() -> Vec<u8> {
    let mut code = set_rsi(DATA as u32);
    code.extend([0x48, 0x8b, 0x06]); // mov rax, [rsi]
    code.extend([0x48, 0x8d, 0x40, 0x01]); // lea rax, [rax + 1]
    code.extend([0x48, 0x89, 0x06]); // mov [rsi], rax
    code.extend(set_rax(0));
    assert_eq!(code.len() as u64, JUMP - CODE);
    code.extend([0xeb, 0xef]); // jmp, to the load
    code
}

fn registers() -> Registers {
    Registers {
        rsi: DATA,
        rip: JUMP,
        ..initial()
    }
}

/// The page of the counter at the landing.
fn page() -> Vec<u8> {
    let mut page = vec![0; 4096];
    page[..6].copy_from_slice(b"hello\n");
    let counter = u64::from_le_bytes(page[..8].try_into().expect("eight bytes")) + ROUNDS;
    page[..8].copy_from_slice(&counter.to_le_bytes());
    page
}

/// What a recording has of a landing.
struct Landing {
    registers: Registers,
    checksum: u64,
    /// The page itself; empty when it has only the checksum.
    content: Vec<u8>,
}

fn landing() -> Landing {
    Landing {
        registers: registers(),
        checksum: checksum(&page()),
        content: Vec::new(),
    }
}

/// The event of a landing.
fn preempted(landing: &Landing) -> EventBuilder {
    let mut event = EventBuilder::new(EventKind::Preempted, 0, TID);
    event.header.ip = landing.registers.rip;
    event.header.register_checksum = landing.registers.checksum();
    let words = [4096u64.to_le_bytes(), landing.checksum.to_le_bytes()].concat();
    let payload = [words, landing.content.clone()].concat();
    event
        .attach(Tag::Registers, 1, landing.registers.as_bytes())
        .attach(Tag::MemoryChecksum, DATA, &payload)
}

fn replayed(name: &str, landing: &Landing) -> Replay {
    let mut events = prologue(&program());
    events.push(preempted(landing));
    let mut file = EventFile::default();
    file.chunk(0, &events, true).end(0, 9);
    replay(&file.write(name), &[])
}

fn assert_found(name: &str, landing: &Landing) {
    let replay = replayed(name, landing);
    assert_eq!(replay.status, Some(0), "{}", replay.report);
    // One instruction before the loop, five in each round, without the last jump.
    let expected = format!("\"instructions\":{},", 5 * ROUNDS);
    assert!(replay.says("process", &expected), "{}", replay.report);
}

fn assert_refused(name: &str, landing: &Landing) {
    let replay = replayed(name, landing);
    assert_eq!(replay.status, Some(1), "{}", replay.report);
    assert!(
        replay.says("divergence", "\"what\":\"missing\""),
        "{}",
        replay.report
    );
    assert!(
        replay.says("divergence", "does not come there"),
        "{}",
        replay.report
    );
}

#[test]
fn a_landing_is_found_by_memory_alone() {
    assert_found("landing", &landing());
    let with_content = Landing {
        content: page(),
        ..landing()
    };
    assert_found("landing-content", &with_content);
}

#[test]
fn a_changed_page_checksum_is_not_accepted() {
    let mut changed = landing();
    changed.checksum ^= 1 << 17;
    assert_refused("landing-checksum", &changed);
    for bit in [0, 31, 63] {
        let changed = Landing {
            checksum: landing().checksum ^ 1 << bit,
            content: page(),
            ..landing()
        };
        assert_refused("landing-checksum-content", &changed);
    }
}

#[test]
fn a_changed_register_is_not_accepted() {
    let changes: [fn(&mut Registers); 4] = [
        |registers| registers.rbx ^= 1,
        |registers| registers.rsp ^= 1 << 40,
        |registers| registers.r15 ^= 1 << 63,
        |registers| registers.rflags ^= 1,
    ];
    for change in changes {
        let mut changed = landing();
        change(&mut changed.registers);
        assert_refused("landing-register", &changed);
    }
}

#[test]
fn a_place_the_program_never_comes_to_ends_the_search() {
    let mut changed = landing();
    changed.registers.rip = JUMP + 2;
    assert_refused("landing-elsewhere", &changed);
}

/// `getpid(); exit_group(0)`, interrupted at the first `syscall` instruction with this in rcx.
fn interrupted_at_call(name: &str, rcx: u64) -> Replay {
    let code = [
        set_rax(39),
        SYSCALL.to_vec(),
        set_rax(231),
        SYSCALL.to_vec(),
    ];
    let call = Registers {
        rax: 39,
        rip: CODE + 5,
        ..initial()
    };
    let mut page = vec![0; 4096];
    page[..6].copy_from_slice(b"hello\n");
    let landing = Landing {
        registers: Registers { rcx, ..call },
        checksum: checksum(&page),
        content: Vec::new(),
    };
    let mut end = returned(&call, i64::from(TID));
    (end.rax, end.rip) = (231, end.rip + 5);
    let mut events = prologue(&code.concat());
    events.push(preempted(&landing));
    events.push(EventBuilder::syscall(&call, TID, i64::from(TID)));
    events.push(EventBuilder::syscall(&end, TID, 0).kind(EventKind::Exit));
    let mut file = single(&events);
    replay(&file.end(0, 0).write(name), &[])
}

#[test]
fn a_landing_at_a_system_call_is_before_the_call() {
    let replay = interrupted_at_call("landing-call", 0);
    assert_eq!(replay.status, Some(0), "{}", replay.report);
    assert!(
        replay.says("process", "\"end\":\"exit\""),
        "{}",
        replay.report
    );
}

#[test]
fn a_call_begun_once_more_is_no_landing() {
    // The instruction puts the next address into rcx.
    let replay = interrupted_at_call("landing-call-again", CODE + 7);
    assert_eq!(replay.status, Some(1), "{}", replay.report);
    assert!(
        replay.says("divergence", "does not come there"),
        "{}",
        replay.report
    );
}
