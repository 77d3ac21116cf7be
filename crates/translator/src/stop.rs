//! Why translated code stopped.

/// Why [`crate::Translator::run`] returned. The guest's state is in the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// At a `syscall` instruction (2 bytes long), which has been neither executed nor counted.
    Syscall,
    /// At an `int 0x80` (2 bytes long), which has been neither executed nor counted.
    Int80,
    /// At an instruction whose result is not determined by the guest's state,
    /// which has been neither executed nor counted.
    Instruction(NonDeterministic),
    /// `rip` is an address given to [`crate::Translator::add_hook`]; the instruction there has
    /// not been executed.
    Hook,
    /// The instruction at `rip`, which has not been executed, touches watched memory: the first such byte,
    /// and how ([`crate::Watch::READ`], [`crate::Watch::WRITE`]).
    Watch(u64, u8),
    /// Exactly the requested number of instructions has been executed.
    Budget,
    /// [`crate::Context::interrupt`] was called (from a signal handler), a few dozen instructions
    /// ago at most. The state is precise.
    Interrupted,
    /// The instruction at `rip` faults; it has not been counted (`int3` and steps, which are traps, have: `rip` is after it).
    Fault(Fault),
    /// The instruction at `rip` cannot be replayed.
    Unsupported(Unsupported),
}

impl Stop {
    /// The trap behind an instruction that was executed with the trap flag set; `ip`: the next one.
    pub fn stepped(ip: u64) -> Stop {
        const SIGTRAP: i32 = 5;
        const TRAP_TRACE: i32 = 2;
        Stop::Fault(Fault {
            signal: SIGTRAP,
            code: TRAP_TRACE,
            address: ip,
            dead_flags: 0,
        })
    }
}

/// A non-deterministic instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonDeterministic {
    /// One of [`reenact_trace::event::instruction`].
    pub code: u16,
    /// Bytes of the instruction: what to add to `rip`, but for an `xbegin`, which is a branch.
    pub length: u8,
    /// Number (0 = rax … 15 = r15, machine order) and size in bytes of the destination
    /// register of `rdrand`, `rdseed`, `rdpid`; the others write fixed registers.
    pub register: u8,
    pub size: u8,
}

/// A synchronous fault, as the kernel would describe it in `siginfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub signal: i32,
    /// `si_code`.
    pub code: i32,
    /// `si_addr`.
    pub address: u64,
    /// Flags (bits of `rflags`) that are not precise, because the code goes on to overwrite
    /// them without reading them. Everything else is.
    pub dead_flags: u64,
}

/// What cannot be replayed, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// Name of the instruction, or of what is wrong with it.
    pub name: &'static str,
    pub length: u8,
}
