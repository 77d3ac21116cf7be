//! One fuzz case: a random program, run natively and translated, compared and shrunk.

use super::generate::{assemble, pointer, program, Item, Table};
use super::machine::{differences, Machine, Outcome, CODE, DATA_SIZE, STACK};
use super::native::{self, initial_vectors, Vectors, TIMED_OUT};
use super::random::Random;
use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};
use reenact_trace::Registers;
use reenact_translator::Stop;
use std::sync::atomic::Ordering;

pub struct Case {
    pub items: Vec<Item>,
    pub offset: usize,
    pub registers: Registers,
    pub vectors: Vectors,
    pub data_seed: u64,
    /// How the translated run is cut: 0 not at all, 1 single steps, otherwise random stretches.
    pub cut: u64,
    /// Whether it is also run with the trap flag set.
    pub steps: bool,
}

impl Case {
    pub fn new(seed: u64, table: &Table) -> Case {
        let mut random = Random::new(seed);
        let length = 1 + random.below(*random_length(&mut Random::new(seed ^ 77)));
        let items = program(&mut random, table, length);
        // Near the end of a page more often than not.
        let offset = if random.one_in(2) {
            0x1000 - random.below(64)
        } else {
            random.below(0x2000)
        };
        let mut registers = Registers::default();
        let words = (&raw mut registers).cast::<u64>();
        for index in 0..16 {
            let value = match random.below(6) {
                0 => random.next(),
                1 => random.below(256) as u64,
                2 => *random.pick(&[0, 1, u64::MAX, 1 << 63, 0x7fff_ffff, 0x8000_0000]),
                _ => pointer(&mut random),
            };
            unsafe { words.add(index).write(value) };
        }
        registers.rsp = STACK;
        registers.rip = CODE + offset as u64;
        registers.rflags = 0x202 | random.next() & 0x8d5;
        if random.one_in(8) {
            registers.rflags |= 0x400;
        }
        let vectors = random_vectors(&mut random);
        let cut = match random.below(8) {
            0 => 1,
            1 | 2 => random.next() | 2,
            _ => 0,
        };
        Case {
            items,
            offset,
            registers,
            vectors,
            data_seed: random.next(),
            cut,
            steps: random.one_in(6),
        }
    }

    pub fn fill_data(&self, machine: &mut Machine) {
        let mut random = Random::new(self.data_seed);
        for chunk in machine.data().chunks_exact_mut(8) {
            chunk.copy_from_slice(&random.next().to_le_bytes());
        }
        // Counters of loops, and small integers.
        for chunk in machine.data()[DATA_SIZE - 256..].chunks_exact_mut(4) {
            let most = if random.one_in(4) { 400 } else { 40 };
            chunk.copy_from_slice(&(random.below(most) as u32).to_le_bytes());
        }
    }

    pub fn run(&self, machine: &mut Machine) -> Vec<String> {
        let code = assemble(&self.items, self.offset);
        if self.offset + code.len() > 0x4000 {
            return Vec::new();
        }
        // Half of the cases look for hot code all the time.
        let often = self.data_seed & 1 == 0;
        machine
            .translator
            .set_sampling(if often { 20 } else { 1 << 15 });
        TIMED_OUT.store(0, Ordering::Relaxed);
        native::CASE.fetch_add(1, Ordering::Relaxed);
        machine.load_alone(self.offset, &code);
        self.fill_data(machine);
        let mut native = machine.native(&self.registers, &self.vectors);
        if machine.code(self.offset, code.len()) != code {
            if self.repeats() {
                // A repeated store that overwrites itself is fetched again in the middle, or
                // not, as the processor likes.
                return Vec::new();
            }
            // Flags overwritten as dead cannot come back when the program
            // replaces the instruction that made them dead.
            native.dead_flags = 0x8d5;
        }
        if native.signal == libc::SIGALRM || TIMED_OUT.load(Ordering::Relaxed) != 0 {
            return Vec::new();
        }
        // The guest may have written to its own code.
        machine.load_alone(self.offset, &code);
        self.fill_data(machine);
        machine.start(&self.registers, &self.vectors);
        let (whole, count) = self.translated(machine, u64::MAX);
        if TIMED_OUT.load(Ordering::Relaxed) != 0 {
            let mut found = differences(&native, &whole);
            if found.is_empty() {
                return found;
            }
            found.push("timed out".to_string());
            return found;
        }
        let mut found = differences(&native, &whole);
        // See `stores_x87`: the second time, blocks are translated and there are no stops.
        for _ in 0..3 {
            if !found.is_empty() && self.stores_x87() {
                self.fill_data(machine);
                machine.start(&self.registers, &self.vectors);
                found = differences(&native, &self.translated(machine, u64::MAX).0);
            }
        }
        if found.is_empty() && self.cut != 0 && !self.stores_x87() {
            machine.load_alone(self.offset, &code);
            self.fill_data(machine);
            machine.start(&self.registers, &self.vectors);
            let (cut, counted) = self.translated(machine, self.cut);
            found = differences(&native, &cut);
            if counted != count {
                found.push(format!("count {count} in one run, {counted} in pieces"));
            }
            if !found.is_empty() {
                found.push("(run in pieces)".to_string());
            }
        }
        if found.is_empty() && self.steps && !self.stores_x87() && !self.gathers() {
            found = self.run_stepped(machine, &code);
        }
        found
    }

    /// The program steps itself.
    fn run_stepped(&self, machine: &mut Machine, code: &[u8]) -> Vec<String> {
        let begin = |machine: &mut Machine| {
            native::CASE.fetch_add(1, Ordering::Relaxed);
            machine.load_alone(self.offset, code);
            self.fill_data(machine);
        };
        begin(machine);
        let (mut native, expected) = machine.native_steps(&self.registers, &self.vectors);
        if TIMED_OUT.load(Ordering::Relaxed) != 0 {
            return Vec::new();
        }
        begin(machine);
        let (mut stepped, steps) = machine.translated_steps(&self.registers, &self.vectors);
        if TIMED_OUT.load(Ordering::Relaxed) != 0 {
            return Vec::new();
        }
        // The last x87 opcode: signals, of which each native step is one, may restore an older one.
        for outcome in [&mut native, &mut stepped] {
            outcome.vectors.0[6..8].fill(0);
        }
        let mut found = differences(&native, &stepped);
        if steps != expected {
            let at = steps.iter().zip(&expected).position(|(a, b)| a != b);
            found.push(format!(
                "{} steps, {} natively, another one after {at:?}",
                steps.len(),
                expected.len()
            ));
        }
        if !found.is_empty() {
            found.push("(with the trap flag set)".to_string());
        }
        found
    }

    fn repeats(&self) -> bool {
        self.items.iter().any(|item| match item {
            Item::Raw(bytes) => {
                let instruction = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
                instruction.has_rep_prefix() || instruction.has_repne_prefix()
            }
            _ => false,
        })
    }

    /// AMD processors lose the x87 instruction pointer when state is saved and restored between
    /// pieces (as at any context switch).
    fn stores_x87(&self) -> bool {
        use iced_x86::Mnemonic::*;
        self.items.iter().any(|item| match item {
            Item::Raw(bytes) => matches!(
                Decoder::new(64, bytes, DecoderOptions::NONE)
                    .decode()
                    .mnemonic(),
                Fnstenv | Fnsave | Fxsave | Fxsave64
            ),
            _ => false,
        })
    }

    /// Where one element faults, some processors trap a gather before that, between its elements.
    fn gathers(&self) -> bool {
        self.items.iter().any(|item| match item {
            Item::Raw(bytes) => {
                let instruction = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
                let name = format!("{:?}", instruction.mnemonic());
                name.contains("gather") || name.contains("scatter")
            }
            _ => false,
        })
    }

    fn translated(&self, machine: &mut Machine, cut: u64) -> (Outcome, u64) {
        let mut random = Random::new(cut);
        let mut expected = 0;
        loop {
            let limit = match cut {
                u64::MAX => u64::MAX,
                1 => 1,
                _ => 1 + random.below(150) as u64,
            };
            let stop = machine.run(limit);
            let executed = machine.translator.executed();
            if stop == Stop::Budget {
                expected += limit;
                assert_eq!(executed, expected, "count at a stop");
                continue;
            }
            return (machine.outcome(stop), executed);
        }
    }

    /// Leave out items as long as it still fails.
    pub fn shrink(&mut self, machine: &mut Machine) {
        loop {
            let before = self.items.len();
            let mut index = 0;
            while index < self.items.len() {
                let removed = self.items.remove(index);
                if self.run(machine).is_empty() {
                    self.items.insert(index, removed);
                    index += 1;
                }
            }
            if self.items.len() == before {
                return;
            }
        }
    }

    pub fn listing(&self) -> String {
        let code = assemble(&self.items, self.offset);
        let base = CODE + self.offset as u64;
        let mut formatter = IntelFormatter::new();
        let mut text = String::new();
        for instruction in Decoder::with_ip(64, &code, base, DecoderOptions::NONE).iter() {
            let mut line = String::new();
            formatter.format(&instruction, &mut line);
            let at = (instruction.ip() - base) as usize;
            let bytes = &code[at..at + instruction.len()];
            text += &format!("  {:#x}  {bytes:02x?}  {line}\n", instruction.ip());
        }
        text
    }
}

fn random_length(random: &mut Random) -> &'static usize {
    const LENGTHS: [usize; 5] = [2, 6, 12, 24, 60];
    &LENGTHS[random.below(5)]
}

fn random_vectors(random: &mut Random) -> Vectors {
    let mut vectors = initial_vectors();
    let enabled: u64 = unsafe {
        let (low, high): (u32, u32);
        std::arch::asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high);
        u64::from(high) << 32 | u64::from(low)
    };
    let mut present = 0;
    for component in [0, 1, 2, 5, 6, 7] {
        if enabled & 1 << component == 0 || random.one_in(4) {
            continue;
        }
        present |= 1u64 << component;
        let (offset, size) = match component {
            0 => (32, 128),
            1 => (160, 256),
            _ => {
                let leaf = std::arch::x86_64::__cpuid_count(0xd, component);
                (leaf.ebx as usize, leaf.eax as usize)
            }
        };
        for chunk in vectors.0[offset..offset + size].chunks_mut(8) {
            let value = match random.below(4) {
                0 => random.next(),
                1 => (random.below(2000) as f64 - 1000.0).to_bits(),
                2 => u64::from((random.below(2000) as f32).to_bits()) << 32 | 0x3f80_0000,
                _ => random.below(1 << 16) as u64,
            };
            chunk.copy_from_slice(&value.to_le_bytes()[..chunk.len()]);
        }
        if component == 0 {
            vectors.0[4] = random.next() as u8;
            vectors.0[3] = random.next() as u8 & 0x38;
            for st in 0..8 {
                vectors.0[32 + st * 16 + 10..48 + st * 16].fill(0);
            }
        }
    }
    let mxcsr = 0x1f80 | (random.below(4) as u32) << 13;
    vectors.0[24..28].copy_from_slice(&mxcsr.to_le_bytes());
    vectors.0[512..520].copy_from_slice(&present.to_le_bytes());
    vectors
}

/// Run cases; returns the number of failures.
pub fn fuzz(machine: &mut Machine, table: &Table, first: u64, count: u64, verbose: bool) -> usize {
    let mut failures = 0;
    native::watchdog(500);
    for seed in first..first + count {
        let mut case = Case::new(seed, table);
        if verbose {
            eprintln!("seed {seed}\n{}", case.listing());
        }
        let found = case.run(machine);
        if found.is_empty() {
            continue;
        }
        failures += 1;
        println!("seed {seed}: {}", found.join("\n"));
        case.shrink(machine);
        let found = case.run(machine);
        println!(
            "seed {seed} fails:\n{}{}\n",
            case.listing(),
            found.join("\n")
        );
        if failures >= 10 {
            println!("giving up after {} sequences", seed - first + 1);
            break;
        }
    }
    native::watchdog(0);
    failures
}
