//! Starts a program: what the kernel does in `execve` after it has made a new address space.

pub mod elf;
mod segments;
mod stack;

use core::sync::atomic::Ordering;
use reenact_freestanding::numbers;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall2, syscall3, syscall4, syscall5};
use reenact_interpose::entry;
use reenact_trace::arena::{program_place, slot_state};
use reenact_trace::layout::{REGION_END, REGION_START};
use reenact_trace::{EventKind, FileId, MapRecord, Registers, Tag};

use self::segments::{Image, Mapped};
use self::stack::*;
use crate::confinement::Confinement;
use crate::log::{self, Builder};
use crate::snapshot::wishes;
use crate::thread::{self, Thread};
use crate::{
    arena, arming, guest, heap, hidden_descriptors, limits, message, proc_files, ptrace, signal,
    text, vdso, virtualize,
};

/// The stack the kernel made, until our own is in place.
static mut KERNEL_STACK: u64 = 0;

/// First Rust code of a new image, still on the kernel's stack: called by `_start` (in `attaching`).
pub extern "C" fn start(sp: u64) -> ! {
    let stack = InitialStack::parse(sp);
    let (Some(slot), Some(own)) = (stack.slot(), stack.own_descriptor()) else {
        message::fail("this is the recorder of reenact; use `reenact record PROGRAM`");
    };
    if !arena::map_header(own - 1) || !arena::map_slot(own - 1, slot) {
        message::fail(
            "the shared memory of the recording could not be mapped, or the recorder is of another \
             build than the rest of reenact: install it again",
        );
    }
    arena::release_parent();
    let Some(thread) = thread::create(0) else {
        message::fail("there is no memory for the recorder");
    };
    thread::set_current(thread);
    // SAFETY: before any other code; the new stack is ours and never returned from.
    unsafe {
        KERNEL_STACK = sp;
        entry::switch_stack(thread.frame.stack_top - 64, on_own_stack, 0)
    }
}

extern "C" fn on_own_stack(_: u64) -> ! {
    let thread = thread::current();
    // SAFETY: no effect.
    thread.tid = unsafe { syscall0(GETTID) } as u32;
    arena::slot().pid.store(thread.tid, Ordering::Relaxed);
    arena::lock_life();
    arena::slot()
        .state
        .store(slot_state::ACTIVE, Ordering::Release);
    log::continue_from_slot();
    wishes::begin_image();
    signal::arm_stack(thread);
    signal::install_own();
    let mut mask = 0u64;
    // SAFETY: a mask of ours.
    unsafe { syscall4(RT_SIGPROCMASK, 0, 0, &raw mut mask as u64, 8) };
    thread.mask = mask;
    if mask & signal::never_blocked() != 0 {
        signal::set_kernel_mask(thread);
    }
    thread.confinement = confinement();
    let program = passed_program();
    virtualize::after_exec();
    process_start(thread);
    load(thread, program);
    arming::arm();
    ptrace::executions::executed(thread);
    // SAFETY: the frame was filled by `load`.
    unsafe { entry::go_on(&mut thread.frame) }
}

/// What the image before was kept from.
fn confinement() -> Confinement {
    let request = arena::exec_request();
    if request.number == 0 {
        return Confinement::of_first_image();
    }
    Confinement {
        filters: request.filters,
        no_new_privileges: request.no_new_privileges != 0,
    }
}

/// The log's first event, when this image is also a new process.
fn process_start(thread: &Thread) {
    let request = arena::exec_request();
    if request.start_due != 1 {
        return;
    }
    request.start_due = 0;
    let mut event = Builder::new(EventKind::ProcessStart, request.start as u16);
    let parent = u64::from(request.parent_process);
    // SAFETY: no effect.
    let parent_pid = unsafe { syscall0(GETPPID) } as u64;
    event.header.args = [
        parent,
        request.parent_event,
        u64::from(thread.tid),
        parent_pid,
        0,
        0,
    ];
    event.commit();
}

fn must<T>(result: Result<T, i64>, path: &[u8]) -> T {
    match result {
        Ok(value) => value,
        Err(error) => cannot_be_loaded(path, error),
    }
}

#[cold]
#[inline(never)]
fn cannot_be_loaded(path: &[u8], error: i64) -> ! {
    let path = core::str::from_utf8(c_bytes(path)).unwrap_or("the program");
    let name = reenact_syscalls::errno_name(-error as i32).unwrap_or("error");
    let text = text!("{path} could not be loaded: {name}");
    message::fail(text.as_str())
}

fn c_bytes(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(bytes.len())]
}

/// The program by a descriptor, where the image before has passed one.
fn passed_program() -> Option<i32> {
    let is_passed = arena::exec_request().program != program_place::PATH;
    is_passed.then(hidden_descriptors::take_program).flatten()
}

/// Whether a program can be loaded, as far as that can be said before the old image is gone: then
/// `execve` still can fail as the kernel's would. What keeps it from being recorded, if anything does. `fd` stays open.
pub fn check(fd: i32) -> Result<Option<&'static str>, i64> {
    /// Where the tools of valgrind are linked (its configure.ac: valt_load_address_pri_norml). They would take our
    /// breakpoints, in what they map and never execute, for the program's.
    const VALGRIND: u64 = 0x5800_0000;
    let image = Image::read(fd)?;
    let mut interpreter_path = [0u8; 4096];
    let interpreter = image.interpreter(&mut interpreter_path);
    let is_in_our_place = image.overlaps(REGION_START, REGION_END);
    if interpreter?.is_some() {
        Image::open(&interpreter_path)?.close();
    }
    Ok(if is_in_our_place {
        Some("is loaded where the recorder is")
    } else if image.begins_at(VALGRIND) {
        Some("translates the code of other programs (valgrind)")
    } else {
        None
    })
}

/// Map the program, log the image, and set the registers it starts with.
fn load(thread: &mut Thread, program: Option<i32>) {
    let request = arena::exec_request();
    // SAFETY: set by `start`.
    let kernel_stack = InitialStack::parse(unsafe { KERNEL_STACK });
    let top = kernel_stack.top();
    let Some(stack) = kernel_stack.make_native(c_bytes(&request.exec_name)) else {
        message::fail("the name of the program has no room on its stack");
    };

    let mut event = Builder::new(EventKind::ImageBegin, request.number as u16);
    event.header.ip = request.ip;
    event.header.register_checksum = request.register_checksum;
    event.header.args = request.args;
    describe(&mut event, &stack);

    let mut interpreter_path = [0u8; 4096];
    let program = map_program(&request.path, program, &mut interpreter_path, &mut event);
    set_command_name(&request.exec_name, request.program);
    let Program {
        mapped,
        executable_stack,
        ..
    } = program;
    let loader = program
        .is_interpreted
        .then(|| map_interpreter(&interpreter_path, &mut event));

    let break_start = place_break(&mapped);
    heap::set_start(break_start);
    limits::begin(mapped.data);
    set_auxiliary(&stack, &mapped, loader.as_ref());
    vdso::take_over(stack.auxiliary(AT_SYSINFO_EHDR), &mut event);
    tell_kernel(&stack, &mapped, break_start);
    log_stack(&mut event, &stack, top, executable_stack);
    let auxv_length = (stack.entries * 16) as usize;
    // SAFETY: the vector is on the program's stack.
    let auxv = unsafe { core::slice::from_raw_parts(stack.auxv as *const u8, auxv_length) };
    event.bytes(Tag::Auxv, break_start, auxv);
    event.commit();

    let registers = Registers {
        rsp: stack.sp,
        rip: loader.map_or(mapped.entry, |loader| loader.entry),
        rflags: 0x202,
        ..Registers::default()
    };
    thread.frame.registers = registers;
    let mut event = Builder::new(EventKind::ImageReady, 0);
    event.header.ip = registers.rip;
    event.header.flags = reenact_trace::event::flags::IMMEDIATE;
    event.registers(&registers);
    event.commit();
}

/// What is known of a program that has been mapped.
struct Program {
    mapped: Mapped,
    is_interpreted: bool,
    executable_stack: bool,
}

// The next three have a frame each: what they need lies in the same pages of the stack, one after the
// other. Each page that a process touches first costs it half a microsecond.

/// Map the program itself, and find the path of its dynamic linker.
#[inline(never)]
fn map_program(
    path: &[u8],
    passed: Option<i32>,
    interpreter_path: &mut [u8; 4096],
    event: &mut Builder,
) -> Program {
    let image = must(passed.map_or_else(|| Image::open(path), Image::of), path);
    name_program(&image, path, event);
    let interpreter = must(image.interpreter(interpreter_path), path);
    let hint = if interpreter.is_some() {
        program_base()
    } else {
        0
    };
    let mapped = must(image.map(hint, event), path);
    let executable_stack = image.wants_executable_stack();
    hidden_descriptors::keep_program(image.descriptor());
    image.close();
    Program {
        mapped,
        is_interpreted: interpreter.is_some(),
        executable_stack,
    }
}

#[inline(never)]
fn map_interpreter(path: &[u8], event: &mut Builder) -> Mapped {
    let image = must(Image::open(path), path);
    let mapped = must(image.map(0, event), path);
    image.close();
    mapped
}

#[inline(never)]
fn name_program(image: &Image, asked: &[u8], event: &mut Builder) {
    let mut path = [0u8; 4096];
    let mut length = image.path(&mut path);
    if length == 0 {
        // There is no /proc.
        let asked = c_bytes(asked);
        length = asked.len();
        path[..length].copy_from_slice(asked);
    }
    proc_files::set_executable(&path[..length]);
    event.bytes(Tag::Path, 0, &path[..length]);
}

/// Arguments, environment and working directory, for people.
#[inline(never)]
fn describe(event: &mut Builder, stack: &InitialStack) {
    let mut directory = [0u8; 4096];
    // SAFETY: a buffer of ours.
    let length = unsafe { syscall2(numbers::GETCWD, directory.as_mut_ptr() as u64, 4096) };
    event.bytes(Tag::Path, 1, c_bytes(&directory[..length.max(0) as usize]));
    // The strings of argv lie one after the other, and so do those of envp.
    // SAFETY: words and strings of the stack the kernel made.
    let strings = |list: u64, count: u64| unsafe {
        if count == 0 {
            return &[][..];
        }
        let first = (list as *const u64).read();
        let last = ((list + (count - 1) * 8) as *const u64).read();
        let end = last
            + core::ffi::CStr::from_ptr(last as *const core::ffi::c_char)
                .to_bytes_with_nul()
                .len() as u64;
        core::slice::from_raw_parts(first as *const u8, end.saturating_sub(first) as usize)
    };
    event.bytes(Tag::Argv, 0, strings(stack.argv, stack.argc));
    event.bytes(Tag::Envp, 0, strings(stack.envp, stack.environment));
}

/// Whether the program runs with address space randomisation. Debuggers switch it off.
fn is_randomised() -> bool {
    const ADDR_NO_RANDOMIZE: i64 = 0x4_0000;
    // SAFETY: asks for the personality.
    let personality = unsafe { syscall2(numbers::PERSONALITY, 0xffff_ffff, 0) };
    personality & ADDR_NO_RANDOMIZE == 0
}

/// A base for position-independent programs in the kernel's range (ELF_ET_DYN_BASE), random
/// unless the program runs without address space randomisation.
fn program_base() -> u64 {
    const BASE: u64 = 0x5555_5555_4000;
    if !is_randomised() {
        return BASE;
    }
    let mix = log::time().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    BASE + ((mix >> 30) & 0x0fff_ffff) * PAGE
}

/// Where the heap segment starts: after the program, some random pages on.
fn place_break(mapped: &Mapped) -> u64 {
    let end = crate::guest::page_up(mapped.end);
    if !is_randomised() {
        return end;
    }
    let mix = log::time().wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    end + (mix >> 50 & 0x1fff) * PAGE
}

fn set_auxiliary(stack: &InitialStack, program: &Mapped, loader: Option<&Mapped>) {
    stack.set_auxiliary(AT_PHDR, program.headers_at);
    stack.set_auxiliary(AT_PHENT, program.header_size);
    stack.set_auxiliary(AT_PHNUM, program.header_count);
    stack.set_auxiliary(AT_ENTRY, program.entry);
    stack.set_auxiliary(AT_BASE, loader.map_or(0, |loader| loader.start));
}

/// Tell the kernel where the program has what the kernel tells others: its auxiliary vector, by which debuggers find its
/// code, its arguments and its environment. A kernel that cannot be told (CONFIG_CHECKPOINT_RESTORE) tells them ours.
fn tell_kernel(stack: &InitialStack, program: &Mapped, break_start: u64) {
    const PR_SET_MM: u64 = 35;
    const PR_SET_MM_MAP: u64 = 14;
    /// `struct prctl_mm_map`: eleven addresses, the vector, its size and a descriptor.
    const WORDS: usize = 13;
    const NO_DESCRIPTOR: u64 = 0xffff_ffff << 32;
    let (arg_start, arg_end) = stack.strings(stack.argv, stack.argc);
    let (env_start, env_end) = stack.strings(stack.envp, stack.environment);
    let [start_code, end_code] = program.code;
    let [start_data, end_data] = program.data_range;
    let map: [u64; WORDS] = [
        start_code,
        end_code,
        start_data,
        end_data,
        break_start,
        break_start,
        stack.sp,
        arg_start,
        arg_end,
        env_start.max(arg_end),
        env_end.max(arg_end),
        stack.auxv,
        (stack.entries * 16) | NO_DESCRIPTOR,
    ];
    let size = core::mem::size_of_val(&map) as u64;
    // SAFETY: a structure of ours; the vector is on the program's stack.
    unsafe {
        syscall5(
            PRCTL,
            PR_SET_MM,
            PR_SET_MM_MAP,
            map.as_ptr() as u64,
            size,
            0,
        )
    };
}

/// `comm` is the last part of the path, as `execve` sets it; of a program that was given without one, since Linux
/// 6.14, that of the file (alloc_bprm in fs/exec.c).
fn set_command_name(path: &[u8], place: u32) {
    const DELETED: &[u8] = b" (deleted)";
    let mut path = c_bytes(path);
    let file = c_bytes(proc_files::executable());
    if place == program_place::NAMELESS && kernel_version() >= (6, 14) && !file.is_empty() {
        path = file.strip_suffix(DELETED).unwrap_or(file);
    }
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    let mut short = [0u8; 16];
    let length = name.len().min(15);
    short[..length].copy_from_slice(&name[..length]);
    // SAFETY: a NUL-terminated name of ours.
    unsafe { syscall2(PRCTL, numbers::PR_SET_NAME, short.as_ptr() as u64) };
}

/// The first two numbers of the kernel's version.
fn kernel_version() -> (u32, u32) {
    /// `struct new_utsname`: six texts of 65 bytes, of which the third is the release.
    const TEXT: usize = 65;
    let mut names = [0u8; 6 * TEXT];
    // SAFETY: a structure of ours.
    unsafe { syscall2(numbers::UNAME, names.as_mut_ptr() as u64, 0) };
    let release = c_bytes(&names[2 * TEXT..3 * TEXT]);
    let mut numbers = release.split(|byte| !byte.is_ascii_digit()).map(|digits| {
        digits.iter().fold(0, |number: u32, &digit| {
            number
                .wrapping_mul(10)
                .wrapping_add(u32::from(digit - b'0'))
        })
    });
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Log the stack: its whole range, into which it may grow, and its content.
#[inline(never)]
fn log_stack(event: &mut Builder, stack: &InitialStack, top: u64, executable: bool) {
    let mut limit = [0u64; 2];
    // SAFETY: a structure of ours.
    unsafe {
        syscall4(
            PRLIMIT64,
            0,
            numbers::RLIMIT_STACK,
            0,
            limit.as_mut_ptr() as u64,
        )
    };
    // An unlimited stack grows until it meets a mapping; a gigabyte is room enough.
    let size = limit[0].clamp(128 << 10, 1 << 30) & !(PAGE - 1);
    let mut protection = PROT_READ | PROT_WRITE;
    if executable {
        protection |= PROT_EXEC;
        let start = stack.sp & !(PAGE - 1);
        // SAFETY: the program's own stack.
        unsafe { syscall3(MPROTECT, start, PAGE, protection | numbers::PROT_GROWSDOWN) };
    }
    let map = MapRecord {
        length: size,
        protection: protection as u32,
        flags: (MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN) as u32,
        file: FileId::NONE.0,
        ..MapRecord::default()
    };
    event.map(top - size, &map);
    clear_below(stack.sp);
    event.guest_memory(stack.sp, top - stack.sp);
}

/// What we left below the stack pointer must not be seen: the program's stack starts clean.
fn clear_below(sp: u64) {
    let page = sp & !(PAGE - 1);
    // SAFETY: the rest of the page the stack pointer is in, and the pages below that `start` and
    // the kernel used; all belong to the stack and hold nothing of the program.
    unsafe { core::ptr::write_bytes(page as *mut u8, 0, (sp - page) as usize) };
    const BELOW: u64 = 4 * PAGE;
    // Given back rather than written: the program gets zeros where it comes to, as natively.
    // SAFETY: pages of the stack that hold nothing of the program.
    if unsafe { syscall3(MADVISE, page - BELOW, BELOW, MADV_DONTNEED) } == 0 {
        return;
    }
    let mut zero = [0u8; 64];
    for step in 1..=BELOW / PAGE {
        let below = page - step * PAGE;
        if !guest::read(below, &mut zero) {
            break;
        }
        // SAFETY: a page of the stack, found mapped.
        unsafe { core::ptr::write_bytes(below as *mut u8, 0, PAGE as usize) };
    }
}
