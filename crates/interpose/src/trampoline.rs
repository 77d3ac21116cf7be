//! The code that a patched call site jumps to. Pure: addresses in, bytes out.

use crate::call_site::{CallSite, Shape};

/// Bytes of a trampoline.
pub const SIZE: usize = 64;
/// The address of the entry lies at its end.
const ENTRY_AT: usize = SIZE - 8;

const MOVE_TO_EAX: [u8; 1] = [0xb8];
const LOAD_ADDRESS_TO_RCX: [u8; 3] = [0x48, 0x8d, 0x0d];

/// A trampoline's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trampoline {
    pub code: [u8; SIZE],
    /// Address of what has to be executed after the call, where it is not the program's next
    /// instruction: the comparison.
    pub tail: Option<u64>,
}

/// The displacement of an instruction that ends at `end` to an address within 2 GiB.
fn relative(end: u64, to: u64) -> [u8; 4] {
    (to.wrapping_sub(end) as i32).to_le_bytes()
}

struct Code {
    bytes: [u8; SIZE],
    length: usize,
    address: u64,
}

impl Code {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    /// An instruction that ends in a displacement.
    fn put_relative(&mut self, opcode: &[u8], to: u64) {
        self.put(opcode);
        let end = self.here() + 4;
        self.put(&relative(end, to));
    }

    fn here(&self) -> u64 {
        self.address + self.length as u64
    }
}

/// The trampoline at `address` of a site within 2 GiB, which enters at `entry`.
pub fn encode(address: u64, site: &CallSite, entry: u64) -> Trampoline {
    const COMPARE_RAX: [u8; 2] = [0x48, 0x3d];
    const LOAD_ADDRESS_TO_R11: [u8; 3] = [0x4c, 0x8d, 0x1d];
    const MOVE_RCX_TO_R11: [u8; 3] = [0x49, 0x89, 0xcb];
    const JUMP_BY_POINTER: [u8; 2] = [0xff, 0x25];
    const JUMP: [u8; 1] = [0xe9];
    let mut code = Code {
        bytes: [0; SIZE],
        length: 0,
        address,
    };
    if let Shape::Move(number) = site.shape {
        code.put(&MOVE_TO_EAX);
        code.put(&number.to_le_bytes());
    }
    // What the `syscall` instruction leaves in rcx. It destroys r11, which tells the entry where to go on.
    code.put_relative(&LOAD_ADDRESS_TO_RCX, site.after);
    match site.shape {
        Shape::Move(_) => code.put(&MOVE_RCX_TO_R11),
        Shape::Compare(_) => {
            let behind = code.here() + 4 + LOAD_ADDRESS_TO_R11.len() as u64;
            code.put_relative(
                &LOAD_ADDRESS_TO_R11,
                behind + 4 + JUMP_BY_POINTER.len() as u64,
            );
        }
    }
    code.put_relative(&JUMP_BY_POINTER, address + ENTRY_AT as u64);
    let tail = match site.shape {
        Shape::Move(_) => None,
        Shape::Compare(operand) => {
            let tail = code.here();
            code.put(&COMPARE_RAX);
            code.put(&operand);
            code.put_relative(&JUMP, site.end());
            Some(tail)
        }
    };
    code.bytes[ENTRY_AT..].copy_from_slice(&entry.to_le_bytes());
    Trampoline {
        code: code.bytes,
        tail,
    }
}

/// Address of the trampoline that an address lies in: memory for them begins with a page, and they are a power of two long.
pub fn start_of(address: u64) -> u64 {
    address & !(SIZE as u64 - 1)
}

/// What an instruction of a trampoline stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// The first one: the program has set the number of its call, and is at the call.
    AtCall { at: u64, number: u32 },
    /// The first one: the program makes its call, behind which this is.
    BehindCall(u64),
    /// The last one: the program has made its comparison, behind which this is.
    BehindTail(u64),
}

/// Where a program is that has come to `ip` in the trampoline at `address` by single steps of its own code; `None` where it
/// cannot come so.
pub fn stand(code: &[u8; SIZE], address: u64, ip: u64) -> Option<Stand> {
    const SYSCALL_LENGTH: u64 = 2;
    // Bytes of `mov eax`, of `lea rcx` and `lea r11`, of the jump to the entry, of the comparison.
    const MOVE: usize = 5;
    const LOAD: usize = 7;
    const ENTER: usize = 6;
    const COMPARE: usize = 6;
    let word = |at: usize| [code[at], code[at + 1], code[at + 2], code[at + 3]];
    let relative = |at: usize| {
        let end = address + at as u64 + 4;
        end.wrapping_add(i32::from_le_bytes(word(at)) as u64)
    };
    let has_move = code[0] == MOVE_TO_EAX[0];
    let load = if has_move { MOVE } else { 0 };
    if code[load..load + 3] != LOAD_ADDRESS_TO_RCX {
        return None;
    }
    let after = relative(load + 3);
    if ip == address {
        return Some(if has_move {
            Stand::AtCall {
                at: after - SYSCALL_LENGTH,
                number: u32::from_le_bytes(word(1)),
            }
        } else {
            Stand::BehindCall(after)
        });
    }
    let back = 2 * LOAD + ENTER + COMPARE;
    (!has_move && ip == address + back as u64).then(|| Stand::BehindTail(relative(back + 1)))
}

/// Where the jump that has taken the place of a site at `address` leads to.
pub fn target(address: u64, written: &[u8]) -> Option<u64> {
    const LENGTH: u64 = 5;
    let (&opcode, displacement) = written.split_first()?;
    let displacement = i32::from_le_bytes(*displacement.first_chunk()?);
    let end = address.wrapping_add(LENGTH);
    (opcode == 0xe9).then(|| end.wrapping_add(displacement as u64))
}

/// The jump that takes a site's place, filled up with breakpoints.
pub fn jump(site: &CallSite, trampoline: u64) -> [u8; crate::call_site::LONGEST] {
    const BREAKPOINT: u8 = 0xcc;
    const JUMP: u8 = 0xe9;
    let mut code = [BREAKPOINT; crate::call_site::LONGEST];
    code[0] = JUMP;
    code[1..5].copy_from_slice(&relative(site.start + 5, trampoline));
    code
}
