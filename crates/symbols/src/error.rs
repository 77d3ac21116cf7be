//! Why a question has no answer.

use std::fmt;
use std::path::PathBuf;

/// Why a question has no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    Io(PathBuf, std::io::Error),
    /// The file is not an ELF file, or is damaged.
    Elf(PathBuf, object::Error),
    /// The file is nearly all holes.
    Hollow(PathBuf),
    /// A compressed section claims a size that no compiler's output has.
    TooLarge(PathBuf, &'static str),
    /// The debug information is damaged or of a kind that is not read.
    Dwarf(gimli::Error),
    /// The program's memory at the address cannot be read.
    Memory { address: u64, length: u64 },
    /// A value needs a register whose content is not known in this frame.
    Register(u16),
    /// A location is given in a way that is not followed (named after the DWARF construct).
    Unsupported(&'static str),
    /// There is no such entry in the debug information.
    NoEntry(u64),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(path, error) => write!(formatter, "{}: {error}", path.display()),
            Error::Elf(path, error) => write!(formatter, "{}: {error}", path.display()),
            Error::Hollow(path) => {
                write!(formatter, "{} is nearly all holes", path.display())
            }
            Error::TooLarge(path, section) => write!(
                formatter,
                "{}: section {section} claims to be far larger than it is stored",
                path.display()
            ),
            Error::Dwarf(error) => write!(formatter, "debug information: {error}"),
            Error::Memory { address, length } => {
                write!(formatter, "{length} bytes at {address:#x} cannot be read")
            }
            Error::Register(number) => {
                let names = ["rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp"];
                let name = names.get(usize::from(*number));
                let name = name.map_or_else(|| format!("r{number}"), ToString::to_string);
                write!(
                    formatter,
                    "the value of {name} in this frame is no longer known"
                )
            }
            Error::Unsupported(what) => write!(formatter, "{what} is not followed"),
            Error::NoEntry(offset) => {
                write!(
                    formatter,
                    "no entry at {offset:#x} of the debug information"
                )
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<gimli::Error> for Error {
    fn from(error: gimli::Error) -> Error {
        Error::Dwarf(error)
    }
}
