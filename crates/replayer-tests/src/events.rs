//! Event records.

use reenact_trace::attachment::AttachmentHeader;
use reenact_trace::{EventHeader, EventKind, FileId, MapRecord, Registers, Tag};

/// An event being put together.
#[derive(Clone)]
pub struct EventBuilder {
    pub header: EventHeader,
    body: Vec<u8>,
}

impl EventBuilder {
    pub fn new(kind: EventKind, code: u16, tid: u32) -> EventBuilder {
        let header = EventHeader {
            kind: kind as u8,
            code,
            tid,
            ..EventHeader::default()
        };
        EventBuilder {
            header,
            body: Vec::new(),
        }
    }

    /// A system call that returned; `registers` are those at its instruction.
    pub fn syscall(registers: &Registers, tid: u32, result: i64) -> EventBuilder {
        let r = registers;
        let mut event = EventBuilder::new(EventKind::Syscall, r.rax as u16, tid);
        event.header.args = [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9];
        event.header.ip = r.rip + 2;
        event.header.result = result;
        event.header.register_checksum = r.checksum();
        event
    }

    pub fn flags(mut self, flags: u8) -> EventBuilder {
        self.header.flags |= flags;
        self
    }

    pub fn kind(mut self, kind: EventKind) -> EventBuilder {
        self.header.kind = kind as u8;
        self
    }

    pub fn args(mut self, args: [u64; 6]) -> EventBuilder {
        self.header.args = args;
        self
    }

    pub fn attach(mut self, tag: Tag, address: u64, payload: &[u8]) -> EventBuilder {
        let header = AttachmentHeader {
            tag: tag as u16,
            flags: 0,
            length: payload.len() as u32,
            address,
        };
        self.body.extend_from_slice(header.as_bytes());
        self.body.extend_from_slice(payload);
        self.body.resize(self.body.len().next_multiple_of(8), 0);
        self.header.attachments += 1;
        self
    }

    /// An anonymous mapping.
    pub fn map(self, address: u64, length: u64, protection: u32) -> EventBuilder {
        const PRIVATE_ANONYMOUS: u32 = 0x22;
        let record = MapRecord {
            length,
            protection,
            flags: PRIVATE_ANONYMOUS,
            file: FileId::NONE.0,
            ..MapRecord::default()
        };
        self.attach(Tag::Map, address, record.as_bytes())
    }

    pub fn registers(self, registers: &Registers) -> EventBuilder {
        self.attach(Tag::Registers, 0, registers.as_bytes())
    }

    /// The record.
    pub fn bytes(&self) -> Vec<u8> {
        let mut header = self.header;
        header.size = (EventHeader::SIZE + self.body.len()) as u32;
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
