//! Printing a call the way `strace` does, without looking at the program's memory.

use crate::argument::Kind;
use crate::call::SystemCall;
use crate::names::flags::OPEN;
use crate::names::{errno_name, signal_name, Flag};
use core::fmt::{self, Write};

const AT_FDCWD: i32 = -100;

/// Write `name(arguments) = result`. `args` are the registers, `result` what the kernel returned.
///
/// Paths and structures appear as addresses: this never reads memory.
///
/// # Errors
/// Only those of `writer`.
pub fn format_call(
    call: &SystemCall,
    args: &[u64; 6],
    result: i64,
    writer: &mut dyn Write,
) -> fmt::Result {
    write!(writer, "{}(", call.name)?;
    for (index, (_, kind)) in call.arguments.iter().enumerate() {
        if index > 0 {
            writer.write_str(", ")?;
        }
        argument(*kind, args[index], writer)?;
    }
    writer.write_str(") = ")?;
    format_result(call, result, writer)
}

/// Write the result: an error by name, an address in hexadecimal, otherwise a number.
///
/// # Errors
/// Only those of `writer`.
pub fn format_result(call: &SystemCall, result: i64, writer: &mut dyn Write) -> fmt::Result {
    if (-4095..0).contains(&result) {
        return match errno_name(-result as i32) {
            Some(name) => write!(writer, "-1 {name}"),
            None => write!(writer, "-1 (error {})", -result),
        };
    }
    if call.result_is_address {
        write!(writer, "{result:#x}")
    } else {
        write!(writer, "{result}")
    }
}

fn argument(kind: Kind, value: u64, writer: &mut dyn Write) -> fmt::Result {
    let word = value as u32;
    match kind {
        Kind::DirFd if word as i32 == AT_FDCWD => writer.write_str("AT_FDCWD"),
        Kind::Fd | Kind::DirFd | Kind::Int => write!(writer, "{}", word as i32),
        Kind::Unsigned => write!(writer, "{word}"),
        Kind::Long => write!(writer, "{}", value as i64),
        Kind::Size => write!(writer, "{value}"),
        Kind::Path | Kind::Text | Kind::Pointer if value == 0 => writer.write_str("NULL"),
        Kind::Path | Kind::Text | Kind::Pointer => write!(writer, "{value:#x}"),
        Kind::Hex if value < 10 => write!(writer, "{value}"),
        Kind::Hex => write!(writer, "{value:#x}"),
        Kind::Mode => write!(writer, "0{word:o}"),
        Kind::Signal => match signal_name(word as i32) {
            Some(name) => writer.write_str(name),
            None => write!(writer, "{}", word as i32),
        },
        Kind::Flags(names) => flags(names, value, true, writer),
        Kind::Choice(names) => match names.iter().find(|(_, number)| *number == u64::from(word)) {
            Some((name, _)) => writer.write_str(name),
            None => write!(writer, "{word:#x}"),
        },
        Kind::Open => open_flags(word, writer),
        Kind::Ioctl => name_or_number(crate::ioctl::name(word), word, writer),
        Kind::Fcntl => {
            let command = crate::fcntl::COMMANDS
                .iter()
                .find(|command| command.number == word);
            name_or_number(command.map(|command| command.name), word, writer)
        }
        Kind::Prctl => {
            let option = crate::prctl::OPTIONS
                .iter()
                .find(|option| option.number == word);
            name_or_number(option.map(|option| option.name), word, writer)
        }
    }
}

fn name_or_number(name: Option<&str>, number: u32, writer: &mut dyn Write) -> fmt::Result {
    match name {
        Some(name) => writer.write_str(name),
        None => write!(writer, "{number:#x}"),
    }
}

fn open_flags(value: u32, writer: &mut dyn Write) -> fmt::Result {
    writer.write_str(match value & 3 {
        0 => "O_RDONLY",
        1 => "O_WRONLY",
        2 => "O_RDWR",
        _ => "O_ACCMODE",
    })?;
    if value & !3 == 0 {
        return Ok(());
    }
    writer.write_char('|')?;
    flags(OPEN, u64::from(value & !3), true, writer)
}

/// Names in the order of the table, so flags of several bits stand before their parts.
fn flags(names: &[Flag], value: u64, mut first: bool, writer: &mut dyn Write) -> fmt::Result {
    let mut left = value;
    if value == 0 {
        let none = names.iter().find(|(_, bits)| *bits == 0);
        return writer.write_str(none.map_or("0", |(name, _)| name));
    }
    for (name, bits) in names {
        if *bits != 0 && left & bits == *bits {
            if !first {
                writer.write_char('|')?;
            }
            writer.write_str(name)?;
            first = false;
            left &= !bits;
        }
    }
    if left != 0 {
        if !first {
            writer.write_char('|')?;
        }
        write!(writer, "{left:#x}")?;
    }
    Ok(())
}
