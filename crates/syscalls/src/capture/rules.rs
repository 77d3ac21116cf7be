//! Outputs that need code.

use super::commands::{self, SemaphoreOutput};
use super::saved::Saved;
use super::vectors;
use crate::access::{read_words, Memory, Sink};
use crate::emit::{Emitter, EFAULT};
use crate::futex::{futex_operation, FutexOutput};
use crate::output::Rule;

const EINTR: i64 = 4;
const EOVERFLOW: i64 = 75;

/// Report the outputs of `rule`.
pub(super) fn after<M: Memory, S: Sink>(rule: Rule, saved: &Saved, out: &mut Emitter<'_, M, S>) {
    let args = *out.args;
    match rule {
        Rule::DescriptorSets => descriptor_sets(out),
        Rule::Message => {
            if let Saved::Message(header, vector) = saved {
                vectors::message(header, vector, out);
            }
        }
        Rule::Messages => vectors::messages(out),
        Rule::SocketOption => socket_option(saved, out),
        Rule::SetSocketOption => old_counters(out),
        Rule::Ioctl => crate::ioctl::outputs(args[1] as u32, args[2], out),
        Rule::Fcntl => {
            if let Ok(command) = crate::fcntl::fcntl(args[1] as u32) {
                if out.succeeded() {
                    out.emit(args[2], u64::from(command.bytes));
                }
            }
        }
        Rule::Prctl => crate::prctl::outputs(out),
        Rule::Filter => {
            const GET_NOTIF_SIZES: u32 = 3;
            /// `struct seccomp_notif_sizes`
            const SIZES: u64 = 6;
            if args[0] as u32 == GET_NOTIF_SIZES && out.succeeded() {
                out.emit(args[2], SIZES);
            }
        }
        Rule::ArchPrctl => {
            if out.succeeded() {
                out.emit(args[1], commands::arch_prctl_size(args[0]));
            }
        }
        Rule::Futex => futex(out),
        Rule::Clone => clone(args[0], [args[2], args[2], args[3]], out),
        Rule::Clone3 => {
            // flags, pidfd, child_tid, parent_tid
            if let Some([flags, pidfd, child, parent]) = read_words::<4>(args[0], out.memory) {
                clone(flags, [pidfd, parent, child], out);
            }
        }
        Rule::Capabilities => capabilities(out),
        Rule::Remaining => {
            const TIMER_ABSTIME: u64 = 1;
            if args[1] & TIMER_ABSTIME == 0 && (out.result == -EINTR || out.result == -EFAULT) {
                out.emit(args[3], 16);
            }
        }
        Rule::FileHandle => file_handle(saved, out),
        Rule::Quota | Rule::QuotaByDescriptor => {
            let command = if rule == Rule::Quota {
                args[0]
            } else {
                args[1]
            };
            if out.succeeded() {
                out.emit(args[3], commands::quota_size(command));
            }
        }
        Rule::Semaphore => match commands::semaphore_output(args[2]) {
            SemaphoreOutput::Bytes(size) if out.succeeded() => out.emit(args[3], size),
            SemaphoreOutput::AllValues(most) if out.succeeded() => out.emit_readable(args[3], most),
            _ => {}
        },
        Rule::MessageQueue if out.succeeded() => {
            out.emit(args[2], commands::message_queue_size(args[1]));
        }
        Rule::SharedMemory if out.succeeded() => {
            out.emit(args[2], commands::shared_memory_size(args[1]));
        }
        Rule::MessageQueue | Rule::SharedMemory => {}
        Rule::Keys => keys(out),
        Rule::SysfsName => {
            const NAME_OF_INDEX: u64 = 2;
            if args[0] as u32 as u64 == NAME_OF_INDEX && out.succeeded() {
                let length = string_length(args[2], out);
                out.emit(args[2], length);
            }
        }
        Rule::KernelLog => {
            if matches!(args[0] as u32, 2..=4) {
                if let Some(amount) = out.amount(args[2] & 0xffff_ffff) {
                    out.emit(args[1], amount);
                }
            }
        }
        Rule::ExtendedAttribute => {
            if let Saved::Buffer(address, size) = *saved {
                if let Some(amount) = out.amount(size) {
                    out.emit(address, amount);
                }
            }
        }
        Rule::StatMount => {
            if out.succeeded() {
                let written = match out.result {
                    0.. => out.u32(args[1]).map_or(args[2], u64::from).min(args[2]),
                    _ => args[2],
                };
                out.emit(args[1], written);
            }
        }
        Rule::NodeMask => {
            if out.succeeded() && args[2] > 0 {
                out.emit(args[1], (args[2] - 1).div_ceil(64).saturating_mul(8));
            }
        }
        Rule::Residency => out.emit(args[2], args[1].div_ceil(4096)),
        Rule::RemoteVector => vectors::remote(out),
        Rule::Groups => {
            if let Some(count) = out.amount(args[0] & 0xffff_ffff) {
                out.emit(args[1], count * 4);
            }
        }
    }
}

/// The sets are rounded up to words; the kernel looks at no more descriptors than the process
/// can have, so a silly count must not make us read past the sets.
fn descriptor_sets<M: Memory, S: Sink>(out: &mut Emitter<'_, M, S>) {
    let count = out.args[0] as u32 as i32;
    if count <= 0 || !out.succeeded() {
        return;
    }
    let bytes = (count as u64).div_ceil(64) * 8;
    const FD_SET: u64 = 128;
    for pointer in [out.args[1], out.args[2], out.args[3]] {
        if bytes <= FD_SET {
            out.emit(pointer, bytes);
        } else {
            out.emit_readable(pointer, bytes);
        }
    }
}

/// The length is written back by some options on failure too (SO_PEERGROUPS: ERANGE).
fn socket_option<M: Memory, S: Sink>(saved: &Saved, out: &mut Emitter<'_, M, S>) {
    const SOL_SOCKET: u32 = 1;
    const SO_GET_FILTER: u32 = 26;
    /// `struct sock_filter`: that option counts in instructions.
    const INSTRUCTION: u64 = 8;
    let Saved::Length(before) = *saved else {
        return;
    };
    let (level, option) = (out.args[1] as u32, out.args[2] as u32);
    let (value, length) = (out.args[3], out.args[4]);
    if !out.succeeded() {
        out.emit(length, 4);
    } else if (level, option) == (SOL_SOCKET, SO_GET_FILTER) {
        let instructions = out.u32(length).map_or(0, u64::from);
        out.emit(length, 4);
        if before > 0 {
            out.emit(value, instructions * INSTRUCTION);
        }
    } else {
        out.value_result(value, length, before);
    }
}

/// `iptables` replaces a table: `struct ipt_replace` names a buffer for the old counters.
fn old_counters<M: Memory, S: Sink>(out: &mut Emitter<'_, M, S>) {
    const SOL_IP: u32 = 0;
    const SOL_IPV6: u32 = 41;
    const SO_SET_REPLACE: u32 = 64;
    /// Where the structure has the number of counters and their address.
    const COUNT: u64 = 84;
    const ADDRESS: u64 = 88;
    /// `struct xt_counters`.
    const COUNTER: u64 = 16;
    let (level, option) = (out.args[1] as u32, out.args[2] as u32);
    if !out.succeeded() || option != SO_SET_REPLACE || !matches!(level, SOL_IP | SOL_IPV6) {
        return;
    }
    let value = out.args[3];
    let count = out.u32(value.wrapping_add(COUNT)).map_or(0, u64::from);
    if let Some(address) = out.word(value.wrapping_add(ADDRESS)) {
        out.emit(address, count * COUNTER);
    }
}

fn futex<M: Memory, S: Sink>(out: &mut Emitter<'_, M, S>) {
    let output =
        futex_operation(out.args[1]).map_or(FutexOutput::None, |operation| operation.output);
    match output {
        FutexOutput::None => {}
        FutexOutput::First => out.emit(out.args[0], 4),
        FutexOutput::Second => out.emit(out.args[4], 4),
    }
}

/// `pointers`: pidfd, parent's tid, child's tid.
fn clone<M: Memory, S: Sink>(flags: u64, pointers: [u64; 3], out: &mut Emitter<'_, M, S>) {
    const CLONE_VM: u64 = 0x100;
    const CLONE_PIDFD: u64 = 0x1000;
    const CLONE_PARENT_SETTID: u64 = 0x10_0000;
    const CLONE_CHILD_SETTID: u64 = 0x100_0000;
    if !out.succeeded() {
        return;
    }
    if flags & CLONE_PIDFD != 0 {
        out.emit(pointers[0], 4);
    }
    if flags & CLONE_PARENT_SETTID != 0 {
        out.emit(pointers[1], 4);
    }
    // Without CLONE_VM it is written in the child's memory only, where the result is 0.
    if flags & CLONE_CHILD_SETTID != 0 && (flags & CLONE_VM != 0 || out.result == 0) {
        out.emit(pointers[2], 4);
    }
}

/// With an unknown version the kernel writes the one it prefers to the header, and fails.
fn capabilities<M: Memory, S: Sink>(out: &mut Emitter<'_, M, S>) {
    const VERSION_1: u32 = 0x1998_0330;
    let (header, data) = (out.args[0], out.args[1]);
    let size = if out.u32(header) == Some(VERSION_1) {
        12
    } else {
        24
    };
    out.emit(header, 4);
    if out.succeeded() {
        out.emit(data, size);
    }
}

fn file_handle<M: Memory, S: Sink>(saved: &Saved, out: &mut Emitter<'_, M, S>) {
    /// Size and type.
    const HEADER: u64 = 8;
    const MOUNT_ID_UNIQUE: u64 = 1;
    let Saved::Length(before) = *saved else {
        return;
    };
    let handle = out.args[2];
    if out.result == -EOVERFLOW {
        out.emit(handle, HEADER);
    } else if out.succeeded() {
        let after = out.u32(handle).unwrap_or(before);
        let bytes = if out.result < 0 {
            before
        } else {
            before.min(after)
        };
        // MAX_HANDLE_SZ is 128; a larger size is refused.
        out.emit(handle, HEADER + u64::from(bytes.min(128)));
    }
    if out.succeeded() || out.result == -EOVERFLOW {
        out.emit(
            out.args[3],
            if out.args[4] & MOUNT_ID_UNIQUE != 0 {
                8
            } else {
                4
            },
        );
    }
}

/// For most the result is the size there is, which may be more than the buffer.
fn keys<M: Memory, S: Sink>(out: &mut Emitter<'_, M, S>) {
    let args = *out.args;
    let (buffer, limit) = match args[0] as u32 {
        // DESCRIBE, READ, GET_SECURITY, DH_COMPUTE
        6 | 11 | 17 | 23 => (args[2], args[3]),
        // PKEY_ENCRYPT, PKEY_DECRYPT, PKEY_SIGN
        25..=27 => (args[4], u64::MAX),
        // PKEY_QUERY: struct keyctl_pkey_query
        24 if out.succeeded() => return out.emit(args[4], 56),
        // CAPABILITIES: cleared up to the size given
        31 if out.succeeded() => return out.emit(args[1], args[2]),
        _ => return,
    };
    if let Some(amount) = out.amount(limit) {
        out.emit(buffer, amount);
    }
}

/// Bytes up to and with the NUL.
fn string_length<M: Memory, S: Sink>(address: u64, out: &Emitter<'_, M, S>) -> u64 {
    const LONGEST: u64 = 256;
    for length in 0..LONGEST {
        let mut byte = [0u8; 1];
        match address.checked_add(length) {
            Some(at) if out.memory.read(at, &mut byte) && byte[0] != 0 => {}
            _ => return length + 1,
        }
    }
    LONGEST
}
