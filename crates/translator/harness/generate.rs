//! Random guest programs over the whole instruction table.

use super::machine::{CODE, DATA, DATA_SIZE};
use super::random::Random;
use iced_x86::{
    Code, CpuidFeature, Decoder, DecoderOptions, EncodingKind, FlowControl, Instruction,
    MandatoryPrefix, Mnemonic, OpCodeTableKind, Register,
};

/// A piece of a program, which can be left out on its own.
#[derive(Clone, Debug)]
pub enum Item {
    Raw(Vec<u8>),
    /// Conditional jump over this many items; the flag asks for the long form.
    Jcc(u8, usize, bool),
    Jmp(usize, bool),
    /// jrcxz, loop and so on (opcode), over this many items.
    Loop(u8, usize),
    /// `lea reg, [rip + …]; jmp reg` over this many items.
    JmpRegister(u8, usize),
    /// Call to the item after this many, which starts with `lea rsp, [rsp + 8]`… or returns.
    Call(usize),
    CallRegister(u8, usize),
    /// `push address; ret` over this many items.
    Return(usize),
    /// `dec dword [rip + counter]; jnz` back over this many items (at most the items before).
    Back(usize),
}

/// All codes worth trying.
pub struct Table {
    pub codes: Vec<Code>,
}

fn wanted(code: Code) -> bool {
    use Mnemonic::*;
    let op = code.op_code();
    if !op.mode64() || !op.is_instruction() {
        return false;
    }
    if matches!(code.flow_control(), FlowControl::Next) {
        // Fall through to the checks below.
    } else {
        return false;
    }
    let features = code.cpuid_features();
    if features.contains(&CpuidFeature::KNC) || op.is_privileged() {
        return false;
    }
    !matches!(
        code.mnemonic(),
        Cpuid
            | Rdtsc
            | Rdtscp
            | Rdrand
            | Rdseed
            | Rdpid
            | Xgetbv
            | Rdpru
            | Rdpmc
            | Syscall
            | Rdfsbase
            | Wrfsbase
            | Rdgsbase
            | Wrgsbase
            | Umonitor
            | Umwait
            | Tpause
            | Uiret
            | Xsave
            | Xsave64
            | Xsaveopt
            | Xsaveopt64
            | Xsavec
            | Xsavec64
            | Xrstor
            | Xrstor64
            | Xsaves
            | Xsaves64
            | Xrstors
            | Xrstors64
            | Wrpkru
            | Rdpkru
            | Popf
            | Popfq
            | Popfd
            | Lss
            | Lfs
            | Lgs
            | Vmmcall
            | Vmcall
            | Vmgexit
            | Monitorx
            | Mwaitx
            | Monitor
            | Mwait
            | Enclu
            | Encls
            | Enclv
            | Getsec
            | Skinit
            | Sldt
            | Str
            | Smsw
            | Sgdt
            | Sidt
            | Swapgs
            | Lsl
            | Pconfig
            | Clzero
            | Hlt
            | Int1
            | Sti
            | Cli
            | Invlpgb
            | Tlbsync
            | Senduipi
            | Clui
            | Stui
            | Testui
            | Xbegin
            | Xend
            | Xabort
            | Enqcmd
            | Enqcmds
            | Wrmsr
            | Rdmsr
            | Loadiwkey
            | Hreset
            | Llwpcb
            | Slwpcb
            | Lwpins
            | Lwpval
            | Wait
    )
}

impl Table {
    pub fn new() -> Table {
        let codes = Code::values()
            .filter(|&code| wanted(code))
            .filter(|code| {
                let op = code.op_code();
                !(matches!(code.mnemonic(), Mnemonic::Mov | Mnemonic::Pop)
                    && op.op_count() > 0
                    && matches!(
                        format!("{:?}", op.op0_kind()).as_str(),
                        "sreg" | "seg_rDI" | "cr_reg" | "dr_reg" | "tr_reg"
                    ))
            })
            .filter(|&code| {
                !matches!(
                    code,
                    Code::Fnstenv_m14byte
                        | Code::Fnsave_m94byte
                        | Code::Popw_FS
                        | Code::Popq_FS
                        | Code::Popw_GS
                        | Code::Popq_GS
                        | Code::Mov_Sreg_rm16
                        | Code::Mov_Sreg_r32m16
                        | Code::Mov_Sreg_r64m16
                )
            })
            .collect();
        Table { codes }
    }
}

/// Random bytes that decode to `code`; `None` if that does not work out.
fn encode(random: &mut Random, code: Code) -> Option<(Vec<u8>, Instruction)> {
    let op = code.op_code();
    for _ in 0..40 {
        let mut bytes = Vec::with_capacity(32);
        let legacy = matches!(op.encoding(), EncodingKind::Legacy | EncodingKind::D3NOW);
        let pp = match op.mandatory_prefix() {
            MandatoryPrefix::None | MandatoryPrefix::PNP => 0u8,
            MandatoryPrefix::P66 => 1,
            MandatoryPrefix::PF3 => 2,
            MandatoryPrefix::PF2 => 3,
        };
        let map = match op.table() {
            OpCodeTableKind::Normal => 0u8,
            OpCodeTableKind::T0F => 1,
            OpCodeTableKind::T0F38 => 2,
            OpCodeTableKind::T0F3A => 3,
            OpCodeTableKind::MAP5 => 5,
            OpCodeTableKind::MAP6 => 6,
            OpCodeTableKind::MAP8 => 8,
            OpCodeTableKind::MAP9 => 9,
            OpCodeTableKind::MAP10 => 10,
            _ => return None,
        };
        let w = match op.w() {
            _ if op.is_wig() || op.is_wig32() => random.below(2) as u8,
            w => w as u8,
        };
        let bits = random.next();
        match op.encoding() {
            EncodingKind::Legacy | EncodingKind::D3NOW => {
                if op.operand_size() == 16 || pp == 1 {
                    bytes.push(0x66);
                } else if pp == 0 && random.one_in(24) {
                    bytes.push(*random.pick(&[0x66, 0xf2, 0xf3, 0x2e, 0x3e]));
                }
                if op.address_size() == 32 || random.one_in(40) {
                    bytes.push(0x67);
                }
                if random.one_in(if op.can_use_lock_prefix() { 3 } else { 100 }) {
                    bytes.push(0xf0);
                }
                if pp >= 2 {
                    bytes.push(if pp == 2 { 0xf3 } else { 0xf2 });
                } else if op.can_use_rep_prefix() && random.one_in(2) {
                    bytes.push(*random.pick(&[0xf2, 0xf3]));
                }
                let needs_w = op.operand_size() == 64 && !op.default_op_size64();
                if needs_w || random.one_in(2) {
                    let wide = needs_w || random.one_in(3);
                    let rex = 0x40 | (bits as u8 & 7) | u8::from(wide) << 3;
                    bytes.push(rex);
                }
                match map {
                    0 => {}
                    1 => bytes.push(0x0f),
                    2 => bytes.extend([0x0f, 0x38]),
                    _ => bytes.extend([0x0f, 0x3a]),
                }
            }
            EncodingKind::VEX | EncodingKind::XOP => {
                let l = (bits >> 8) as u8 & 1;
                let vvvv = if random.one_in(2) {
                    15
                } else {
                    (bits >> 16) as u8 & 15
                };
                let xop = op.encoding() == EncodingKind::XOP;
                if !xop && map == 1 && w == 0 && random.one_in(2) {
                    bytes.extend([0xc5, (bits as u8 & 0x80) | vvvv << 3 | l << 2 | pp]);
                } else {
                    let first = if xop { 0x8f } else { 0xc4 };
                    bytes.extend([
                        first,
                        bits as u8 & 0xe0 | map,
                        w << 7 | vvvv << 3 | l << 2 | pp,
                    ]);
                }
            }
            EncodingKind::EVEX => {
                let vvvv = if random.one_in(2) {
                    15
                } else {
                    (bits >> 16) as u8 & 15
                };
                let high = if vvvv == 15 && random.one_in(2) {
                    8
                } else {
                    (bits >> 30) as u8 & 8
                };
                let aaa = if random.one_in(2) {
                    0
                } else {
                    (bits >> 24) as u8 & 7
                };
                let z = if aaa != 0 {
                    (bits >> 20) as u8 & 0x80
                } else {
                    0
                };
                bytes.extend([
                    0x62,
                    bits as u8 & 0xf0 | map,
                    w << 7 | vvvv << 3 | 4 | pp,
                    z | (bits >> 40) as u8 & 0x70 | high | aaa,
                ]);
            }
            _ => return None,
        }
        let opcode = op.op_code();
        if op.op_code_len() == 2 {
            bytes.push((opcode >> 8) as u8);
        }
        if legacy && op.encoding() == EncodingKind::D3NOW {
            return None;
        }
        // Opcodes with a register in the low bits.
        let plus_r = format!("{:?}", op.op0_kind()).contains("opcode")
            || format!("{:?}", op.op1_kind()).contains("opcode");
        bytes.push(opcode as u8 | if plus_r { (bits >> 50) as u8 & 7 } else { 0 });
        if op.op_code_len() == 1 {
            let mut modrm = (bits >> 56) as u8;
            if op.group_index() >= 0 {
                modrm = modrm & 0xc7 | (op.group_index() as u8) << 3;
            }
            if random.one_in(3) {
                modrm = modrm & 0x38 | 5;
            }
            if op.rm_group_index() >= 0 {
                modrm = 0xc0 | modrm & 0x38 | op.rm_group_index() as u8;
            }
            bytes.push(modrm);
        }
        let tail = random.next().to_le_bytes();
        bytes.extend(tail);
        bytes.extend(random.next().to_le_bytes());
        let mut decoder = Decoder::with_ip(64, &bytes, CODE, DecoderOptions::NONE);
        let instruction = decoder.decode();
        if instruction.code() != code {
            continue;
        }
        let offsets = decoder.get_constant_offsets(&instruction);
        bytes.truncate(instruction.len());
        if offsets.has_displacement() {
            // Keep addresses near the pointers.
            let at = offsets.displacement_offset();
            match offsets.displacement_size() {
                4 => {
                    let near = if instruction.is_ip_rel_memory_operand() {
                        (DATA - CODE) as u32 + random.below(DATA_SIZE - 256) as u32
                    } else {
                        (random.below(2048) as i32 - 1024) as u32
                    };
                    bytes[at..at + 4].copy_from_slice(&near.to_le_bytes());
                }
                8 => {
                    let address = DATA + random.below(DATA_SIZE) as u64;
                    bytes[at..at + 8].copy_from_slice(&address.to_le_bytes());
                }
                _ => {}
            }
        }
        let instruction = Decoder::with_ip(64, &bytes, CODE, DecoderOptions::NONE).decode();
        if instruction.is_invalid() || instruction.len() != bytes.len() {
            continue;
        }
        if matches!(instruction.segment_prefix(), Register::FS | Register::GS) {
            continue;
        }
        return Some((bytes, instruction));
    }
    None
}

/// `mov register, value`.
fn set_register(register: u8, value: u64) -> Vec<u8> {
    let mut bytes = vec![0x48 | register >> 3, 0xb8 | register & 7];
    bytes.extend(value.to_le_bytes());
    bytes
}

pub fn pointer(random: &mut Random) -> u64 {
    let offset = 1024 + random.below(DATA_SIZE - 4096) as u64;
    let align = *random.pick(&[1, 1, 8, 16, 64, 64]);
    DATA + offset / align * align
}

fn number(register: Register) -> Option<u8> {
    let full = register.full_register();
    full.is_gpr64().then(|| full.number() as u8)
}

/// One random instruction, with the registers of its address set up before.
fn instruction(random: &mut Random, table: &Table, out: &mut Vec<Item>) {
    let code = *random.pick(&table.codes);
    let Some((bytes, decoded)) = encode(random, code) else {
        return;
    };
    if !random.one_in(8) {
        if let Some(base) = number(decoded.memory_base()) {
            out.push(Item::Raw(set_register(base, pointer(random))));
        }
        if let Some(index) = number(decoded.memory_index()) {
            if Some(index) != number(decoded.memory_base()) {
                out.push(Item::Raw(set_register(index, random.below(64) as u64)));
            }
        }
        let text = format!("{:?}", code.mnemonic());
        let string = ["Movs", "Stos", "Lods", "Scas", "Cmps"]
            .iter()
            .any(|s| text.starts_with(s))
            && !decoded.is_ip_rel_memory_operand();
        if string || text.contains("Mask") {
            out.push(Item::Raw(set_register(6, pointer(random))));
            out.push(Item::Raw(set_register(7, pointer(random))));
            out.push(Item::Raw(set_register(1, random.below(32) as u64)));
        }
    }
    out.push(Item::Raw(bytes));
}

/// A random program of roughly `length` instructions.
pub fn program(random: &mut Random, table: &Table, length: usize) -> Vec<Item> {
    let mut items = Vec::new();
    while items.len() < length {
        let over = 1 + random.below(4);
        match random.below(40) {
            0..=2 => items.push(Item::Jcc(random.below(16) as u8, over, random.one_in(2))),
            3 => items.push(Item::Jmp(over, random.one_in(2))),
            4 => items.push(Item::Loop(0xe0 + random.below(4) as u8, over)),
            5 => items.push(Item::JmpRegister(random.below(16) as u8, over)),
            6 => items.push(Item::Call(over)),
            7 => items.push(Item::CallRegister(random.below(16) as u8, over)),
            8 => items.push(Item::Return(over)),
            9 => items.push(Item::Back(over)),
            // Arithmetic that sets flags and branches on them soon.
            10..=13 => {
                let modrm = 0xc0 | random.below(64) as u8;
                let operation = *random.pick(&[0x01, 0x29, 0x39, 0x85, 0x21, 0x11, 0x19, 0x31]);
                items.push(Item::Raw(vec![
                    0x40 | random.below(16) as u8,
                    operation,
                    modrm,
                ]));
            }
            14 => {
                // inc and dec leave CF alone, setcc and cmov read.
                let register = random.below(8) as u8;
                items.push(match random.below(3) {
                    0 => Item::Raw(vec![0x48, 0xff, 0xc0 | random.below(16) as u8]),
                    1 => Item::Raw(vec![0x0f, 0x90 | random.below(16) as u8, 0xc0 | register]),
                    _ => Item::Raw(vec![
                        0x48,
                        0x0f,
                        0x40 | random.below(16) as u8,
                        0xc0 | random.below(64) as u8,
                    ]),
                });
            }
            _ => instruction(random, table, &mut items),
        }
    }
    items
}

/// Bytes an item takes.
fn size(item: &Item) -> usize {
    match item {
        Item::Raw(bytes) => bytes.len(),
        Item::Jcc(_, _, long) => {
            if *long {
                6
            } else {
                2
            }
        }
        Item::Jmp(_, long) => {
            if *long {
                5
            } else {
                2
            }
        }
        Item::Loop(..) => 2,
        Item::JmpRegister(..) => 7 + 3,
        Item::Call(_) => 5,
        Item::CallRegister(..) => 7 + 3,
        Item::Return(_) => 8 + 7 + 5 + 1,
        Item::Back(_) => 6 + 6,
    }
}

/// Machine code of a program at `offset` in the code area; ends with `int3`.
/// Loop counters live at the end of the data.
pub fn assemble(items: &[Item], offset: usize) -> Vec<u8> {
    let mut starts = Vec::new();
    let mut at = 0;
    for item in items {
        starts.push(at);
        at += size(item);
    }
    starts.push(at);
    let mut code = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let here = starts[index];
        let target = |over: &usize| starts[(index + 1 + over).min(items.len())] as i64;
        let relative = |over: &usize, end: usize| (target(over) - (here + end) as i64) as i32;
        let short = |value: i32| i8::try_from(value).unwrap_or(0) as u8;
        match item {
            Item::Raw(bytes) => {
                let mut bytes = bytes.clone();
                // Operands relative to rip were made for the start of the code.
                let mut decoder = Decoder::with_ip(64, &bytes, CODE, DecoderOptions::NONE);
                let decoded = decoder.decode();
                if decoded.is_ip_rel_memory_operand() {
                    let place = decoder.get_constant_offsets(&decoded).displacement_offset();
                    let old =
                        u32::from_le_bytes(bytes[place..place + 4].try_into().expect("4 bytes"));
                    let new = old.wrapping_sub((offset + here) as u32);
                    bytes[place..place + 4].copy_from_slice(&new.to_le_bytes());
                }
                code.extend(bytes);
            }
            Item::Jcc(condition, over, true) => {
                code.extend([0x0f, 0x80 | condition]);
                code.extend(relative(over, 6).to_le_bytes());
            }
            Item::Jcc(condition, over, false) => {
                code.extend([0x70 | condition, short(relative(over, 2))]);
            }
            Item::Jmp(over, true) => {
                code.push(0xe9);
                code.extend(relative(over, 5).to_le_bytes());
            }
            Item::Jmp(over, false) => code.extend([0xeb, short(relative(over, 2))]),
            Item::Loop(opcode, over) => code.extend([*opcode, short(relative(over, 2))]),
            Item::JmpRegister(register, over) | Item::CallRegister(register, over) => {
                let register = if register & 7 == 4 {
                    register ^ 1
                } else {
                    *register
                };
                code.extend([0x48 | (register >> 3) << 2, 0x8d, 5 | (register & 7) << 3]);
                code.extend(relative(over, 7).to_le_bytes());
                let call = matches!(item, Item::CallRegister(..));
                let operation = if call { 0xd0 } else { 0xe0 };
                code.extend([0x40 | register >> 3, 0xff, operation | register & 7]);
            }
            Item::Call(over) => {
                code.push(0xe8);
                code.extend(relative(over, 5).to_le_bytes());
            }
            Item::Return(over) => {
                // Without a register: store both halves below the stack pointer.
                let address = CODE + offset as u64 + target(over) as u64;
                code.extend([0xc7, 0x44, 0x24, 0xf8]);
                code.extend((address as u32).to_le_bytes());
                code.extend([0xc7, 0x44, 0x24, 0xfc]);
                code.extend(((address >> 32) as u32).to_le_bytes());
                code.extend([0x48, 0x83, 0xec, 0x08]);
                code.push(0xc3);
            }
            Item::Back(over) => {
                let counter = DATA + DATA_SIZE as u64 - 256 + (index as u64 % 60) * 4;
                let displacement = counter as i64 - (CODE as i64 + offset as i64 + here as i64 + 6);
                code.extend([0xff, 0x0d]);
                code.extend((displacement as i32).to_le_bytes());
                let to = starts[index.saturating_sub(*over)] as i64;
                code.extend([0x0f, 0x8f]);
                code.extend(((to - (here as i64 + 12)) as i32).to_le_bytes());
            }
        }
        assert_eq!(code.len(), starts[index + 1], "{item:?}");
    }
    code.push(0xcc);
    code
}
