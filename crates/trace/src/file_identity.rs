//! What a file's content is known by without reading it, and the name under which a copy of it is
//! kept for other recordings.

use crate::checksum::checksum;

/// A file that has the same identity as before has the same content, unless it was changed twice
/// within one tick of the file system's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    pub device: u64,
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// Times of the last change of its content and of its inode, nanoseconds since the epoch.
    pub modified_ns: u64,
    pub changed_ns: u64,
}

/// Characters of a name: two numbers in hexadecimal and what is between them.
pub const CACHE_NAME_LENGTH: usize = 16 + 1 + 16;

impl FileIdentity {
    /// The identity as words, the order in which it is hashed.
    pub fn words(&self) -> [u64; 5] {
        [
            self.device,
            self.inode,
            self.size,
            self.modified_ns,
            self.changed_ns,
        ]
    }

    /// A hash of all of it.
    pub fn hash(&self) -> u64 {
        let mut bytes = [0u8; 40];
        for (place, word) in bytes.chunks_exact_mut(8).zip(self.words()) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        checksum(&bytes)
    }

    /// The name of its copy: `<hash>-<inode>`, both with 16 hexadecimal digits.
    pub fn cache_name(&self) -> [u8; CACHE_NAME_LENGTH] {
        let mut name = [b'-'; CACHE_NAME_LENGTH];
        write_hexadecimal(self.hash(), &mut name[..16]);
        write_hexadecimal(self.inode, &mut name[17..]);
        name
    }

    /// Whether its content cannot have changed since `moment` (nanoseconds since the epoch).
    pub fn is_older_than(&self, moment: u64) -> bool {
        self.modified_ns.max(self.changed_ns) < moment
    }
}

fn write_hexadecimal(value: u64, into: &mut [u8]) {
    for (index, digit) in into.iter_mut().rev().enumerate() {
        let nibble = (value >> (4 * index) & 0xf) as u8;
        *digit = match nibble {
            0..=9 => b'0' + nibble,
            _ => b'a' + nibble - 10,
        };
    }
}
