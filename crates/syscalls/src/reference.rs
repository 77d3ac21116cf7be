//! The generated page docs/system-calls.md.

use crate::call::{Class, Descriptors, Restart, SystemCall};
use crate::ioctl::IoctlOutput;
use crate::output::{Output, Rule, When};
use crate::prctl::PrctlOutput;
use core::fmt::{self, Write};

/// Write the reference of all calls, commands and requests as Markdown.
///
/// # Errors
/// Only those of `writer`.
pub fn write_reference(writer: &mut dyn Write) -> fmt::Result {
    writer.write_str(INTRODUCTION)?;
    calls(writer)?;
    refusals(writer)?;
    fcntl(writer)?;
    prctl(writer)?;
    ioctl(writer)
}

const INTRODUCTION: &str = "\
# System calls

<!-- Generated from the table in crates/syscalls: do not edit.
     cargo run -p reenact-syscalls --example reference > docs/system-calls.md -->

Every system call of Linux 6.18 on x86-64 and how it is recorded. Numbers that Linux does not have
are answered with `ENOSYS`.

* **plain**: passed to the kernel; the result and what the kernel wrote are logged.
* **memory**, **process**, **signal**, **descriptor**: the recorder keeps part of the state itself.
* **special**: passed to the kernel, and looked at by the recorder.
* **declined**: not performed; the program is told that the kernel does not have it, and goes on.
* **refused**: not supported; met by name.

The column *waits* tells what a signal does to a call that waits: `restarts` with `SA_RESTART`,
`EINTR` whenever a handler ran, `continues` as `EINTR` when a handler ran and otherwise with the
remaining time, `always EINTR` even without a handler, `no` if it cannot be interrupted.

";

fn calls(writer: &mut dyn Write) -> fmt::Result {
    writer.write_str("## Calls\n\n")?;
    writer
        .write_str("| number | call | class | waits | the kernel writes | new descriptors |\n")?;
    writer.write_str("|---:|---|---|---|---|---|\n")?;
    for call in crate::all() {
        write!(writer, "| {} | `{}(", call.number, call.name)?;
        for (index, (name, _)) in call.arguments.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(writer, "{comma}{name}")?;
        }
        write!(writer, ")` | {} | {} | ", class(call.class), waits(call))?;
        for (index, output) in call.outputs.iter().enumerate() {
            if index > 0 {
                writer.write_str("; ")?;
            }
            describe(call, *output, writer)?;
        }
        writer.write_str(" | ")?;
        match call.descriptors {
            Descriptors::None => {}
            Descriptors::Result => writer.write_str("result")?,
            Descriptors::Pair(at) => write!(writer, "two in `{}`", name(call, at))?,
            Descriptors::Control => writer.write_str("in control data")?,
            Descriptors::Command => writer.write_str("by command")?,
        }
        writer.write_str(" |\n")?;
    }
    Ok(())
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Plain => "plain",
        Class::Memory => "memory",
        Class::Process => "process",
        Class::Signal => "signal",
        Class::Descriptor => "descriptor",
        Class::Special => "special",
        Class::Declined(..) => "declined",
        Class::Refused(..) => "refused",
    }
}

fn waits(call: &SystemCall) -> &'static str {
    match (call.may_block, call.restart) {
        (false, _) => "",
        (true, Restart::None) => "no",
        (true, Restart::WithFlag) => "restarts",
        (true, Restart::NoHandler) => "`EINTR`",
        (true, Restart::Block) => "continues",
        (true, Restart::Interrupted) => "always `EINTR`",
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
        When::Error(errno) => write!(writer, " (on `{}`)", errno_name(errno)),
        When::SuccessOr(errno) => write!(writer, " (`{}` too)", errno_name(errno)),
    }
}

fn errno_name(errno: i32) -> &'static str {
    crate::errno_name(errno).unwrap_or("?")
}

fn describe_rule(rule: Rule) -> &'static str {
    match rule {
        Rule::DescriptorSets => "the three sets, in words of 8 bytes",
        Rule::Message => "header, name, buffers, control data",
        Rule::Messages => "header, name, buffers, control data of each message",
        Rule::SocketOption => "`length`, and so many bytes at `value`",
        Rule::Ioctl | Rule::Fcntl | Rule::Prctl => "see below",
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

fn refusals(writer: &mut dyn Write) -> fmt::Result {
    writer.write_str("\n## Declined and refused\n\n| call | answer | why |\n|---|---|---|\n")?;
    for call in crate::all() {
        if let Class::Declined(errno, reason) | Class::Refused(errno, reason) = call.class {
            let how = class(call.class);
            let answer = errno_name(errno);
            writeln!(writer, "| `{}` | {how}, `{answer}` | {reason} |", call.name)?;
        }
    }
    for option in crate::prctl::OPTIONS {
        if let Some(reason) = option.declined {
            writeln!(
                writer,
                "| `prctl {}` | declined, `EINVAL` | {reason} |",
                option.name
            )?;
        }
    }
    for request in &crate::ioctl::REQUESTS {
        let name = request.name.unwrap_or("?");
        match request.output {
            IoctlOutput::Declined(errno, reason) => {
                let answer = errno_name(errno);
                writeln!(
                    writer,
                    "| `ioctl {name}` | declined, `{answer}` | {reason} |"
                )?;
            }
            IoctlOutput::Refused(reason) => {
                writeln!(writer, "| `ioctl {name}` | refused, `ENOTTY` | {reason} |")?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn fcntl(writer: &mut dyn Write) -> fmt::Result {
    writer.write_str("\n## Commands of `fcntl`\n\nOthers are declined with `EINVAL`.\n\n")?;
    writer.write_str("| number | command | bytes written | |\n|---:|---|---:|---|\n")?;
    for command in &crate::fcntl::COMMANDS {
        let note = match (command.makes_descriptor, command.may_block) {
            (true, _) => "new descriptor",
            (_, true) => "waits",
            _ => "",
        };
        let (number, name, bytes) = (command.number, command.name, command.bytes);
        writeln!(writer, "| {number} | `{name}` | {bytes} | {note} |")?;
    }
    Ok(())
}

fn prctl(writer: &mut dyn Write) -> fmt::Result {
    writer.write_str("\n## Options of `prctl`\n\nOthers are declined with `EINVAL`.\n\n")?;
    writer.write_str("| number | option | bytes written |\n|---:|---|---:|\n")?;
    for option in crate::prctl::OPTIONS
        .iter()
        .filter(|option| option.declined.is_none())
    {
        write!(writer, "| {} | `{}` | ", option.number, option.name)?;
        match option.output {
            PrctlOutput::None => writer.write_str("0")?,
            PrctlOutput::Bytes { bytes, .. } => write!(writer, "{bytes}")?,
            PrctlOutput::MapSize => writer.write_str("4 for `PR_SET_MM_MAP_SIZE`")?,
            PrctlOutput::AuxiliaryVector => writer.write_str("result")?,
        }
        writer.write_str(" |\n")?;
    }
    Ok(())
}

fn ioctl(writer: &mut dyn Write) -> fmt::Result {
    writer.write_str(
        "\n## Requests of `ioctl`\n\nRequests that are not listed are accepted when their number \
         tells direction and size (`_IOR`, `_IOW`, `_IOWR`) and their type is one whose structures \
         hold no pointers; others are refused by number.\n\n\
         | number | request | bytes written | |\n|---:|---|---:|---|\n",
    )?;
    for request in &crate::ioctl::REQUESTS {
        let name = request.name.unwrap_or("?");
        write!(writer, "| {:#x} | `{name}` | ", request.request)?;
        match request.output {
            IoctlOutput::None => writer.write_str("0")?,
            IoctlOutput::Bytes(bytes) => write!(writer, "{bytes}")?,
            IoctlOutput::InterfaceList => writer.write_str("16 and the list")?,
            IoctlOutput::Extents => writer.write_str("32 and the extents")?,
            IoctlOutput::Dedupe => writer.write_str("24 and the ranges")?,
            IoctlOutput::Declined(..) => writer.write_str("declined")?,
            IoctlOutput::Refused(_) => writer.write_str("refused")?,
        }
        let note = if request.makes_descriptor {
            "new descriptor"
        } else {
            ""
        };
        writeln!(writer, " | {note} |")?;
    }
    Ok(())
}
