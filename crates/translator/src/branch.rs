//! Jumps, calls and returns, and how far a block follows them.

use crate::build::{Build, Mode, Next, Pending, CALL_DEPTH};
use crate::context::{budget_offset, field, TABLE_GRAIN, TABLE_OFFSET};
use crate::emitter::Emitter;
use crate::engine::Engine;
use crate::guest::{guest_range, GuestCode};
use crate::rewrite::has_operand_size;
use crate::store::ExitKind;
use iced_x86::Instruction;

/// Loops up to this long are unrolled …
pub(crate) const UNROLL_BODY: u8 = 16;
/// … as long as the block does not get longer than this.
pub(crate) const UNROLL_TOTAL: u8 = 32;
/// Blocks shorter than this are continued behind an unconditional jump.
pub(crate) const FOLLOW_JUMP: u8 = 12;
/// Blocks are continued behind this many conditional jumps not taken.
pub(crate) const FOLLOW_BRANCHES: u8 = 4;

impl Engine {
    /// `push` of a constant that may not fit an immediate.
    pub(crate) fn push_constant(&mut self, b: &mut Build, value: u64) {
        if value as i32 as i64 as u64 == value {
            b.e.u8(0x68);
            b.e.u32(value as u32);
        } else {
            let pool = (self.cold + 7) & !7;
            let mut cold = self.emitter(pool);
            cold.u64(value);
            self.cold = cold.address();
            b.e.bytes(&[0xff, 0x35]);
            b.e.relative(pool, 0);
        }
    }

    /// The target is in rcx, whose value is in `spill_a`.
    pub(crate) fn indirect(&mut self, b: &mut Build, length: usize) {
        // Only what is before can fault.
        self.note(b, length, Some(1), None);
        b.is_charged = true;
        b.e.store(field!(spill_b), 10);
        b.need_flags();
        if b.mode == Mode::Normal {
            self.jump_through_table(&mut b.e);
        } else {
            b.e.jump(self.miss);
        }
    }

    /// A return to a call that this block contains: check the address and go on there.
    pub(crate) fn expected_return(&mut self, b: &mut Build, length: usize) -> Next {
        const LEA_RCX_RCX_R10: [u8; 4] = [0x4a, 0x8d, 0x0c, 0x11];
        b.depth -= 1;
        let expected = b.returns[b.depth];
        b.e.store(field!(spill_a), 1);
        b.e.u8(0x59);
        self.note(b, length, Some(1), None);
        b.e.store(field!(spill_b), 10);
        b.e.constant(10, expected.wrapping_neg());
        b.e.bytes(&LEA_RCX_RCX_R10);
        b.e.bytes(&[0xe3, 5]);
        b.e.jump(self.cold);
        b.e.load(field!(spill_a), 1);
        b.e.load(field!(spill_b), 10);

        // Somewhere else: put the address together again, set the account right, and go through the table.
        b.is_charged = true;
        let budget = budget_offset(b.number);
        let mut cold = self.emitter(self.cold);
        cold.constant(10, expected);
        cold.bytes(&LEA_RCX_RCX_R10);
        let charge_at = cold.charge_through_r10(budget);
        self.jump_through_table(&mut cold);
        self.cold = cold.address();
        self.charge_later(b, charge_at);
        Next::At(expected)
    }

    /// What is due here is charged by 32 bits at `charge_at`, once it is known.
    pub(crate) fn charge_later(&mut self, b: &Build, charge_at: u64) {
        self.pending.push(Pending {
            executed: b.count,
            target: 0,
            field: 0,
            kind: ExitKind::Jump,
            number_at: charge_at,
            charge_only: true,
        });
    }

    /// Jump to the indirect entry for the address in rcx.
    pub(crate) fn jump_through_table(&self, e: &mut Emitter) {
        if self.has_rotate {
            // rorx r10d, ecx, TABLE_GRAIN; movzx r10d, r10w
            e.bytes(&[0xc4, 0x63, 0x7b, 0xf0, 0xd1, TABLE_GRAIN as u8]);
            e.bytes(&[0x45, 0x0f, 0xb7, 0xd2]);
        } else {
            // movzx r10d, cx
            e.bytes(&[0x44, 0x0f, 0xb7, 0xd1]);
        }
        e.bytes(&[0x65, 0x42, 0xff, 0x24, 0xd5]);
        e.u32(TABLE_OFFSET as u32);
    }

    /// Whether the block goes on in the function that it calls: where it follows a path on which that returns.
    /// Other calls are better paired with their return.
    pub(crate) fn follows_call<G: GuestCode>(
        &mut self,
        guest: &mut G,
        b: &mut Build,
        target: u64,
    ) -> bool {
        if !b.traced {
            return false;
        }
        let returns = self.path_calls.get(b.calls_at).copied().unwrap_or(false);
        b.calls_at += 1;
        returns
            && b.depth < CALL_DEPTH
            && self.hooks.binary_search(&target).is_err()
            && self.can_execute(guest, target)
    }

    /// Whether translation may go on at `address`.
    pub(crate) fn can_execute<G: GuestCode>(&mut self, guest: &mut G, address: u64) -> bool {
        guest_range(guest, &mut self.range, address).is_ok()
    }

    pub(crate) fn conditional<G: GuestCode>(
        &mut self,
        guest: &mut G,
        b: &mut Build,
        i: &Instruction,
        bytes: &[u8],
    ) -> Next {
        if has_operand_size(bytes) {
            return self.unsupported_branch(b, i.ip(), i.len());
        }
        let (taken, next) = (i.near_branch_target(), i.next_ip());
        b.need_flags();
        // The opcode is followed by a displacement of one or four bytes.
        let behind = if i.is_jcc_short() { 2 } else { 5 };
        let condition = bytes[bytes.len() - behind] & 15;
        let length = i.len();
        if b.traced {
            let follow = self.path.get(b.path_at).copied().unwrap_or(false);
            b.path_at += 1;
            if follow {
                self.emit_jcc(b, condition ^ 1, next, length);
                return Next::At(taken);
            }
            self.emit_jcc(b, condition, taken, length);
            return Next::Straight;
        }
        // A short loop on itself: continue with another copy of the body.
        if taken == b.start && b.mode == Mode::Normal && next != taken {
            let total = b.count + 1;
            let body = if b.branches & 0x80 == 0 {
                total
            } else {
                b.branches & 0x7f
            };
            if body <= UNROLL_BODY && total + body <= UNROLL_TOTAL && b.branches & 0x7f < 64 {
                // The first time, `branches` counts branches; a loop with branches
                // in its body is not unrolled, so it can hold the length from here on.
                if b.branches & 0x80 != 0 || b.branches == 0 {
                    b.branches = 0x80 | body;
                    self.emit_jcc(b, condition ^ 1, next, length);
                    return Next::At(taken);
                }
            }
            self.emit_jcc(b, condition, taken, length);
            if b.branches & 0x80 != 0 {
                self.leave_to(guest, b, next);
                return Next::End;
            }
            return self.go_on_after_branch(guest, b, next);
        }
        self.emit_jcc(b, condition, taken, length);
        self.go_on_after_branch(guest, b, next)
    }

    pub(crate) fn emit_jcc(&mut self, b: &mut Build, condition: u8, target: u64, length: usize) {
        b.e.bytes(&[0x0f, 0x80 | condition]);
        b.e.u32(0);
        let field = b.e.address() - 4;
        self.note(b, length, None, None);
        self.side_exit(b, target, field);
    }

    pub(crate) fn side_exit(&mut self, b: &mut Build, target: u64, field: u64) {
        // When the block is finished it is looked up whether the target has been translated.
        self.store.by_address.prefetch(target);
        self.pending.push(Pending {
            executed: b.count,
            target,
            field,
            kind: ExitKind::Jump,
            number_at: 0,
            charge_only: false,
        });
    }

    /// Whether to continue a block behind a conditional branch.
    pub(crate) fn go_on_after_branch<G: GuestCode>(
        &mut self,
        guest: &mut G,
        b: &mut Build,
        next: u64,
    ) -> Next {
        if b.traced {
            return Next::Straight;
        }
        if b.branches & 0x80 == 0 {
            b.branches += 1;
            let go_on = b.mode != Mode::Normal || b.branches < FOLLOW_BRANCHES;
            if go_on {
                return Next::Straight;
            }
        }
        self.leave_to(guest, b, next);
        Next::End
    }

    pub(crate) fn go_to<G: GuestCode>(
        &mut self,
        guest: &mut G,
        b: &mut Build,
        target: u64,
        from: u64,
    ) -> Next {
        if b.traced && self.can_execute(guest, target) {
            return Next::At(target);
        }
        let follow = b.mode == Mode::Normal
            && b.count < FOLLOW_JUMP
            && b.branches & 0x80 == 0
            && target > from
            && !self.hooks.contains(&target)
            && self.store.by_address.get(target).is_none();
        if follow {
            return Next::At(target);
        }
        self.leave_to(guest, b, target);
        Next::End
    }

    /// End the block with a jump to guest address `target`.
    pub(crate) fn leave_to<G: GuestCode>(&mut self, guest: &mut G, b: &mut Build, target: u64) {
        if b.undecided != 0 {
            b.killed_at = self.killed_beyond(guest, b, target);
            b.undecided = 0;
        }
        b.e.u8(0xe9);
        b.e.u32(0);
        let field = b.e.address() - 4;
        self.side_exit(b, target, field);
    }
}
