//! Calls that are declined or refused, where the kernel would say another thing or where there is nothing to refuse: a bad
//! argument is told as what it is, and a kernel without the call says so.

use core::sync::atomic::{AtomicBool, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall1, syscall3, syscall5};

use crate::call::Call;
use crate::{address_space, guest, vdso};

const ARCH_MAP_VDSO_X32: u32 = 0x2001;
const ARCH_MAP_VDSO_64: u32 = 0x2003;

/// Threads of this program have had restartable sequences before it was recorded.
static HAD_SEQUENCES: AtomicBool = AtomicBool::new(false);

pub fn had_sequences() {
    HAD_SEQUENCES.store(true, Ordering::Relaxed);
}

/// What the kernel says to a call that is not performed; `None`: it would perform what we cannot record.
#[cold]
pub fn answer(call: &mut Call<'_>) -> Option<i64> {
    let [first, second, third, fourth, fifth, _] = call.args;
    match call.number {
        IOPL => io_level(first as u32),
        IOPERM => io_ports(first, second, third as u32),
        REMAP_FILE_PAGES => non_linear(first, second, third, fourth),
        // Only what the first bit asks for would keep us from patching code.
        PRCTL if first as u32 == PR_SET_MDWE as u32 && second & PR_MDWE_REFUSE_EXEC_GAIN == 0 => {
            // SAFETY: sets nothing.
            Some(unsafe { syscall5(PRCTL, first, second, third, fourth, fifth) })
        }
        // There is a vDSO, which is ours, so there can be no second one.
        ARCH_PRCTL if matches!(first as u32, ARCH_MAP_VDSO_X32..=ARCH_MAP_VDSO_64) => {
            let is_there = vdso::image_address().is_some();
            // SAFETY: maps nothing.
            is_there.then(|| unsafe { syscall3(ARCH_PRCTL, first, second, 0) })
        }
        RSEQ if third == 0 && HAD_SEQUENCES.load(Ordering::Relaxed) => sequences(call, first),
        _ => None,
    }
}

/// `rseq` of a thread that another one has made before the recorder came, where the kernel had sequences: the C library ends
/// the process if it has none now. It is told that it has, and finds them as whoever has given them up.
fn sequences(call: &mut Call<'_>, area: u64) -> Option<i64> {
    /// `cpu_id_start`, and `cpu_id`: RSEQ_CPU_ID_UNINITIALIZED.
    const NONE: [u32; 2] = [0, u32::MAX];
    let bytes = NONE.map(u32::to_le_bytes);
    let is_written = guest::write(area, bytes.as_flattened());
    is_written.then(|| {
        let length = bytes.as_flattened().len() as u64;
        call.event.written_memory(area, length);
        call.thread.restartable = [area, call.args[1], call.args[3]];
        0
    })
}

/// `iopl`: the level of a program is 0, and stays so.
fn io_level(level: u32) -> Option<i64> {
    const HIGHEST: u32 = 3;
    let is_change = (1..=HIGHEST).contains(&level);
    // A level that there is not shows whether the kernel has the call.
    let asked = if is_change { HIGHEST + 1 } else { level };
    // SAFETY: changes nothing.
    let result = unsafe { syscall1(IOPL, asked.into()) };
    (!is_change || result != -EINVAL).then_some(result)
}

/// `ioperm`: to take ports away that the program does not have changes nothing.
fn io_ports(from: u64, count: u64, on: u32) -> Option<i64> {
    // SAFETY: as above.
    let result = unsafe { syscall3(IOPERM, from, count, 0) };
    (on == 0 || result < 0).then_some(result)
}

/// `remap_file_pages` (mm/mmap.c), as far as it is refused.
fn non_linear(address: u64, size: u64, protection: u64, page: u64) -> Option<i64> {
    let (start, size) = (address & !(PAGE - 1), size & !(PAGE - 1));
    let is_range = start.checked_add(size).is_some_and(|end| end > start);
    let is_in_file = page.checked_add(size / PAGE).is_some();
    let is_possible = protection == 0 && is_range && is_in_file;
    (!is_possible || !address_space::is_shared(start)).then_some(-EINVAL)
}
