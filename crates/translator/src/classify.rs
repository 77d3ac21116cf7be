//! What to do with each kind of instruction, worked out once per [`Code`] and remembered.

use alloc::vec;
use alloc::vec::Vec;
use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind};
use reenact_trace::event::instruction;

/// How an instruction is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// Not looked at yet.
    Unknown,
    /// The bytes are copied (memory operands relative to rip or gs are rewritten).
    Copy,
    /// Does nothing at all: no code.
    Nothing,
    /// `lea` of an address relative to rip becomes a constant.
    Lea,
    /// A load that writes the whole of a general register: the register holds the address first.
    Load,
    /// Copied, but never continues with the next instruction.
    Trap,
    Jcc,
    /// loop, loope, loopne, jrcxz, jecxz.
    Loop,
    Jmp,
    JmpIndirect,
    Call,
    CallIndirect,
    Ret,
    /// `iret` and the far `ret`.
    FarReturn,
    /// `popf`.
    PopFlags,
    Syscall,
    /// `int 0x80`.
    Int80,
    Int3,
    /// One of [`instruction`].
    NonDeterministic,
    ReadGs,
    WriteGs,
    /// Stores the x87 instruction pointer.
    StoreX87,
    Unsupported,
    Invalid,
}

impl Class {
    /// Whether execution always goes on with the next instruction (or faults).
    pub fn goes_on(self) -> bool {
        use Class::*;
        matches!(self, Copy | Nothing | Lea | Load | ReadGs | WriteGs)
    }
}

/// What is remembered about a [`Code`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeInfo {
    pub class: Class,
    /// Status flags read; bits as in [`STATUS_FLAGS`].
    pub read: u8,
    /// Status flags overwritten whatever they were.
    pub killed: u8,
    /// Code of a non-deterministic instruction, or kind of x87 store.
    pub detail: u8,
}

/// All six status flags as iced numbers them (OF SF ZF AF CF PF).
pub(crate) const STATUS_FLAGS: u8 = 0x3f;

/// Layouts of x87 state in memory.
pub(crate) mod x87 {
    /// fnstenv, fnsave with 32-bit operand size: FIP is 4 bytes at 12.
    pub const ENVIRONMENT: u8 = 0;
    /// fxsave, xsave: FIP is 4 bytes at 8.
    pub const FXSAVE: u8 = 2;
    /// fxsave64, xsave64: FIP is 8 bytes at 8.
    pub const FXSAVE64: u8 = 3;
}

pub(crate) struct Classifier {
    table: Vec<CodeInfo>,
}

impl Classifier {
    pub fn new() -> Classifier {
        let unknown = CodeInfo {
            class: Class::Unknown,
            read: 0,
            killed: 0,
            detail: 0,
        };
        Classifier {
            table: vec![unknown; Code::values().len()],
        }
    }

    #[inline]
    pub fn get(&mut self, instruction: &Instruction) -> CodeInfo {
        let info = self.table[instruction.code() as usize];
        if info.class != Class::Unknown {
            return info;
        }
        let info = examine(instruction);
        if instruction.mnemonic() == Mnemonic::Int {
            // What it is depends on its operand.
            return info;
        }
        self.table[instruction.code() as usize] = info;
        info
    }
}

/// Shifts and rotates by an immediate overwrite flags only if the masked count is not zero, so
/// their `killed` cannot be remembered per [`Code`].
pub(crate) fn is_shift(mnemonic: Mnemonic) -> bool {
    use Mnemonic::*;
    matches!(
        mnemonic,
        Shl | Sal | Shr | Sar | Rol | Ror | Rcl | Rcr | Shld | Shrd
    )
}

fn flags(instruction: &Instruction) -> (u8, u8) {
    let mut read = instruction.rflags_read() as u8 & STATUS_FLAGS;
    let mut killed = (instruction.rflags_written()
        | instruction.rflags_cleared()
        | instruction.rflags_set()) as u8
        & STATUS_FLAGS;
    use Mnemonic::*;
    // Not read with a count of zero, but what is remembered must hold for every count.
    if matches!(instruction.mnemonic(), Rcl | Rcr) {
        read |= 0x10;
    }
    match instruction.mnemonic() {
        // AF is documented as undefined; every known processor clears it.
        And | Or | Xor | Test => killed = STATUS_FLAGS,
        // With a count of zero these leave the flags alone.
        Cmpsb | Cmpsw | Cmpsd | Cmpsq | Scasb | Scasw | Scasd | Scasq => killed = 0,
        mnemonic if is_shift(mnemonic) => killed = 0,
        _ => {}
    }
    (read, killed)
}

fn examine(i: &Instruction) -> CodeInfo {
    let (read, killed) = flags(i);
    let (class, detail) = class_of(i);
    let read = match class {
        Class::Copy | Class::Nothing | Class::Lea | Class::Load | Class::Jcc => read,
        Class::ReadGs | Class::WriteGs => 0,
        // rflags_read of these is right, but leaving needs exact flags anyway.
        Class::Jmp | Class::Call => 0,
        _ => STATUS_FLAGS,
    };
    CodeInfo {
        class,
        read,
        killed,
        detail,
    }
}

fn class_of(i: &Instruction) -> (Class, u8) {
    use Mnemonic::*;
    if i.is_invalid() {
        return (Class::Invalid, 0);
    }
    let class = match i.mnemonic() {
        Nop | Endbr64 | Endbr32 => Class::Nothing,
        Lea => Class::Lea,
        Syscall => Class::Syscall,
        Int3 => Class::Int3,
        Int => match i.immediate8() {
            3 => Class::Int3,
            4 => Class::Unsupported,
            0x80 => Class::Int80,
            _ => Class::Trap,
        },
        Cpuid => return (Class::NonDeterministic, instruction::CPUID as u8),
        Rdtsc => return (Class::NonDeterministic, instruction::RDTSC as u8),
        Rdtscp => return (Class::NonDeterministic, instruction::RDTSCP as u8),
        Rdrand => return (Class::NonDeterministic, instruction::RDRAND as u8),
        Rdseed => return (Class::NonDeterministic, instruction::RDSEED as u8),
        Rdpid => return (Class::NonDeterministic, instruction::RDPID as u8),
        Xgetbv => return (Class::NonDeterministic, instruction::XGETBV as u8),
        Xbegin => return (Class::NonDeterministic, instruction::XBEGIN as u8),
        Rdgsbase => Class::ReadGs,
        Wrgsbase => Class::WriteGs,
        Fnstenv | Fnsave if unsupported_name(i).is_none() => {
            return (Class::StoreX87, x87::ENVIRONMENT);
        }
        Fxsave | Xsave | Xsaveopt | Xsavec => return (Class::StoreX87, x87::FXSAVE),
        Fxsave64 | Xsave64 | Xsaveopt64 | Xsavec64 => return (Class::StoreX87, x87::FXSAVE64),
        Ud0 | Ud1 | Ud2 | Hlt => Class::Trap,
        Iret | Iretd | Iretq | Retf => Class::FarReturn,
        Popf | Popfq => Class::PopFlags,
        _ if unsupported_name(i).is_some() => Class::Unsupported,
        _ => match i.flow_control() {
            FlowControl::Next => copy_class(i),
            FlowControl::ConditionalBranch if i.is_jcc_short_or_near() => Class::Jcc,
            FlowControl::ConditionalBranch => Class::Loop,
            FlowControl::UnconditionalBranch => Class::Jmp,
            FlowControl::IndirectBranch => Class::JmpIndirect,
            FlowControl::Call => Class::Call,
            FlowControl::IndirectCall => Class::CallIndirect,
            FlowControl::Return => Class::Ret,
            _ => Class::Unsupported,
        },
    };
    (class, 0)
}

fn copy_class(i: &Instruction) -> Class {
    use Code::*;
    let loads = matches!(
        i.code(),
        Mov_r32_rm32
            | Mov_r64_rm64
            | Movzx_r32_rm8
            | Movzx_r64_rm8
            | Movzx_r32_rm16
            | Movzx_r64_rm16
            | Movsx_r32_rm8
            | Movsx_r64_rm8
            | Movsx_r32_rm16
            | Movsx_r64_rm16
            | Movsxd_r64_rm32
    );
    if loads {
        Class::Load
    } else {
        Class::Copy
    }
}

/// The number of an instruction whose stores depend on which state components are in use, in
/// [`instruction`]; `None` for others.
pub(crate) fn state_store(i: &Instruction) -> Option<u8> {
    use Mnemonic::*;
    let code = match i.mnemonic() {
        Xsave | Xsave64 => instruction::XSAVE,
        Xsavec | Xsavec64 => instruction::XSAVEC,
        Xsaveopt | Xsaveopt64 => instruction::XSAVEOPT,
        _ => return None,
    };
    Some(code as u8)
}

/// The name of an instruction that is not supported; `None` for others.
pub(crate) fn unsupported_name(i: &Instruction) -> Option<&'static str> {
    use Mnemonic::*;
    let name = match i.mnemonic() {
        Int if i.immediate8() == 4 => "int 4",
        Int1 => "int1",
        Sysenter => "sysenter",
        Sysexit | Sysexitq => "sysexit",
        Sysret | Sysretq => "sysret",
        Uiret => "uiret",
        Rdpru => "rdpru",
        Rdpmc => "rdpmc",
        Umwait | Tpause | Umonitor => "umwait",
        Vmcall | Vmmcall | Vmgexit => "hypervisor call",
        Enclu | Encls | Enclv => "SGX",
        Lss | Lfs | Lgs => "load of a segment register",
        Swapgs => "swapgs",
        Wrpkru => "wrpkru",
        Getsec | Skinit => "secure launch",
        _ => match i.code() {
            Code::Call_m1616 | Code::Call_m1632 | Code::Call_m1664 => "far call",
            Code::Jmp_m1616 | Code::Jmp_m1632 | Code::Jmp_m1664 => "far jump",
            Code::Jmp_rm16 | Code::Call_rm16 | Code::Retnw | Code::Retnw_imm16 => {
                "branch with 16-bit operand size"
            }
            // Sixteen bits of an instruction pointer cannot be told from a guest's.
            Code::Fnstenv_m14byte | Code::Fnsave_m94byte => "x87 state with 16-bit operand size",
            Code::Jmp_rel16 | Code::Call_rel16 => "branch with 16-bit operand size",
            _ if writes_segment(i) => "load of a segment register",
            _ => return None,
        },
    };
    Some(name)
}

fn writes_segment(i: &Instruction) -> bool {
    let pop_or_move = matches!(i.mnemonic(), Mnemonic::Mov | Mnemonic::Pop);
    pop_or_move && i.op0_kind() == OpKind::Register && i.op0_register().is_segment_register()
}

/// Whether code that is no instruction has more bytes than one may have: that is another fault
/// (#GP instead of #UD: Intel SDM volume 3, 7.15).
pub(crate) fn is_too_long(code: &[u8]) -> bool {
    const MOST: usize = 15;
    let is_prefix = |byte: &&u8| matches!(**byte, 0xf0 | 0xf2 | 0xf3 | 0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f | 0x64..=0x67);
    let prefixes = code.iter().take_while(is_prefix).count();
    let mut rest = Decoder::with_ip(64, &code[prefixes..], 0, DecoderOptions::NONE);
    let instruction = rest.decode();
    prefixes >= MOST || !instruction.is_invalid() && prefixes + instruction.len() > MOST
}
