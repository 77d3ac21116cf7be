//! The rows of the table.

use crate::call::SystemCall;
use crate::class::{Class, MemoryAction, ProcessAction, SignalAction, SpecialAction};
use crate::names::errno_name;
use crate::output::{Count, Output, Rule, When};
use crate::table;
use crate::traits::{Content, Descriptors, Nested, Paths, Sends};
use crate::wait::{Restart, Wait};
use core::fmt::{self, Write};

pub(super) fn calls(writer: &mut dyn Write) -> fmt::Result {
    writer.write_str("## Calls\n\n")?;
    writer.write_str(
        "| number | call | class | waits | the kernel writes | descriptors | besides |\n",
    )?;
    writer.write_str("|---:|---|---|---|---|---|---|\n")?;
    for call in table::all() {
        write!(writer, "| {} | `{}(", call.number, call.name)?;
        for (index, (name, _)) in call.arguments.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(writer, "{comma}{name}")?;
        }
        write!(writer, ")` | {}", call.class.name())?;
        if let Some(action) = action(call.class) {
            write!(writer, ": {action}")?;
        }
        write!(writer, " | {}{} | ", waits(call.wait), signals(call))?;
        for (index, output) in call.outputs.iter().enumerate() {
            if index > 0 {
                writer.write_str("; ")?;
            }
            describe(call, *output, writer)?;
        }
        writer.write_str(" | ")?;
        match call.descriptors {
            Descriptors::None => {}
            Descriptors::OwnTable(how) => {
                write!(writer, "a table of its own by `{}`", name(call, how))?;
            }
            Descriptors::Result | Descriptors::Opened { .. } => writer.write_str("new: result")?,
            Descriptors::Pair(at) => write!(writer, "two new in `{}`", name(call, at))?,
            Descriptors::Control => writer.write_str("new in control data")?,
            Descriptors::Duplicate { of, .. } => {
                write!(writer, "result: as `{}`", name(call, of))?;
            }
            Descriptors::Close(of) => write!(writer, "closes `{}`", name(call, of))?,
            Descriptors::Command => writer.write_str("by command")?,
        }
        writer.write_str(" | ")?;
        besides(call, writer)?;
        writer.write_str(" |\n")?;
    }
    Ok(())
}

fn action(class: Class) -> Option<&'static str> {
    Some(match class {
        Class::Memory(action) => match action {
            MemoryAction::Map => "maps",
            MemoryAction::Unmap => "unmaps",
            MemoryAction::Protect => "protects",
            MemoryAction::Remap => "moves",
            MemoryAction::Advise => "advises",
            MemoryAction::AdviseVector => "advises each buffer",
            MemoryAction::Break => "moves the break",
            MemoryAction::AttachSegment => "maps a segment",
            MemoryAction::DetachSegment => "unmaps a segment",
            MemoryAction::Look(_) => "no effect",
        },
        Class::Process(action) => match action {
            ProcessAction::Fork => "new process",
            ProcessAction::Vfork => "new process in its parent's memory",
            ProcessAction::Clone => "new process or thread",
            ProcessAction::CloneStructure => "makes a process or thread, as its structure says",
            ProcessAction::Execute => "new image",
            ProcessAction::Exit => "end of the thread",
            ProcessAction::ExitGroup => "end of the process",
        },
        Class::Signal(action) => match action {
            SignalAction::SetAction => "sets an action",
            SignalAction::SetMask => "sets the mask",
            SignalAction::SetStack => "sets the stack",
            SignalAction::Pending => "tells what waits",
            SignalAction::ReturnFromHandler => "returns from a handler",
            SignalAction::Pause | SignalAction::FromKernel => "waits for one",
            SignalAction::Plain => return None,
        },
        Class::Special(action) => match action {
            SpecialAction::Yield => "gives up the turn",
            SpecialAction::SetClearedWord | SpecialAction::SetRobustList => {
                "the recorder writes when the thread ends"
            }
            SpecialAction::ProcessorState => "changes registers",
            SpecialAction::ListDirectory => "our descriptors are left out",
            SpecialAction::CloseRange => "our descriptors are left open",
            SpecialAction::Limit => "our mappings do not count for RLIMIT_AS",
            SpecialAction::AsynchronousIo => "carried out when it is submitted",
            SpecialAction::RestrictFiles => "the recorder is still executed",
            SpecialAction::Confine => "filters are the program's calls' alone",
            SpecialAction::Trace => "performed by the recorders",
            SpecialAction::AwaitChild => "tells of tracees, too",
            SpecialAction::Personality => "whether what is readable can be executed is followed",
            SpecialAction::Namespaces => "no snapshots if children are elsewhere",
            SpecialAction::WriteToProcess => "`EPERM` for another recorded process",
        },
        Class::Plain | Class::Declined(..) | Class::Refused(..) => return None,
    })
}

fn waits(wait: Wait) -> &'static str {
    match wait {
        Wait::Never => "",
        Wait::WithTurn(_) => "with the turn",
        Wait::Directly => "directly",
        Wait::UntilReady(_) => "until ready",
        Wait::Scratch => "in scratch memory",
        Wait::Futex | Wait::Fcntl | Wait::Ioctl => "see below",
    }
}

fn signals(call: &SystemCall) -> &'static str {
    match call.restart {
        Restart::None => "",
        Restart::WithFlag => "; restarts",
        Restart::NoHandler => "; `EINTR`",
        Restart::Block => "; continues",
        Restart::Interrupted => "; always `EINTR`",
    }
}

/// What else the row says.
fn besides(call: &SystemCall, writer: &mut dyn Write) -> fmt::Result {
    let mut comma = "";
    for nested in call.nested {
        writer.write_str(comma)?;
        comma = "; ";
        match *nested {
            Nested::Vector { pointer, .. } => {
                write!(writer, "buffers in `{}`", name(call, pointer))?
            }
            Nested::Message(pointer) | Nested::Messages { pointer, .. } => {
                write!(writer, "pointers in `{}`", name(call, pointer))?;
            }
        }
    }
    if let Some(file) = call.content.descriptor() {
        let what = match call.content {
            Content::Resize(_) => "resizes",
            _ => "writes to",
        };
        write!(writer, "{comma}{what} `{}`", name(call, file))?;
        comma = "; ";
    }
    let path = match call.paths {
        Paths::None | Paths::Followed | Paths::Opened { .. } | Paths::OpenedBy { .. } => None,
        Paths::FollowedUnless(..) | Paths::FollowedIf(..) => Some("follows links by its flags"),
        Paths::Named => Some("follows no link at the end"),
        Paths::LinkRead { .. } => Some("reads a link"),
    };
    if let Some(path) = path {
        write!(writer, "{comma}{path}")?;
        comma = "; ";
    }
    match call.sends {
        Sends::Nothing => Ok(()),
        Sends::Process { pid: to, .. }
        | Sends::Thread { tid: to, .. }
        | Sends::Descriptor { pidfd: to, .. } => {
            write!(writer, "{comma}a signal to `{}`", name(call, to))
        }
    }
}

fn name(call: &SystemCall, argument: u8) -> &'static str {
    call.arguments
        .get(usize::from(argument))
        .map_or("?", |(name, _)| name)
}

fn describe(call: &SystemCall, output: Output, writer: &mut dyn Write) -> fmt::Result {
    let (at, when) = match output {
        Output::Fixed {
            pointer,
            bytes,
            when,
        } => {
            write!(writer, "{bytes} bytes at")?;
            (pointer, when)
        }
        Output::Counted {
            pointer,
            count,
            unit,
            when,
        } => {
            if unit > 1 {
                write!(writer, "{unit} × ")?;
            }
            write!(writer, "`{}` bytes at", name(call, count))?;
            (pointer, when)
        }
        Output::Result {
            pointer,
            unit,
            header,
            ..
        } => {
            if header > 0 {
                write!(writer, "{header} + ")?;
            }
            if unit > 1 {
                write!(writer, "{unit} × ")?;
            }
            writer.write_str("result bytes at")?;
            (pointer, When::Success)
        }
        Output::Fields {
            pointer,
            count,
            fields,
            when,
            ..
        } => {
            match count {
                Count::Argument(count) => write!(writer, "`{}`", name(call, count))?,
                Count::Result(_) => writer.write_str("result")?,
            }
            let bytes: u32 = fields.iter().map(|(_, bytes)| bytes).sum();
            write!(writer, " × {bytes} bytes in the records at")?;
            (pointer, when)
        }
        Output::ValueResult {
            pointer,
            length,
            when,
        } => {
            write!(writer, "`{}`, and so many bytes at", name(call, length))?;
            (pointer, when)
        }
        Output::Vector { pointer, .. } => {
            writer.write_str("result bytes in the buffers of")?;
            (pointer, When::Success)
        }
        Output::Rule(rule) => return writer.write_str(describe_rule(rule)),
    };
    write!(writer, " `{}`", name(call, at))?;
    match when {
        When::Success => Ok(()),
        When::Positive => writer.write_str(" (result > 0)"),
        When::Always => writer.write_str(" (failures too)"),
        When::IfWritable => writer.write_str(" (failures too, if it can be written)"),
        When::Error(errno) => write!(writer, " (on `{}`)", error_name(errno)),
        When::SuccessOr(errno) => write!(writer, " (`{}` too)", error_name(errno)),
    }
}

pub(super) fn error_name(errno: i32) -> &'static str {
    errno_name(errno).unwrap_or("?")
}

fn describe_rule(rule: Rule) -> &'static str {
    match rule {
        Rule::DescriptorSets => "the three sets, in words of 8 bytes",
        Rule::Message => "header, name, buffers, control data",
        Rule::Messages => "header, name, buffers, control data of each message",
        Rule::SocketOption => "`length`, and so many bytes at `value`",
        Rule::Ioctl | Rule::Fcntl | Rule::Prctl => "see below",
        Rule::Filter => "6 bytes at `argument`, for `SECCOMP_GET_NOTIF_SIZES`",
        Rule::ArchPrctl => "8 bytes at `address`, for the options that read",
        Rule::Futex => "the lock words of wake-op and priority inheritance",
        Rule::Clone | Rule::Clone3 => "identifiers of the child, by flags",
        Rule::Capabilities => "version at `header`; 12 or 24 bytes at `data`",
        Rule::Remaining => "16 bytes at `remaining` (on `EINTR`, unless absolute)",
        Rule::FileHandle => "the handle; 4 or 8 bytes at `mount`",
        Rule::SetSocketOption => "old counters of a packet filter table",
        Rule::Quota
        | Rule::QuotaByDescriptor
        | Rule::Semaphore
        | Rule::MessageQueue
        | Rule::SharedMemory
        | Rule::Keys => "by command",
        Rule::SysfsName => "a string at `b` (option 2)",
        Rule::KernelLog => "result bytes at `buffer` (actions 2 to 4)",
        Rule::ExtendedAttribute => "result bytes at the address in `value`",
        Rule::StatMount => "the size in the first word of `buffer`",
        Rule::NodeMask => "`maximum` bits at `nodes`",
        Rule::Residency => "a byte for each page at `vector`",
        Rule::RemoteVector => "remote buffers, if they are its own",
        Rule::Groups => "4 × result bytes at `groups`",
    }
}
