//! What the debug information of an ELF file says about its code and data.
//!
//! One [`Module`] is one file with, where there is one, the separate file of its debug information.
//! All addresses here are those of the file (as linked): whoever knows where it was mapped adds the
//! difference. Parsing DWARF is the business of gimli, addr2line and object; this crate asks them
//! the questions of a debugger. It does no I/O after a module was opened.
//!
//! The file may be somebody else's: any bytes give an answer or an [`Error`], never a panic, and what is
//! kept in memory is bounded by the size of the file.

mod call_frames;
mod call_sites;
mod demangling;
mod dwarf;
mod elf;
mod error;
mod frame;
mod functions;
mod lines;
mod location;
mod lookup;
mod module;
mod names;
mod parts;
mod paths;
mod scope;
mod similar;
mod soname;
mod sources;
mod symbol;
mod types;
mod unwind;

pub use call_sites::{CallParameter, CallTarget};
pub use error::Error;
pub use frame::SourceFrame;
pub use functions::FunctionCode;
pub use lines::LineRow;
pub use location::{Context, Location, Piece};
pub use module::Module;
pub use scope::{Global, Scope, Variable};
pub use soname::soname;
pub use sources::source_files;
pub use symbol::Symbol;
pub use types::{Enumerator, Member, NamedType, Type, TypeKind, Variants};
pub use unwind::{CallerFrame, REGISTERS};

/// Bytes of a section; cheap to clone, and shared between threads.
type Bytes = gimli::EndianArcSlice<gimli::LittleEndian>;
