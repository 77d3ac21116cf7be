//! A program that steps itself by the trap flag. It is trapped in code of ours, too, which stands in the place
//! of its own: in the trampoline of a patched call site, and at our entries from the vDSO.

use crate::frame::Frame;
use crate::trampoline::{self, Stand};
use crate::user_context::{UserContext, RAX, RIP};
use crate::{entry, guarded_copy, trampoline_areas, Origin};

/// Where the program stands, after its own code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// It is trapped at the address that its context names now.
    Trapped,
    /// It makes a call, which would not have been trapped behind its first instruction: it has come in by this.
    Calls(Origin),
}

/// The program's trap flag has trapped at `context`'s address, which is one of ours: put the registers right as
/// the program's own code would have left them. `None`: the program cannot have come there.
pub fn translate(context: &mut UserContext, frame: &mut Frame) -> Option<Stepped> {
    let ip = context.general[RIP];
    if let Some(number) = entry::vdso_function(ip) {
        frame.vdso = number;
        // The function knows it.
        context.general[RIP] = 0;
        return Some(Stepped::Calls(Origin::Vdso));
    }
    if !trampoline_areas::contain(ip) {
        return None;
    }
    let mut code = [0u8; trampoline::SIZE];
    let start = trampoline::start_of(ip);
    if !guarded_copy::read(start, &mut code) {
        return None;
    }
    match trampoline::stand(&code, start, ip)? {
        Stand::AtCall { at, number } => {
            context.general[RAX] = u64::from(number);
            context.general[RIP] = at;
            Some(Stepped::Trapped)
        }
        Stand::BehindCall(after) => {
            context.general[RIP] = after;
            Some(Stepped::Calls(Origin::Trap))
        }
        Stand::BehindTail(end) => {
            context.general[RIP] = end;
            Some(Stepped::Trapped)
        }
    }
}
