//! Whether a function that is called comes back: what follows the call of one that does not may be data.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, HashSet};

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind};

use crate::branch::{self, next, Next};
use crate::elf::Elf;
use crate::history::History;
use crate::image::Image;

/// Functions of the C, C++ and Rust libraries that never return (by their standards, or by name).
const NEVER: [&[u8]; 32] = [
    b"abort",
    b"exit",
    b"_exit",
    b"_Exit",
    b"quick_exit",
    b"__libc_start_main",
    b"__assert",
    b"__assert_fail",
    b"__assert_perror_fail",
    b"__stack_chk_fail",
    b"__chk_fail",
    b"__fortify_fail",
    b"longjmp",
    b"_longjmp",
    b"siglongjmp",
    b"__longjmp_chk",
    b"pthread_exit",
    b"thrd_exit",
    b"err",
    b"errx",
    b"verr",
    b"verrx",
    b"_Unwind_Resume",
    b"__cxa_throw",
    b"__cxa_rethrow",
    b"__cxa_bad_cast",
    b"__cxa_bad_typeid",
    b"__cxa_throw_bad_array_new_length",
    b"__cxa_pure_virtual",
    b"__cxa_call_unexpected",
    b"_ZSt9terminatev",
    b"__clang_call_terminate",
];

fn is_named_so(name: &[u8]) -> bool {
    // std::__throw_bad_alloc() and its relatives.
    NEVER.contains(&name) || (name.starts_with(b"_ZSt") && name.windows(7).any(|w| w == b"__throw"))
}

/// Instructions of a callee that are looked at; a longer one is taken to return.
const LOOKED_AT: usize = 200;

/// Instructions of all callees that are looked at.
const ALL_CALLEES: usize = 2 << 20;

/// How deep the calls are followed that a callee makes.
const CALLEES: u32 = 2;

/// What is known about callees.
pub struct Returns<'a> {
    image: &'a Image<'a>,
    elf: &'a Elf<'a>,
    /// Places of pointers to functions that never return.
    pointers: OnceCell<HashSet<u64>>,
    known: RefCell<HashMap<(u64, u32), Outcome>>,
    /// Instructions that may still be looked at.
    left: Cell<usize>,
}

/// What a look at a callee shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A return instruction was reached.
    Returns,
    /// No way through it comes back.
    Never,
    Unknown,
}

impl<'a> Returns<'a> {
    pub fn new(image: &'a Image<'a>, elf: &'a Elf<'a>) -> Returns<'a> {
        Returns {
            image,
            elf,
            pointers: OnceCell::new(),
            known: RefCell::default(),
            left: Cell::new(ALL_CALLEES),
        }
    }

    /// What a call through the pointer in `[rip + distance]` does.
    pub fn through_pointer(&self, instruction: &Instruction) -> Outcome {
        if instruction.op0_kind() != OpKind::Memory || !instruction.is_ip_rel_memory_operand() {
            return Outcome::Unknown;
        }
        let pointers = self.pointers.get_or_init(|| {
            let named = self.elf.imported().into_iter();
            named
                .filter(|(_, name)| is_named_so(name))
                .map(|(place, _)| place)
                .collect()
        });
        if pointers.contains(&instruction.ip_rel_memory_address()) {
            Outcome::Never
        } else {
            Outcome::Unknown
        }
    }

    /// What the function at `entry` does.
    pub fn of(&self, entry: u64) -> Outcome {
        self.look(entry, CALLEES)
    }

    /// As `of`; callees of callees are looked at, too, down to `depth`.
    fn look(&self, entry: u64, depth: u32) -> Outcome {
        let known = self.known.borrow().get(&(entry, depth)).copied();
        known.unwrap_or_else(|| {
            let outcome = self.follow(entry, depth);
            self.known.borrow_mut().insert((entry, depth), outcome);
            outcome
        })
    }

    fn follow(&self, entry: u64, depth: u32) -> Outcome {
        let mut work = vec![entry];
        let mut seen = HashSet::new();
        let mut outcome = Outcome::Never;
        while let Some(address) = work.pop() {
            let Some(code) = self.image.code(address) else {
                return Outcome::Unknown;
            };
            let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
            let mut history = History::default();
            while decoder.can_decode() && seen.insert(decoder.ip()) {
                let left = self.left.get();
                if seen.len() > LOOKED_AT || left == 0 {
                    return Outcome::Unknown;
                }
                self.left.set(left - 1);
                let instruction = decoder.decode();
                // Code that takes its return address off the stack wants to know where it lies.
                let takes_return_address =
                    instruction.ip() == entry && instruction.mnemonic() == Mnemonic::Pop;
                if instruction.is_invalid() || takes_return_address {
                    break;
                }
                match next(&instruction) {
                    Next::Following => {}
                    Next::SystemCall => {
                        if of_system_call(history.last()) == Outcome::Never {
                            break;
                        }
                    }
                    Next::CallPointer => {
                        if self.through_pointer(&instruction) == Outcome::Never {
                            break;
                        }
                    }
                    Next::Call(target) => {
                        if depth > 0 && self.look(target, depth - 1) == Outcome::Never {
                            break;
                        }
                    }
                    Next::Either(target) => work.push(target),
                    Next::Jump(target) => {
                        work.push(target);
                        break;
                    }
                    Next::JumpPointer => {
                        // The way to another file, or a switch.
                        if self.through_pointer(&instruction) != Outcome::Never {
                            outcome = Outcome::Unknown;
                        }
                        break;
                    }
                    Next::Nothing if instruction.mnemonic() == Mnemonic::Ret => {
                        return Outcome::Returns;
                    }
                    Next::Nothing => break,
                }
                history.push(instruction);
            }
        }
        outcome
    }
}

/// What a system call does, by the number that the instructions before it leave.
pub fn of_system_call(before: &[Instruction]) -> Outcome {
    const RT_SIGRETURN: u64 = 15;
    const EXIT: u64 = 60;
    const EXIT_GROUP: u64 = 231;
    match branch::number_in_eax(before) {
        Some(RT_SIGRETURN | EXIT | EXIT_GROUP) => Outcome::Never,
        Some(_) => Outcome::Returns,
        None => Outcome::Unknown,
    }
}
