//! Processes that share writable memory run in turns, as the threads of one process do: a token in
//! the arena says whose turn it is. A process holds it while any of its threads runs and releases it
//! where a thread releases its own (before calls that may wait, at the end of a time slice). So a process
//! that waits inside the kernel never holds it, and no two processes can wait for each other. Each turn
//! has a number, which the log keeps: a replay lets the processes run in the same order.
//!
//! A process that shares nothing is in no group and pays for nothing.

use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use reenact_freestanding::numbers;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall4};
use reenact_trace::arena::SLOT_COUNT;
use reenact_trace::sharing::{member, slot_and_pid, Group, BEGUN, OFFERED};
use reenact_trace::EventKind;

use crate::call::Call;
use crate::log::{self, Builder, TICKS_PER_MS};
use crate::signal::{self, preemption::Kind};
use crate::thread::Thread;
use crate::turn_holder::{is_gone, is_stopped, request_preemption};
use crate::{arena, conversion, patience, shared, spinning};

/// How long a process waits for its turn before it requests that the running one is preempted.
const PATIENCE_NS: u64 = 20_000_000;
/// How long one process has had its turn before those that wait look whether it still runs.
const LOOK_AFTER: u64 = 2 * TICKS_PER_MS;

/// After what a process waits for its turn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WaitKind {
    /// After a call that waits: others ran meanwhile, so it gets its turn soon.
    AfterCall,
    /// After its time slice, or at its start.
    AfterSlice,
}

static MEMBER: AtomicBool = AtomicBool::new(false);
/// Index of the group.
static GROUP: AtomicUsize = AtomicUsize::new(0);
/// Whether it is this process's turn.
static HOLDS: AtomicBool = AtomicBool::new(false);
/// Number of this process's last turn.
static TURN: AtomicU64 = AtomicU64::new(0);

/// Whether this process shares memory with others.
#[inline]
pub fn is_member() -> bool {
    MEMBER.load(Ordering::Relaxed)
}

fn group() -> &'static Group {
    arena::group(GROUP.load(Ordering::Relaxed))
}

/// This process as the arena knows it.
pub fn me() -> u64 {
    member(
        arena::own_index(),
        arena::slot().pid.load(Ordering::Relaxed),
    )
}

fn bit(slot: usize) -> (usize, u64) {
    (slot / 64, 1 << (slot % 64))
}

fn clear_bit(group: &Group, slot: usize) {
    let (word, mask) = bit(slot);
    if group.waiting[word].load(Ordering::Relaxed) & mask != 0 {
        group.waiting[word].fetch_and(!mask, Ordering::SeqCst);
    }
}

/// The next slot after ours whose process waits.
fn next_waiting(group: &Group) -> Option<usize> {
    let own = arena::own_index();
    let after = |index: usize| {
        let word = group.waiting[index].load(Ordering::SeqCst);
        let behind_own = u64::MAX.checked_shl(own as u32 % 64 + 1).unwrap_or(0);
        let word = if index == own / 64 {
            word & behind_own
        } else {
            word
        };
        (word != 0).then(|| index * 64 + word.trailing_zeros() as usize)
    };
    const WORDS: usize = SLOT_COUNT / 64;
    (own / 64..WORDS).find_map(after).or_else(|| {
        let all = |index: usize| {
            let word = group.waiting[index].load(Ordering::SeqCst);
            (word != 0).then(|| index * 64 + word.trailing_zeros() as usize)
        };
        (0..=own / 64).find_map(all).filter(|&slot| slot != own)
    })
}

/// The slot of the process that looks what the one does whose turn it is.
fn first_waiting(group: &Group) -> Option<usize> {
    let words = group.waiting.iter().enumerate();
    words
        .map(|(index, word)| (index, word.load(Ordering::SeqCst)))
        .find(|&(_, word)| word != 0)
        .map(|(index, word)| index * 64 + word.trailing_zeros() as usize)
}

/// How long to wait before looking again: shorter where processes wait for each other in loops.
fn look_again_ns() -> u64 {
    if spinning::was_seen_lately() {
        patience::LOOK_NS
    } else {
        arena::LOOK_AGAIN_NS
    }
}

/// Whether another process waits for its turn.
#[inline]
pub fn somebody_waits() -> bool {
    is_member() && next_waiting(group()).is_some()
}

/// Whether another process waits for its turn behind a call that waited.
#[inline]
pub fn somebody_waits_after_call() -> bool {
    if !is_member() || group().after_call.load(Ordering::Relaxed) == 0 {
        return false;
    }
    let is_so = somebody_waits();
    if !is_so {
        // Nobody: whoever was counted has been killed.
        group().after_call.store(0, Ordering::SeqCst);
    }
    is_so
}

/// From here on this process shares memory: inside a system call of the program, whose event is
/// begun anew behind that of the turn.
pub fn join(call: &mut Call<'_>) {
    if is_member() || call.thread.vfork_child || !log::recording() {
        return;
    }
    let header = call.event.set_aside();
    enter(call.thread);
    call.event.go_on(&header);
}

/// Become a member and wait for a turn. No event is under construction.
pub fn enter(thread: &Thread) {
    let group = group();
    arena::Lock::of_slot(arena::own_index()).acquire();
    clear_bit(group, arena::own_index());
    group.members.fetch_add(1, Ordering::Relaxed);
    HOLDS.store(false, Ordering::Relaxed);
    TURN.store(0, Ordering::Relaxed);
    MEMBER.store(true, Ordering::Relaxed);
    let waiter = arena::waiter(arena::own_index());
    waiter.member.store(me(), Ordering::Release);
    take(thread, WaitKind::AfterSlice);
}

/// Group and number of this process's turn, if nobody else is in its group.
pub fn turn_alone() -> Option<(u64, u64)> {
    let group = group();
    let is_alone = is_member() && group.members.load(Ordering::SeqCst) == 1 && holds(group);
    is_alone.then(|| {
        let index = GROUP.load(Ordering::Relaxed) as u64;
        (index, TURN.load(Ordering::Relaxed))
    })
}

/// Whether it is this process's turn.
fn holds(group: &Group) -> bool {
    HOLDS.load(Ordering::Relaxed) && group.holder.load(Ordering::SeqCst) == me() | BEGUN
}

/// Whether another process took this one's turn over while this one was stopped: it must not go on
/// before it has its turn again.
#[inline]
pub fn has_lost_turn() -> bool {
    is_member() && HOLDS.load(Ordering::Relaxed) && !holds(group())
}

/// Whether the process has to give up its turn for others to run: threads of it can go on in the same turn.
pub fn has_to_release() -> bool {
    is_member() && (somebody_waits() || has_lost_turn())
}

/// Wait for this process's turn, if it has not got it: `thread` is the one that runs then.
pub fn take(thread: &Thread, kind: WaitKind) {
    if !is_member() || !log::recording() {
        return;
    }
    let group = group();
    if !holds(group) {
        let me = me();
        let free = group
            .holder
            .compare_exchange(0, me, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok();
        let after_dead = !free && wait(group, me, kind);
        if !arena::header().has_reader() {
            return;
        }
        begin_turn(group, after_dead);
        group.holder_tid.store(thread.tid, Ordering::Relaxed);
        group.stopped.store(0, Ordering::Relaxed);
        // Nobody takes a turn over before it has begun.
        group.holder.store(me | BEGUN, Ordering::SeqCst);
        HOLDS.store(true, Ordering::Relaxed);
    }
    group.holder_tid.store(thread.tid, Ordering::Relaxed);
}

/// Log the turn, unless nobody else had one since this process's last. The number counts only
/// once it is in the log: whoever is killed before has done nothing in his turn.
fn begin_turn(group: &Group, after_dead: bool) {
    let last = group.turn.load(Ordering::Acquire);
    if last == TURN.load(Ordering::Relaxed) && last != 0 && !after_dead {
        return;
    }
    let number = last + 1;
    let mut event = Builder::new(EventKind::Turn, 0);
    event.header.args[0] = GROUP.load(Ordering::Relaxed) as u64;
    event.header.args[1] = number;
    if after_dead {
        // What the killed one did since its last event is in nobody's log.
        shared::attach_content(&mut event);
    }
    // What others have begun to change, this process sees in its mappings now.
    conversion::catch_up(&mut event);
    event.commit();
    group.turn.store(number, Ordering::Release);
    TURN.store(number, Ordering::Relaxed);
}

/// Wait until the turn is ours, or recording has stopped. Whether it was that of a process that has been
/// killed, or is stopped.
fn wait(group: &Group, me: u64, kind: WaitKind) -> bool {
    let slot = arena::own_index();
    let waiter = arena::waiter(slot);
    let (word, mask) = bit(slot);
    if kind == WaitKind::AfterCall {
        group.after_call.fetch_add(1, Ordering::SeqCst);
    }
    let mut after_dead = false;
    let mut watch = Watch::new();
    let replace = |holder: u64| {
        let order = Ordering::SeqCst;
        group.holder.compare_exchange(holder, me, order, order)
    };
    while arena::header().has_reader() {
        waiter.granted.store(0, Ordering::SeqCst);
        // Again, as others may have taken an offer that we did not see in time.
        group.waiting[word].fetch_or(mask, Ordering::SeqCst);
        // Whoever released the token before our bit was set did not see us.
        let holder = match replace(0).or_else(|_| replace(me | OFFERED)) {
            Ok(_) => break,
            Err(holder) => holder,
        };
        let timeout = [0u64, look_again_ns()];
        // SAFETY: a futex word in shared memory and a timespec of ours.
        unsafe {
            syscall4(
                FUTEX,
                &raw const waiter.granted as u64,
                FUTEX_WAIT,
                0,
                timeout.as_ptr() as u64,
            )
        };
        if group.holder.load(Ordering::SeqCst) != holder || !watch.is_long(holder) {
            continue;
        }
        let is_offer = holder & OFFERED != 0;
        let is_over = if is_offer {
            // Whoever does not take an offer has been stopped, perhaps by one who waits here.
            is_gone(holder) || watch.looks()
        } else {
            is_gone(holder) || (holder & BEGUN != 0 && watch.looks() && is_stopped(group, holder))
        };
        if is_over {
            if let (Ok(_), Some((late, _))) = (replace(holder), slot_and_pid(holder)) {
                clear_bit(group, late);
                after_dead = !is_offer;
                break;
            }
        } else if watch.asks() {
            request_preemption(group, holder, Kind::Now);
            watch.asked();
        } else if first_waiting(group) == Some(slot) {
            request_preemption(group, holder, Kind::IfSpinning);
        }
    }
    if kind == WaitKind::AfterCall {
        let less = |count: u32| count.checked_sub(1);
        // Not below none: it has been set to none when everybody else was dead.
        let _ = group
            .after_call
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, less);
    }
    clear_bit(group, slot);
    after_dead
}

/// For how long one and the same process has had its turn, as one that waits sees it. It goes by the
/// clock: how often signals interrupt the waiting does not matter.
struct Watch {
    holder: u64,
    since: u64,
    last_look: u64,
    last_request: u64,
}

impl Watch {
    fn new() -> Watch {
        Watch {
            holder: 0,
            since: 0,
            last_look: 0,
            last_request: 0,
        }
    }

    /// Whether that time is long enough to look what the process does.
    fn is_long(&mut self, holder: u64) -> bool {
        let now = log::time();
        if holder != self.holder {
            *self = Watch {
                holder,
                since: now,
                last_look: now,
                last_request: now,
            };
        }
        now.wrapping_sub(self.since) > LOOK_AFTER || spinning::was_seen_lately()
    }

    /// Whether it is time to look whether the process is stopped, or to take back an offer: that is so
    /// now and then.
    fn looks(&mut self) -> bool {
        const EVERY: u64 = 20 * TICKS_PER_MS;
        let now = log::time();
        let is_due = now.wrapping_sub(self.last_look) > EVERY;
        if is_due {
            self.last_look = now;
        }
        is_due
    }

    /// Whether it is time to request preemption, for the first time or again.
    fn asks(&self) -> bool {
        const NS_PER_MS: u64 = 1_000_000;
        let patience = signal::pause_ns(PATIENCE_NS).saturating_mul(TICKS_PER_MS) / NS_PER_MS;
        log::time().wrapping_sub(self.last_request) > patience
    }

    fn asked(&mut self) {
        self.last_request = log::time();
    }
}

fn grant(slot: usize) {
    let granted = &arena::waiter(slot).granted;
    granted.store(1, Ordering::SeqCst);
    // SAFETY: a futex word in shared memory.
    unsafe { syscall4(FUTEX, &raw const *granted as u64, FUTEX_WAKE, 1, 0) };
}

/// Release the token, or offer it to the next process that waits.
pub fn release() {
    if !is_member() || !HOLDS.load(Ordering::Relaxed) {
        return;
    }
    HOLDS.store(false, Ordering::Relaxed);
    let group = group();
    let mut from = me() | BEGUN;
    // Twice: somebody may begin to wait while the token is released.
    for _ in 0..2 {
        if let Some(slot) = next_waiting(group) {
            let next = arena::waiter(slot).member.load(Ordering::Relaxed);
            if group
                .holder
                .compare_exchange(from, next | OFFERED, Ordering::SeqCst, Ordering::Relaxed)
                .is_ok()
            {
                grant(slot);
            }
            return;
        }
        if from != 0 {
            let order = Ordering::SeqCst;
            if group
                .holder
                .compare_exchange(from, 0, order, order)
                .is_err()
            {
                return; // Taken over while this process was stopped.
            }
            from = 0;
        }
    }
}

/// The process shares no memory any more: it ends, or executes another program.
pub fn leave() {
    if !is_member() {
        return;
    }
    release();
    let group = group();
    group.members.fetch_sub(1, Ordering::Relaxed);
    MEMBER.store(false, Ordering::Relaxed);
    let waiter = arena::waiter(arena::own_index());
    waiter.member.store(0, Ordering::Release);
    arena::Lock::of_slot(arena::own_index()).release();
}

/// After [`leave`], before `execve`: wait for those who are about to send this process a request,
/// which the new image could not understand.
pub fn await_requests() {
    const PATIENCE: u32 = 10_000;
    let group = group();
    for _ in 0..PATIENCE {
        if group.preempting.load(Ordering::SeqCst) == 0 {
            return;
        }
        // SAFETY: lets others run.
        unsafe { syscall0(numbers::SCHED_YIELD) };
    }
    // Some were killed while they asked.
    group.preempting.store(0, Ordering::SeqCst);
}

/// In the child of a fork: what the parent's memory says about turns is not about this process.
pub fn after_fork(thread: &Thread) {
    if is_member() {
        enter(thread);
    }
}
