//! Looking at the program where the replay stands still: what questions of a client are answered with.

use alloc::vec::Vec;

use reenact_trace::checksum::Checksum;
use reenact_trace::Registers;

use super::history::Passed;
use super::message::{self, reply, Reader};
use super::observed::{Collected, Observed};
use super::serve::MOST_PAYLOAD;
use super::Control;
use crate::machine::Machine;
use crate::xsave_area::VectorState;

impl Control {
    /// Of an expression: whether it has a value (0), and which.
    pub(super) fn evaluate(&mut self, machine: &Machine, code: &[u8]) {
        let mut collected = Collected::default();
        let mut observed = Observed {
            machine,
            collected: &mut collected,
        };
        let result = reenact_agent::evaluate(code, &mut observed);
        self.send_data(|out| {
            for word in [u64::from(result.is_err()), result.unwrap_or(0)] {
                out.extend_from_slice(&word.to_le_bytes());
            }
        });
    }

    pub(super) fn read_registers(&mut self, machine: &mut Machine, tid: u64) {
        let current = machine.threads.current.map(u64::from);
        if tid == 0 || current == Some(tid) {
            let registers = *machine.registers();
            let vectors = VectorState::save(&mut machine.translator);
            self.send_registers(&registers, &vectors);
            return;
        }
        let threads = &machine.threads;
        let parents = threads.vfork_parents.iter();
        let state = u32::try_from(tid).ok().and_then(|tid| {
            let mut parents = parents.filter(|parent| parent.tid == tid);
            threads
                .waiting
                .get(&tid)
                .or_else(|| parents.next().map(|parent| &parent.state))
        });
        match state {
            Some(state) => self.send_registers(&state.registers, &state.vectors),
            None => self.refuse("there is no such thread here"),
        }
    }

    fn send_registers(&mut self, registers: &Registers, vectors: &VectorState) {
        self.send_data(|out| {
            out.extend_from_slice(registers.as_bytes());
            out.extend_from_slice(&vectors.for_client());
        });
    }

    /// As much of the range as can be read from its start on.
    pub(super) fn read_memory(&mut self, machine: &Machine, address: u64, length: u64) {
        const PAGE: u64 = 4096;
        let mut left = length.min(MOST_PAYLOAD as u64);
        let mut at = address;
        let mut page = [0u8; PAGE as usize];
        message::begin(&mut self.reply, reply::DATA, self.tag);
        while left > 0 {
            let piece = (PAGE - at % PAGE).min(left);
            let bytes = &mut page[..piece as usize];
            if machine.memory.read_original(at, bytes).is_err() {
                break;
            }
            self.reply.extend_from_slice(bytes);
            at = at.wrapping_add(piece);
            left -= piece;
        }
        self.send();
    }

    /// Readable bytes from an address on, and their checksum: what a client compares need not be sent.
    pub(super) fn checksum(&mut self, machine: &Machine, address: u64, length: u64) {
        const PAGE: u64 = 4096;
        let mut checksum = Checksum::default();
        let mut page = [0u8; PAGE as usize];
        let mut done = 0;
        while done < length {
            let at = address.wrapping_add(done);
            let piece = (PAGE - at % PAGE).min(length - done);
            let bytes = &mut page[..piece as usize];
            if machine.memory.read_original(at, bytes).is_err() {
                break;
            }
            checksum.add(bytes);
            done += piece;
        }
        self.send_data(|out| {
            out.extend_from_slice(&done.to_le_bytes());
            out.extend_from_slice(&checksum.finish().to_le_bytes());
        });
    }

    /// Mappings from the `first`-th on, as many as fit.
    pub(super) fn mappings(&mut self, machine: &Machine, first: u64) {
        const SIZE: usize = 48;
        let table = &machine.memory.table;
        self.send_data(|out| {
            let mappings = table.iter().skip(first as usize);
            for (start, mapping) in mappings.take(MOST_PAYLOAD / SIZE) {
                for word in [start, mapping.end] {
                    out.extend_from_slice(&word.to_le_bytes());
                }
                for word in [mapping.protection, mapping.flags, mapping.file.0, 0] {
                    out.extend_from_slice(&word.to_le_bytes());
                }
                for word in [mapping.offset, mapping.memory] {
                    out.extend_from_slice(&word.to_le_bytes());
                }
            }
        });
    }

    /// The running thread first (0: none), then all others.
    pub(super) fn threads(&mut self, machine: &Machine) {
        let threads = &machine.threads;
        let current = threads.current.filter(|_| !threads.ended).unwrap_or(0);
        let parents = threads.vfork_parents.iter().map(|parent| parent.tid);
        let others: Vec<u32> = threads.waiting.keys().copied().chain(parents).collect();
        self.send_data(|out| {
            for tid in core::iter::once(current).chain(others) {
                out.extend_from_slice(&tid.to_le_bytes());
            }
        });
    }

    /// What threads are called, in the order in which they are asked for: 16 bytes each.
    pub(super) fn thread_names(&mut self, machine: &Machine, mut tids: Reader<'_>) {
        self.send_data(|out| {
            while tids.has_word() {
                out.extend_from_slice(&machine.names.of(tids.u64() as u32));
            }
        });
    }

    /// Events behind, from the `first`-th record on, as many as fit.
    pub(super) fn passed(&mut self, first: u64) {
        let history = core::mem::take(&mut self.history);
        self.send_data(|out| {
            let records = history.iter().skip(first as usize);
            for passed in records.take(MOST_PAYLOAD / Passed::SIZE) {
                passed.write(out);
            }
        });
        self.history = history;
    }
}
