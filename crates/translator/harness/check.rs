//! Runs a program natively, translated and in single steps; all must agree.

use super::machine::{differences, Machine, CODE, DATA, STACK};
use super::native::initial_vectors;
use iced_x86::code_asm::CodeAssembler;
use iced_x86::IcedError;
use reenact_trace::Registers;
use reenact_translator::Stop;
use std::sync::{Mutex, MutexGuard, OnceLock};

/// One machine for all tests: its memory is at fixed addresses.
pub fn machine() -> MutexGuard<'static, Holder> {
    static MACHINE: OnceLock<Mutex<Holder>> = OnceLock::new();
    let machine = MACHINE.get_or_init(|| Mutex::new(Holder(None)));
    let mut guard = machine
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    // Signal stacks and the gs base belong to a thread, and each test has its own.
    match &mut guard.0 {
        None => guard.0 = Some(Machine::new()),
        Some(machine) => machine.adopt_thread(),
    }
    let machine = guard.0.as_mut().expect("just made");
    machine.data().fill(0);
    machine.translator.invalidate_all();
    guard
}

/// The machine, which tests on several threads share.
pub struct Holder(Option<Machine>);
// SAFETY: used by one thread at a time, which adopts it first.
unsafe impl Send for Holder {}

impl Holder {
    /// The machine itself.
    pub fn get(&mut self) -> &mut Machine {
        self.0.as_mut().expect("made by machine()")
    }
}

/// Registers to start with.
pub fn registers() -> Registers {
    Registers {
        rip: CODE,
        rsp: STACK,
        rbx: DATA,
        rflags: 0x202,
        ..Registers::default()
    }
}

/// Code at [`CODE`].
pub fn assemble(build: impl FnOnce(&mut CodeAssembler) -> Result<(), IcedError>) -> Vec<u8> {
    let mut assembler = CodeAssembler::new(64).expect("64-bit code");
    build(&mut assembler).expect("a valid program");
    assembler.assemble(CODE).expect("it assembles")
}

/// Run natively, translated, and translated with a stop at every single instruction; all must agree.
/// Returns the count.
pub fn check(machine: &mut Machine, code: &[u8]) -> u64 {
    let vectors = initial_vectors();
    let run = |machine: &mut Machine| {
        machine.load_alone(0, code);
        machine.data().fill(0);
    };
    run(machine);
    let native = machine.native(&registers(), &vectors);
    run(machine);
    let whole = machine.translated(&registers(), &vectors, u64::MAX);
    let count = machine.translator.executed();
    assert_eq!(differences(&native, &whole), Vec::<String>::new());
    run(machine);
    machine.start(&registers(), &vectors);
    let mut steps = 0;
    let stop = loop {
        match machine.run(1) {
            Stop::Budget => steps += 1,
            stop => break stop,
        }
        assert!(steps < 1_000_000, "no end");
    };
    // `int3` has been executed when it stops, an instruction that faults has not.
    let last = match &stop {
        Stop::Fault(fault) if fault.signal == libc::SIGTRAP => 1,
        _ => 0,
    };
    let stepped = machine.outcome(stop);
    assert_eq!(differences(&native, &stepped), Vec::<String>::new());
    assert_eq!(machine.translator.executed(), count);
    assert_eq!(steps + last, count);
    count
}
