//! What the program wants done with each signal, and what the kernel is told instead.

use core::sync::atomic::{AtomicU32, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall4;

use super::*;
use crate::companions::TABLES;
use crate::{other_processes, thread};
use reenact_interpose::entry;

/// The program's actions, by signal number: a table for each that the processes of this address space have.
static mut ACTIONS: [Table; TABLES] = [[Action {
    handler: 0,
    flags: 0,
    restorer: 0,
    mask: 0,
}; 65]; TABLES];

/// All of one process.
type Table = [Action; 65];

/// The table of the current thread.
fn table() -> *mut Table {
    (&raw mut ACTIONS)
        .cast::<Table>()
        .wrapping_add(thread::current().actions as usize)
}

/// The program's action for a signal.
pub fn action(signal: u32) -> &'static mut Action {
    // SAFETY: 1..=64 is checked by callers; one thread at a time.
    unsafe { &mut *table().cast::<Action>().add(signal as usize & 127) }
}

/// Tell the kernel; returns its result. `old` receives what the kernel had.
pub fn kernel_action(signal: u32, new: Option<&Action>, old: Option<&mut Action>) -> i64 {
    let new = new.map_or(0, |action| action as *const Action as u64);
    let old = old.map_or(0, |action| action as *mut Action as u64);
    // SAFETY: both are null or point to kernel sigactions of ours.
    unsafe { syscall4(RT_SIGACTION, u64::from(signal), new, old, 8) }
}

/// The recorder's own action. Without SA_RESTART: an interrupted call must come back to us,
/// we decide what the program sees.
pub fn own_action(program: &Action) -> Action {
    Action {
        handler: super::handler::entry as *const () as u64,
        flags: SA_SIGINFO
            | SA_ONSTACK
            | SA_RESTORER
            | (program.flags & (SA_NOCLDSTOP | SA_NOCLDWAIT)),
        restorer: entry::restore_rt as *const () as u64,
        // Handlers of ours are not interrupted, save by faults of their own.
        mask: !(bit(SIGSEGV) | bit(SIGBUS)),
    }
}

/// Whether the default action of a signal ends the process, or stops or ignores it (signal(7)).
/// SIGKILL and SIGSTOP are nobody's to handle.
pub fn is_fatal_by_default(signal: u32) -> bool {
    // SIGKILL; SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH
    !matches!(signal, 9 | 17..=23 | 28)
}

/// Whether the program ignores a signal, by its own wish or by default: the kernel drops it, unless a tracer sees it first.
pub fn is_ignored(signal: u32) -> bool {
    let is_ignored_by_default = matches!(signal, SIGCHLD | SIGCONT | SIGURG | SIGWINCH);
    match action(signal).handler {
        SIG_IGN => true,
        SIG_DFL => is_ignored_by_default,
        _ => false,
    }
}

/// The signals for which a thread's program has handlers, and those that it has asked to ignore, as masks. `None`: the thread,
/// which has table `number`, is gone.
pub fn caught_and_ignored(tid: u32, number: u32) -> Option<[u64; 2]> {
    const WORDS: usize = size_of::<Table>() / 8;
    let table = (&raw const ACTIONS)
        .cast::<Table>()
        .wrapping_add((number as usize).min(TABLES - 1));
    let mut words = [0u64; WORDS];
    // SAFETY: words as bytes.
    let bytes =
        unsafe { core::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), size_of::<Table>()) };
    // It has its own at the same address.
    other_processes::read(tid, table as u64, bytes).ok()?;
    let handler = |signal: u32| words[signal as usize * (size_of::<Action>() / 8)];
    let set = |is_wanted: fn(u64) -> bool| {
        (1..=64)
            .filter(|&signal| is_wanted(handler(signal)))
            .fold(0, |set, signal| set | bit(signal))
    };
    Some([
        set(|handler| handler > SIG_IGN),
        set(|handler| handler == SIG_IGN),
    ])
}

/// Threads of this process that are traced: all signals come to the recorder.
static TRACED: AtomicU32 = AtomicU32::new(0);

/// The count of traced threads.
pub fn traced() -> &'static AtomicU32 {
    &TRACED
}

/// Whether all signals come to the recorder, whatever the program does with them.
pub fn are_all_taken() -> bool {
    TRACED.load(Ordering::Relaxed) != 0
}

/// The table of actions, as it is, and how many threads are traced.
pub struct Snapshot {
    actions: Table,
    traced: u32,
}

/// Copy the table (before a vfork child changes it in shared memory).
pub fn snapshot_actions() -> Snapshot {
    Snapshot {
        // SAFETY: one thread at a time.
        actions: unsafe { *table() },
        traced: TRACED.load(Ordering::Relaxed),
    }
}

/// Put a copy back.
pub fn restore_actions(snapshot: &Snapshot) {
    // SAFETY: one thread at a time.
    unsafe { *table() = snapshot.actions };
    TRACED.store(snapshot.traced, Ordering::Relaxed);
}

/// Make this table a copy of the current one.
pub fn copy_actions(to: u32) {
    // SAFETY: one thread at a time; there are as many tables.
    unsafe {
        (&raw mut ACTIONS)
            .cast::<Table>()
            .wrapping_add(to as usize % TABLES)
            .write(*table());
    }
}

/// What the kernel is told of an action of the program.
pub fn told(signal: u32, wanted: &Action) -> Action {
    let is_ours = wanted.handler == SIG_DFL && is_fatal_by_default(signal);
    let comes_here = is_ours || are_all_taken() || SYNCHRONOUS.contains(&signal);
    if comes_here || wanted.is_handler() {
        own_action(wanted)
    } else {
        *wanted
    }
}

/// Signals that can have another action than the default one.
fn changeable() -> impl Iterator<Item = u32> {
    (1..=64).filter(|&signal| signal != SIGKILL && signal != SIGSTOP)
}

/// Handlers become default actions; what is ignored stays so (CLONE_CLEAR_SIGHAND).
pub fn clear_handlers() {
    for signal in changeable().filter(|&signal| action(signal).is_handler()) {
        *action(signal) = Action::default();
        kernel_action(signal, Some(&told(signal, &Action::default())), None);
    }
}

/// What a program that ran before it was recorded has set becomes the table, and the kernel is told of ours.
pub fn take_over_actions() {
    for signal in changeable() {
        let mut set = Action::default();
        kernel_action(signal, None, Some(&mut set));
        *action(signal) = set;
        kernel_action(signal, Some(&told(signal, &set)), None);
    }
}

/// The kernel gets what the program has set.
pub fn give_back_actions() {
    for signal in changeable() {
        kernel_action(signal, Some(action(signal)), None);
    }
}

/// Tell the kernel what has become of the table since the snapshot, in which another process has set actions that
/// are ours, too.
pub fn adopt_actions(before: &Snapshot) {
    TRACED.store(before.traced, Ordering::Relaxed);
    for signal in changeable() {
        let wanted = *action(signal);
        if wanted.to_bytes() != before.actions[signal as usize].to_bytes() {
            kernel_action(signal, Some(&told(signal, &wanted)), None);
        }
    }
}

/// Whether the program leaves a signal to its default action, as far as we and the kernel know.
pub fn is_default(signal: u32) -> bool {
    if action(signal).handler != SIG_DFL {
        return false;
    }
    if SYNCHRONOUS.contains(&signal) || is_fatal_by_default(signal) {
        return true;
    }
    let mut inherited = Action::default();
    kernel_action(signal, None, Some(&mut inherited));
    inherited.handler == SIG_DFL
}

/// Give a signal its default action in the kernel.
pub fn reset_kernel_action(signal: u32) {
    kernel_action(signal, Some(&Action::default()), None);
}
