//! Calls and returns, paired on the host as they are in the guest, so that the processor predicts returns.
//!
//! A call of the guest is a call of the host, too: it pushes the address of a *landing* behind it where the guest's
//! return address belongs. Before anything can see that, it is moved to a shadow table, in the slot that the stack
//! pointer's low 16 bits select, and the return address is written in its place. The guest's memory and
//! registers are thus always its own.
//!
//! A return looks up its slot. If the landing found there belongs to the address on the guest's
//! stack, the host's stack pointer is set to the slot and a host return goes to the landing, which restores it.
//! Otherwise (`longjmp`, another stack, code that has been dropped, calls deeper than the table) the return is an indirect jump like
//! any other. So the table is a cache: nothing has to be undone when stacks are switched or unwound.

use crate::build::{Build, Mode};
use crate::context::{budget_offset, field, SHADOW_ENTRIES, SHADOW_OFFSET};
use crate::emitter::Emitter;
use crate::engine::Engine;
use crate::guest::GuestCode;
use crate::store::LIVE;

const RCX: u8 = 1;
const RSP: u8 = 4;
const R10: u8 = 10;

/// Bytes of a landing's code; the guest's return address is behind it.
const LANDING: u8 = 12;

impl Engine {
    /// Write the number of the slot for the stack pointer as it is into a register.
    fn slot_number(&self, e: &mut Emitter, register: u8) {
        match (self.has_rotate, register) {
            // movzx register, sp: slots of a word each, of which aligned stacks use one in eight.
            (false, R10) => e.bytes(&[0x44, 0x0f, 0xb7, 0xd4]),
            (false, _) => e.bytes(&[0x0f, 0xb7, 0xcc]),
            // rorx register, esp, 3; movzx register, its low half: neighbours on the stack share cache lines.
            (true, R10) => e.bytes(&[0xc4, 0x63, 0x7b, 0xf0, 0xd4, 3, 0x45, 0x0f, 0xb7, 0xd2]),
            (true, _) => e.bytes(&[0xc4, 0xe3, 0x7b, 0xf0, 0xcc, 3, 0x0f, 0xb7, 0xc9]),
        }
    }

    /// Write the common code of returns and the landing of slots that are empty.
    pub(crate) fn write_returns(&mut self, e: &mut Emitter) {
        // In an empty slot's place: the same form as at a call, for an address that none has. It is
        // right all the same if a wild return goes there.
        self.empty_landing = e.address();
        e.load(field!(spill_rsp), RSP);
        e.bytes(&[0xeb, 3 + 8, 0x90, 0x90, 0x90]);
        e.u64(0x8000_0000_0000_0000);
        e.store(field!(spill_a), RCX);
        e.store(field!(spill_b), R10);
        self.write_indirect_return(e);

        // rcx is the address popped, its own value is in `spill_a`.
        self.return_gate = e.address();
        e.store(field!(spill_b), R10);
        self.write_return_gate(e, false);
        // The same after a charge to the first budget, with r10 saved.
        self.checked_return_gate = e.address();
        self.write_return_gate(e, true);
    }

    fn write_return_gate(&mut self, e: &mut Emitter, checks: bool) {
        let sign = budget_offset(0) + 7;
        e.store(field!(spill_rsp), RSP);
        // mov rsp, table; lea rsp, [rsp + 8 r10]
        self.slot_number(e, R10);
        e.load(field!(shadow), RSP);
        e.bytes(&[0x4a, 0x8d, 0x24, 0xd4]);
        // The return address that belongs to the landing: mov r10, [rsp]; mov r10, [r10 + LANDING]
        e.bytes(&[0x4c, 0x8b, 0x14, 0x24, 0x4d, 0x8b, 0x52, LANDING]);
        // Compared without touching the flags: not r10; lea rcx, [rcx + r10 + 1]
        e.bytes(&[0x49, 0xf7, 0xd2, 0x4a, 0x8d, 0x4c, 0x11, 0x01]);
        if checks {
            // A budget below 0 makes it another address: movzx r10d, sign; lea rcx, [rcx + r10]
            e.load_byte(sign, R10);
            e.bytes(&[0x4a, 0x8d, 0x0c, 0x11]);
        }
        e.load(field!(spill_b), R10);
        e.bytes(&[0xe3, 0]);
        let behind = e.address();
        e.load(field!(spill_rsp), RSP);
        if checks {
            e.load_byte(sign, RCX);
            // jrcxz over: mov rcx, [rsp - 8]; jmp miss
            e.bytes(&[0xe3, 10, 0x48, 0x8b, 0x4c, 0x24, 0xf8]);
            e.jump(self.miss);
        }
        self.write_indirect_return(e);
        // SAFETY: the displacement of the jrcxz written above.
        unsafe {
            (behind as *mut u8)
                .sub(1)
                .write((e.address() - behind) as u8)
        };
        e.load(field!(spill_a), RCX);
        e.u8(0xc3);
    }

    /// Go where the return address that has just been popped says, through the table.
    fn write_indirect_return(&self, e: &mut Emitter) {
        // mov rcx, [rsp - 8]
        e.bytes(&[0x48, 0x8b, 0x4c, 0x24, 0xf8]);
        self.jump_through_table(e);
    }

    /// Forget all landings.
    pub(crate) fn clear_landings(&mut self) {
        let table = (self.base + SHADOW_OFFSET as u64) as *mut u64;
        for index in 0..SHADOW_ENTRIES {
            // SAFETY: the table is in the cache, which is ours.
            unsafe { table.add(index).write(self.empty_landing) };
        }
    }

    /// The pushing half of a direct call in a block with accounting; what follows is at the target.
    pub(crate) fn call<G: GuestCode>(
        &mut self,
        guest: &mut G,
        b: &mut Build,
        length: usize,
        target: u64,
        next: u64,
    ) {
        b.e.store(field!(spill_a), RCX);
        self.slot_number(&mut b.e, RCX);
        self.landing(b, length, next, RCX);
        b.e.load(field!(spill_a), RCX);
        self.leave_to(guest, b, target);
    }

    /// The pushing half of an indirect call, whose target is in rcx; rcx and r10 are in `spill_a` and `spill_b`.
    pub(crate) fn call_indirect(&mut self, b: &mut Build, length: usize, next: u64) {
        self.slot_number(&mut b.e, R10);
        self.landing(b, length, next, R10);
        self.jump_through_table(&mut b.e);
    }

    /// A host call over its landing, which is then moved to the slot whose number is in
    /// `register`; the guest's return address takes its place.
    fn landing(&mut self, b: &mut Build, length: usize, next: u64, register: u8) {
        b.e.u8(0xe8);
        b.e.u32(u32::from(LANDING) + 8);
        b.is_charged = true;
        let second = (register == R10).then_some(R10);
        // The call writes where the guest's would, and is the last thing that can fault.
        self.note(b, length, Some(RCX), second);
        b.e.load(field!(spill_rsp), RSP);
        b.e.u8(0xe9);
        b.e.u32(0);
        let field = b.e.address() - 4;
        self.side_exit(b, next, field);
        let pool = b.e.address();
        b.e.u64(next);
        // pop qword gs:[8 register + table]
        if register == R10 {
            b.e.bytes(&[0x65, 0x42, 0x8f, 0x04, 0xd5]);
        } else {
            b.e.bytes(&[0x65, 0x8f, 0x04, 0xcd]);
        }
        b.e.u32(SHADOW_OFFSET as u32);
        // push qword [pool]
        b.e.bytes(&[0xff, 0x35]);
        b.e.relative(pool, 0);
    }

    /// A return to wherever the guest's stack says; rcx is in `spill_a`.
    pub(crate) fn pop_and_return(&mut self, b: &mut Build, length: usize) {
        b.e.u8(0x58 | RCX);
        if b.mode != Mode::Normal {
            return self.indirect(b, length);
        }
        self.note(b, length, Some(RCX), None);
        if b.is_charged || b.killed_at != LIVE {
            b.is_charged = true;
            b.e.jump(self.return_gate);
            return;
        }
        // The flags are live where the block is entered, and r10 is at hand here.
        b.e.store(field!(spill_b), R10);
        let charge_at = b.e.charge_through_r10(budget_offset(0));
        self.charge_later(b, charge_at);
        b.e.jump(self.checked_return_gate);
    }
}
