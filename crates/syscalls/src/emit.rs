//! Reporting ranges, clipped to readable memory where the kernel has not vouched for them.

use crate::access::{read_u32, read_words, Memory, Records, Sink};

pub(crate) const EFAULT: i64 = 14;
const PAGE: u64 = 4096;
/// The kernel moves no more in one call (`MAX_RW_COUNT`).
const MAXIMUM: u64 = 0x7fff_f000;

/// One finished call, and where its outputs go.
pub(crate) struct Emitter<'a, M: Memory, S: Sink> {
    pub args: &'a [u64; 6],
    pub result: i64,
    pub memory: &'a M,
    pub sink: &'a mut S,
}

impl<M: Memory, S: Sink> Emitter<'_, M, S> {
    /// How much of at most `limit` was transferred; `None` after a failure that wrote nothing.
    /// After `EFAULT` a part may have been written: everything.
    pub fn amount(&self, limit: u64) -> Option<u64> {
        if self.result >= 0 {
            Some((self.result as u64).min(limit))
        } else if self.result == -EFAULT {
            Some(limit.min(MAXIMUM))
        } else {
            None
        }
    }

    /// Whether outputs of success may be there.
    pub fn succeeded(&self) -> bool {
        self.result >= 0 || self.result == -EFAULT
    }

    /// Report a range; after failures only the part that is readable.
    pub fn emit(&mut self, address: u64, length: u64) {
        if address == 0 || length == 0 {
            return;
        }
        if self.result >= 0 {
            self.sink.output(address, length);
        } else {
            self.emit_readable(address, length);
        }
    }

    /// Report a range that the kernel leaves out where it cannot write.
    pub fn emit_if_writable(&mut self, address: u64, length: u64) {
        if self.result == -EFAULT {
            self.emit(address, length);
        } else if address != 0 && length != 0 {
            self.sink.output_if_writable(address, length);
        }
    }

    /// Report fields of records; after failures the records, as far as they are readable.
    pub fn emit_fields(&mut self, records: Records) {
        if records.address == 0 || records.count == 0 {
            return;
        }
        if self.result == -EFAULT {
            self.emit(records.address, records.count.saturating_mul(records.unit));
        } else {
            self.sink.fields(records);
        }
    }

    /// Report the readable beginning of a range.
    pub fn emit_readable(&mut self, address: u64, length: u64) {
        if address == 0 {
            return;
        }
        let length = length.min(MAXIMUM).min(u64::MAX - address);
        let mut readable = 0;
        while readable < length {
            let mut byte = [0u8; 1];
            if !self.memory.read(address + readable, &mut byte) {
                break;
            }
            let page_left = PAGE - (address + readable) % PAGE;
            readable += page_left.min(length - readable);
        }
        if readable > 0 {
            self.sink.output(address, readable);
        }
    }

    /// A buffer and the `u32` that holds its length, `before` the call and now.
    pub fn value_result(&mut self, buffer: u64, length: u64, before: u32) {
        let after = self.u32(length).unwrap_or(before);
        self.emit(length, 4);
        // Longer than before: it did not fit, and was cut.
        let bytes = if self.result == -EFAULT {
            before
        } else {
            before.min(after)
        };
        self.emit(buffer, u64::from(bytes));
    }

    pub fn u32(&self, address: u64) -> Option<u32> {
        read_u32(address, self.memory)
    }

    pub fn word(&self, address: u64) -> Option<u64> {
        read_words::<1>(address, self.memory).map(|[word]| word)
    }
}
