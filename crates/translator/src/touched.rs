//! Which watched memory an instruction that is about to be executed touches, exactly.

use crate::access::{Access, Watch};
use crate::guest::GuestCode;
use crate::translator::Translator;
use crate::watch::{access_of, described, UNKNOWN_SIZE};
use alloc::vec::Vec;
use iced_x86::{
    Decoder, DecoderOptions, Instruction, InstructionInfoFactory, InstructionInfoOptions, Register,
    UsedMemory,
};

/// A watch that is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Its number among [`Translator::watches`].
    pub number: usize,
    /// The first watched byte.
    pub address: u64,
    /// [`Watch::READ`], [`Watch::WRITE`] or both.
    pub access: u8,
}

/// Longest instruction.
pub(crate) const LONGEST: usize = 15;

impl Translator {
    /// Every watch that the instruction at hand, which [`crate::Stop::Watch`] has told of, touches.
    pub fn touched_watches<G: GuestCode>(&mut self, guest: &G, found: &mut Vec<Touched>) {
        found.clear();
        let ip = self.registers().rip;
        let mut bytes = [0; LONGEST];
        let Some(length) = (1..=LONGEST)
            .rev()
            .find(|&length| guest.read(ip, &mut bytes[..length]))
        else {
            return;
        };
        let mut decoder = Decoder::with_ip(64, &bytes[..length], ip, DecoderOptions::NONE);
        let instruction = decoder.decode();
        let mut factory = core::mem::take(&mut self.engine.factory);
        let info = factory
            .get_or_insert_with(InstructionInfoFactory::new)
            .info_options(&instruction, InstructionInfoOptions::NO_REGISTER_USAGE);
        for memory in info.used_memory() {
            self.touched_by(guest, &instruction, memory, found);
        }
        self.engine.factory = factory;
    }

    fn touched_by<G: GuestCode>(
        &self,
        guest: &G,
        instruction: &Instruction,
        memory: &UsedMemory,
        found: &mut Vec<Touched>,
    ) {
        let registers = *self.registers();
        let value = |register: Register, _: usize, _: usize| {
            Some(match register {
                Register::FS => registers.fs_base,
                Register::GS => registers.gs_base,
                Register::CS | Register::DS | Register::ES | Register::SS => 0,
                register => general(registers, register)?,
            })
        };
        let access = described(instruction, memory, access_of(memory.access()));
        let Some(address) = memory.virtual_address(0, value) else {
            return;
        };
        for (number, watch) in self.engine.watches.iter().enumerate() {
            if let Some(byte) = self.touches(guest, &access, address, watch) {
                found.push(Touched {
                    number,
                    address: byte,
                    access: access.access,
                });
            }
        }
    }

    /// The first watched byte that the access at hand touches, and how.
    pub(crate) fn touched<G: GuestCode>(&self, guest: &G, access: &Access) -> Option<(u64, u8)> {
        // SAFETY: the context lives as long as the translator.
        let address = unsafe { (*self.engine.context).watched };
        let mut watches = self.engine.watches.iter();
        watches.find_map(|watch| {
            let byte = self.touches(guest, access, address, watch)?;
            Some((byte, access.access))
        })
    }

    /// The first byte of a watch that an access at an address touches.
    fn touches<G: GuestCode>(
        &self,
        guest: &G,
        access: &Access,
        address: u64,
        watch: &Watch,
    ) -> Option<u64> {
        if watch.access & access.access == 0 {
            return None;
        }
        if let (Some(mask), Some(extent)) = (&access.mask, &self.engine.state_extent) {
            // SAFETY: the context lives as long as the translator.
            let context = unsafe { &*self.engine.context };
            return mask.find(context, extent, address, |start, end| {
                watch.touched(start, end)
            });
        }
        let registers = self.registers();
        let size = match (access.size, &self.engine.state_extent) {
            (0, Some(extent)) => {
                let mask = registers.rdx << 32 | registers.rax & 0xffff_ffff;
                extent.bytes(mask, access.is_compacted)
            }
            (0, None) => u64::from(UNKNOWN_SIZE),
            (size, _) => u64::from(size),
        };
        let Some(repeated) = &access.repeated else {
            return watch.touched(address, address.saturating_add(size));
        };
        let (start, end) = repeated.range(registers, address, size)?;
        let byte = watch.touched(start, end)?;
        let both = (start.max(watch.start), end.min(watch.end));
        repeated
            .reaches(guest, registers, address, size, both)
            .then_some(byte)
    }
}

/// A general register, or the part of it that an address is computed from.
pub(crate) fn general(mut registers: reenact_trace::Registers, register: Register) -> Option<u64> {
    let full = register.full_register();
    if full == Register::RIP {
        return Some(registers.rip);
    }
    if !full.is_gpr64() {
        return None;
    }
    let value = *registers.by_number(full.number());
    Some(if register.is_gpr32() {
        value & 0xffff_ffff
    } else {
        value
    })
}
