//! Rows that leave something out, or contradict themselves: the compiler says this of them.

use crate::argument::Kind::{DirFd, Fd, Hex, Int, Path, Pointer, Signal, Size};
use crate::call::call;
use crate::class::{Class, MemoryAction};
use crate::output::{fixed, result, vector, Output, Rule};
use crate::row_check::check;
use crate::traits::{Content, Descriptors, Nested, Paths};
use crate::wait::{readable, Restart, SignalMask, Wait};

#[test]
fn a_whole_row_passes() {
    let arguments = &[("fd", Fd), ("vector", Pointer), ("count", Size)];
    let row = call(600, "row", arguments)
        .writes(const { &[vector(1, 2)] })
        .waits(Wait::UntilReady(readable(0)), Restart::WithFlag)
        .names(&[Nested::Vector {
            pointer: 1,
            count: 2,
        }]);
    check(&row);
    check(&call(600, "row", &[("path", Path)]).path(Paths::Named));
}

#[test]
#[should_panic(expected = "the kernel would write while others run")]
fn who_waits_and_writes_says_how() {
    let row = call(600, "row", &[("fd", Fd), ("buffer", Pointer)]);
    check(
        &row.writes(const { &[fixed(1, 8)] })
            .waits(Wait::Directly, Restart::WithFlag),
    );
}

#[test]
#[should_panic(expected = "what takes a mask while it waits says how it waits")]
fn who_takes_a_mask_waits() {
    let row = call(600, "row", &[("mask", Pointer), ("size", Size)]);
    check(&row.masks(SignalMask::Argument(0)));
}

#[test]
#[should_panic(expected = "scratch memory cannot stand for an output of unknown size")]
fn scratch_memory_has_a_size() {
    let row = call(600, "row", &[("id", Int), ("buffer", Pointer)]);
    let row = row.writes(&[Output::Rule(Rule::Semaphore)]);
    check(&row.waits(Wait::Scratch, Restart::NoHandler));
}

#[test]
#[should_panic(expected = "nothing would be in scratch memory")]
fn scratch_memory_has_a_use() {
    check(&call(600, "row", &[]).waits(Wait::Scratch, Restart::None));
}

#[test]
#[should_panic(expected = "the argument is no descriptor")]
fn who_waits_for_a_descriptor_has_one() {
    let row = call(600, "row", &[("id", Int)]);
    check(&row.waits(Wait::UntilReady(readable(0)), Restart::WithFlag));
}

#[test]
#[should_panic(expected = "the row does not name the pointers inside it")]
fn buffers_written_to_are_named() {
    let arguments = &[("fd", Fd), ("buffers", Pointer), ("count", Size)];
    check(&call(600, "row", arguments).writes(const { &[vector(1, 2)] }));
}

#[test]
#[should_panic(expected = "an array of buffers is not named as one")]
fn buffers_read_from_are_named() {
    let arguments = &[("fd", Fd), ("vector", Pointer), ("count", Size)];
    check(&call(600, "row", arguments));
}

#[test]
#[should_panic(expected = "a path says what a link at its end means")]
fn paths_say_what_links_mean() {
    check(&call(600, "row", &[("directory", DirFd), ("path", Path)]));
}

#[test]
#[should_panic(expected = "a signal is sent, and not said to whom")]
fn signals_say_to_whom() {
    check(&call(600, "row", &[("pid", Int), ("signal", Signal)]));
}

#[test]
#[should_panic(expected = "the kernel writes at an argument that is no address")]
fn outputs_are_at_addresses() {
    check(&call(600, "row", &[("id", Int), ("size", Size)]).writes(const { &[result(1, 1)] }));
}

#[test]
#[should_panic(expected = "no such argument")]
fn outputs_are_at_arguments() {
    check(&call(600, "row", &[]).makes(Descriptors::Pair(0)));
}

#[test]
#[should_panic(expected = "the argument is no descriptor")]
fn content_goes_to_a_descriptor() {
    check(&call(600, "row", &[("length", Size)]).changes(Content::Resize(0)));
}

#[test]
#[should_panic(expected = "what makes a mapping returns its address")]
fn mappings_have_addresses() {
    check(&call(600, "row", &[("flags", Hex)]).class(Class::Memory(MemoryAction::Map)));
}

#[test]
#[should_panic(expected = "why does it keep the turn?")]
fn who_keeps_the_turn_says_why() {
    check(&call(600, "row", &[]).waits(Wait::WithTurn(""), Restart::None));
}

#[test]
#[should_panic(expected = "only fcntl has commands")]
fn commands_are_those_of_their_call() {
    check(&call(600, "row", &[("fd", Fd)]).waits(Wait::Fcntl, Restart::WithFlag));
}

#[test]
#[should_panic(expected = "what goes on with the time that is left says how long it waits")]
fn who_goes_on_later_knows_how_long() {
    let row = call(600, "row", &[("time", Pointer)]);
    check(&row.waits(Wait::Directly, Restart::Block));
}
