//! From an entry, the arguments and the result to the bytes the kernel wrote.

mod commands;
mod emit;
mod rules;
mod vectors;

use crate::call::{Class, SystemCall};
use crate::output::{Output, Rule, When};
use crate::refusal::{Refusal, Subject};
pub(crate) use emit::Emitter;
use vectors::Vector;

/// The program's memory.
pub trait Memory {
    /// Copy `into.len()` bytes at `address`; false (and `into` undefined) if any of them cannot
    /// be read. Must not fault.
    fn read(&self, address: u64, into: &mut [u8]) -> bool;
}

/// Takes the outputs of a call.
pub trait Sink {
    /// The kernel wrote these bytes, or part of them. The range may reach past what can be read
    /// when another thread unmaps memory or a pointer is bad: copy what is readable. After
    /// failures it may also cover bytes that were not written, in read-only memory even.
    fn output(&mut self, address: u64, length: u64);
}

const EFAULT: i64 = 14;

/// What must be known from before a call to find its outputs after it.
#[derive(Clone, Debug)]
pub struct Before(Saved);

#[derive(Clone, Debug)]
enum Saved {
    Nothing,
    /// The length in a value-result argument or a file handle.
    Length(u32),
    /// Address and size of a buffer named in a structure.
    Buffer(u64, u64),
    Vector(Vector),
    /// `struct msghdr` as words, and its vector.
    Message([u64; 7], Vector),
}

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

    /// The same for a call of which [`SystemCall::is_simple`] says that there is nothing to look at.
    pub const fn simple() -> Before {
        Before(Saved::Nothing)
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
                    if happened(when, result) {
                        emitter.emit(args[usize::from(pointer)], u64::from(bytes));
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
            When::Always => true,
            When::Error(errno) => result == -i64::from(errno),
            When::SuccessOr(errno) => result >= 0 || result == -i64::from(errno),
        }
}

fn read_length(address: u64, memory: &impl Memory) -> Saved {
    read_u32(address, memory).map_or(Saved::Nothing, Saved::Length)
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
        Rule::Ioctl => {
            crate::ioctl::ioctl(args[1] as u32)?;
            Saved::Nothing
        }
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

/// The little-endian `u32` at `address`.
fn read_u32(address: u64, memory: &impl Memory) -> Option<u32> {
    let mut bytes = [0u8; 4];
    (address != 0 && memory.read(address, &mut bytes)).then(|| u32::from_le_bytes(bytes))
}

/// `N` little-endian words at `address`.
fn read_words<const N: usize>(address: u64, memory: &impl Memory) -> Option<[u64; N]> {
    let mut words = [0u64; N];
    if address == 0 {
        return None;
    }
    // One read for all of them: a read may cost a system call. 16 words are the most used.
    let mut bytes = [0u8; 128];
    let bytes = &mut bytes[..N * 8];
    if !memory.read(address, bytes) {
        return None;
    }
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(chunk.try_into().expect("chunks of 8 bytes"));
    }
    Some(words)
}
