//! Descriptors that calls name elsewhere than in an argument of the kind: ours are none of the program's there, either.

use reenact_freestanding::numbers::{IOCTL, KCMP, SCM_RIGHTS, SENDMMSG, SENDMSG, SOL_SOCKET};

use crate::call::Call;
use crate::{guest, hidden_descriptors};

const FICLONE: u32 = 0x4004_9409;
const FICLONERANGE: u32 = 0x4020_940d;
/// `struct mmsghdr`.
const MESSAGE: u64 = 64;

/// Whether the call would reach a descriptor of ours so: it fails with EBADF then.
pub fn names_hidden(call: &Call<'_>) -> bool {
    let [first, second, third, fourth, fifth, _] = call.args;
    match call.number {
        IOCTL => match second as u32 {
            FICLONE => hidden_descriptors::is_hidden(third),
            FICLONERANGE => guest::read_u64(third).is_some_and(hidden_descriptors::is_hidden),
            _ => false,
        },
        KCMP => compares_hidden([first, second], third, [fourth, fifth]),
        SENDMSG => sends_hidden(second),
        // Of several messages the first one decides about the result.
        SENDMMSG => third as u32 > 0 && sends_hidden(second),
        _ => false,
    }
}

/// How many messages come before the first that would pass on a descriptor of ours; `None`: none would.
pub fn messages_before_hidden(call: &Call<'_>) -> Option<u64> {
    /// The kernel looks at no more.
    const MOST: u64 = 1024;
    let [_, at, count, ..] = call.args;
    (0..(count & 0xffff_ffff).min(MOST))
        .find(|index| sends_hidden(at.wrapping_add(index * MESSAGE)))
}

/// Whether `kcmp` compares an open file of ours: it has the same number in all recorded processes.
fn compares_hidden(processes: [u64; 2], kind: u64, numbers: [u64; 2]) -> bool {
    const FILE: u64 = 0;
    kind as u32 as u64 == FILE
        && processes.into_iter().zip(numbers).any(|(process, number)| {
            hidden_descriptors::is_hidden(number)
                && hidden_descriptors::are_hidden_from(process as u32)
        })
}

/// Whether a `struct msghdr` passes on a descriptor of ours.
fn sends_hidden(message: u64) -> bool {
    /// Where its control data is, and how long.
    const CONTROL: u64 = 32;
    const LENGTH: u64 = 40;
    /// `struct cmsghdr`, and the most that the kernel takes (SCM_MAX_FD).
    const HEADER: u64 = 16;
    const MOST: u64 = HEADER + 253 * 4;
    let word = |at: u64| guest::read_u64(message.wrapping_add(at));
    let (Some(control), Some(length)) = (word(CONTROL), word(LENGTH)) else {
        return false;
    };
    let mut at = 0;
    while control != 0 && length.saturating_sub(at) >= HEADER {
        let here = control.wrapping_add(at);
        let (Some(size), Some(kind)) =
            (guest::read_u64(here), guest::read_u64(here.wrapping_add(8)))
        else {
            return false;
        };
        if size < HEADER || size > length - at {
            return false;
        }
        if kind == (SCM_RIGHTS << 32 | SOL_SOCKET) && size <= MOST {
            let mut numbers = (HEADER..size & !3).step_by(4);
            let is_ours = |offset| {
                let mut number = [0; 4];
                guest::read(here.wrapping_add(offset), &mut number)
                    && hidden_descriptors::is_hidden(u32::from_le_bytes(number).into())
            };
            if numbers.any(is_ours) {
                return true;
            }
        }
        at += size.next_multiple_of(8);
    }
    false
}
