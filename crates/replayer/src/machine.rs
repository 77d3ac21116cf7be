//! The machine state of one replayed process: memory, registers, threads, program break.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::{syscall2, syscall3};
use reenact_interpose::vdso;
use reenact_trace::event::instruction;
use reenact_trace::registers::{TRAP_FLAG, USER_FLAGS};
use reenact_trace::{layout, Registers};
use reenact_translator::{GuestCode, NonDeterministic, Stop, Translator, VectorSaving};

use crate::error::ReplayError;
use crate::fault;
use crate::mappings::PAGE;
use crate::memory::Memory;
use crate::native_points::{NativePoints, Wanted};
use crate::processor::Processor;
use crate::system;
use crate::table_image;
use crate::thread_names::ThreadNames;
use crate::threads::{ThreadState, Threads, VforkParent};
use crate::trace_directory::{StoredFile, TraceDirectory};
use crate::xsave_area::VectorState;

/// Bytes of the code cache.
const CODE_CACHE_SIZE: u64 = 256 << 20;
const HUGE_PAGE: u64 = 2 << 20;

/// In the place of a number of instructions: not all of them were counted.
pub const UNCOUNTED: u64 = u64::MAX;

/// The machine.
pub struct Machine {
    pub translator: Translator,
    pub memory: Memory,
    pub threads: Threads,
    /// What they are called.
    pub names: ThreadNames,
    /// The program break, once known.
    pub program_break: Option<u64>,
    /// The recording machine's processor.
    pub processor: Processor,
    /// Whether an image has begun.
    pub has_image: bool,
    /// Addresses the translator stops at.
    hooks: Vec<u64>,
    /// Those of them by which the program's own code comes to us, behind the system calls that they stand for.
    detours: Vec<(u64, u64)>,
    /// Addresses a client wants to stop at.
    breakpoints: BTreeSet<u64>,
    /// What tells of these and of watched memory while the program's own code runs.
    native_points: NativePoints,
    /// The access that has stopped it is done.
    is_behind_access: bool,
    /// Addresses of which events have told how often the program comes there.
    counted_places: BTreeSet<u64>,
    /// The address a landing is being searched at.
    searched: Option<u64>,
    /// A page kept closed because the log has a fault on it next.
    pub closed_page: Option<u64>,
    /// Whether the program's own code, which counts nothing, has run since the last event, and in this process at all.
    is_uncounted: bool,
    is_total_uncounted: bool,
    /// Instructions executed up to the last event, by this process.
    instructions: u64,
    /// Instructions before the latest event that was counted ([`UNCOUNTED`]: some were not), and whether it had one of its
    /// own.
    passed: (u64, bool),
    /// Forked since the last image began: pages are shared with the parent.
    is_child: bool,
    /// An instruction has been performed for a program that steps itself: it is trapped before it goes on.
    is_stepped: bool,
}

impl Machine {
    /// An empty machine. Installs the handler of fault signals. Before the sandbox: nothing of the
    /// trace is read yet, and no memory can be made executable later.
    pub fn new(directory: TraceDirectory) -> Result<Machine, &'static str> {
        let flags = n::MAP_PRIVATE | n::MAP_ANONYMOUS | n::MAP_NORESERVE | n::MAP_FIXED_NOREPLACE;
        let protection = n::PROT_READ | n::PROT_WRITE | n::PROT_EXEC;
        let address = layout::CODE_CACHE_ADDRESS;
        // SAFETY: a fresh mapping in our region.
        let mapped = unsafe { system::map(address, CODE_CACHE_SIZE, protection, flags, -1, 0) };
        if mapped != Ok(address) {
            return Err("cannot map memory that is writable and executable");
        }
        // SAFETY: mapped just now, used by nobody else, never unmapped; gs is not used otherwise.
        let mut translator = unsafe {
            Translator::new(
                address as *mut u8,
                CODE_CACHE_SIZE as usize,
                VectorSaving::Sse,
            )
        };
        // Large programs spread over megabytes of translations; 4 KiB pages of them would miss the
        // instruction TLB all the time (10 % on a compiler). Small ones stay in front of the first
        // huge page, which takes as long to clear as a hundred page faults.
        for (start, end) in translator.free_code() {
            let start = start.next_multiple_of(HUGE_PAGE);
            // SAFETY: advice about our own memory.
            unsafe { syscall3(n::MADVISE, start, end - start, n::MADV_HUGEPAGE) };
        }
        translator.stop_at_stores(true);
        // Once here, not in each of the processes that are forked.
        translator.warm_up();
        table_image::take(&mut translator);
        fault::install(translator.context())?;
        Ok(Machine {
            translator,
            memory: Memory::new(directory),
            threads: Threads::default(),
            names: ThreadNames::default(),
            program_break: None,
            processor: Processor::default(),
            has_image: false,
            hooks: Vec::new(),
            detours: Vec::new(),
            breakpoints: BTreeSet::new(),
            native_points: NativePoints::default(),
            is_behind_access: false,
            counted_places: BTreeSet::new(),
            searched: None,
            closed_page: None,
            is_uncounted: false,
            is_total_uncounted: false,
            instructions: 0,
            passed: (0, false),
            is_child: false,
            is_stepped: false,
        })
    }

    /// Take what the manifest says of the recording machine's processor.
    pub fn read_manifest(&mut self, manifest: Option<StoredFile>) {
        const MOST: u64 = 16 << 20;
        let Some(file) = manifest else { return };
        let mut text = alloc::vec![0u8; file.size.min(MOST) as usize];
        let length = system::read_at(file.descriptor, &mut text, 0).unwrap_or(0);
        self.processor = Processor::from_manifest(&text[..length]);
    }

    pub fn registers(&self) -> &Registers {
        self.translator.registers()
    }

    pub fn registers_mut(&mut self) -> &mut Registers {
        self.translator.registers_mut()
    }

    /// Replace all registers of the running thread.
    pub fn set_registers(&mut self, registers: &Registers) {
        let rflags = safe_flags(registers.rflags);
        *self.translator.registers_mut() = Registers {
            rflags,
            ..*registers
        };
        self.load_fs_base();
    }

    /// Replace all registers of the running thread but the segment bases.
    pub fn set_general_registers(&mut self, registers: &Registers) {
        let Registers {
            fs_base, gs_base, ..
        } = *self.registers();
        let rflags = safe_flags(registers.rflags);
        *self.translator.registers_mut() = Registers {
            rflags,
            fs_base,
            gs_base,
            ..*registers
        };
    }

    /// Set the fs base of the running thread.
    pub fn set_fs_base(&mut self, base: u64) {
        self.translator.registers_mut().fs_base = base;
        self.load_fs_base();
    }

    fn load_fs_base(&mut self) {
        // SAFETY: no thread-local storage here; a bad base faults in the program only.
        unsafe { syscall2(n::ARCH_PRCTL, n::ARCH_SET_FS, self.registers().fs_base) };
    }

    /// An instruction that the translator stops at has been performed: go on behind it.
    pub fn go_past(&mut self, which: &NonDeterministic) {
        let registers = self.translator.registers_mut();
        registers.rip += u64::from(which.length);
        self.is_stepped = registers.rflags & TRAP_FLAG != 0;
    }

    /// The trap behind an instruction that has been performed, once.
    fn take_step(&mut self) -> Option<Stop> {
        core::mem::take(&mut self.is_stepped).then(|| Stop::stepped(self.registers().rip))
    }

    /// The program's own code has faulted at an address: if that was for a page that was closed to stores, it is open now.
    pub fn open_executed_page(&mut self, address: u64) -> bool {
        let stale = self.memory.unwatch_page(address);
        for &page in &stale {
            self.translator.invalidate(page, PAGE);
        }
        !stale.is_empty()
    }

    /// Whether the program's code can run as it is from here: nobody wants to see or count what it does.
    pub fn can_run_natively(&self) -> bool {
        !self.is_stepped
            && self.registers().rflags & TRAP_FLAG == 0
            && (self.native_points.is_armed() || !self.has_points())
            && self.memory.runs_natively()
    }

    /// Whether a client wants to know of anything.
    pub fn has_points(&self) -> bool {
        !self.breakpoints.is_empty() || !self.translator.watches().is_empty()
    }

    /// The program's own code is to run: have breakpoints and watched memory told, if that can be.
    pub fn begin_points(&mut self) {
        if !self.has_points() {
            return;
        }
        let Machine {
            hooks,
            memory,
            breakpoints,
            ..
        } = self;
        let is_changed = |address| hooks.contains(&address) || memory.is_patched(address);
        let wanted = Wanted {
            breakpoints,
            watches: self.translator.watches(),
            is_changed: &is_changed,
        };
        if let Some(pages) = self.native_points.begin(&wanted) {
            self.memory.close_code(pages);
        }
        self.memory.keep_code_closed();
    }

    /// A page that is closed for a breakpoint was in the way again and again.
    pub fn note_heat(&mut self, page: u64) {
        self.native_points.note_heat(page);
    }

    /// Translated code runs, which tells by itself.
    pub fn rest_points(&mut self) {
        self.native_points.rest();
    }

    /// The client may want to know of others.
    pub fn end_points(&mut self) {
        self.native_points.end();
        self.memory.close_code(BTreeSet::new());
    }

    /// The program's own code has been stopped behind an access to watched memory.
    pub fn note_access(&mut self) {
        self.is_behind_access = true;
    }

    /// Whether that is so, once.
    pub fn take_access(&mut self) -> bool {
        core::mem::take(&mut self.is_behind_access)
    }

    /// Run the current thread for at most `limit` instructions.
    pub fn run(&mut self, limit: u64) -> Stop {
        if let Some(stop) = self.take_step() {
            return stop;
        }
        // SAFETY: the program's memory is outside our region (see `memory`), fs base and vector
        // state are loaded when a thread comes in, faults are routed by `fault::install`.
        unsafe { self.translator.run(&mut self.memory, limit) }
    }

    /// Like [`Machine::run`], as long as execution is within a range of code.
    pub fn run_within(&mut self, limit: u64, range: (u64, u64)) -> Stop {
        // SAFETY: as for `run`.
        unsafe { self.translator.run_within(&mut self.memory, limit, range) }
    }

    /// Like [`Machine::run`], but does not stop at a hook at the first instruction.
    pub fn run_past_hook(&mut self, limit: u64) -> Stop {
        if let Some(stop) = self.take_step() {
            return stop;
        }
        // SAFETY: as for `run`.
        unsafe { self.translator.run_past_hook(&mut self.memory, limit) }
    }

    /// Like [`Machine::run_past_hook`], and the first instruction may touch watched memory.
    pub fn run_past_watch(&mut self, limit: u64) -> Stop {
        if let Some(stop) = self.take_step() {
            return stop;
        }
        // SAFETY: as for `run`.
        unsafe { self.translator.run_past_watch(&mut self.memory, limit) }
    }

    /// Whether execution stops at `address` anyway.
    pub fn has_hook(&self, address: u64) -> bool {
        self.hooks.contains(&address)
            || self.breakpoints.contains(&address)
            || self.counted_places.contains(&address)
    }

    /// Whether a stop at `address` means nothing to the replay at hand: a client's breakpoint, or a place that matters
    /// to other events.
    pub fn may_pass(&self, address: u64) -> bool {
        !self.waits_at(address)
            && (self.breakpoints.contains(&address) || self.counted_places.contains(&address))
    }

    /// Events tell how often execution comes to `address`. It stops there from now on: each change costs what has been
    /// translated around it.
    pub fn add_counted_place(&mut self, address: u64) {
        if self.counted_places.insert(address) {
            self.translator.add_hook(address);
        }
    }

    /// Whether the replay itself wants to know when execution comes to `address`.
    pub fn waits_at(&self, address: u64) -> bool {
        self.hooks.contains(&address) || self.searched == Some(address)
    }

    /// A landing is being searched at this address.
    pub fn set_searched(&mut self, address: Option<u64>) {
        self.searched = address;
    }

    /// Whether a client wants to stop at `address`.
    pub fn has_breakpoint(&self, address: u64) -> bool {
        self.breakpoints.contains(&address)
    }

    /// Stop at these addresses for a client, and no longer at others.
    pub fn set_breakpoints(&mut self, addresses: &[u64]) {
        let new: BTreeSet<u64> = addresses.iter().copied().collect();
        let old = core::mem::replace(&mut self.breakpoints, new);
        for &address in old.difference(&self.breakpoints) {
            if !self.has_hook(address) && self.searched != Some(address) {
                self.translator.remove_hook(address);
            }
        }
        for &address in self.breakpoints.difference(&old) {
            self.translator.add_hook(address);
        }
    }

    /// Let a client look at a page that is closed for the program; which.
    pub fn open_closed_page(&mut self) -> Option<u64> {
        let page = self.closed_page?;
        self.memory.open_page(page);
        Some(page)
    }

    /// Undo [`Machine::open_closed_page`].
    pub fn close_opened_page(&mut self, page: Option<u64>) {
        if let Some(page) = page {
            self.memory.close_page(page);
        }
    }

    /// Instructions executed since the last event.
    pub fn since_event(&self) -> u64 {
        self.translator.executed()
    }

    /// The same, where all of them were counted.
    pub fn counted_since_event(&self) -> Option<u64> {
        (!self.is_uncounted).then(|| self.since_event())
    }

    /// The program's own code runs.
    pub fn lose_count(&mut self) {
        self.is_uncounted = true;
        self.is_total_uncounted = true;
    }

    /// Instructions executed by this process.
    pub fn total_instructions(&self) -> u64 {
        self.instructions + self.translator.executed()
    }

    /// The same, where all of them were counted.
    pub fn counted_total(&self) -> Option<u64> {
        (!self.is_total_uncounted).then(|| self.total_instructions())
    }

    /// An event takes effect: count its own instruction (if it has one) and start over.
    pub fn count_event(&mut self, own_instruction: bool) {
        let before = self.counted_since_event().unwrap_or(UNCOUNTED);
        self.passed = (before, own_instruction);
        self.instructions = self.total_instructions() + u64::from(own_instruction);
        self.translator.set_executed(0);
        self.is_uncounted = false;
    }

    /// What [`Machine::count_event`] has counted since this was last asked: instructions before
    /// the event, and whether it had one of its own.
    pub fn take_passed(&mut self) -> (u64, bool) {
        core::mem::take(&mut self.passed)
    }

    /// A new process begins to count.
    pub fn reset_instructions(&mut self) {
        self.instructions = 0;
        self.passed = (0, false);
        self.translator.set_executed(0);
        self.is_uncounted = false;
        self.is_total_uncounted = false;
    }

    /// Perform an instruction the log does not hold, if the answer is known: CPUID and XGETBV. One that
    /// stores state components is executed as it is from now on: the recorder did not know of it.
    pub fn answer(&mut self, which: &NonDeterministic) -> bool {
        if instruction::stores_state(which.code) {
            self.translator.execute_store_here();
            return true;
        }
        let Machine {
            translator,
            processor,
            ..
        } = self;
        if !processor.answer(which.code, translator.registers_mut()) {
            return false;
        }
        let count = translator.executed() + 1;
        translator.set_executed(count);
        self.go_past(which);
        true
    }

    /// Forget the address space and all threads but a fresh current one.
    pub fn begin_image(&mut self) {
        self.memory.clear(&mut self.translator);
        if core::mem::take(&mut self.is_child) {
            self.let_go_of_translations();
        }
        self.threads = Threads {
            current: self.threads.current,
            ..Threads::default()
        };
        self.program_break = None;
        self.processor.forget_names();
        self.has_image = true;
        self.detours.clear();
        let places = core::mem::take(&mut self.counted_places);
        for hook in self.hooks.drain(..).chain(places) {
            if !self.breakpoints.contains(&hook) {
                self.translator.remove_hook(hook);
            }
        }
        self.set_registers(&Registers {
            rflags: 0x202,
            ..Registers::default()
        });
        VectorState::initial(&self.translator).load(&mut self.translator);
    }

    /// Everything that the parent has translated is forgotten: an empty page costs less than a copy of one of its.
    fn let_go_of_translations(&mut self) {
        for (start, length) in self.translator.unused_memory() {
            // SAFETY: nobody reads it before it is written.
            unsafe { syscall3(n::MADVISE, start, length, n::MADV_DONTNEED) };
        }
    }

    /// Stop whenever execution comes to `address`, where a function of the vDSO begins that stands for a system call.
    pub fn add_detour(&mut self, address: u64) {
        self.translator.add_hook(address);
        self.hooks.push(address);
        let mut code = [0; vdso::JUMP_SIZE];
        let is_read = self.memory.read(address, &mut code).is_ok();
        match vdso::detoured(&code).filter(|_| is_read) {
            Some(number) => self.detours.push((number, address)),
            None => self.memory.translate_code_at(address),
        }
    }

    /// Where the function of the vDSO begins by which the program's own code comes to us with this number.
    pub fn detour(&self, number: u64) -> Option<u64> {
        let mut detours = self.detours.iter();
        detours
            .find(|detour| detour.0 == number)
            .map(|detour| detour.1)
    }

    /// No event tells it any more, or none will for long: to stop there would cost more than what is lost.
    pub fn forget_counted_places(&mut self, which: impl Fn(u64) -> bool) {
        let places = core::mem::take(&mut self.counted_places);
        for address in places {
            if !which(address) {
                self.counted_places.insert(address);
            } else if !self.has_hook(address) {
                self.translator.remove_hook(address);
                self.translator.invalidate(address, 1);
            }
        }
    }

    /// Addresses of what the recorder answers in the place of code.
    pub fn hooks(&self) -> &[u64] {
        &self.hooks
    }

    /// Whether the program steps itself, and is trapped before it goes on.
    pub fn is_stepped(&self) -> bool {
        self.is_stepped
    }

    /// Registers and vectors of the running thread.
    pub fn state_of_running(&mut self) -> ThreadState {
        self.take_state()
    }

    /// Go on as a snapshot says, with that state of the running thread.
    pub fn resume(&mut self, state: &ThreadState, instructions: u64, is_stepped: bool) {
        self.put_state(state);
        self.instructions = instructions;
        self.translator.set_executed(0);
        self.is_stepped = is_stepped;
    }

    fn take_state(&mut self) -> ThreadState {
        ThreadState {
            registers: *self.registers(),
            vectors: VectorState::save(&mut self.translator),
        }
    }

    fn put_state(&mut self, state: &ThreadState) {
        self.set_registers(&state.registers);
        state.vectors.load(&mut self.translator);
    }

    /// Make `tid` the running thread.
    pub fn switch_to(&mut self, tid: u32) -> Result<(), ReplayError> {
        let Some(current) = self.threads.current else {
            self.threads.current = Some(tid);
            return Ok(());
        };
        if current == tid {
            return Ok(());
        }
        let Some(state) = self.threads.waiting.remove(&tid) else {
            return Err(ReplayError::UnknownThread(tid));
        };
        if !self.threads.ended {
            let own = self.take_state();
            self.threads.waiting.insert(current, own);
        }
        self.threads.ended = false;
        self.put_state(&state);
        self.threads.current = Some(tid);
        Ok(())
    }

    /// A new thread of this address space: as the running one, apart from these registers.
    pub fn add_thread(&mut self, tid: u32, registers: Registers) {
        let vectors = VectorState::save(&mut self.translator);
        self.threads
            .waiting
            .insert(tid, ThreadState { registers, vectors });
    }

    /// The running thread has called something like `vfork`: its child goes on with `registers`.
    pub fn enter_vfork(&mut self, registers: Registers) {
        let state = self.take_state();
        let tid = self.threads.current.unwrap_or(0);
        self.threads.vfork_parents.push(VforkParent { tid, state });
        self.threads.current = None;
        self.threads.ended = false;
        self.set_registers(&registers);
    }

    /// The vfork child is gone; its parent goes on (still inside its system call).
    pub fn leave_vfork(&mut self, tid: u32) -> Result<(), ReplayError> {
        let parents = &mut self.threads.vfork_parents;
        let place = parents
            .iter()
            .rposition(|parent| parent.tid == tid)
            .ok_or(ReplayError::BadEvent("a return from vfork without a vfork"))?;
        let parent = parents.remove(place);
        self.threads.current = Some(tid);
        self.threads.ended = false;
        self.put_state(&parent.state);
        Ok(())
    }

    /// After a fork only the running thread exists.
    pub fn become_child(&mut self, tid: u32, registers: Registers) -> Result<(), ReplayError> {
        self.names
            .become_child(tid, self.threads.current.unwrap_or(0));
        self.threads = Threads {
            current: Some(tid),
            ..Threads::default()
        };
        self.is_child = true;
        self.reset_instructions();
        self.set_registers(&registers);
        self.memory.become_child(&mut self.translator)
    }
}

/// Flags from the log without those that a program cannot set. The translator keeps the trap flag from the processor.
fn safe_flags(rflags: u64) -> u64 {
    const ALIGNMENT_CHECK: u64 = 1 << 18;
    const IDENTIFICATION: u64 = 1 << 21;
    /// Bit 1 always reads as 1; interrupts are on in user mode.
    const ALWAYS: u64 = 0x202;
    rflags & (USER_FLAGS | TRAP_FLAG | ALIGNMENT_CHECK | IDENTIFICATION) | ALWAYS
}
