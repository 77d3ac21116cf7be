//! Arrays of buffers (`struct iovec`) and message headers.

use crate::access::{read_words, Field, Memory, Records, Sink};
use crate::emit::Emitter;

/// Vectors up to this length are copied before the call: its data may overwrite them.
const SAVED: usize = 8;
/// `UIO_MAXIOV`: longer ones are refused by the kernel.
const MAXIMUM: u64 = 1024;
/// `struct iovec`.
const IOVEC: u64 = 16;
/// `struct msghdr`, and with the length that `recvmmsg` adds.
pub(super) const MESSAGE: u64 = 56;
pub(super) const MULTIPLE_MESSAGE: u64 = 64;
/// What the kernel writes of them: sizes of name and control data, flags; the length.
const MESSAGE_FIELDS: &[Field] = &[(8, 4), (40, 8), (48, 4)];
const MULTIPLE_MESSAGE_FIELDS: &[Field] = &[(8, 4), (40, 8), (48, 4), (56, 4)];
/// The largest address the kernel hands out (`struct sockaddr_storage`).
const LARGEST_NAME: u64 = 128;

/// An array of buffers.
#[derive(Clone, Debug)]
pub(super) struct Vector {
    address: u64,
    count: u64,
    saved: [u64; 2 * SAVED],
    saved_count: u64,
}

impl Vector {
    /// Remember the array at `address`.
    pub fn capture(address: u64, count: u64, memory: &impl Memory) -> Vector {
        let count = if count > MAXIMUM { 0 } else { count };
        let mut vector = Vector {
            address,
            count,
            saved: [0; 2 * SAVED],
            saved_count: 0,
        };
        let wanted = count.min(SAVED as u64) as usize;
        let mut bytes = [0u8; SAVED * IOVEC as usize];
        let bytes = &mut bytes[..wanted * IOVEC as usize];
        if wanted > 0 && memory.read(address, bytes) {
            for (word, chunk) in vector.saved.iter_mut().zip(bytes.chunks_exact(8)) {
                *word = u64::from_le_bytes(chunk.try_into().expect("chunks of 8 bytes"));
            }
            vector.saved_count = wanted as u64;
        }
        vector
    }

    /// An array that is read when it is needed.
    fn later(address: u64, count: u64) -> Vector {
        let count = if count > MAXIMUM { 0 } else { count };
        Vector {
            address,
            count,
            saved: [0; 2 * SAVED],
            saved_count: 0,
        }
    }

    fn get(&self, index: u64, memory: &impl Memory) -> Option<(u64, u64)> {
        if index < self.saved_count {
            let at = 2 * index as usize;
            return Some((self.saved[at], self.saved[at + 1]));
        }
        let [base, length] = read_words::<2>(self.address.checked_add(index * IOVEC)?, memory)?;
        Some((base, length))
    }

    /// Report the first `amount` bytes of the buffers.
    pub fn emit<M: Memory, S: Sink>(&self, amount: u64, emitter: &mut Emitter<'_, M, S>) {
        self.for_each(amount, emitter, |emitter, base, length| {
            emitter.emit(base, length)
        });
    }

    /// The same for buffers that may lie in another process: only what is readable here.
    fn emit_readable<M: Memory, S: Sink>(&self, amount: u64, emitter: &mut Emitter<'_, M, S>) {
        self.for_each(amount, emitter, |emitter, base, length| {
            emitter.emit_readable(base, length)
        });
    }

    fn for_each<M: Memory, S: Sink>(
        &self,
        amount: u64,
        emitter: &mut Emitter<'_, M, S>,
        mut report: impl FnMut(&mut Emitter<'_, M, S>, u64, u64),
    ) {
        let mut left = amount;
        for index in 0..self.count {
            if left == 0 {
                return;
            }
            let Some((base, length)) = self.get(index, emitter.memory) else {
                return;
            };
            let part = length.min(left);
            report(emitter, base, part);
            left -= part;
        }
    }
}

/// After `recvmsg`.
pub(super) fn message<M: Memory, S: Sink>(
    header: &[u64; 7],
    vector: &Vector,
    emitter: &mut Emitter<'_, M, S>,
) {
    let Some(amount) = emitter.amount(u64::MAX) else {
        return;
    };
    let after = read_words::<7>(emitter.args[1], emitter.memory).unwrap_or(*header);
    emitter.emit_fields(Records {
        address: emitter.args[1],
        count: 1,
        unit: MESSAGE,
        fields: MESSAGE_FIELDS,
    });
    vector.emit(amount, emitter);
    // After EFAULT the lengths may not have been written back.
    let (name, control) = if emitter.result < 0 {
        (header[1], header[5])
    } else {
        (
            (header[1] & 0xffff_ffff).min(after[1] & 0xffff_ffff),
            header[5].min(after[5]),
        )
    };
    emitter.emit(header[0], (name & 0xffff_ffff).min(LARGEST_NAME));
    emitter.emit(header[4], control);
}

/// After `recvmmsg`: the result is the number of messages.
pub(super) fn messages<M: Memory, S: Sink>(emitter: &mut Emitter<'_, M, S>) {
    let Some(received) = emitter.amount(emitter.args[2] & 0xffff_ffff) else {
        return;
    };
    // After EFAULT only the first can have been touched: later ones make it a success.
    let received = if emitter.result < 0 {
        received.min(1)
    } else {
        received
    };
    for index in 0..received {
        let Some(address) = emitter.args[1].checked_add(index * MULTIPLE_MESSAGE) else {
            return;
        };
        let Some(header) = read_words::<8>(address, emitter.memory) else {
            return;
        };
        emitter.emit_fields(Records {
            address,
            count: 1,
            unit: MULTIPLE_MESSAGE,
            fields: MULTIPLE_MESSAGE_FIELDS,
        });
        let amount = if emitter.result < 0 {
            u64::MAX
        } else {
            header[7] & 0xffff_ffff
        };
        Vector::later(header[2], header[3]).emit(amount, emitter);
        emitter.emit(header[0], (header[1] & 0xffff_ffff).min(LARGEST_NAME));
        emitter.emit(header[4], header[5]);
    }
}

/// After `process_vm_writev`: the remote buffers, in case the process wrote to itself.
pub(super) fn remote<M: Memory, S: Sink>(emitter: &mut Emitter<'_, M, S>) {
    if let Some(amount) = emitter.amount(u64::MAX) {
        Vector::later(emitter.args[3], emitter.args[4]).emit_readable(amount, emitter);
    }
}
