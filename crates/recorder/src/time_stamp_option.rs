//! PR_SET_TSC and PR_GET_TSC: what the program wants of the time-stamp counter, beside what we want.

use reenact_freestanding::numbers::*;
use reenact_trace::Tag;

use crate::call::{Call, Outcome};
use crate::{guest, time_stamps};

/// Perform one of them; `None`: another option.
pub fn perform(call: &mut Call<'_>) -> Option<Outcome> {
    const ENABLED: u32 = PR_TSC_ENABLE as u32;
    const REFUSED: u32 = PR_TSC_SIGSEGV as u32;
    let [option, argument, ..] = call.args;
    let result = match (u64::from(option as u32), argument as u32) {
        (PR_GET_TSC, _) => {
            let is_refused = call.thread.time_stamps_refused;
            let answer = if is_refused { REFUSED } else { ENABLED }.to_le_bytes();
            if guest::write(argument, &answer) {
                call.event.bytes(Tag::Write, argument, &answer);
                0
            } else {
                -EFAULT
            }
        }
        (PR_SET_TSC, wanted @ (ENABLED | REFUSED)) => {
            time_stamps::refuse(call.thread, wanted == REFUSED);
            0
        }
        (PR_SET_TSC, _) => -EINVAL,
        _ => return None,
    };
    Some(Outcome::Done(result))
}
