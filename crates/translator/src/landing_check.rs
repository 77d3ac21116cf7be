//! The check of a [`Landing`], inline, so that a loop that passes millions of times stays near full speed.

use crate::build::Build;
use crate::context::field;
use crate::engine::Engine;
use crate::landing::{Landing, Place};
use crate::store::ExitKind;

const RAX: u8 = 0;
const RCX: u8 = 1;
const RDX: u8 = 2;
const RSP: u8 = 4;

impl Engine {
    /// Whether execution may have to stop before the instruction at `address`.
    pub(crate) fn may_stop_at(&self, address: u64) -> bool {
        self.hooks.binary_search(&address).is_ok()
            || self
                .landing
                .is_some_and(|landing| landing.address == address)
    }

    /// Write the check in front of the instruction at `pc`. Leaves the flags alone.
    pub(crate) fn check_landing(&mut self, b: &mut Build, landing: &Landing) {
        b.need_flags();
        b.e.store(field!(spill_c), RCX);
        match landing.place {
            Place::Register(RCX) => {
                b.e.store(field!(spill_b), RAX);
                b.e.constant(RAX, landing.value.wrapping_neg());
                // lea rcx, [rcx + rax]
                b.e.bytes(&[0x48, 0x8d, 0x0c, 0x01]);
                b.e.load(field!(spill_b), RAX);
            }
            Place::Register(register) => {
                b.e.constant(RCX, landing.value.wrapping_neg());
                if register == RSP {
                    // rsp cannot be an index: lea rcx, [rsp + rcx].
                    b.e.bytes(&[0x48, 0x8d, 0x0c, 0x0c]);
                } else {
                    // lea rcx, [rcx + register]
                    b.e.bytes(&[
                        0x48 | (register >> 3) << 1,
                        0x8d,
                        0x0c,
                        (register & 7) << 3 | RCX,
                    ]);
                }
            }
            Place::Vector(register, is_upper) => {
                // The context's copies of vector registers are written anew at every exit.
                const SIZE: u32 = 16;
                let copy = field!(xmm) + u32::from(register) * SIZE;
                b.e.store(field!(spill_b), RAX);
                b.e.store_vector(copy, register);
                b.e.load(copy + u32::from(is_upper) * 8, RCX);
                b.e.constant(RAX, landing.value.wrapping_neg());
                // lea rcx, [rcx + rax]
                b.e.bytes(&[0x48, 0x8d, 0x0c, 0x01]);
                b.e.load(field!(spill_b), RAX);
            }
            Place::Component(component, offset) => {
                // Nobody needs the context's area while translated code runs.
                let area = field!(xsave);
                b.e.store(field!(spill_b), RAX);
                b.e.store(field!(spill_a), RDX);
                b.e.constant(RAX, 1 << component);
                b.e.constant(RDX, 0);
                b.e.save_components(area);
                b.e.load(field!(spill_a), RDX);
                b.e.load(area + u32::from(offset), RCX);
                b.e.constant(RAX, landing.value.wrapping_neg());
                // lea rcx, [rcx + rax]
                b.e.bytes(&[0x48, 0x8d, 0x0c, 0x01]);
                b.e.load(field!(spill_b), RAX);
            }
            Place::Memory(address) => {
                b.e.store(field!(spill_b), RAX);
                b.e.constant(RCX, address);
                b.e.constant(RAX, landing.value.wrapping_neg());
                // mov rcx, [rcx]; lea rcx, [rcx + rax]
                b.e.bytes(&[0x48, 0x8b, 0x09, 0x48, 0x8d, 0x0c, 0x01]);
                b.e.load(field!(spill_b), RAX);
            }
        }
        // jrcxz over the way on: a load of 7 bytes and a jump of 5.
        b.e.bytes(&[0xe3, 12]);
        b.e.load(field!(spill_c), RCX);
        b.e.u8(0xe9);
        b.e.u32(0);
        let way_on = b.e.address() - 4;
        b.e.load(field!(spill_c), RCX);
        self.stop_at(b, landing.address, ExitKind::Landing);
        let here = b.e.address();
        self.emitter(way_on).relative(here, 0);
    }
}
