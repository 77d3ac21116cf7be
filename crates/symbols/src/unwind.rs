//! From a frame to its caller, by call frame information (`.eh_frame`, `.debug_frame`).

use gimli::{CfaRule, Register, RegisterRule, UnwindContext, UnwindSection};

use crate::location::{evaluate_address, Context};
use crate::module::Module;
use crate::{Bytes, Error};

/// General registers by their DWARF numbers (System V ABI, AMD64 supplement, figure 3.36):
/// rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8–r15, and 16 the return address.
pub const REGISTERS: usize = 17;
const STACK_POINTER: u16 = 7;
const RETURN_ADDRESS: u16 = 16;

/// What is known of the caller of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerFrame {
    /// Canonical frame address of the frame that was asked about: the value of rsp in its caller
    /// before the call.
    pub frame_address: u64,
    /// Registers in the caller; None: no longer known.
    pub registers: [Option<u64>; REGISTERS],
    /// The frame asked about is the one the kernel made to run a signal handler: its "caller" was
    /// interrupted before the instruction at the return address.
    pub is_signal_frame: bool,
}

impl Module {
    /// The caller of the frame whose code address is `address` (of the file), or None where
    /// there is no call frame information.
    ///
    /// For a frame that has made a call, `address` is the return address less one: the call may
    /// be the last instruction of its function.
    pub fn unwind(
        &self,
        address: u64,
        context: &Context<'_>,
    ) -> Result<Option<CallerFrame>, Error> {
        let frames = &self.call_frames;
        if let Some(table) = frames.index.as_ref().and_then(|index| index.table()) {
            let entry = table.fde_for_address(
                &frames.eh_frame,
                &frames.eh_bases,
                address,
                gimli::EhFrame::cie_from_offset,
            );
            if let Ok(entry) = entry {
                return caller(&frames.eh_frame, &frames.eh_bases, &entry, address, context);
            }
        } else if let Ok(entry) = frames.eh_frame.fde_for_address(
            &frames.eh_bases,
            address,
            gimli::EhFrame::cie_from_offset,
        ) {
            return caller(&frames.eh_frame, &frames.eh_bases, &entry, address, context);
        }
        let entry = frames.debug_frame.fde_for_address(
            &frames.debug_bases,
            address,
            gimli::DebugFrame::cie_from_offset,
        );
        match entry {
            Ok(entry) => caller(
                &frames.debug_frame,
                &frames.debug_bases,
                &entry,
                address,
                context,
            ),
            Err(_) => Ok(None),
        }
    }
}

fn caller<Section: UnwindSection<Bytes>>(
    section: &Section,
    bases: &gimli::BaseAddresses,
    entry: &gimli::FrameDescriptionEntry<Bytes>,
    address: u64,
    context: &Context<'_>,
) -> Result<Option<CallerFrame>, Error> {
    let encoding = entry.cie().encoding();
    let mut unwinding = UnwindContext::new();
    let row = entry.unwind_info_for_address(section, bases, &mut unwinding, address)?;
    let frame_address = match row.cfa() {
        CfaRule::RegisterAndOffset { register, offset } => {
            context.general(register.0)?.wrapping_add_signed(*offset)
        }
        CfaRule::Expression(expression) => {
            let expression = expression.get(section)?;
            evaluate_address(expression, encoding, None, context)?
        }
    };
    let mut registers = [None; REGISTERS];
    for (number, value) in registers.iter_mut().enumerate() {
        let number = number as u16;
        *value = match row.register(Register(number)) {
            Some(RegisterRule::Offset(offset)) => {
                Some(context.word(frame_address.wrapping_add_signed(offset))?)
            }
            Some(RegisterRule::ValOffset(offset)) => {
                Some(frame_address.wrapping_add_signed(offset))
            }
            Some(RegisterRule::Register(other)) => context.general(other.0).ok(),
            Some(RegisterRule::Expression(expression)) => {
                let expression = expression.get(section)?;
                let place = evaluate_address(expression, encoding, Some(frame_address), context)?;
                Some(context.word(place)?)
            }
            Some(RegisterRule::ValExpression(expression)) => {
                let expression = expression.get(section)?;
                Some(evaluate_address(
                    expression,
                    encoding,
                    Some(frame_address),
                    context,
                )?)
            }
            Some(RegisterRule::Constant(value)) => Some(value),
            // The end of the chain: `_start` and the start of a thread say so.
            Some(RegisterRule::Undefined) => None,
            Some(_) => context.general(number).ok(),
            None if number == STACK_POINTER => Some(frame_address),
            None if number == RETURN_ADDRESS => None,
            // Without a rule: callee-saved registers are as they were, others are lost.
            None => match number {
                3 | 6 | 12..=15 => context.general(number).ok(),
                _ => None,
            },
        };
    }
    Ok(Some(CallerFrame {
        frame_address,
        registers,
        is_signal_frame: entry.is_signal_trampoline(),
    }))
}
