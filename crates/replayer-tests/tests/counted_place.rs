//! Threads that wait in loops hand over at places of which the log says how often they come there.

use reenact_replayer_tests::chunks::EventFile;
use reenact_replayer_tests::programs::{initial, prologue, CODE, TID};
use reenact_replayer_tests::{replay, EventBuilder, Replay};
use reenact_trace::{EventKind, Registers, Tag};

/// The `pause` of a loop without an end, which counts in rax.
const PAUSE: u64 = CODE + 3;

fn program() -> Vec<u8> {
    let mut code = vec![0x48, 0x31, 0xc0]; // xor rax, rax
    code.extend([0xf3, 0x90]); // pause
    code.extend([0x48, 0x8d, 0x40, 0x01]); // lea rax, [rax + 1]
    code.extend([0xeb, 0xf8]); // jmp, to the pause
    code
}

/// The event: come there so often since the one before, `rounds` rounds after the start.
fn waiting(passes: u64, rounds: u64) -> EventBuilder {
    let registers = Registers {
        rax: rounds,
        rip: PAUSE,
        rflags: initial().rflags | 0x44,
        ..initial()
    };
    let mut event = EventBuilder::new(EventKind::Preempted, 0, TID);
    event.header.ip = PAUSE;
    event.header.register_checksum = registers.checksum();
    event.args([passes, PAUSE + 2, 0, 0, 0, 0])
}

fn replayed(name: &str, events: Vec<EventBuilder>) -> Replay {
    let mut all = prologue(&program());
    all.extend(events);
    let mut file = EventFile::default();
    file.chunk(0, &all, true).end(0, 9);
    replay(&file.write(name), &[])
}

#[test]
fn passes_are_counted_from_event_to_event() {
    let events = vec![waiting(100, 99), waiting(1, 100), waiting(50, 150)];
    let replay = replayed("counted", events);
    assert_eq!(replay.status, Some(0), "{}", replay.report);
    // One before the loop, three in each round, and the last pause.
    let expected = format!("\"instructions\":{},", 1 + 150 * 3 + 1);
    assert!(replay.says("process", &expected), "{}", replay.report);
}

#[test]
fn a_place_given_up_is_passed_like_any_other() {
    let given_up = waiting(10, 9).attach(Tag::Patch, PAUSE, &[0xf3, 0xf3]);
    let replay = replayed("counted-given-up", vec![given_up, waiting(7, 16)]);
    assert_eq!(replay.status, Some(0), "{}", replay.report);
}

fn assert_refused(name: &str, event: EventBuilder, message: &str) {
    let replay = replayed(name, vec![event]);
    assert_eq!(replay.status, Some(1), "{}", replay.report);
    assert!(replay.says("divergence", message), "{}", replay.report);
}

#[test]
fn other_registers_are_not_accepted() {
    assert_refused("counted-registers", waiting(10, 10), "registers");
}

#[test]
fn another_way_on_is_not_accepted() {
    let event = waiting(10, 9).args([10, PAUSE, 0, 0, 0, 0]);
    assert_refused("counted-way", event, "goes on at");
}

#[test]
fn more_passes_than_a_processor_can_make_end_the_search() {
    assert_refused("counted-many", waiting(1 << 60, 1 << 60), "comes there");
}

#[test]
fn a_place_the_program_never_comes_to_ends_the_search() {
    let mut event = waiting(1, 0);
    event.header.ip = PAUSE + 1;
    assert_refused("counted-elsewhere", event, "comes there 0 times");
}
