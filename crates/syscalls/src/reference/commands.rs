//! What is declined and refused; the commands, operations, options and requests of multiplexed calls.

use super::row::error_name;
use crate::class::Class;
use crate::fcntl::FcntlDescriptors;
use crate::futex::{FutexOutput, FutexWait};
use crate::ioctl::IoctlOutput;
use crate::prctl::PrctlOutput;
use crate::table;
use core::fmt::{self, Write};

/// The operations of `futex`.
pub(super) fn futex(writer: &mut dyn Write) -> fmt::Result {
    writer.write_str("\n## Operations of `futex`\n\nOthers are the kernel's to refuse.\n\n")?;
    writer.write_str("| number | operation | waits | the kernel writes |\n|---:|---|---|---|\n")?;
    for operation in &crate::futex::OPERATIONS {
        let name = crate::names::flags::FUTEX_OPERATION
            .iter()
            .find(|(_, number)| *number == u64::from(operation.number))
            .map_or("?", |(name, _)| name);
        let waits = match operation.wait {
            FutexWait::Never => "",
            FutexWait::Directly => "directly",
            FutexWait::PriorityLock => "by trying again",
        };
        let writes = match operation.output {
            FutexOutput::None => "",
            FutexOutput::First => "`word`",
            FutexOutput::Second => "`word2`",
        };
        let number = operation.number;
        writeln!(writer, "| {number} | `{name}` | {waits} | {writes} |")?;
    }
    Ok(())
}

pub(super) fn refusals(writer: &mut dyn Write) -> fmt::Result {
    writer.write_str("\n## Declined and refused\n\n| call | answer | why |\n|---|---|---|\n")?;
    for call in table::all() {
        if let Class::Declined(errno, reason) | Class::Refused(errno, reason) = call.class {
            let how = call.class.name();
            let answer = error_name(errno);
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
        if let IoctlOutput::Declined(errno, reason) = request.output {
            let answer = error_name(errno);
            writeln!(
                writer,
                "| `ioctl {name}` | declined, `{answer}` | {reason} |"
            )?;
        }
    }
    Ok(())
}

pub(super) fn fcntl(writer: &mut dyn Write) -> fmt::Result {
    writer.write_str("\n## Commands of `fcntl`\n\nOthers are declined with `EINVAL`.\n\n")?;
    writer.write_str("| number | command | bytes written | |\n|---:|---|---:|---|\n")?;
    for command in &crate::fcntl::COMMANDS {
        let note = match command.descriptors {
            FcntlDescriptors::Duplicate { .. } => "result: a duplicate",
            FcntlDescriptors::SetFlags => "sets whether it closes on exec",
            FcntlDescriptors::None if command.may_block => "waits",
            FcntlDescriptors::None => "",
        };
        let (number, name, bytes) = (command.number, command.name, command.bytes);
        writeln!(writer, "| {number} | `{name}` | {bytes} | {note} |")?;
    }
    Ok(())
}

pub(super) fn prctl(writer: &mut dyn Write) -> fmt::Result {
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

pub(super) fn ioctl(writer: &mut dyn Write) -> fmt::Result {
    writer.write_str(
        "\n## Requests of `ioctl`\n\nRequests that are not listed are accepted when their number \
         tells direction and size (`_IOR`, `_IOW`, `_IOWR`) and their type is one whose structures \
         hold no pointers; others are made, and what they have changed in memory is looked for.\n\n\
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
            IoctlOutput::Unknown => writer.write_str("looked for")?,
        }
        let note = match (request.makes_descriptor, request.may_block) {
            (true, _) => "new descriptor",
            (_, true) => "waits",
            _ => "",
        };
        writeln!(writer, " | {note} |")?;
    }
    Ok(())
}
