//! The program's memory as the engine sees it, and who takes what it finds.

/// The program's memory.
pub trait Memory {
    /// Copy `into.len()` bytes at `address`; false (and `into` undefined) if any of them cannot
    /// be read. Must not fault.
    fn read(&self, address: u64, into: &mut [u8]) -> bool;
}

/// Takes the outputs of a call.
pub trait Sink {
    /// The kernel wrote these bytes, or part of them. The range may reach past what can be read
    /// when another thread unmaps memory or a pointer is bad: copy what is readable. After
    /// failures it may also cover bytes that were not written, in read-only memory even.
    fn output(&mut self, address: u64, length: u64);

    /// The same, where these bytes can be written at all; otherwise the kernel left them alone.
    fn output_if_writable(&mut self, address: u64, length: u64) {
        self.output(address, length);
    }

    /// The kernel wrote these fields of some of the records, and nothing else of them. Where it
    /// does no harm to take too much, the records are an output like any other.
    fn fields(&mut self, records: Records) {
        self.output(records.address, records.count.saturating_mul(records.unit));
    }
}

/// Where a field begins in a record, and its size in bytes.
pub type Field = (u32, u32);

/// An array of records, and the fields of each that are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Records {
    pub address: u64,
    pub count: u64,
    /// Size of a record in bytes.
    pub unit: u64,
    pub fields: &'static [Field],
}

/// The little-endian `u32` at `address`.
pub(crate) fn read_u32(address: u64, memory: &impl Memory) -> Option<u32> {
    let mut bytes = [0u8; 4];
    (address != 0 && memory.read(address, &mut bytes)).then(|| u32::from_le_bytes(bytes))
}

/// `N` little-endian words at `address`.
pub(crate) fn read_words<const N: usize>(address: u64, memory: &impl Memory) -> Option<[u64; N]> {
    let mut words = [0u64; N];
    if address == 0 {
        return None;
    }
    // One read for all of them: a read may cost a system call. 16 words are the most used.
    let mut bytes = [0u8; 128];
    let bytes = &mut bytes[..N * 8];
    if !memory.read(address, bytes) {
        return None;
    }
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(chunk.try_into().expect("chunks of 8 bytes"));
    }
    Some(words)
}
