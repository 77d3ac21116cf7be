//! Random programs of classic BPF and calls for them to judge.

use reenact_filters::{check, Instruction};

/// `AUDIT_ARCH_X86_64`
pub const ARCHITECTURE: u32 = 0xc000_003e;

/// xorshift64*
pub struct Random(u64);

/// Codes that filters have, and some that they do not.
const CODES: [u16; 44] = [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0c, 0x0d, 0x14, 0x15, 0x16, 0x1c, 0x1d, 0x20,
    0x24, 0x25, 0x2c, 0x2d, 0x34, 0x35, 0x3c, 0x3d, 0x44, 0x45, 0x4c, 0x4d, 0x54, 0x5c, 0x60, 0x61,
    0x64, 0x6c, 0x74, 0x7c, 0x80, 0x81, 0x84, 0x87, 0xa4, 0xac, 0x94, 0x28,
];

/// Calls that look at none of their arguments, and answer with a number above zero.
const NUMBERS: [i64; 3] = [libc::SYS_getpid, libc::SYS_gettid, libc::SYS_getppid];

const ANSWERS: [u32; 9] = [
    0x8000_0000,
    0,
    0x0003_0000,
    0x0005_0000,
    0x7fc0_0000,
    0x7ff0_0000,
    0x7ffc_0000,
    0x7fff_0000,
    0x1234_0000,
];

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit
    }

    fn value(&mut self) -> u32 {
        match self.below(6) {
            0 => self.below(4) as u32,
            1 => self.below(20) as u32,
            2 => 4 * self.below(18) as u32,
            3 => self.below(256) as u32,
            4 => NUMBERS[self.below(NUMBERS.len())] as u32,
            _ => self.next() as u32,
        }
    }

    fn answer(&mut self) -> u32 {
        ANSWERS[self.below(ANSWERS.len())] | self.below(5000) as u32
    }

    /// One that may or may not be valid.
    pub fn doubtful_program(&mut self) -> Vec<Instruction> {
        let length = 1 + self.below(12);
        let mut program: Vec<_> = (0..length).map(|_| self.instruction(4)).collect();
        if self.below(8) != 0 {
            program.push(self.end());
        }
        if self.below(10) == 0 {
            // Any code at all.
            let at = self.below(program.len());
            program[at].code = self.next() as u16 & 0x1ff;
        }
        program
    }

    fn end(&mut self) -> Instruction {
        let code = if self.below(4) == 0 { 0x16 } else { 0x06 };
        Instruction {
            code,
            value: self.answer(),
            ..Instruction::default()
        }
    }

    fn instruction(&mut self, furthest: usize) -> Instruction {
        Instruction {
            code: CODES[self.below(CODES.len())],
            jump_true: self.below(furthest) as u8,
            jump_false: self.below(furthest) as u8,
            value: self.value(),
        }
    }

    /// A valid one, under which a process can return from a handler and end.
    pub fn sound_program(&mut self) -> Vec<Instruction> {
        let load = |code, value| Instruction {
            code,
            value,
            ..Instruction::default()
        };
        let is = |number: i64, jump_true| Instruction {
            code: 0x15,
            jump_true,
            jump_false: 0,
            value: number as u32,
        };
        let mut program = vec![
            load(0x20, 0),
            is(libc::SYS_exit_group, 1),
            is(libc::SYS_rt_sigreturn, 0),
            load(0x06, 0x7fff_0000),
        ];
        // Others pass over the answer.
        program[2].jump_false = 1;
        program.push(load(0x02, 0));
        while program.len() < 40 {
            let before = program.len();
            let mut next = self.instruction(3);
            if matches!(next.code, 0x20) && matches!(next.value, 8 | 12) {
                continue; // The instruction pointer.
            }
            if matches!(next.code, 0x06 | 0x16) && self.below(5) != 0 {
                next.code = 0x15;
            }
            program.push(next);
            let mut ended = program.clone();
            ended.extend([load(0x06, 0); 3]);
            if check(&ended).is_err() {
                program.truncate(before);
            }
        }
        for _ in 0..3 {
            let end = self.end();
            program.push(end);
        }
        program
    }

    /// A valid one that decides by number and architecture, mostly, and allows often.
    pub fn deciding_program(&mut self) -> Vec<Instruction> {
        const DECIDING: [u16; 8] = [0x20, 0x15, 0x25, 0x35, 0x45, 0x54, 0x05, 0x15];
        let mut program = Vec::new();
        for _ in 0..12 {
            let mut next = self.instruction(3);
            next.code = DECIDING[self.below(DECIDING.len())];
            match next.code {
                0x20 => next.value = [0, 0, 0, 4, 16][self.below(5)],
                0x05 => next.value = self.below(3) as u32,
                _ => {}
            }
            program.push(next);
        }
        for _ in 0..4 {
            let mut end = self.end();
            if self.below(2) == 0 {
                (end.code, end.value) = (0x06, 0x7fff_0000);
            }
            program.push(end);
        }
        program
    }

    pub fn call(&mut self) -> (i64, [u64; 6]) {
        let number = NUMBERS[self.below(NUMBERS.len())];
        let args = core::array::from_fn(|_| u64::from(self.value()) << (self.below(3) * 16));
        (number, args)
    }
}
