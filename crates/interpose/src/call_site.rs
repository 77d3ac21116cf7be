//! What of a call site may become a jump. Pure: bytes of code in, an answer out.
//!
//! Two shapes are patched. That the call is code is proven by the execution that brought us here; that its neighbours
//! are, and that nothing branches into them, whoever links the crate has to know:
//! * `mov eax, NUMBER; syscall`: the five bytes of the `mov` become the jump and the `syscall`
//!   stays: whoever jumps to it directly traps as before.
//! * `syscall; cmp rax, imm32`: the eight bytes become the jump, and the trampoline does the
//!   comparison.

/// Bytes looked at before the end of the `syscall` instruction and behind it.
pub const BEFORE: usize = 10;
pub const BEHIND: usize = 6;

const SYSCALL: [u8; 2] = [0x0f, 0x05];
const JUMP: u8 = 0xe9;

/// What the trampoline of a site does in the program's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `mov eax, NUMBER`.
    Move(u32),
    /// `cmp rax, imm32`: the operand's bytes.
    Compare([u8; 4]),
}

/// Code that may become a jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallSite {
    /// First byte.
    pub start: u64,
    /// Bytes that are replaced.
    pub length: usize,
    /// Address behind the `syscall` instruction: where the call returns to.
    pub after: u64,
    pub shape: Shape,
}

/// Longest patch, bytes.
pub const LONGEST: usize = 8;

impl CallSite {
    /// What the code around a `syscall` instruction that has just been executed allows.
    ///
    /// Args:
    ///   * `code`: [`BEFORE`] bytes before `after` and [`BEHIND`] from there on.
    ///   * `after`: address behind the instruction.
    ///   * `number`: the system call that was made.
    ///   * `is_trampoline`: whether an address lies in a trampoline.
    pub fn find(
        code: &[u8; BEFORE + BEHIND],
        after: u64,
        number: u64,
        is_trampoline: impl Fn(u64) -> bool,
    ) -> Option<CallSite> {
        if code[8..10] != SYSCALL {
            return None;
        }
        let immediate = [code[4], code[5], code[6], code[7]];
        // The `syscall` of a patched `mov` stays, and a signal handler may return to it: the
        // trampoline comes back behind it, so nothing there may change any more.
        let target = (after - 2).wrapping_add(i32::from_le_bytes(immediate) as u64);
        if code[3] == JUMP && is_trampoline(target) {
            return None;
        }
        const MOVE_TO_EAX: u8 = 0xb8;
        let is_move = code[3] == MOVE_TO_EAX
            && u64::from(u32::from_le_bytes(immediate)) == number
            // A REX prefix before it would make it another register or a 64-bit immediate.
            && code[2] & 0xf0 != 0x40;
        if is_move {
            return Some(CallSite {
                start: after - 7,
                length: 5,
                after,
                shape: Shape::Move(number as u32),
            });
        }
        const COMPARE_RAX: [u8; 2] = [0x48, 0x3d];
        (code[10..12] == COMPARE_RAX).then(|| CallSite {
            start: after - 2,
            length: 8,
            after,
            shape: Shape::Compare([code[12], code[13], code[14], code[15]]),
        })
    }

    /// The site at `address` whose code was `original` before it became a jump.
    pub fn replaced(address: u64, original: &[u8]) -> Option<CallSite> {
        let site = |after, shape| {
            Some(CallSite {
                start: address,
                length: original.len(),
                after,
                shape,
            })
        };
        match *original {
            [0xb8, a, b, c, d] => site(address + 7, Shape::Move(u32::from_le_bytes([a, b, c, d]))),
            [0x0f, 0x05, 0x48, 0x3d, a, b, c, d] => site(address + 2, Shape::Compare([a, b, c, d])),
            _ => None,
        }
    }

    /// Address and length of all bytes that were looked at: they must be code, and stay as they are.
    pub fn surroundings(&self) -> (u64, u64) {
        (self.after - BEFORE as u64, (BEFORE + BEHIND) as u64)
    }

    /// Where the program goes on when the trampoline is done.
    pub fn end(&self) -> u64 {
        match self.shape {
            Shape::Move(_) => self.after,
            Shape::Compare(_) => self.start + self.length as u64,
        }
    }
}
