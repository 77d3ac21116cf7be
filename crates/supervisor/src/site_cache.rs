//! Instruction sites of files seen before, under the user's cache directory.

use std::cell::Cell;
use std::fs;
use std::io;
use std::path::PathBuf;

use reenact_files::{cache_part, prune_to_newest, replace_private, Limit};
use reenact_trace::checksum::checksum;
use reenact_trace::FileIdentity;

/// Changes whenever the scanner finds other sites than before.
const SCANNER_VERSION: u32 = 7;

/// The sites of a file, as words (`reenact_trace::site`): instructions, then calls.
#[derive(Debug, Default)]
pub struct SiteWords {
    pub words: Vec<u64>,
    /// How many of them stand for instructions.
    pub instructions: usize,
}

/// What is remembered: a browser's library alone has megabytes of sites.
const LIMIT: Limit = Limit {
    files: 4096,
    bytes: 256 << 20,
};

/// The cache; without a directory it only scans.
pub struct SiteCache {
    directory: Option<PathBuf>,
    has_grown: Cell<bool>,
}

impl SiteCache {
    /// `$XDG_CACHE_HOME/reenact/sites`, or below `~/.cache`.
    pub fn open() -> SiteCache {
        let directory = cache_part("sites");
        SiteCache {
            directory,
            has_grown: Cell::new(false),
        }
    }

    /// Sites of the file with this identity; `read` gives its bytes when it must be scanned.
    pub fn sites(
        &self,
        identity: &FileIdentity,
        read: impl FnOnce() -> io::Result<Vec<u8>>,
    ) -> SiteWords {
        let name = format!(
            "{SCANNER_VERSION}-{:016x}-{:x}",
            identity.hash(),
            identity.inode
        );
        let path = self
            .directory
            .as_ref()
            .map(|directory| directory.join(name));
        if let Some(sites) = path.as_ref().and_then(|path| parse(&fs::read(path).ok()?)) {
            return sites;
        }
        let Ok(bytes) = read() else {
            return SiteWords::default();
        };
        let found = reenact_sites::scan(&bytes);
        let instructions = found.instructions.iter().map(|site| site.to_word());
        let calls = found.calls.iter().map(|site| site.to_word());
        let sites = SiteWords {
            words: instructions.chain(calls).collect(),
            instructions: found.instructions.len(),
        };
        if let Some(path) = path {
            // Without a place for it, the file is scanned again.
            if replace_private(&path, &render(&sites)).is_ok() {
                self.has_grown.set(true);
            }
        }
        sites
    }
}

impl Drop for SiteCache {
    fn drop(&mut self) {
        if let (Some(directory), true) = (&self.directory, self.has_grown.get()) {
            prune_to_newest(directory, LIMIT);
        }
    }
}

/// Sites as kept: the number of instructions, the words, then the checksum of both.
fn render(sites: &SiteWords) -> Vec<u8> {
    let count = sites.instructions as u64;
    let words = [count].into_iter().chain(sites.words.iter().copied());
    let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

fn parse(bytes: &[u8]) -> Option<SiteWords> {
    let (words, sum) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
    if words.len() % 8 != 0 || checksum(words).to_le_bytes() != sum {
        return None;
    }
    let word = |chunk: &[u8]| chunk.try_into().map(u64::from_le_bytes).ok();
    let (count, words) = words.split_at_checked(8)?;
    let words: Vec<u64> = words.chunks_exact(8).filter_map(word).collect();
    let instructions = usize::try_from(word(count)?).ok()?;
    (instructions <= words.len()).then_some(SiteWords {
        words,
        instructions,
    })
}
