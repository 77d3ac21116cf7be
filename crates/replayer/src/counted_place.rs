//! The places where threads that wait in loops let others run: the event says how often the thread has come there since the
//! event before. Nothing has to be searched for.

use reenact_trace::{EventKind, Tag};
use reenact_translator::Stop;

use crate::divergence::{Failure, What};
use crate::error::ReplayError;
use crate::feed::Group;
use crate::machine::Machine;
use crate::matching;
use crate::pace::Pace;

/// How often the program comes to the event's place, if that is how the event tells it.
pub fn passes(group: &Group<'_>) -> Option<u64> {
    let passes = group.event.header.args[0];
    (group.event.kind == EventKind::Preempted && passes > 0).then_some(passes)
}

/// Run there for the last of these times, and perform the instruction.
pub fn run(
    machine: &mut Machine,
    group: &Group<'_>,
    pace: &mut Pace,
    passes: u64,
) -> Result<(), Failure> {
    let header = &group.event.header;
    if !machine.has_image || machine.threads.ended {
        return Err(ReplayError::BadEvent("no program waits there").into());
    }
    machine.add_counted_place(header.ip);
    machine.set_searched(Some(header.ip));
    pace.begin_search(header.time);
    let found = pass(machine, group, pace, passes);
    pace.end_search();
    machine.set_searched(None);
    found?;
    matching::check_interrupted(machine, group)?;
    let count = machine.since_event();
    let stop = machine.run_past_hook(1);
    if stop != Stop::Budget || machine.registers().rip != header.args[1] {
        let message = alloc::format!(
            "the program goes on at {:#x} behind where it waited; the log has it at {:#x}",
            machine.registers().rip,
            { header.args }[1]
        );
        let what = What::InstructionPointer;
        return Err(matching::diverged(machine, group, &stop, what, message));
    }
    machine.translator.set_executed(count);
    if group.find(Tag::Patch).is_some() {
        // From now on nobody counts there.
        machine.forget_counted_places(|address| address == header.ip);
    }
    Ok(())
}

fn pass(
    machine: &mut Machine,
    group: &Group<'_>,
    pace: &mut Pace,
    passes: u64,
) -> Result<(), Failure> {
    let ip = group.event.header.ip;
    let mut stop = pace.run(machine, group)?;
    let (mut passed, mut last) = (0, None);
    loop {
        let is_there = stop == Stop::Hook && machine.registers().rip == ip;
        if !is_there || pace.has_passed(machine) {
            let message = alloc::format!(
                "the program waits at {ip:#x} for another thread, where the log has it for the {passes}. time since the \
                 event before; it comes there {passed} times"
            );
            let what = What::Missing;
            return Err(matching::diverged(machine, group, &stop, what, message));
        }
        // A client may have had it stop here before.
        let here = Some(machine.since_event());
        passed += u64::from(here != last);
        last = here;
        if passed == passes {
            return Ok(());
        }
        stop = pace.run_past_hook(machine, group)?;
    }
}
