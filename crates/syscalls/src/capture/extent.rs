//! Which memory the kernel can touch for a call's outputs, known before it: what scratch memory
//! stands for.

use super::vectors::{MESSAGE, MULTIPLE_MESSAGE};
use crate::access::{read_u32, Memory};
use crate::call::SystemCall;
use crate::output::{Count, Output, Rule};

/// Memory behind an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So many bytes at the address.
    Bytes { argument: u8, bytes: u64 },
    /// So many buffers in the array at the address.
    Vector { argument: u8, count: u64 },
    /// So many message headers of this size, and what they name.
    Messages { argument: u8, count: u64, unit: u64 },
}

/// No row has more.
pub const MOST_EXTENTS: usize = 6;

/// Report what a call with these arguments can write, if its row waits in scratch memory.
///
/// `memory` is read for value-result lengths alone.
pub fn extents(
    call: &SystemCall,
    args: &[u64; 6],
    memory: &impl Memory,
) -> [Option<Extent>; MOST_EXTENTS] {
    let mut found = [None; MOST_EXTENTS];
    let mut free = found.iter_mut();
    let mut add = |extent| {
        if let Some(place) = free.next() {
            *place = Some(extent);
        }
    };
    let arg = |index: u8| args[usize::from(index)];
    for output in call.outputs {
        match *output {
            Output::Fixed { pointer, bytes, .. } => add(Extent::Bytes {
                argument: pointer,
                bytes: u64::from(bytes),
            }),
            Output::Counted {
                pointer,
                count,
                unit,
                ..
            } => add(Extent::Bytes {
                argument: pointer,
                bytes: (arg(count) & 0xffff_ffff) * u64::from(unit),
            }),
            Output::Result {
                pointer,
                limit,
                unit,
                header,
            } => add(Extent::Bytes {
                argument: pointer,
                bytes: arg(limit)
                    .saturating_mul(u64::from(unit))
                    .saturating_add(u64::from(header)),
            }),
            Output::Fields {
                pointer,
                count: Count::Argument(count) | Count::Result(count),
                unit,
                ..
            } => add(Extent::Bytes {
                argument: pointer,
                bytes: (arg(count) & 0xffff_ffff) * u64::from(unit),
            }),
            Output::ValueResult {
                pointer, length, ..
            } => {
                if let Some(bytes) = read_u32(arg(length), memory) {
                    add(Extent::Bytes {
                        argument: length,
                        bytes: 4,
                    });
                    add(Extent::Bytes {
                        argument: pointer,
                        bytes: u64::from(bytes),
                    });
                }
            }
            Output::Vector { pointer, count } => add(Extent::Vector {
                argument: pointer,
                count: arg(count),
            }),
            Output::Rule(Rule::DescriptorSets) => {
                let descriptors = u64::try_from(args[0] as u32 as i32).unwrap_or(0);
                for argument in 1..=3 {
                    add(Extent::Bytes {
                        argument,
                        bytes: descriptors.div_ceil(64) * 8,
                    });
                }
            }
            Output::Rule(Rule::Remaining) => add(Extent::Bytes {
                argument: 3,
                bytes: 16,
            }),
            Output::Rule(Rule::Message) => add(Extent::Messages {
                argument: 1,
                count: 1,
                unit: MESSAGE,
            }),
            Output::Rule(Rule::Messages) => add(Extent::Messages {
                argument: 1,
                count: args[2] & 0xffff_ffff,
                unit: MULTIPLE_MESSAGE,
            }),
            // No row that waits in scratch memory has another rule (`row_check`).
            Output::Rule(_) => {}
        }
    }
    found
}
