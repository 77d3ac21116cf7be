//! What the translator asks of the owner of the guest's memory.

use alloc::vec::Vec;

/// Why an address cannot be executed: the fault the kernel would raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeFault {
    /// `SIGSEGV` (11) or `SIGBUS` (7).
    pub signal: i32,
    /// `si_code`, for example `SEGV_MAPERR` (1) or `SEGV_ACCERR` (2).
    pub code: i32,
}

/// A range of guest memory that may be executed and read without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRange {
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

/// Room for code that is not in memory as it is executed; many times the longest instruction.
pub type CodeCopy = [core::mem::MaybeUninit<u8>; 512];

/// An empty one.
pub const NO_CODE: CodeCopy = [core::mem::MaybeUninit::uninit(); 512];

/// The owner of the guest's memory.
pub trait GuestCode {
    /// The range around `address` that may be executed. May be as large as the whole
    /// mapping (it is remembered until [`crate::Translator::invalidate`] touches it), but every
    /// byte must be readable (stop at the end of a mapped file).
    fn executable_range(&mut self, address: u64) -> Result<CodeRange, CodeFault>;

    /// The code at `address`: `length` bytes of an executable range, which may be put together in
    /// `copy`, and then be no more than that has room for.
    fn code<'a>(&self, address: u64, length: usize, copy: &'a mut CodeCopy) -> &'a [u8] {
        let _ = copy;
        // SAFETY: the owner has said that these bytes can be read.
        unsafe { core::slice::from_raw_parts(address as *const u8, length) }
    }

    /// Copy the guest's memory as its instructions read it; whether all of it can be read.
    fn read(&self, address: u64, into: &mut [u8]) -> bool;

    /// Code of the page at `page` (4 KiB aligned) has been translated. If the guest may write
    /// to it, write-protect it and remember that until [`GuestCode::unwatch_page`], whatever becomes
    /// of the translations. Called again for the same page when it is translated anew.
    fn watch_page(&mut self, page: u64);

    /// A write to `address` faulted (`SIGSEGV`). If the page was write-protected only because of
    /// [`GuestCode::watch_page`], make it writable again and return the addresses at which the guest can
    /// execute it: translations of these pages are dropped and the instruction is tried again. Without
    /// any the guest gets the fault.
    fn unwatch_page(&mut self, address: u64) -> Vec<u64>;
}

/// The executable range around `address`.
pub(crate) fn guest_range<G: GuestCode>(
    guest: &mut G,
    last: &mut Option<CodeRange>,
    address: u64,
) -> Result<CodeRange, CodeFault> {
    let range = match *last {
        Some(range) if range.start <= address && address < range.end => range,
        _ => guest.executable_range(address)?,
    };
    *last = Some(range);
    Ok(range)
}
