//! Patches of the recorder come into memory, and are looked through where the original code is wanted.

use alloc::vec::Vec;

use reenact_translator::Translator;

use super::patches::{Patch, MOST_BYTES};
use super::Memory;
use crate::error::ReplayError;

const INT3: u8 = 0xcc;

impl Memory {
    /// The recorder wrote a jump over code: `payload` is what it wrote, then what was there.
    pub fn patch(
        &mut self,
        translator: &mut Translator,
        address: u64,
        payload: &[u8],
    ) -> Result<(), ReplayError> {
        let (written, original) = payload.split_at(payload.len() / 2);
        if written.is_empty() || written.len() > MOST_BYTES || written.len() != original.len() {
            return Err(ReplayError::BadEvent("a patch of no known size"));
        }
        self.write(translator, address, written)?;
        self.patches.insert(Patch::new(address, written, original));
        self.repeat_jump(address, written, original);
        Ok(())
    }

    /// Every patch that the program has not written over: its address, and its payload as in the log.
    pub fn patches_in_place(&self) -> Vec<(u64, Vec<u8>)> {
        let is_in_place = |&(address, written, _): &(u64, &[u8], &[u8])| {
            let mut now = [0u8; MOST_BYTES];
            let now = &mut now[..written.len()];
            self.read(address, now).is_ok() && now == written
        };
        self.patches
            .all()
            .filter(is_in_place)
            .map(|(address, written, original)| (address, [written, original].concat()))
            .collect()
    }

    /// The recorder put `int3` at each of the addresses, words of `payload`.
    pub fn set_breakpoints(
        &mut self,
        translator: &mut Translator,
        payload: &[u8],
    ) -> Result<(), ReplayError> {
        let addresses = || {
            payload
                .chunks_exact(8)
                .filter_map(|word| word.try_into().ok())
                .map(u64::from_le_bytes)
        };
        let (Some(first), Some(last)) = (addresses().min(), addresses().max()) else {
            return Ok(());
        };
        self.write_in_range(
            translator,
            first,
            (last - first).saturating_add(1),
            |memory| {
                for address in addresses() {
                    let mut original = [0u8; 1];
                    memory.read(address, &mut original)?;
                    memory.copy_in(address, &[INT3])?;
                    memory
                        .patches
                        .insert(Patch::new(address, &[INT3], &original));
                }
                Ok(())
            },
        )
    }

    /// Whether the recorder has changed the byte at an address.
    pub fn is_patched(&self, address: u64) -> bool {
        self.patches.touches(address, address + 1)
    }

    /// [`Memory::read`], but the program's own code where the recorder has changed it.
    pub fn read_original(&self, address: u64, buffer: &mut [u8]) -> Result<(), ReplayError> {
        self.read(address, buffer)?;
        self.patches.undo(address, buffer);
        Ok(())
    }
}
