//! What a row must say. The compiler runs this for each row: one that leaves something out, or
//! contradicts itself, does not compile.

use crate::argument::Kind;
use crate::call::SystemCall;
use crate::class::{Class, MemoryAction};
use crate::output::{Output, Rule};
use crate::traits::{Content, Descriptors, Nested, Paths, Sends};
use crate::wait::{Restart, SignalMask, TimeLimit, Wait};

/// Fails, at compile time, when the row is not whole.
pub(crate) const fn check(call: &SystemCall) {
    assert!(
        call.arguments.len() <= 6,
        "a system call has at most 6 arguments"
    );
    outputs(call);
    if call.class.is_performed() {
        waiting(call);
        nested_pointers(call);
        paths(call);
        signals(call);
    }
    descriptors(call);
    let is_address = matches!(
        call.class,
        Class::Memory(
            MemoryAction::Map
                | MemoryAction::Remap
                | MemoryAction::Break
                | MemoryAction::AttachSegment
        )
    );
    assert!(
        is_address == call.result_is_address,
        "what makes a mapping returns its address"
    );
}

/// What is written lies at an argument that is an address.
const fn outputs(call: &SystemCall) {
    let mut index = 0;
    while index < call.outputs.len() {
        let [first, second] = call.outputs[index].pointers();
        is_address(call, first);
        is_address(call, second);
        index += 1;
    }
}

/// A call that can wait and writes to memory says how that goes together.
const fn waiting(call: &SystemCall) {
    let writes = !call.outputs.is_empty();
    match call.time_limit {
        None => assert!(
            !matches!(call.restart, Restart::Block) || call.arguments.is_empty(),
            "what goes on with the time that is left says how long it waits"
        ),
        Some(TimeLimit::Milliseconds(_)) => {}
        Some(TimeLimit::Time(time)) => is_address(call, Some(time)),
        Some(TimeLimit::Sleep { time, left }) => {
            is_address(call, Some(time));
            is_address(call, Some(left));
        }
    }
    match call.wait {
        Wait::Never => {
            assert!(
                matches!(call.restart, Restart::None),
                "what a signal interrupts says how it waits"
            );
            assert!(
                matches!(call.signal_mask, SignalMask::None),
                "what takes a mask while it waits says how it waits"
            );
        }
        Wait::Directly => assert!(!writes, "the kernel would write while others run"),
        Wait::Scratch => {
            assert!(writes, "nothing would be in scratch memory");
            let mut index = 0;
            while index < call.outputs.len() {
                assert!(
                    call.outputs[index].has_extent(),
                    "scratch memory cannot stand for an output of unknown size"
                );
                index += 1;
            }
        }
        Wait::UntilReady(readiness) => {
            is_descriptor(call, readiness.descriptor);
            assert!(readiness.events != 0, "it would wait for nothing");
        }
        Wait::WithTurn(reason) => assert!(!reason.is_empty(), "why does it keep the turn?"),
        Wait::Futex => assert!(has_rule(call, Rule::Futex), "only futex has operations"),
        Wait::Fcntl => assert!(has_rule(call, Rule::Fcntl), "only fcntl has commands"),
        Wait::Ioctl => assert!(has_rule(call, Rule::Ioctl), "only ioctl has requests"),
    }
}

/// Pointers inside structures that the outputs tell of are looked at before the call.
const fn nested_pointers(call: &SystemCall) {
    let mut index = 0;
    while index < call.outputs.len() {
        let is_said = match call.outputs[index] {
            Output::Vector { pointer, .. } => names(call, pointer),
            Output::Rule(Rule::Message | Rule::Messages) => !call.nested.is_empty(),
            Output::Rule(Rule::RemoteVector) => call.nested.len() == 2,
            _ => true,
        };
        assert!(is_said, "the row does not name the pointers inside it");
        index += 1;
    }
    // Who takes an array of buffers calls it so.
    let mut index = 0;
    while index < call.arguments.len() {
        if is_text(call.arguments[index].0, "vector") && !has_rule(call, Rule::Residency) {
            assert!(
                names(call, index as u8),
                "an array of buffers is not named as one"
            );
        }
        index += 1;
    }
    if let Content::Vector { pointer, .. } = call.content {
        assert!(
            names(call, pointer),
            "an array of buffers is not named as one"
        );
    }
}

/// A path says what a link at its end means.
const fn paths(call: &SystemCall) {
    let mut has_path = false;
    let mut index = 0;
    while index < call.arguments.len() {
        has_path = has_path || matches!(call.arguments[index].1, Kind::Path);
        index += 1;
    }
    assert!(
        has_path != matches!(call.paths, Paths::None),
        "a path says what a link at its end means"
    );
    if let Paths::LinkRead { buffer, .. } = call.paths {
        is_address(call, Some(buffer));
    }
}

/// Who takes the number of a signal says to whom it goes.
const fn signals(call: &SystemCall) {
    let mut takes_signal = false;
    let mut index = 0;
    while index < call.arguments.len() {
        takes_signal = takes_signal || matches!(call.arguments[index].1, Kind::Signal);
        index += 1;
    }
    if takes_signal && !matches!(call.class, Class::Signal(_)) {
        assert!(
            !matches!(call.sends, Sends::Nothing),
            "a signal is sent, and not said to whom"
        );
    }
    match call.sends {
        Sends::Nothing => {}
        Sends::Process { information, .. } | Sends::Thread { information, .. } => {
            is_address(call, information);
        }
        Sends::Descriptor {
            pidfd, information, ..
        } => {
            is_descriptor(call, pidfd);
            is_address(call, information);
        }
    }
}

const fn descriptors(call: &SystemCall) {
    match call.descriptors {
        Descriptors::Pair(at) => is_address(call, Some(at)),
        Descriptors::Close(of) | Descriptors::Duplicate { of, .. } => is_descriptor(call, of),
        Descriptors::None
        | Descriptors::Result
        | Descriptors::Opened { .. }
        | Descriptors::OwnTable(_)
        | Descriptors::Control
        | Descriptors::Command => {}
    }
    if let Some(to) = call.content.descriptor() {
        is_descriptor(call, to);
    }
}

const fn is_address(call: &SystemCall, argument: Option<u8>) {
    if let Some(argument) = argument {
        assert!(
            (argument as usize) < call.arguments.len(),
            "no such argument"
        );
        assert!(
            call.arguments[argument as usize].1.is_address(),
            "the kernel writes at an argument that is no address"
        );
    }
}

const fn is_descriptor(call: &SystemCall, argument: u8) {
    assert!(
        (argument as usize) < call.arguments.len(),
        "no such argument"
    );
    assert!(
        call.arguments[argument as usize].1.is_descriptor(),
        "the argument is no descriptor"
    );
}

/// Whether the argument is named as an array of buffers.
const fn names(call: &SystemCall, argument: u8) -> bool {
    let mut index = 0;
    while index < call.nested.len() {
        if let Nested::Vector { pointer, .. } = call.nested[index] {
            if pointer == argument {
                return true;
            }
        }
        index += 1;
    }
    false
}

const fn has_rule(call: &SystemCall, rule: Rule) -> bool {
    let mut index = 0;
    while index < call.outputs.len() {
        if let Output::Rule(other) = call.outputs[index] {
            if other as u8 == rule as u8 {
                return true;
            }
        }
        index += 1;
    }
    false
}

const fn is_text(text: &str, expected: &str) -> bool {
    let (text, expected) = (text.as_bytes(), expected.as_bytes());
    if text.len() != expected.len() {
        return false;
    }
    let mut index = 0;
    while index < text.len() {
        if text[index] != expected[index] {
            return false;
        }
        index += 1;
    }
    true
}
