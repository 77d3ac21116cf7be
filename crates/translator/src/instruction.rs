//! Translates one instruction.

use crate::build::{Build, Mode, Next};
use crate::classify::{state_store, unsupported_name, Class, CodeInfo};
use crate::context::field;
use crate::engine::Engine;
use crate::guest::GuestCode;
use crate::rewrite::{self, has_operand_size};
use crate::store::ExitKind;
use iced_x86::{Code, Decoder, Instruction, Register};

impl Engine {
    /// Translate one instruction.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn one<G: GuestCode>(
        &mut self,
        guest: &mut G,
        b: &mut Build,
        i: &Instruction,
        info: CodeInfo,
        decoder: &Decoder<'_>,
        pc: u64,
        code: &[u8],
    ) -> Next {
        let length = i.len();
        let (bytes, safe16) = (&code[..length], code.len() >= 16);
        if b.checks_accesses {
            self.check_accesses(b, i);
        }
        let killed = self.kills(i, info);
        b.track_flags(info.read, killed);
        match info.class {
            Class::Copy | Class::Trap | Class::Load | Class::Lea => {
                let base = i.memory_base();
                let mut scratch = (None, None);
                if i.segment_prefix() == Register::GS
                    && info.class != Class::Lea
                    && touches_memory(i)
                {
                    match rewrite::through_gs(&mut b.e, i) {
                        Some((first, second)) => scratch = (Some(first), Some(second)),
                        None => {
                            let kind = ExitKind::Unsupported("gs-relative operand", length as u8);
                            self.stop_at(b, pc, kind);
                            return Next::End;
                        }
                    }
                } else if base == Register::RIP || base == Register::EIP {
                    scratch.0 = self.rip_relative(b, i, info.class, decoder, bytes);
                } else if safe16 {
                    // SAFETY: 16 bytes of code can be read.
                    unsafe { b.e.copy16(bytes.as_ptr(), length) };
                } else {
                    b.e.bytes(bytes);
                }
                self.note(b, length, scratch.0, scratch.1);
                if info.class == Class::Trap {
                    self.leave_to(guest, b, i.next_ip());
                    return Next::End;
                }
                Next::Straight
            }
            Class::Nothing => {
                self.note(b, length, None, None);
                Next::Straight
            }
            Class::Jcc => self.conditional(guest, b, i, bytes),
            Class::Loop => {
                b.need_flags();
                b.e.bytes(&bytes[..length - 1]);
                b.e.bytes(&[2, 0xeb, 5, 0xe9]);
                b.e.u32(0);
                let field = b.e.address() - 4;
                self.note(b, length, None, None);
                self.side_exit(b, i.near_branch_target(), field);
                self.go_on_after_branch(guest, b, i.next_ip())
            }
            Class::Jmp => {
                if has_operand_size(bytes) {
                    return self.unsupported_branch(b, pc, length);
                }
                self.note(b, length, None, None);
                self.go_to(guest, b, i.near_branch_target(), pc)
            }
            Class::Call => {
                if has_operand_size(bytes) {
                    return self.unsupported_branch(b, pc, length);
                }
                let (target, next) = (i.near_branch_target(), i.next_ip());
                if self.follows_call(guest, b, target) {
                    self.push_constant(b, next);
                    self.note(b, length, None, None);
                    b.returns[b.depth] = next;
                    b.depth += 1;
                    return Next::At(target);
                }
                if b.mode == Mode::Normal {
                    self.call(guest, b, length, target, next);
                } else {
                    self.push_constant(b, next);
                    self.note(b, length, None, None);
                    self.leave_to(guest, b, target);
                }
                Next::End
            }
            Class::JmpIndirect | Class::CallIndirect => {
                if has_operand_size(bytes) || i.segment_prefix() == Register::GS {
                    return self.unsupported_branch(b, pc, length);
                }
                b.need_flags();
                let paired = info.class == Class::CallIndirect && b.mode == Mode::Normal;
                b.e.store(field!(spill_a), 1);
                if paired {
                    b.e.store(field!(spill_b), 10);
                }
                let base = i.memory_base();
                if base == Register::RIP || base == Register::EIP {
                    b.e.constant(1, i.ip_rel_memory_address());
                    if i.segment_prefix() == Register::FS {
                        b.e.u8(0x64);
                    }
                    b.e.bytes(&[0x48, 0x8b, 0x09]);
                } else {
                    rewrite::take_operand(&mut b.e, bytes, 1, 0x8b, 1);
                }
                if paired {
                    self.call_indirect(b, length, i.next_ip());
                    return Next::End;
                }
                if info.class == Class::CallIndirect {
                    self.push_constant(b, i.next_ip());
                }
                self.indirect(b, length);
                Next::End
            }
            Class::Ret => {
                if has_operand_size(bytes) {
                    return self.unsupported_branch(b, pc, length);
                }
                b.need_flags();
                if b.depth > 0 && i.op_count() == 0 {
                    return self.expected_return(b, length);
                }
                b.e.store(field!(spill_a), 1);
                if i.op_count() == 0 {
                    self.pop_and_return(b, length);
                } else {
                    // pop rcx; lea rsp, [rsp + immediate]
                    b.e.bytes(&[0x59, 0x48, 0x8d, 0xa4, 0x24]);
                    b.e.u32(u32::from(i.immediate16()));
                    self.indirect(b, length);
                }
                Next::End
            }
            Class::FarReturn => self.far_return(b, i, pc),
            Class::PopFlags => self.pop_flags(b, i, bytes),
            Class::ReadGs => {
                let register = rewrite::number(i.op0_register()).expect("a general register");
                if i.op0_register().is_gpr64() {
                    b.e.load(rewrite::gs_base_offset(), register);
                } else {
                    // The displacement follows directly, as in the 64-bit form.
                    let at = b.e.at;
                    b.e.load(rewrite::gs_base_offset(), register);
                    // SAFETY: just written; clear REX.W.
                    unsafe { at.write(at.read() & !8) };
                }
                self.note(b, length, None, None);
                Next::Straight
            }
            Class::WriteGs => {
                let register = rewrite::number(i.op0_register()).expect("a general register");
                if i.op0_register().is_gpr64() {
                    b.e.store(rewrite::gs_base_offset(), register);
                } else {
                    b.e.store_constant(rewrite::gs_base_offset() + 4, 0);
                    let at = b.e.at;
                    b.e.store(rewrite::gs_base_offset(), register);
                    // SAFETY: just written; clear REX.W.
                    unsafe { at.write(at.read() & !8) };
                }
                self.note(b, length, None, None);
                Next::Straight
            }
            Class::StoreX87 => self.store_x87(b, i, info, decoder, bytes),
            Class::Syscall => self.end_with(b, pc, ExitKind::Syscall),
            Class::Int80 => self.end_with(b, pc, ExitKind::Int80),
            Class::Int3 => {
                self.note(b, length, None, None);
                self.stop_at(b, i.next_ip(), ExitKind::Int3);
                Next::End
            }
            Class::NonDeterministic => {
                let (register, size) = if i.op_count() > 0 {
                    let register = i.op0_register();
                    (
                        rewrite::number(register).unwrap_or(0),
                        register.size() as u8,
                    )
                } else {
                    (0, 0)
                };
                let kind = ExitKind::NonDeterministic(info.detail, length as u8, register, size);
                self.end_with(b, pc, kind)
            }
            Class::Unsupported | Class::Unknown => {
                let name = unsupported_name(i).unwrap_or("instruction");
                self.end_with(b, pc, ExitKind::Unsupported(name, length as u8))
            }
            Class::Invalid => self.end_with(b, pc, ExitKind::Invalid),
        }
    }

    pub(crate) fn rip_relative(
        &mut self,
        b: &mut Build,
        i: &Instruction,
        class: Class,
        decoder: &Decoder<'_>,
        bytes: &[u8],
    ) -> Option<u8> {
        let address = i.ip_rel_memory_address();
        let destination = match class {
            Class::Lea | Class::Load => rewrite::number(i.op0_register()),
            _ => None,
        };
        if let (Class::Lea, Some(register)) = (class, destination) {
            if i.op0_register().is_gpr64() {
                b.e.constant(register, address);
                return None;
            }
            if i.op0_register().is_gpr32() {
                b.e.constant(register, address & 0xffff_ffff);
                return None;
            }
        }
        let displacement = decoder.get_constant_offsets(i).displacement_offset();
        if let (Class::Load, Some(register)) = (class, destination) {
            if !matches!(register, 4 | 5 | 12 | 13) {
                // Saved only for the case that the load faults.
                b.e.store(field!(spill_a), register);
                b.e.constant(register, address);
                rewrite::with_base(&mut b.e, bytes, displacement, register);
                return Some(register);
            }
        }
        let scratch = rewrite::scratch(i, None);
        b.e.store(field!(spill_a), scratch);
        b.e.constant(scratch, address);
        rewrite::with_base(&mut b.e, bytes, displacement, scratch);
        b.e.load(field!(spill_a), scratch);
        Some(scratch)
    }

    pub(crate) fn store_x87(
        &mut self,
        b: &mut Build,
        i: &Instruction,
        info: CodeInfo,
        decoder: &Decoder<'_>,
        bytes: &[u8],
    ) -> Next {
        let length = i.len();
        if let Some(code) = state_store(i) {
            if self.stops_at_stores && !self.executed_stores.contains(&i.ip()) {
                let kind = ExitKind::NonDeterministic(code, length as u8, 0, 0);
                return self.end_with(b, i.ip(), kind);
            }
        }
        b.need_flags();
        if matches!(i.segment_prefix(), Register::FS | Register::GS) {
            let kind = ExitKind::Unsupported("x87 state stored through fs or gs", length as u8);
            return self.end_with(b, i.ip(), kind);
        }
        let scratch = rewrite::scratch(i, None);
        b.e.store(field!(spill_a), scratch);
        let relative = i.is_ip_rel_memory_operand();
        if relative {
            b.e.constant(scratch, i.ip_rel_memory_address());
            b.e.store(field!(operand), scratch);
            let displacement = decoder.get_constant_offsets(i).displacement_offset();
            rewrite::with_base(&mut b.e, bytes, displacement, scratch);
            b.e.load(field!(spill_a), scratch);
        } else {
            let two = bytes[rewrite::opcode_start(bytes)..]
                .iter()
                .position(|&byte| byte & 0xf0 != 0x40);
            let opcode = rewrite::opcode_start(bytes) + two.unwrap_or(0);
            let opcode_length = if bytes[opcode] == 0x0f { 2 } else { 1 };
            rewrite::take_operand(&mut b.e, bytes, opcode_length, 0x8d, scratch);
            b.e.store(field!(operand), scratch);
            b.e.load(field!(spill_a), scratch);
            b.e.bytes(bytes);
        }
        self.note(b, length, relative.then_some(scratch), None);
        self.stop_at(b, i.next_ip(), ExitKind::StoreX87(info.detail));
        Next::End
    }

    pub(crate) fn unsupported_branch(&mut self, b: &mut Build, pc: u64, length: usize) -> Next {
        let name = "branch with an unusual prefix";
        self.end_with(b, pc, ExitKind::Unsupported(name, length as u8))
    }
}

/// Whether an instruction with a segment prefix uses it.
fn touches_memory(i: &Instruction) -> bool {
    let nothing = matches!(i.code(), Code::Nop_rm16 | Code::Nop_rm32 | Code::Nop_rm64);
    !nothing && i.memory_segment() == Register::GS
}
