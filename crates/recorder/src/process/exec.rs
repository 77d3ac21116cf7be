//! `execve`: the kernel executes the recorder, and the recorder loads the program.

use core::sync::atomic::Ordering;
use reenact_freestanding::numbers;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall5, syscall6};
use reenact_interpose::Origin;
use reenact_trace::arena::{
    mechanism, program_place, write_slot_variable, ExecRequest, EXEC_PATH_MAX, SLOT_VARIABLE_MAX,
};
use reenact_trace::event::start;
use reenact_trace::layout::{is_reserved, EXEC_MEMORY_ADDRESS, EXEC_MEMORY_SIZE};

use crate::arena::ChildSlot;
use crate::call::{Call, Outcome};
use crate::confinement::are_calls_dispatched;
use crate::ptrace::executions;
use crate::sharing_group::WaitKind;
use crate::snapshot::copies;
use crate::thread::Thread;
use crate::{
    arena, companions, descriptor_table, guest, hidden_descriptors, last_outputs, log, proc_files,
    scheduler, shared, sharing_group, signal, text, time_stamps,
};

use super::argument_lists::{count_pointers, List, Lists};
use super::exec_target::{resolve_scripts, Obstacle, Path, Target};
use super::program_file::ProgramFile;

/// Memory of ours for one exec: large structures and the pointer arrays.
struct Scratch {
    address: u64,
    size: u64,
}

/// Bytes for the large structures, which come first.
const STRUCTURES: u64 = 128 << 10;

impl Scratch {
    /// In our region, in the thread's place: others may run meanwhile, to whose memory it does not belong. `offset`: in
    /// that place. More than there is room for goes elsewhere.
    fn map(thread: &Thread, offset: u64, size: u64) -> Option<Scratch> {
        let place = EXEC_MEMORY_ADDRESS + u64::from(thread.index) * EXEC_MEMORY_SIZE + offset;
        let (at, fixed) = if offset + size <= EXEC_MEMORY_SIZE {
            (place, MAP_FIXED)
        } else {
            (0, 0)
        };
        // SAFETY: a fresh mapping, or a place that is the thread's alone.
        let result = unsafe {
            syscall6(
                MMAP,
                at,
                size,
                PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | fixed,
                u64::MAX,
                0,
            )
        };
        (result > 0).then_some(Scratch {
            address: result as u64,
            size,
        })
    }

    fn range(&self) -> [u64; 2] {
        [self.address, self.size]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        give_back(self.address, self.size);
    }
}

/// Give back what `map` has made. A place in our region stays nobody else's.
fn give_back(address: u64, size: u64) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    // SAFETY: unknown to the program.
    unsafe {
        if is_reserved(address) {
            syscall6(MMAP, address, size, PROT_NONE, flags, u64::MAX, 0);
        } else {
            syscall2(MUNMAP, address, size);
        }
    }
}

/// `execve` and `execveat`. Only returns when it fails.
pub fn exec(call: &mut Call<'_>) -> Outcome {
    let is_alone = !call.thread.vfork_child && !call.thread.companion;
    let leaves_group = sharing_group::is_member() && is_alone;
    if scheduler::is_shared() && is_alone {
        // The new image begins with the first thread's id, whoever called.
        let header = call.event.set_aside();
        last_outputs::log_all(call.thread, || scheduler::log_blocked(&header));
        scheduler::log_blocked(&header);
        if leaves_group {
            shared::leave_all();
            sharing_group::leave();
            sharing_group::await_requests();
        }
        call.event.go_on(&header);
    }
    let outcome = match try_exec(call) {
        Ok(()) => Outcome::Done(-ENOSYS),
        Err(errno) => {
            if leaves_group {
                sharing_group::join(call);
                shared::enter_all();
            }
            last_outputs::goes_on();
            Outcome::Done(errno)
        }
    };
    call.thread.exec_memory = [[0; 2]; 2];
    outcome
}

/// Unmap what a vfork child's exec has left behind in the memory it shared with its parent.
pub fn clear_after_child(child: &Thread) {
    // SAFETY: the child wrote it, in its own address space that was ours; it is gone from there.
    let left = unsafe { core::ptr::read_volatile(&raw const child.exec_memory) };
    for [address, size] in left {
        if size != 0 {
            give_back(address, size);
        }
    }
}

fn try_exec(call: &mut Call<'_>) -> Result<(), i64> {
    let mut name: Path = [0; EXEC_PATH_MAX];
    let Asked {
        argv,
        envp,
        file,
        is_own_link,
    } = resolve_arguments(call, &mut name)?;
    let scratch = Scratch::map(call.thread, 0, STRUCTURES).ok_or(-ENOMEM)?;
    call.thread.exec_memory[0] = scratch.range();
    // SAFETY: fresh zeroed memory, large enough; all-zero is a valid Target.
    let target = unsafe { &mut *(scratch.address as *mut Target) };
    const TARGET_ROOM: u64 = 64 << 10;
    const _: () = assert!(core::mem::size_of::<Target>() as u64 <= TARGET_ROOM);
    target.path = name;
    let obstacle = resolve_scripts(target, &file)?;
    // A filter is not lost by `execve` as dispatch is: the recorder has to be there for its traps.
    let needs_recorder = arena::header().mechanism == mechanism::SECCOMP;
    if let Some(doomed) = obstacle.filter(|obstacle| needs_recorder && obstacle.is_trapped) {
        return Err(refuse(call, &name, &doomed));
    }
    let is_left = obstacle.is_some() || (!log::recording() && !needs_recorder);
    if is_left && argv.is_narrow {
        crate::message::once(
            "execve by int 0x80 of a program that goes on unrecorded is not performed; the program was told ENOSYS",
        );
        return Err(-ENOSYS);
    }
    if is_left {
        return Err(leave_recording(
            call,
            &name,
            is_own_link,
            obstacle.map_or("", |obstacle| obstacle.what),
        ));
    }
    let place = hand_over_program(target, &file);
    let slot = Hand::over(call, target, &name, place)?;
    let arguments = count_pointers(argv)?;
    let environment = count_pointers(envp)?;
    let words = arguments + environment + 16;
    let size = ((words as u64 * 8) + 8191) & !4095;
    let pointers = Scratch::map(call.thread, STRUCTURES, size).ok_or(-ENOMEM)?;
    call.thread.exec_memory[1] = pointers.range();
    // SAFETY: in the scratch memory, behind the target.
    let variable =
        unsafe { &mut *((scratch.address + TARGET_ROOM) as *mut [u8; SLOT_VARIABLE_MAX]) };
    let name_length = name.iter().position(|&byte| byte == 0).unwrap_or(0);
    write_slot_variable(slot.index, name_length, variable);
    let lists = Lists {
        at: pointers.address,
        argv,
        arguments,
        envp,
        environment,
        variable: variable.as_ptr() as u64,
    };
    let (new_argv, new_envp) = lists.build(target);
    if !call.thread.vfork_child && !call.thread.companion {
        copies::end();
    }
    signal::prepare_exec(call.thread);
    time_stamps::allow(call.thread);
    // A companion takes no token with it.
    let released = call.thread.companion.then(|| {
        let header = call.event.set_aside();
        scheduler::release_for_call(call.thread, &header);
        header
    });
    executions::begins(call.thread);
    // SAFETY: executes the recorder with argument lists of ours; the strings are the program's,
    // and the kernel checks them.
    let result = unsafe {
        syscall5(
            EXECVEAT,
            arena::header().recorder_fd as u64,
            c"".as_ptr() as u64,
            new_argv,
            new_envp,
            AT_EMPTY_PATH,
        )
    };
    executions::failed();
    if let Some(header) = released {
        scheduler::acquire(call.thread, WaitKind::AfterCall);
        call.thread.is_blocked = false;
        call.event.go_on(&header);
    }
    slot.take_back();
    if place != program_place::PATH {
        hidden_descriptors::occupy_tracking();
    }
    signal::install_own_again(call.thread);
    time_stamps::take_turn(call.thread);
    Err(result)
}

/// What a call asks for.
struct Asked {
    /// Addresses of the argument and environment lists.
    argv: List,
    envp: List,
    file: ProgramFile,
    /// It is the link of procfs to the program, which leads to the recorder.
    is_own_link: bool,
}

/// Read the call; the path, as the program will find it in its auxiliary vector, is in `name`.
fn resolve_arguments(call: &Call<'_>, name: &mut Path) -> Result<Asked, i64> {
    let (path_at, argv, envp) = match call.number {
        EXECVE => (call.args[0], call.args[1], call.args[2]),
        _ => (call.args[1], call.args[2], call.args[3]),
    };
    let mut path: Path = [0; EXEC_PATH_MAX];
    let length = match guest::read_string(path_at, &mut path) {
        Some(length) => length,
        None if guest::read(path_at, &mut [0]) => return Err(-numbers::ENAMETOOLONG),
        None => return Err(-EFAULT),
    };
    let directory = call.args[0] as i32;
    let relative_to_descriptor =
        call.number == EXECVEAT && i64::from(directory) != AT_FDCWD && path[0] != b'/';
    let flags = if call.number == EXECVEAT {
        call.args[4]
    } else {
        0
    };
    if length == 0 && (flags & AT_EMPTY_PATH == 0 || !relative_to_descriptor) {
        return Err(-ENOENT);
    }
    let mut file = ProgramFile::open(relative_to_descriptor.then_some(directory), &path, flags)?;
    let base = if relative_to_descriptor {
        i64::from(directory)
    } else {
        AT_FDCWD
    };
    let is_own_link = proc_files::names_recorder(base as u64, &path);
    if is_own_link {
        file = ProgramFile::running(flags)?;
        // By its name the new image would find something else.
        file.place = program_place::DESCRIPTOR;
    }
    let is_narrow = call.thread.frame.origin == Origin::Int80 as u64;
    let list = |address| List { address, is_narrow };
    let asked = |file| Asked {
        argv: list(argv),
        envp: list(envp),
        file,
        is_own_link,
    };
    if !relative_to_descriptor {
        *name = path;
        return Ok(asked(file));
    }
    let prefix = text!("/dev/fd/{directory}");
    let prefix = prefix.as_str().as_bytes();
    name[..prefix.len()].copy_from_slice(prefix);
    if length > 0 {
        if prefix.len() + 1 + length >= EXEC_PATH_MAX {
            return Err(-numbers::ENAMETOOLONG);
        }
        name[prefix.len()] = b'/';
        name[prefix.len() + 1..prefix.len() + 1 + length].copy_from_slice(&path[..length]);
    }
    Ok(asked(file))
}

/// The program goes to the new image by a descriptor where its path need not lead there.
fn hand_over_program(target: &Target, file: &ProgramFile) -> u32 {
    if target.is_script || file.place == program_place::PATH {
        return program_place::PATH;
    }
    signal::dirty::stop();
    if hidden_descriptors::pass_program(file.descriptor) {
        file.place
    } else {
        program_place::PATH
    }
}

/// The program is one that would die at its first system call: it has the filter, and not the recorder.
fn refuse(call: &mut Call<'_>, name: &Path, obstacle: &Obstacle) -> i64 {
    let (shown, what) = (shown(name), obstacle.what);
    let note = text!(
        "execve: {shown} {what}, and system calls are caught by a filter, which it cannot leave; the program was told EACCES"
    );
    if log::recording() {
        call.event.note_before(note.as_str());
    }
    -EACCES
}

/// The start of a name, for a message.
fn shown(name: &Path) -> &str {
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(0);
    core::str::from_utf8(&name[..end.min(120)]).unwrap_or("?")
}

/// The program is one that reenact cannot record (set-user-id, 32-bit, valgrind): it is executed as it is,
/// outside the recording, and the trace says so.
fn leave_recording(call: &mut Call<'_>, name: &Path, is_own_link: bool, obstacle: &str) -> i64 {
    let shown = shown(name);
    if !call.thread.vfork_child {
        // The lock goes with our descriptors.
        arena::slot().has_life_lock.store(0, Ordering::Release);
    }
    if log::recording() {
        let consequence = if are_calls_dispatched() {
            ""
        } else {
            ", and 64-bit programs that it executes die by SIGSYS (a filter catches calls here)"
        };
        let note = text!("execve: {shown} {obstacle}; it goes on unrecorded{consequence}");
        call.event.note_before(note.as_str());
    }
    signal::prepare_exec(call.thread);
    if !call.thread.vfork_child && !call.thread.companion {
        copies::end();
        arena::release_parent();
    }
    time_stamps::allow(call.thread);
    let header = arena::header();
    let [mut a, mut b, c, d, e, _] = call.args;
    if is_own_link {
        let path = proc_files::executable().as_ptr() as u64;
        match call.number {
            EXECVE => a = path,
            _ => (a, b) = (AT_FDCWD as u64, path),
        }
    }
    // SAFETY: the program's own call; our descriptors are closed on success only.
    unsafe {
        for fd in header.hidden_descriptors() {
            syscall3(FCNTL, fd as u64, 2, 1);
        }
        let result = syscall5(call.number, a, b, c, d, e);
        for fd in header.hidden_descriptors() {
            syscall3(FCNTL, fd as u64, 2, 0);
        }
        if !call.thread.vfork_child {
            arena::lock_life();
        }
        signal::install_own_again(call.thread);
        time_stamps::take_turn(call.thread);
        result
    }
}

/// The slot that the new image will write to.
struct Hand {
    index: usize,
    /// The slot was claimed for a vfork child and is given back on failure.
    claimed: Option<ChildSlot>,
}

impl Hand {
    /// Fill in the hand-over block of this process's slot, or of a fresh one for a vfork child.
    fn over(call: &mut Call<'_>, target: &Target, name: &Path, place: u32) -> Result<Hand, i64> {
        let header = *call.event.header;
        let number = call.number as u32;
        let confinement = call.thread.confinement;
        let fill = |request: &mut ExecRequest| {
            request.filters = confinement.filters;
            request.no_new_privileges = confinement.no_new_privileges.into();
            request.number = number;
            request.args = header.args;
            request.register_checksum = header.register_checksum;
            request.ip = header.ip;
            request.start_due = 0;
            request.program = place;
            request.path = target.path;
            request.path_length =
                target.path.iter().position(|&byte| byte == 0).unwrap_or(0) as u32;
            request.exec_name = *name;
        };
        if !call.thread.vfork_child && !call.thread.companion {
            fill(arena::exec_request());
            return Ok(Hand {
                index: arena::own_index(),
                claimed: None,
            });
        }
        let child = ChildSlot::claim(start::VFORK_EXEC, log::next_event()).ok_or(-EAGAIN)?;
        let request = child.request();
        fill(request);
        request.start_due = 1;
        let table = &request.descriptor_table;
        table.store(descriptor_table::size(), Ordering::Relaxed);
        let own = companions::descriptors();
        for (to, from) in request.descriptors.iter().zip(own) {
            let bits = from.load(Ordering::Relaxed);
            if bits != 0 {
                to.store(bits, Ordering::Relaxed);
            }
        }
        // The new image takes the slot over; should we be killed on the way, nobody does.
        child.slot().child_created(child.process, call.thread.tid);
        if call.thread.vfork_child {
            // SAFETY: the parent waits for us; we share its memory.
            unsafe { (*call.thread.parent).vfork_process = child.process };
        }
        Ok(Hand {
            index: child.index,
            claimed: Some(child),
        })
    }

    fn take_back(&self) {
        if let Some(child) = &self.claimed {
            child.release();
        }
    }
}
