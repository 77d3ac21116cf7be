//! One event: run up to it, compare, let it take effect.

use alloc::boxed::Box;

use reenact_freestanding::numbers as n;
use reenact_trace::event::{flags, instruction, KILLED_THREAD};
use reenact_trace::registers::USER_FLAGS;
use reenact_trace::{EventKind, Registers, Tag};
use reenact_translator::Stop;

use crate::call_effects;
use crate::counted_place;
use crate::creation::{Creation, CLONE_THREAD, CLONE_VM};
use crate::divergence::{Failure, What};
use crate::effects;
use crate::error::ReplayError;
use crate::feed::Group;
use crate::json::Lossy;
use crate::landing;
use crate::machine::Machine;
use crate::matching;
use crate::pace::Pace;
use crate::report;
use crate::threads::is_of_its_thread;
use crate::written_output;
use crate::xsave_area::VectorState;

/// What follows from an event for the process.
#[derive(Debug)]
pub enum Step {
    /// Go on with the next event.
    Next,
    /// A recorded child was forked; it starts with these registers.
    Fork {
        process: u32,
        /// Rare, and large.
        child: Box<Registers>,
    },
    /// The process has exited with this status.
    Exited(i64),
    /// The recording was stopped.
    Stopped,
}

/// Let the event at hand happen.
pub fn perform(machine: &mut Machine, group: &Group<'_>, pace: &mut Pace) -> Result<Step, Failure> {
    let header = group.event.header;
    if switches_thread(machine, group) {
        machine.switch_to(header.tid)?;
    }
    let step = match group.event.kind {
        EventKind::Syscall => syscall(machine, group, pace)?,
        EventKind::ProcessStart => process_start(machine, group)?,
        EventKind::ImageBegin => image_begin(machine, group, pace)?,
        EventKind::ImageReady => image_ready(machine, group)?,
        EventKind::SignalDelivered => signal_delivered(machine, group, pace)?,
        EventKind::SignalReturn => signal_return(machine, group, pace)?,
        EventKind::Fault => {
            run_and_check(machine, group, pace)?;
            machine.count_event(false);
            effects::apply_attachments(machine, group)?;
            Step::Next
        }
        EventKind::Instruction => instruction(machine, group, pace)?,
        EventKind::VforkReturn => vfork_return(machine, group, pace)?,
        EventKind::Exit => exit(machine, group, pace)?,
        EventKind::Note => {
            if pace.control.is_some() {
                // A client has its own way to see the notes, and passes here often.
                return Ok(Step::Next);
            }
            let text = group
                .find(Tag::Text)
                .map_or(&b""[..], |attachment| attachment.payload);
            let mut line = report::line("note");
            line.display("message", Lossy(text));
            report::send(&mut line);
            Step::Next
        }
        EventKind::Blocked => {
            // The thread is at its call; the call's own event follows when it returns. What others
            // can see of it already comes now.
            run_and_check(machine, group, pace)?;
            machine.count_event(false);
            effects::apply_attachments(machine, group)?;
            Step::Next
        }
        EventKind::Preempted => {
            match counted_place::passes(group) {
                Some(passes) => {
                    counted_place::run(machine, group, pace, passes)?;
                    machine.count_event(true);
                }
                None => {
                    landing::run(machine, group, pace)?;
                    machine.count_event(false);
                }
            }
            effects::apply_attachments(machine, group)?;
            Step::Next
        }
        EventKind::Traced => traced(machine, group, pace)?,
        EventKind::Turn => {
            machine.memory.forget_shared_code(&mut machine.translator);
            effects::apply_attachments(machine, group)?;
            Step::Next
        }
        EventKind::RecordingEnd => Step::Stopped,
        _ => return Err(ReplayError::Unsupported("this kind of event").into()),
    };
    if landing::is_landing(group) {
        // Its checksums are of the moment before.
        return Ok(step);
    }
    if let Some((address, length)) = effects::failed_checksum(machine, group)? {
        return Err(memory_diverged(machine, group, address, length));
    }
    Ok(step)
}

/// Let the thread of the event at hand run, as it is about to; whether it is another one.
/// Errors come when the event does.
pub fn switch_early(machine: &mut Machine, group: &Group<'_>) -> bool {
    let tid = group.event.header.tid;
    let is_other = machine
        .threads
        .current
        .is_some_and(|current| current != tid);
    is_other && switches_thread(machine, group) && machine.switch_to(tid).is_ok()
}

/// After a fault the flags that the code was about to overwrite are not precise
/// ([`reenact_translator::Fault::dead_flags`]), which a client would see. The frame of the signal
/// that follows has them.
pub fn restore_flags(machine: &mut Machine, delivery: Option<&Group<'_>>) {
    /// Set in the flags of every fault, by the processor (Intel SDM volume 3, 19.3.1.1).
    const RESUME: u64 = 1 << 16;
    // Return address; struct ucontext: flags, link, stack (3 words); gregs, of which efl is 17.
    const OFFSET: u64 = 8 + 5 * 8 + 17 * 8;
    machine.registers_mut().rflags &= !RESUME;
    let Some(delivery) =
        delivery.filter(|delivery| delivery.event.kind == EventKind::SignalDelivered)
    else {
        return;
    };
    let Ok(entry) = effects::attached_registers(delivery) else {
        return;
    };
    let place = entry.rsp.wrapping_add(OFFSET);
    let word = delivery
        .attachments()
        .filter(|attachment| attachment.tag == Tag::Write)
        .find_map(|attachment| {
            let start = usize::try_from(place.checked_sub(attachment.address)?).ok()?;
            attachment.payload.get(start..)?.first_chunk().copied()
        });
    if let Some(word) = word {
        let registers = machine.registers_mut();
        registers.rflags = registers.rflags & !USER_FLAGS | u64::from_le_bytes(word) & USER_FLAGS;
    }
}

fn switches_thread(machine: &Machine, group: &Group<'_>) -> bool {
    is_of_its_thread(group.event.kind, machine.threads.current)
}

fn memory_diverged(machine: &Machine, group: &Group<'_>, address: u64, length: u64) -> Failure {
    let message = alloc::format!(
        "{length} bytes of memory at {address:#x} are not those of the recording after this event"
    );
    let mut failure = matching::diverged(machine, group, &Stop::Interrupted, What::Memory, message);
    if let Failure::Divergence(divergence) = &mut failure {
        divergence.range = Some((address, length));
    }
    failure
}

/// Run until something stops the program, and compare that with the event.
fn run_and_check(
    machine: &mut Machine,
    group: &Group<'_>,
    pace: &mut Pace,
) -> Result<Stop, Failure> {
    if !machine.has_image {
        return Err(ReplayError::BadEvent("it comes before any program image").into());
    }
    if machine.threads.ended {
        return Err(ReplayError::BadEvent("it is of a thread that has ended").into());
    }
    let stop = if pace.comes_to_call(machine, group) {
        Stop::Syscall
    } else {
        pace.run(machine, group)?
    };
    if stop == Stop::Int80 {
        // The kernel takes no more of it.
        machine.registers_mut().rax &= 0xffff_ffff;
    }
    matching::check(machine, group, &stop)?;
    tell_writes(machine, group, pace);
    if stop == Stop::Syscall {
        // The thread may stay in the call: it is seen as the processor has left it.
        effects::enter_call(machine.registers_mut());
    }
    Ok(stop)
}

/// A client may be waiting for what the event is about to write.
fn tell_writes(machine: &mut Machine, group: &Group<'_>, pace: &mut Pace) {
    if machine.translator.watches().is_empty() {
        return;
    }
    if let Some(control) = &mut pace.control {
        let touched = effects::watched_writes(machine, group);
        if !touched.is_empty() {
            control.at_accesses(machine, &touched);
        }
    }
}

fn syscall(machine: &mut Machine, group: &Group<'_>, pace: &mut Pace) -> Result<Step, Failure> {
    let header = group.event.header;
    run_and_check(machine, group, pace)?;
    if !written_output::is_recorded(group, &machine.memory) {
        let message = alloc::string::String::from(
            "the bytes that the program gives to a file, a pipe or a socket are not those of the recording",
        );
        return Err(matching::diverged(
            machine,
            group,
            &Stop::Syscall,
            What::Output,
            message,
        ));
    }
    let is_vdso = header.flags & flags::VDSO != 0;
    machine.count_event(!is_vdso);
    if is_vdso {
        effects::apply_attachments(machine, group)?;
        let stack = machine.registers().rsp;
        let back = machine.memory.read_u64(stack)?;
        let registers = machine.registers_mut();
        registers.rax = header.result as u64;
        registers.rsp = stack.wrapping_add(8);
        registers.rip = back;
        return Ok(Step::Next);
    }
    if header.flags & flags::FILTERED != 0 {
        // It looks as if it had succeeded, or as if it had not been made at all.
        effects::after_call(machine.registers_mut(), header, header.result);
        return Ok(Step::Next);
    }
    let creation = Creation::of(header, &machine.memory)?;
    let child = creation.map(|creation| {
        (
            creation,
            creation.child_registers(machine.registers(), header),
        )
    });
    call_effects::apply(machine, group)?;
    effects::apply_attachments(machine, group)?;
    effects::after_call(machine.registers_mut(), header, header.result);
    machine.names.after_call(header, &machine.memory);
    let Some((creation, child)) = child else {
        return Ok(Step::Next);
    };
    if header.flags & flags::VFORK != 0 {
        machine.enter_vfork(child);
        machine.names.inherit(header.result as u32, header.tid);
        return Ok(Step::Next);
    }
    if header.result <= 0 {
        return Ok(Step::Next);
    }
    if let Some(attachment) = group.find(Tag::Process) {
        let process = attachment
            .value()
            .ok_or(ReplayError::BadEvent("a damaged process number"))?;
        return Ok(Step::Fork {
            process: process as u32,
            child: Box::new(child),
        });
    }
    if creation.flags & CLONE_VM != 0 {
        let tid = header.result as u32;
        machine.add_thread(tid, child);
        machine.names.inherit(tid, header.tid);
        if creation.flags & CLONE_THREAD == 0 {
            machine.threads.companions.insert(tid);
        }
    }
    Ok(Step::Next)
}

fn process_start(machine: &mut Machine, group: &Group<'_>) -> Result<Step, Failure> {
    effects::apply_attachments(machine, group)?;
    if let Some(attachment) = group.find(Tag::Registers) {
        let registers = Registers::from_bytes(attachment.payload)
            .ok_or(ReplayError::BadEvent("damaged registers"))?;
        machine.set_general_registers(&registers);
    }
    Ok(Step::Next)
}

fn image_begin(machine: &mut Machine, group: &Group<'_>, pace: &mut Pace) -> Result<Step, Failure> {
    let header = group.event.header;
    let by_exec = matches!(u64::from(header.code), n::EXECVE | n::EXECVEAT);
    if by_exec && machine.has_image {
        run_and_check(machine, group, pace)?;
        machine.count_event(true);
    }
    machine.begin_image();
    machine.threads.current = Some(header.tid);
    machine.program_break = group
        .find(Tag::Auxv)
        .map(|attachment| attachment.address)
        .filter(|&address| address != 0);
    effects::apply_attachments(machine, group)?;
    machine
        .names
        .begin_image(header.tid, group, &machine.memory);
    for attachment in group
        .attachments()
        .filter(|attachment| attachment.tag == Tag::Detour)
    {
        machine.add_detour(attachment.address);
    }
    Ok(Step::Next)
}

fn image_ready(machine: &mut Machine, group: &Group<'_>) -> Result<Step, Failure> {
    effects::apply_attachments(machine, group)?;
    let registers = effects::attached_registers(group)?;
    machine.set_registers(&registers);
    Ok(Step::Next)
}

fn signal_delivered(
    machine: &mut Machine,
    group: &Group<'_>,
    pace: &mut Pace,
) -> Result<Step, Failure> {
    let header = group.event.header;
    if header.flags & flags::AT_SYSCALL_ENTRY != 0 {
        run_and_check(machine, group, pace)?;
    } else if header.flags & flags::IMMEDIATE != 0 {
        matching::check_interrupted(machine, group)?;
        tell_writes(machine, group, pace);
    } else {
        landing::run(machine, group, pace)?;
        tell_writes(machine, group, pace);
    }
    machine.count_event(false);
    if group.find(Tag::Write).is_none() {
        // It ended the process: what is left is where that was.
        return Ok(Step::Next);
    }
    effects::apply_attachments(machine, group)?;
    let entry = effects::attached_registers(group)?;
    machine.set_general_registers(&entry);
    // The kernel starts a handler with fresh x87 and vector state (fpu__clear_user_states).
    VectorState::initial(&machine.translator).load(&mut machine.translator);
    Ok(Step::Next)
}

/// The thread was stopped by its tracer, which may have changed it.
fn traced(machine: &mut Machine, group: &Group<'_>, pace: &mut Pace) -> Result<Step, Failure> {
    let header = group.event.header;
    if header.flags & flags::AT_SYSCALL_ENTRY != 0 {
        run_and_check(machine, group, pace)?;
    } else {
        matching::check_interrupted(machine, group)?;
        tell_writes(machine, group, pace);
    }
    machine.count_event(false);
    effects::apply_attachments(machine, group)?;
    if group.find(Tag::Registers).is_some() {
        let registers = effects::attached_registers(group)?;
        machine.set_registers(&registers);
    }
    if let Some(vectors) = VectorState::from_components(&machine.translator, group.attachments()) {
        vectors.load(&mut machine.translator);
    }
    Ok(Step::Next)
}

fn signal_return(
    machine: &mut Machine,
    group: &Group<'_>,
    pace: &mut Pace,
) -> Result<Step, Failure> {
    run_and_check(machine, group, pace)?;
    machine.count_event(true);
    // It is named where the kernel has loaded it.
    let [state, ..] = group.event.header.args;
    let vectors = VectorState::from_signal_frame(&machine.translator, &machine.memory, state)?;
    effects::apply_attachments(machine, group)?;
    let registers = effects::attached_registers(group)?;
    machine.set_general_registers(&registers);
    vectors.load(&mut machine.translator);
    Ok(Step::Next)
}

fn instruction(machine: &mut Machine, group: &Group<'_>, pace: &mut Pace) -> Result<Step, Failure> {
    let Stop::Instruction(which) = run_and_check(machine, group, pace)? else {
        return Err(ReplayError::BadEvent("not at an instruction").into());
    };
    machine.count_event(true);
    effects::apply_attachments(machine, group)?;
    let header = group.event.header;
    let registers = machine.registers_mut();
    let [rax, rbx, rcx, rdx, rflags, destination] = header.args;
    let code = header.code;
    match code {
        instruction::CPUID => {
            (registers.rax, registers.rbx) = (rax, rbx);
            (registers.rcx, registers.rdx) = (rcx, rdx);
        }
        instruction::RDTSC | instruction::XGETBV => {
            (registers.rax, registers.rdx) = (rax, rdx);
        }
        instruction::RDTSCP => {
            (registers.rax, registers.rdx, registers.rcx) = (rax, rdx, rcx);
        }
        // All they do is write memory.
        code if instruction::stores_state(code) => {}
        instruction::XBEGIN => {
            (registers.rax, registers.rip) = (rax, destination);
            return Ok(Step::Next);
        }
        _ => {
            *registers.by_number(usize::from(which.register)) = destination;
            if header.code != instruction::RDPID {
                registers.rflags = registers.rflags & !USER_FLAGS | rflags & USER_FLAGS;
            }
        }
    }
    machine.go_past(&which);
    Ok(Step::Next)
}

fn vfork_return(
    machine: &mut Machine,
    group: &Group<'_>,
    pace: &mut Pace,
) -> Result<Step, Failure> {
    let header = group.event.header;
    let parent = header.tid;
    if machine.threads.current.is_some_and(|tid| tid == parent) && !machine.threads.ended {
        return Err(ReplayError::BadEvent("a return from vfork without a vfork").into());
    }
    // The child runs on to the execve that took it out of this address space (or, killed by a
    // signal, to the system call it was killed in).
    if !machine.threads.ended {
        let stop = pace.run(machine, group)?;
        if !matches!(stop, Stop::Syscall | Stop::Int80) {
            let message = alloc::string::String::from(
                "the vfork child should come to its execve, and comes to something else",
            );
            return Err(matching::diverged(
                machine,
                group,
                &stop,
                What::Kind,
                message,
            ));
        }
        machine.count_event(true);
    }
    machine.leave_vfork(parent)?;
    effects::apply_attachments(machine, group)?;
    machine.registers_mut().rax = header.result as u64;
    Ok(Step::Next)
}

fn exit(machine: &mut Machine, group: &Group<'_>, pace: &mut Pace) -> Result<Step, Failure> {
    run_and_check(machine, group, pace)?;
    let header = group.event.header;
    let is_filtered = header.flags & flags::FILTERED != 0;
    let ends_thread = is_filtered && header.result & KILLED_THREAD != 0;
    let number = match u64::from(header.code) {
        _ if ends_thread => n::EXIT,
        _ if is_filtered => n::KILL,
        number => number,
    };
    if !matches!(number, n::EXIT | n::EXIT_GROUP) {
        // It is about to kill itself; should it live on, the call's own event follows.
        machine.count_event(false);
        return Ok(Step::Next);
    }
    machine.count_event(true);
    effects::apply_attachments(machine, group)?;
    machine.threads.ended = true;
    let in_vfork_child = !machine.threads.vfork_parents.is_empty();
    if machine.threads.companions.remove(&{ header.tid }) {
        return Ok(Step::Next);
    }
    let last = number == n::EXIT_GROUP || machine.threads.waiting.is_empty();
    if last && !in_vfork_child {
        return Ok(Step::Exited(header.result));
    }
    Ok(Step::Next)
}
