//! What a call of the clone family asks for, in one form whichever call it is, and the call that the kernel is
//! given in its place.

use core::arch::global_asm;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall2;
use reenact_interpose::interruptible;
use reenact_trace::layout::is_reserved;

use crate::guest;
use crate::hidden_descriptors;
use crate::log::Builder;

/// Sizes of `struct clone_args`: its first version, and the most the kernel looks at.
const FIRST_SIZE: u64 = 64;
const LARGEST_SIZE: u64 = PAGE;
/// The words of the structure that we know of a kernel to come.
const WORDS: usize = 32;
/// The words of the structure (`include/uapi/linux/sched.h`).
const FLAGS: usize = 0;
const PIDFD: usize = 1;
const CHILD_TID: usize = 2;
const PARENT_TID: usize = 3;
const EXIT_SIGNAL: usize = 4;
const STACK: usize = 5;
const STACK_SIZE: usize = 6;
const TLS: usize = 7;
const CGROUP: usize = 10;
/// What our stacks are said to hold, which the kernel only adds to their address.
const STACK_OURS: u64 = PAGE;

/// What is asked for.
pub struct Creation {
    pub flags: u64,
    /// Initial stack pointer; 0: as the caller's.
    pub stack: u64,
    pub parent_tid: u64,
    /// Where the descriptor of the new process is stored.
    pidfd: u64,
    pub child_tid: u64,
    tls: u64,
    /// A word of ours that the kernel is to clear at its end; 0: none.
    end_word: u64,
    /// Bytes of the structure of `clone3`; 0: another call.
    size: u64,
    structure: [u64; WORDS],
}

extern "C" {
    /// Perform the call of these words (number and five arguments). The new task, which the call must give a
    /// stack of ours, calls `first` with `argument`, and never returns.
    fn new_task(words: *const [u64; 6], first: u64, argument: u64) -> i64;
}

global_asm!(
    ".globl new_task",
    "new_task:",
    "push rbx",
    "mov rbx, rsi",
    "mov r9, rdx",
    "mov r11, rdi",
    "mov rax, [r11]",
    "mov rdi, [r11 + 8]",
    "mov rsi, [r11 + 16]",
    "mov rdx, [r11 + 24]",
    "mov r10, [r11 + 32]",
    "mov r8, [r11 + 40]",
    "syscall",
    "test rax, rax",
    "jz 2f",
    "pop rbx",
    "ret",
    "2:",
    "xor ebp, ebp",
    "mov rdi, r9",
    "call rbx",
    "ud2",
);

/// For a pointer into our memory, where the program has none, one that the kernel refuses.
fn pointer(address: u64) -> u64 {
    if is_reserved(address) {
        0
    } else {
        address
    }
}

impl Creation {
    /// `clone`, or `fork` and `vfork` by their flags.
    pub fn of_arguments(arguments: [u64; 5]) -> Creation {
        let [flags, stack, parent_tid, child_tid, tls] = arguments;
        let parent_tid = pointer(parent_tid);
        Creation {
            // The kernel takes 32 bits of them.
            flags: flags & 0xffff_ffff,
            stack,
            parent_tid,
            pidfd: parent_tid,
            child_tid: pointer(child_tid),
            tls,
            end_word: 0,
            size: 0,
            structure: [0; WORDS],
        }
    }

    /// `clone3(address, size)`; the error of what the kernel refuses.
    pub fn of_structure(address: u64, size: u64) -> Result<Creation, i64> {
        if size > LARGEST_SIZE {
            return Err(-E2BIG);
        }
        if size < FIRST_SIZE {
            return Err(-EINVAL);
        }
        let mut bytes = [0u8; LARGEST_SIZE as usize];
        let bytes = &mut bytes[..size as usize];
        if !guest::read(address, bytes) {
            return Err(-EFAULT);
        }
        let mut structure = [0; WORDS];
        let known = size_of_val(&structure).min(bytes.len());
        // What we do not know the kernel does not know either.
        if bytes[known..].iter().any(|&byte| byte != 0) {
            return Err(-E2BIG);
        }
        for (word, bytes) in structure.iter_mut().zip(bytes[..known].chunks(8)) {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            *word = u64::from_le_bytes(whole);
        }
        for index in [PIDFD, CHILD_TID, PARENT_TID] {
            structure[index] = pointer(structure[index]);
        }
        if hidden_descriptors::is_hidden(structure[CGROUP]) {
            structure[CGROUP] = i32::MAX as u64;
        }
        let stack = structure[STACK].wrapping_add(structure[STACK_SIZE]);
        let creation = Creation {
            flags: structure[FLAGS],
            stack: if structure[STACK] == 0 { 0 } else { stack },
            parent_tid: structure[PARENT_TID],
            pidfd: structure[PIDFD],
            child_tid: structure[CHILD_TID],
            tls: structure[TLS],
            end_word: 0,
            size: known as u64,
            structure,
        };
        creation.check().map(|()| creation)
    }

    /// What the kernel is not given as the program has it, the kernel cannot check there: it says itself what it
    /// thinks of that.
    fn check(&self) -> Result<(), i64> {
        let (stack, size) = (self.structure[STACK], self.structure[STACK_SIZE]);
        let is_stack = match (stack, size) {
            (0, 0) => true,
            (0, _) | (_, 0) => false,
            _ => stack.checked_add(size).is_some_and(|end| end < 1 << 47),
        };
        let both = CLONE_SIGHAND | CLONE_CLEAR_SIGHAND;
        if is_stack && self.flags & both != both {
            return Ok(());
        }
        // SAFETY: refused for what has just been found, or for something else.
        let result = unsafe { syscall2(CLONE3, self.structure.as_ptr() as u64, self.size) };
        Err(if result < 0 { result } else { -EINVAL })
    }

    /// Number and arguments of the kernel's call, without these flags; `stack`: of ours for the child, 0: none.
    /// They hold as long as this is not moved.
    fn call(&mut self, without: u64, stack: u64) -> [u64; 6] {
        let mut flags = self.flags & !(without | CLONE_CLEAR_SIGHAND);
        let mut child_tid = self.child_tid;
        if self.end_word != 0 {
            flags |= CLONE_CHILD_CLEARTID;
            child_tid = self.end_word;
        }
        if self.size == 0 {
            let Creation {
                parent_tid, tls, ..
            } = *self;
            return [CLONE, flags, stack, parent_tid, child_tid, tls];
        }
        self.structure[FLAGS] = flags;
        self.structure[CHILD_TID] = child_tid;
        (self.structure[STACK], self.structure[STACK_SIZE]) = match stack {
            0 => (0, 0),
            _ => (stack - STACK_OURS, STACK_OURS),
        };
        [CLONE3, self.structure.as_ptr() as u64, self.size, 0, 0, 0]
    }

    /// The signal at the child's end where the flags do not have it.
    pub fn end_signal(&self) -> u64 {
        if self.size == 0 {
            0
        } else {
            self.structure[EXIT_SIGNAL] & 0xff
        }
    }

    /// The thread's own storage, which its fs base is to be.
    pub fn storage(&self) -> Option<u64> {
        (self.flags & CLONE_SETTLS != 0).then_some(self.tls)
    }

    /// Let the kernel clear this word of ours when the new task is gone from this memory.
    pub fn tell_end(&mut self, word: u64) {
        self.end_word = word;
    }

    /// Make a child that goes on here, on its copy of the stack: the kernel's result, or that a signal came
    /// first (`queued`: the count of waiting ones).
    ///
    /// # Safety
    /// Without shared memory; both sides go on.
    pub unsafe fn copy(&mut self, without: u64, queued: *const u32) -> i64 {
        let [number, a, b, c, d, e] = self.call(without, 0);
        // SAFETY: passed on.
        unsafe { interruptible::call(number, &[a, b, c, d, e, 0], queued) }
    }

    /// Make a task in this memory that calls `first` with `argument` on this stack: the kernel's result.
    ///
    /// # Safety
    /// The stack is nobody's; `first` does not return.
    pub unsafe fn share(
        &mut self,
        without: u64,
        stack: u64,
        first: extern "C" fn(u64) -> !,
        argument: u64,
    ) -> i64 {
        let words = self.call(without, stack);
        // SAFETY: passed on; the words outlive the call, of which the task needs nothing.
        unsafe { new_task(&raw const words, first as *const () as u64, argument) }
    }

    /// Log what the kernel has stored for the caller.
    pub fn log_outputs(&self, event: &mut Builder) {
        for (flag, address) in self.stored() {
            if self.flags & flag != 0 {
                event.guest_memory(address, 4);
            }
        }
    }

    /// Flags that have the kernel store something in the memory of the caller, and where.
    pub fn stored(&self) -> [(u64, u64); 2] {
        [
            (CLONE_PIDFD, self.pidfd),
            (CLONE_PARENT_SETTID, self.parent_tid),
        ]
    }
}
