//! Whether a page of code can be executed as it is: whether all instructions on it that may begin there have determined
//! results, as far as its own bytes and those around it tell. Pure.

use reenact_trace::undetermined;
use reenact_translator::boundaries;

use crate::mappings::PAGE;

/// Bytes before a page that tell where its first instructions begin.
pub const BEFORE: usize = 256;
/// Bytes behind it, in which its last instruction ends.
pub const BEHIND: usize = 16;
const LENGTH: usize = PAGE as usize;
/// The longest part of an opcode that does not tell yet which it is.
const LONGEST_CUT: usize = 2;

/// What is behind a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Code that is executed as it is: [`CodePage::behind`] has its first bytes.
    Executed,
    /// What is not, and will be looked at, with this page before it, when it is to be: an instruction that goes on there
    /// comes to us first.
    LookedAtLater,
    /// What is never looked at.
    Unknown,
}

/// A page and what is around it.
pub struct CodePage {
    code: [u8; BEFORE + LENGTH + BEHIND],
    /// Whether what is before it is known.
    has_before: bool,
    what_is_behind: Behind,
}

impl CodePage {
    /// An empty one, to be filled.
    pub fn new(has_before: bool, what_is_behind: Behind) -> CodePage {
        CodePage {
            code: [0; BEFORE + LENGTH + BEHIND],
            has_before,
            what_is_behind,
        }
    }

    /// The bytes from an offset to the page's beginning on, that are to be known: as far before it and behind it as they are.
    pub fn parts(&mut self) -> (usize, &mut [u8]) {
        let (from, to) = self.known();
        (BEFORE - from, &mut self.code[from..to])
    }

    fn known(&self) -> (usize, usize) {
        let from = if self.has_before { 0 } else { BEFORE };
        let behind = match self.what_is_behind {
            Behind::Executed => BEHIND,
            Behind::LookedAtLater | Behind::Unknown => 0,
        };
        (from, BEFORE + LENGTH + behind)
    }

    /// Whether nothing that may be executed there has a result that is not determined.
    pub fn is_determined(&self) -> bool {
        let (from, to) = self.known();
        let code = &self.code[from..to];
        let (start, end) = (BEFORE - from, BEFORE - from + LENGTH);
        let is_of_page = |&at: &usize| {
            if at < start {
                // The page before has been looked at, but for what only the bytes of this one tell.
                start - at <= LONGEST_CUT && undetermined::is_cut(&code[at..start])
            } else {
                let is_later = self.what_is_behind == Behind::LookedAtLater;
                at < end && !(is_later && undetermined::is_cut(&code[at..end]))
            }
        };
        let mut places = undetermined::places(code).filter(is_of_page);
        places.all(|at| !boundaries::may_be_opcode(code, at))
    }
}
