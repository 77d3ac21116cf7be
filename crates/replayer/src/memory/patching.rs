//! Patches of the recorder come into memory, and are looked through where the original code is wanted.

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

    /// [`Memory::read`], but the program's own code where the recorder has changed it.
    pub fn read_original(&self, address: u64, buffer: &mut [u8]) -> Result<(), ReplayError> {
        self.read(address, buffer)?;
        self.patches.undo(address, buffer);
        Ok(())
    }
}
