//! The x87 instruction pointer.
//!
//! The processor remembers where the last x87 instruction was, which is an address in the cache.
//! Nothing is done about it until the guest stores it in memory; then a value that is an
//! address of translated code is replaced by the guest's.

use crate::classify::x87;
use crate::engine::Engine;

impl Engine {
    /// The guest address of the instruction translated at host address `host`, of which only
    /// the bits of `mask` are known, and its opcode in the form of FOP.
    fn guest_instruction(&self, host: u64, mask: u64) -> Option<(u64, Option<u16>)> {
        let offset = host.wrapping_sub(self.base) & mask;
        let offset = u32::try_from(offset).ok()?;
        let number = self.store.find(offset)?;
        let block = &self.store.blocks[number as usize];
        let guest = self.store.place(block, offset)?.guest;
        // The bytes of a block that has been dropped may be gone.
        // SAFETY: translated code stays readable as long as its block is valid.
        let opcode = block.valid.then(|| unsafe { opcode(guest) });
        Some((guest, opcode))
    }

    /// Correct x87 state that the guest has just stored at `address`.
    ///
    /// # Safety
    /// An instruction has just written x87 state of this layout there.
    pub unsafe fn fix_stored_x87(&self, address: u64, layout: u8) {
        let (pointer, opcode_at, mask) = match layout {
            x87::ENVIRONMENT => (address + 12, address + 18, 0xffff_ffff),
            x87::FXSAVE => (address + 8, address + 6, 0xffff_ffff),
            _ => (address + 8, address + 6, u64::MAX),
        };
        // SAFETY: by contract; alignment is not assumed.
        unsafe {
            let wide = layout == x87::FXSAVE64;
            let found = if wide {
                (pointer as *const u64).read_unaligned()
            } else {
                u64::from((pointer as *const u32).read_unaligned())
            };
            let Some((guest, opcode)) = self.guest_instruction(found, mask) else {
                return;
            };
            if wide {
                (pointer as *mut u64).write_unaligned(guest);
            } else {
                (pointer as *mut u32).write_unaligned(guest as u32);
            }
            // The opcode contains the addressing form, which may have been rewritten.
            let field = opcode_at as *mut u16;
            if let (Some(opcode), 1..) = (opcode, field.read_unaligned()) {
                field.write_unaligned(field.read_unaligned() & 0xf800 | opcode);
            }
        }
    }

    /// Replace an address of translated code in the processor, because the cache is about to
    /// be cleared. With AMD processors this works only while an x87 exception is
    /// pending, which is also the only time fxsave shows it.
    ///
    /// # Safety
    /// The guest's x87 state is in the processor.
    pub unsafe fn fix_live_x87(&self) {
        let mut image = FxImage([0; 512]);
        // SAFETY: a 16-byte aligned area of 512 bytes; the vector registers are restored unchanged.
        unsafe {
            core::arch::asm!("fxsave64 [{0}]", in(reg) &raw mut image, options(nostack));
            let found = u64::from_le_bytes(image.0[8..16].try_into().expect("8 bytes"));
            if let Some((guest, _)) = self.guest_instruction(found, u64::MAX) {
                image.0[8..16].copy_from_slice(&guest.to_le_bytes());
                core::arch::asm!("fxrstor64 [{0}]", in(reg) &raw const image, options(nostack));
            }
        }
    }
}

/// The low three bits of the opcode and the ModRM byte of the x87 instruction at `address`.
///
/// # Safety
/// There is an x87 instruction.
unsafe fn opcode(address: u64) -> u16 {
    let mut at = address as *const u8;
    // SAFETY: by contract; prefixes are followed by an opcode of 0xd8 to 0xdf.
    unsafe {
        while at.read() & 0xf8 != 0xd8 {
            at = at.add(1);
        }
        u16::from(at.read() & 7) << 8 | u16::from(at.add(1).read())
    }
}

#[repr(C, align(64))]
struct FxImage([u8; 512]);
