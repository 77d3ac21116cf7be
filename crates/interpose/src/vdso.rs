//! The vDSO: the kernel's page is moved away, and a copy whose functions jump to us takes its place. A
//! clock read stays near vDSO speed and can be seen.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall3, syscall5, syscall6};

use crate::entry;
use crate::frame::Frame;
use crate::vdso_image::{self, Layout};

/// Bytes of the jump that takes a function's place: `jmp [rip + 0]` and the address.
pub const JUMP_SIZE: usize = 14;
const JUMP_BY_NEXT_WORD: [u8; 6] = [0xff, 0x25, 0, 0, 0, 0];
/// Most bytes of a vDSO image.
const IMAGE_MAX: u64 = 16 * 1024;

/// A function of the vDSO that we answer.
struct Function {
    name: &'static [u8],
    number: u64,
    entry: unsafe extern "C" fn(),
}

/// How many functions there are at most.
pub const FUNCTIONS: usize = 5;
const TABLE: [Function; FUNCTIONS] = [
    Function {
        name: b"__vdso_clock_gettime",
        number: CLOCK_GETTIME,
        entry: entry::vdso_clock_gettime,
    },
    Function {
        name: b"__vdso_gettimeofday",
        number: GETTIMEOFDAY,
        entry: entry::vdso_gettimeofday,
    },
    Function {
        name: b"__vdso_time",
        number: TIME,
        entry: entry::vdso_time,
    },
    Function {
        name: b"__vdso_clock_getres",
        number: CLOCK_GETRES,
        entry: entry::vdso_clock_getres,
    },
    Function {
        name: b"__vdso_getcpu",
        number: GETCPU,
        entry: entry::vdso_getcpu,
    },
];

/// A function that has been detoured.
#[derive(Clone, Copy, Default)]
pub struct Detour {
    /// Number of the system call it stands for.
    pub number: u64,
    /// Its address in the copy; 0: the kernel has no such function.
    pub entry: u64,
    /// And in the moved original.
    original: u64,
}

static mut DETOURS: [Detour; FUNCTIONS] = [Detour {
    number: 0,
    entry: 0,
    original: 0,
}; FUNCTIONS];

/// The copy, while it is still writable.
pub struct Copied {
    pub address: u64,
    pub bytes: &'static [u8],
}

impl Copied {
    /// The functions that come to us now.
    pub fn detours(&self) -> impl Iterator<Item = Detour> {
        detours()
    }
}

/// The functions of the copy that come to us, if there is one.
pub fn detours() -> impl Iterator<Item = Detour> {
    // SAFETY: one thread at a time.
    let detours = unsafe { DETOURS };
    detours.into_iter().filter(|detour| detour.entry != 0)
}

/// Move the kernel's vDSO at `address`, whose mappings `layout` tells, to `target`, and put the
/// copy in its place. `None` when that cannot be done: then the functions are the kernel's.
pub fn take_over(address: u64, layout: &Layout, target: u64) -> Option<Copied> {
    let mut size = 0;
    for &(below, length) in layout.mappings() {
        // SAFETY: the kernel's special mappings may be moved (as checkpoint tools do); the
        // distances between them, which the code relies on, stay.
        unsafe {
            let (from, to) = (address - below, target - below);
            let flags = MREMAP_MAYMOVE | MREMAP_FIXED;
            syscall5(MREMAP, from, length, length, flags, to)
        };
        if below == 0 {
            size = length;
        }
    }
    if size == 0 || size > IMAGE_MAX {
        return None;
    }
    // SAFETY: where the original was; nothing is mapped there now.
    let result = unsafe {
        let (protection, flags) = (
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
        );
        syscall6(MMAP, address, size, protection, flags, u64::MAX, 0)
    };
    if result as u64 != address {
        return None;
    }
    // SAFETY: the moved image is readable, the copy writable, both `size` long.
    let bytes = unsafe {
        core::ptr::copy_nonoverlapping(target as *const u8, address as *mut u8, size as usize);
        core::slice::from_raw_parts_mut(address as *mut u8, size as usize)
    };
    detour(bytes, address, target);
    Some(Copied { address, bytes })
}

/// Put the kernel's vDSO back that was moved from `address` to `target`, in the place of the copy.
pub fn give_back(address: u64, layout: &Layout, target: u64) {
    for &(below, length) in layout.mappings() {
        // SAFETY: as when it was moved; what is mapped at its place is the copy, or nothing.
        unsafe {
            let (from, to) = (target - below, address - below);
            let flags = MREMAP_MAYMOVE | MREMAP_FIXED;
            syscall5(MREMAP, from, length, length, flags, to)
        };
    }
}

/// Replace the known functions of an image by jumps to us. Others would look for the kernel's data where it no longer
/// is, and answer what is in no log (`__vdso_getrandom`): nobody finds them, as if the kernel had none.
fn detour(image: &mut [u8], address: u64, original: u64) {
    let mut shown = [0; FUNCTIONS];
    for (index, function) in TABLE.iter().enumerate() {
        let Some(at) = vdso_image::function(image, function.name) else {
            continue;
        };
        let Some(code) = image.get_mut(at..at + JUMP_SIZE) else {
            continue;
        };
        shown[index] = at;
        let (jump, target) = code.split_at_mut(JUMP_BY_NEXT_WORD.len());
        jump.copy_from_slice(&JUMP_BY_NEXT_WORD);
        target.copy_from_slice(&(function.entry as *const () as u64).to_le_bytes());
        // SAFETY: one thread at a time.
        unsafe {
            DETOURS[index] = Detour {
                number: function.number,
                entry: address + at as u64,
                original: original + at as u64,
            };
        }
    }
    vdso_image::hide_others(image, &shown);
}

/// Number of the system call with which a function comes to us whose code begins with `code`.
pub fn detoured(code: &[u8; JUMP_SIZE]) -> Option<u64> {
    let target = code.strip_prefix(&JUMP_BY_NEXT_WORD)?.first_chunk()?;
    entry::vdso_function(u64::from_le_bytes(*target))
}

/// A call of a function, which has been answered by the kernel's own into memory of ours.
pub struct Call {
    pub detour: Detour,
    pub arguments: [u64; 2],
    pub result: i64,
    out: [[u64; 2]; 2],
    sizes: [usize; 2],
    takes_clock: bool,
    /// A null pointer is as bad as any other.
    needs_pointer: bool,
}

impl Call {
    /// What the function wrote for each argument, in the order of its stores: where the program wants it, and the bytes.
    pub fn outputs(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let outputs = self.arguments.iter().zip(&self.out).zip(self.sizes);
        let outputs = outputs.filter_map(|((&address, words), size)| {
            let is_written = self.result >= 0 && size != 0 && (address != 0 || self.needs_pointer);
            // SAFETY: plain words as bytes.
            let bytes = unsafe { core::slice::from_raw_parts(words.as_ptr().cast::<u8>(), size) };
            is_written.then_some((address, bytes))
        });
        outputs.flat_map(|(address, bytes)| {
            let store = bytes.len().min(8);
            (0..)
                .step_by(store)
                .zip(bytes.chunks(store))
                .map(move |(offset, word)| (address.wrapping_add(offset), word))
        })
    }

    /// Whether the function has left this to the kernel, which does not fault at a bad address but answers EFAULT: it knows few
    /// clocks (include/vdso/datapage.h).
    pub fn is_left_to_kernel(&self) -> bool {
        const KNOWN: u64 = 1 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 11;
        let clock = self.arguments[0] as u32;
        self.takes_clock && (clock > 11 || KNOWN >> clock & 1 == 0)
    }
}

/// Who answers in the place of a function of the vDSO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answerer {
    /// The function itself, where the kernel has put it.
    Original,
    /// The system call: the function reads the time-stamp counter, which is refused now.
    Kernel,
}

/// The program has called a function of the vDSO ([`crate::Origin::Vdso`]): have it answered.
pub fn call(frame: &Frame, answerer: Answerer) -> Call {
    let number = frame.vdso;
    let index = TABLE.iter().position(|function| function.number == number);
    // SAFETY: one thread at a time.
    let detour = unsafe { DETOURS }[index.unwrap_or(0)];
    let arguments = [frame.registers.rdi, frame.registers.rsi];
    // The program's pointers may be bad. The first argument of the clocks is a number.
    let is_pointer = [
        !matches!(number, CLOCK_GETTIME | CLOCK_GETRES),
        number != TIME,
    ];
    let sizes = match number {
        CLOCK_GETTIME | CLOCK_GETRES => [0, 16],
        GETTIMEOFDAY => [16, 8],
        TIME => [8, 0],
        _ => [4, 4],
    };
    let mut out = [[0u64; 2]; 2];
    let needs_pointer = number == CLOCK_GETTIME;
    let [one, two] = &mut out;
    let ours = [one.as_mut_ptr() as u64, two.as_mut_ptr() as u64];
    let passed: [u64; 2] = core::array::from_fn(|index| match arguments[index] {
        0 if !(is_pointer[index] && needs_pointer) => 0,
        _ if is_pointer[index] => ours[index],
        number => number,
    });
    let result = match answerer {
        Answerer::Original => {
            let function: extern "C" fn(u64, u64, u64) -> i64;
            // SAFETY: the moved original, which has this signature for all five functions.
            unsafe {
                function = core::mem::transmute::<u64, extern "C" fn(u64, u64, u64) -> i64>(
                    detour.original,
                )
            };
            function(passed[0], passed[1], 0)
        }
        // SAFETY: numbers, and words of ours.
        Answerer::Kernel => unsafe { syscall3(number, passed[0], passed[1], 0) },
    };
    Call {
        detour,
        arguments,
        result,
        out,
        sizes,
        takes_clock: !is_pointer[0],
        needs_pointer,
    }
}
