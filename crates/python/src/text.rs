//! One line about an event.

use std::cell::RefCell;

use pyo3::prelude::*;
use reenact_syscalls::{
    format_call, lookup, signal_name, Content, Descriptors, Kind, Memory, Output,
};
use reenact_trace::event::{flags, instruction, EventHeader};
use reenact_trace::{Event, EventKind, Tag};

/// Name of what `code` stands for; empty when it stands for nothing.
pub fn name(event: &Event<'_>) -> String {
    let code = event.header.code;
    match event.kind {
        EventKind::Syscall | EventKind::Exit => call_name(code),
        EventKind::SignalDelivered | EventKind::Fault => signal(code),
        EventKind::Instruction => instruction::name(code)
            .unwrap_or("unknown instruction")
            .to_owned(),
        _ => String::new(),
    }
}

/// Which arguments of a system call are addresses of paths and other names.
#[pyfunction]
pub fn path_arguments(number: u16) -> Vec<usize> {
    let arguments = lookup(number.into()).map_or(&[][..], |call| call.arguments);
    let paths = arguments.iter().enumerate();
    let paths = paths.filter(|(_, (_, kind))| matches!(kind, Kind::Path | Kind::Text));
    paths.map(|(index, _)| index).collect()
}

/// Which arguments of a system call are addresses of bytes that it writes, as many as its result says.
#[pyfunction]
pub fn filled_buffers(number: u16) -> Vec<u8> {
    let outputs = lookup(number.into()).map_or(&[][..], |call| call.outputs);
    let buffers = outputs.iter().filter_map(|output| match *output {
        Output::Result {
            pointer,
            unit: 1,
            header: 0,
            ..
        } => Some(pointer),
        _ => None,
    });
    buffers.collect()
}

/// What becomes of descriptors in a system call, a word and the arguments it is about: "none",
/// "result", "pair" (address), "control", "duplicate" (of), "close" (descriptor), "command".
#[pyfunction]
pub fn descriptors_of_call(number: u16) -> (&'static str, Vec<u8>) {
    match lookup(number.into()).map_or(Descriptors::None, |call| call.descriptors) {
        Descriptors::None | Descriptors::OwnTable(_) => ("none", vec![]),
        Descriptors::Result | Descriptors::Opened { .. } => ("result", vec![]),
        Descriptors::Pair(address) => ("pair", vec![address]),
        Descriptors::Control => ("control", vec![]),
        Descriptors::Duplicate { of, .. } => ("duplicate", vec![of]),
        Descriptors::Close(descriptor) => ("close", vec![descriptor]),
        Descriptors::Command => ("command", vec![]),
    }
}

/// Which argument of a system call is the descriptor that bytes of the program go to.
#[pyfunction]
pub fn content_target(number: u16) -> Option<u8> {
    match content_of(number) {
        Content::Resize(_) => None,
        content => content.descriptor(),
    }
}

/// The checksum that the log has of bytes which a call gave out.
#[pyfunction]
pub fn checksum(content: &[u8]) -> u64 {
    reenact_trace::checksum::checksum(content)
}

/// Where the first `length` bytes that a system call gives out are: addresses and lengths, in order. `None` for what never
/// was in memory. `read(address, length)` gives bytes of the memory.
#[pyfunction]
pub fn content_ranges(
    number: u16,
    args: [u64; 6],
    length: u64,
    read: &Bound<'_, PyAny>,
) -> PyResult<Option<Vec<(u64, u64)>>> {
    let content = content_of(number);
    if matches!(
        content,
        Content::Unchanged | Content::Transfer { .. } | Content::Resize(_)
    ) {
        return Ok(None);
    }
    let memory = Reader {
        read,
        failed: RefCell::new(None),
    };
    let mut found = Vec::new();
    content.ranges(&args, length, &memory, |address, length| {
        found.push((address, length));
    });
    memory.failed.into_inner().map_or(Ok(Some(found)), Err)
}

/// Memory behind a function of Python's.
struct Reader<'a, 'py> {
    read: &'a Bound<'py, PyAny>,
    /// An exception of it, which is passed on.
    failed: RefCell<Option<PyErr>>,
}

impl Memory for Reader<'_, '_> {
    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        let answer = self.read.call1((address, into.len()));
        match answer.and_then(|bytes| bytes.extract::<Vec<u8>>()) {
            Ok(bytes) if bytes.len() == into.len() => into.copy_from_slice(&bytes),
            Ok(_) => return false,
            Err(error) => {
                self.failed.borrow_mut().get_or_insert(error);
                return false;
            }
        }
        true
    }
}

fn content_of(number: u16) -> Content {
    lookup(number.into()).map_or(Content::Unchanged, |call| call.content)
}

/// The name of a system call.
#[pyfunction]
pub fn call_name(number: u16) -> String {
    lookup(number.into()).map_or_else(|| format!("syscall_{number}"), |call| call.name.to_owned())
}

fn signal(number: u16) -> String {
    signal_name(number.into()).map_or_else(|| format!("signal {number}"), str::to_owned)
}

/// One line for a person: the call with arguments and result, the signal, the message.
pub fn describe(event: &Event<'_>) -> String {
    let header = event.header;
    let name = name(event);
    let EventHeader {
        args, result, ip, ..
    } = *header;
    let is_filtered = header.flags & flags::FILTERED != 0;
    match event.kind {
        EventKind::Syscall if is_filtered => format!("{}, by a seccomp filter", call(event, &name)),
        EventKind::Syscall if header.flags & flags::INT80 != 0 => {
            format!("{}, by int 0x80", call(event, &name))
        }
        EventKind::Syscall => call(event, &name),
        EventKind::Exit if is_filtered => {
            let killed = signal((header.result & 0x7f) as u16);
            format!("{name}: killed by a seccomp filter, {killed}")
        }
        EventKind::Exit => format!("{name}({result})"),
        EventKind::Instruction if instruction::stores_state(header.code) => {
            format!("{name} of {:#x}", args[3] << 32 | args[0])
        }
        EventKind::Instruction => {
            let [rax, rbx, rcx, rdx, ..] = args;
            format!("{name}: rax={rax:#x} rbx={rbx:#x} rcx={rcx:#x} rdx={rdx:#x}")
        }
        EventKind::SignalDelivered => name,
        EventKind::Fault => format!("{name} at {ip:#x}"),
        EventKind::VforkReturn => format!("= {result}"),
        EventKind::ProcessStart => format!("pid {}", args[2]),
        EventKind::Snapshot => format!("pid {}, the log begins here", args[4]),
        EventKind::ImageBegin => text_of(event, Tag::Path),
        EventKind::Note | EventKind::RecordingEnd => text_of(event, Tag::Text),
        _ => String::new(),
    }
}

fn call(event: &Event<'_>, name: &str) -> String {
    let EventHeader {
        code, args, result, ..
    } = *event.header;
    let mut text = String::new();
    if let Some(call) = lookup(code.into()) {
        if format_call(call, &args, result, &mut text).is_ok() {
            return text;
        }
    }
    let args: Vec<String> = args.iter().map(|arg| format!("{arg:#x}")).collect();
    format!("{name}({}) = {result}", args.join(", "))
}

fn text_of(event: &Event<'_>, tag: Tag) -> String {
    let payload = event
        .find(tag)
        .map_or(&[][..], |attachment| attachment.payload);
    String::from_utf8_lossy(payload).into_owned()
}
