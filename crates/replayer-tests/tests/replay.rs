//! Right and wrong recordings.

use reenact_replayer_tests::chunks::EventFile;
use reenact_replayer_tests::programs::{forking, hello, single};
use reenact_replayer_tests::{replay, EventBuilder};
use reenact_trace::EventKind;

#[test]
fn a_right_recording_replays() {
    let trace = single(&hello()).write("right");
    let replay = replay(&trace, &[]);
    assert_eq!(replay.status, Some(0), "{}", replay.report);
    assert!(
        replay.says("process", "\"end\":\"exit\",\"status\":3"),
        "{}",
        replay.report
    );
    // 4 + syscall + 2 + syscall.
    assert!(
        replay.says("process", "\"instructions\":8,"),
        "{}",
        replay.report
    );
    assert_eq!(&replay.output[40..], b"hello\n");
    assert_eq!(replay.output[16], 7);
    assert!(replay.line("end").is_some());
}

#[test]
fn a_fork_replays_in_both_processes() {
    let (parent, child) = forking();
    let mut file = EventFile::default();
    file.chunk(0, &parent[..2], false)
        .chunk(1, &child[..1], true)
        .chunk(0, &parent[2..], true);
    file.chunk(1, &child[1..], false);
    let trace = file.write("fork");
    let both = replay(&trace, &[]);
    assert_eq!(both.status, Some(0), "{}", both.report);
    assert!(
        both.says("process", "\"process\":1,\"parent\":0,\"pid\":4712"),
        "{}",
        both.report
    );
    assert!(both.says("process", "\"status\":4712"), "{}", both.report);
    let one = replay(&trace, &["--process", "1"]);
    assert_eq!(one.status, Some(0), "{}", one.report);
    assert!(one.says("process", "\"process\":1"), "{}", one.report);
    assert!(!one.says("process", "\"process\":0,"), "{}", one.report);
}

#[test]
fn a_parent_goes_on_when_its_childs_log_is_missing() {
    let (parent, _) = forking();
    let mut nothing = EventFile::default();
    nothing.chunk(0, &parent, false);
    let mut only_end = nothing.clone();
    only_end.end(1, 15);
    for (name, file) in [("missing", nothing), ("only-end", only_end)] {
        let replay = replay(&file.write(name), &[]);
        assert_eq!(replay.status, Some(0), "{}", replay.report);
        assert!(
            replay.says("process", "\"status\":4712"),
            "{}",
            replay.report
        );
        let cut = "\"process\":1,\"parent\":0,\"pid\":4712,\"events\":0,\"instructions\":0,\"end\":\"cut\"";
        assert!(replay.says("process", cut), "{}", replay.report);
        assert!(!replay.says("process", "unreachable"), "{}", replay.report);
    }
}

#[test]
fn a_child_killed_before_its_first_instruction_replays() {
    let (parent, child) = forking();
    let mut file = EventFile::default();
    file.chunk(0, &parent, false).chunk(1, &child[..1], false);
    let replay = replay(&file.end(1, 9).write("stillborn"), &[]);
    assert_eq!(replay.status, Some(0), "{}", replay.report);
    assert!(
        replay.says(
            "process",
            "\"events\":1,\"instructions\":0,\"end\":\"signal\",\"status\":9"
        ),
        "{}",
        replay.report
    );
}

fn divergence(name: &str, change: impl Fn(&mut Vec<EventBuilder>), what: &str) {
    let mut events = hello();
    change(&mut events);
    let trace = single(&events).write(name);
    let replay = replay(&trace, &[]);
    assert_eq!(replay.status, Some(1), "{}", replay.report);
    assert!(
        replay.says("divergence", &format!("\"what\":\"{what}\"")),
        "{}",
        replay.report
    );
    assert!(
        replay.says("process", "\"end\":\"divergence\""),
        "{}",
        replay.report
    );
}

#[test]
fn each_difference_has_its_name() {
    divergence("number", |events| events[3].header.code = 2, "number");
    divergence("ip", |events| events[3].header.ip += 1, "ip");
    divergence(
        "arguments",
        |events| {
            events[3].header.args[2] = 7;
            events[3].header.register_checksum ^= 1;
        },
        "arguments",
    );
    divergence(
        "registers",
        |events| events[3].header.register_checksum ^= 1,
        "registers",
    );
    divergence(
        "kind",
        |events| events[3].header.kind = EventKind::Fault as u8,
        "kind",
    );
}

#[test]
fn a_cut_recording_replays_to_the_cut() {
    let trace = single(&hello()[..4]).write("cut");
    let replay = replay(&trace, &[]);
    assert_eq!(replay.status, Some(0), "{}", replay.report);
    assert!(
        replay.says("process", "\"end\":\"cut\""),
        "{}",
        replay.report
    );
}

#[test]
fn the_supervisors_word_on_the_end_counts() {
    let trace = single(&hello()[..4]).end(0, 9).write("killed");
    let replay = replay(&trace, &[]);
    assert_eq!(replay.status, Some(0), "{}", replay.report);
    assert!(
        replay.says("process", "\"end\":\"signal\",\"status\":9"),
        "{}",
        replay.report
    );
}
