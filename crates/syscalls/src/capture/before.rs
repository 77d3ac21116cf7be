//! What has to be known from before a call, and the outputs after it.

use super::commands;
use super::rules;
use super::saved::{read_length, Saved};
use super::vectors::Vector;
use crate::access::{read_words, Memory, Records, Sink};
use crate::call::SystemCall;
use crate::class::Class;
use crate::emit::{Emitter, EFAULT};
use crate::ioctl::IoctlOutput;
use crate::output::{Count, Output, Rule, When};
use crate::refusal::{Refusal, Subject};

/// What must be known from before a call to find its outputs after it.
#[derive(Clone, Debug)]
pub struct Before(Saved);

impl Before {
    /// Look at a call that is about to be performed.
    ///
    /// Cheap for most: reads the program's memory only for value-result lengths, vectors and
    /// message headers.
    ///
    /// # Errors
    /// The call must not be performed; see [`Refusal`].
    pub fn capture(
        call: &SystemCall,
        args: &[u64; 6],
        memory: &impl Memory,
    ) -> Result<Before, Refusal> {
        match call.class {
            Class::Declined(errno, reason) => {
                return Err(Refusal::Declined {
                    subject: Subject::Call(call.name),
                    errno,
                    reason,
                })
            }
            Class::Refused(errno, reason) => {
                return Err(Refusal::Refused {
                    subject: Subject::Call(call.name),
                    errno,
                    reason,
                })
            }
            _ => {}
        }
        let mut saved = Saved::Nothing;
        for output in call.outputs {
            match *output {
                Output::ValueResult { length, .. } => {
                    saved = read_length(args[usize::from(length)], memory);
                }
                Output::Vector { pointer, count } => {
                    let address = args[usize::from(pointer)];
                    saved =
                        Saved::Vector(Vector::capture(address, args[usize::from(count)], memory));
                }
                Output::Rule(rule) => saved = rule_before(rule, args, memory)?,
                _ => {}
            }
        }
        Ok(Before(saved))
    }

    /// The same for a call of which [`crate::Facts::is_simple`] says that there is nothing to look at.
    pub const fn simple() -> Before {
        Before(Saved::Nothing)
    }

    /// Whether nobody knows what the call writes: whoever makes it has to look.
    pub const fn is_unknown(&self) -> bool {
        matches!(self.0, Saved::Unknown)
    }

    /// Report what the kernel wrote, after the call returned `result` (negative: `-errno`).
    pub fn outputs(
        &self,
        call: &SystemCall,
        args: &[u64; 6],
        result: i64,
        memory: &impl Memory,
        sink: &mut impl Sink,
    ) {
        let mut emitter = Emitter {
            args,
            result,
            memory,
            sink,
        };
        for output in call.outputs {
            match *output {
                Output::Fixed {
                    pointer,
                    bytes,
                    when,
                } => {
                    let address = args[usize::from(pointer)];
                    if when == When::IfWritable {
                        emitter.emit_if_writable(address, u64::from(bytes));
                    } else if happened(when, result) {
                        emitter.emit(address, u64::from(bytes));
                    }
                }
                Output::Counted {
                    pointer,
                    count,
                    unit,
                    when,
                } => {
                    if happened(when, result) {
                        // Every count the kernel takes this way is an int or fits one.
                        let count = args[usize::from(count)] & 0xffff_ffff;
                        emitter.emit(args[usize::from(pointer)], count * u64::from(unit));
                    }
                }
                Output::Result {
                    pointer,
                    limit,
                    unit,
                    header,
                } => {
                    let limit = args[usize::from(limit)];
                    if let Some(count) = emitter.amount(limit) {
                        let bytes = count.saturating_mul(u64::from(unit));
                        emitter.emit(
                            args[usize::from(pointer)],
                            bytes.saturating_add(u64::from(header)),
                        );
                    }
                }
                Output::Fields {
                    pointer,
                    count,
                    unit,
                    fields,
                    when,
                } => {
                    let count = match count {
                        Count::Argument(at) => Some(args[usize::from(at)] & 0xffff_ffff),
                        Count::Result(limit) => {
                            emitter.amount(args[usize::from(limit)] & 0xffff_ffff)
                        }
                    };
                    if let Some(count) = count.filter(|_| happened(when, result)) {
                        emitter.emit_fields(Records {
                            address: args[usize::from(pointer)],
                            count,
                            unit: u64::from(unit),
                            fields,
                        });
                    }
                }
                Output::ValueResult {
                    pointer,
                    length,
                    when,
                } => {
                    if let Saved::Length(before) = self.0 {
                        if happened(when, result) {
                            emitter.value_result(
                                args[usize::from(pointer)],
                                args[usize::from(length)],
                                before,
                            );
                        }
                    }
                }
                Output::Vector { .. } => {
                    if let Saved::Vector(vector) = &self.0 {
                        if let Some(amount) = emitter.amount(u64::MAX) {
                            vector.emit(amount, &mut emitter);
                        }
                    }
                }
                Output::Rule(rule) => rules::after(rule, &self.0, &mut emitter),
            }
        }
    }
}

/// Whether an output is (possibly, after `EFAULT`) there.
fn happened(when: When, result: i64) -> bool {
    result == -EFAULT
        || match when {
            When::Success => result >= 0,
            When::Positive => result > 0,
            When::Always | When::IfWritable => true,
            When::Error(errno) => result == -i64::from(errno),
            When::SuccessOr(errno) => result >= 0 || result == -i64::from(errno),
        }
}

fn rule_before(rule: Rule, args: &[u64; 6], memory: &impl Memory) -> Result<Saved, Refusal> {
    Ok(match rule {
        Rule::Message => match read_words::<7>(args[1], memory) {
            Some(header) => {
                let vector = Vector::capture(header[2], header[3], memory);
                Saved::Message(header, vector)
            }
            None => Saved::Nothing,
        },
        Rule::SocketOption => {
            commands::check_socket_option(args)?;
            read_length(args[4], memory)
        }
        Rule::FileHandle => read_length(args[2], memory),
        Rule::ExtendedAttribute => match read_words::<2>(args[4], memory) {
            Some([address, size]) => Saved::Buffer(address, size & 0xffff_ffff),
            None => Saved::Nothing,
        },
        Rule::Ioctl => match crate::ioctl::ioctl(args[1] as u32)?.output {
            IoctlOutput::Unknown => Saved::Unknown,
            _ => Saved::Nothing,
        },
        Rule::Fcntl => {
            crate::fcntl::fcntl(args[1] as u32)?;
            Saved::Nothing
        }
        Rule::Prctl => {
            crate::prctl::prctl(args[0] as u32)?;
            Saved::Nothing
        }
        Rule::ArchPrctl => {
            commands::check_arch_prctl(args)?;
            Saved::Nothing
        }
        _ => Saved::Nothing,
    })
}
