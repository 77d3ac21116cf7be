//! The public face: run guest code, stop exactly.

use crate::context::{Context, VectorSaving, CODE_OFFSET, SHADOW_OFFSET, TABLE_OFFSET, XSAVE_SIZE};
use crate::engine::Engine;
use crate::gate;
use crate::guest::GuestCode;
use crate::landing::Landing;
use crate::stop::Stop;
use crate::store::LIVE;
use iced_x86::{Decoder, DecoderOptions};

/// See [`Translator::set_sampling`].
const SAMPLING: u32 = 1 << 15;

const PAGE: u64 = 4096;

/// What does not stop the first instruction of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    Nothing,
    Hook,
    /// A hook and what it accesses.
    Watch,
}

/// Translates and runs one guest address space.
pub struct Translator {
    pub(crate) engine: Engine,
    pub(crate) executed: u64,
    /// Whether translated code has run since [`Translator::give_up_processor`].
    pub(crate) has_run: bool,
    /// State of a generator of random numbers.
    pub(crate) random: u64,
    /// Instructions between samples of hot code, roughly and per part of the budget.
    pub(crate) sampling: u32,
}

impl Translator {
    /// Make a translator whose context and code live in `[cache, cache + length)`.
    /// Sets the gs base of the calling thread to the context. `length` is at least 4 MiB, at
    /// most 1 GiB; 64–256 MiB is sensible.
    ///
    /// # Safety
    /// The range is mapped readable, writable and executable, zeroed, page aligned, used by nobody else,
    /// and outlives the translator. The calling thread does not use gs otherwise.
    pub unsafe fn new(cache: *mut u8, length: usize, vectors: VectorSaving) -> Translator {
        assert!(
            (4 << 20..=1 << 30).contains(&length),
            "length of the code cache"
        );
        assert!(gate::xsave_size() <= XSAVE_SIZE, "room for vector state");
        let context: *mut Context = cache.cast();
        // SAFETY: by contract; all fields are plain numbers, for which zero is valid.
        unsafe {
            let c = &mut *context;
            c.exit_gate = gate::exit_gate_address();
            c.vector_mode = u32::from(vectors == VectorSaving::Full);
            c.default_mxcsr = 0x1f80;
            c.mxcsr = 0x1f80;
            c.code_start = cache as u64 + CODE_OFFSET as u64;
            c.code_end = cache as u64 + length as u64;
            c.shadow = cache as u64 + SHADOW_OFFSET as u64;
            c.registers.rflags = 0x202;
            // An XSAVE image of the initial state.
            c.xsave.0[24..28].copy_from_slice(&0x1f80u32.to_le_bytes());
            gate::set_gs_base(context as u64);
            Translator {
                engine: Engine::new(context, length),
                executed: 0,
                has_run: false,
                random: 0x9e37_79b9_7f4a_7c15,
                sampling: SAMPLING,
            }
        }
    }

    /// The context, for signal handlers.
    pub fn context(&self) -> *mut Context {
        self.engine.context
    }

    pub(crate) fn state(&mut self) -> &mut Context {
        // SAFETY: the context lives as long as the translator, which is borrowed mutably.
        unsafe { &mut *self.engine.context }
    }

    /// The guest's registers.
    pub fn registers(&self) -> &reenact_trace::Registers {
        // SAFETY: the context lives as long as the translator.
        unsafe { &(*self.engine.context).registers }
    }

    /// The guest's registers, to change them.
    pub fn registers_mut(&mut self) -> &mut reenact_trace::Registers {
        &mut self.state().registers
    }

    /// Run from the context's registers until something stops the guest, at the latest
    /// after `limit` instructions.
    ///
    /// # Safety
    /// The guest's memory is mapped at its own addresses and does not overlap ours; fs base and
    /// vector state are the guest's; fault signals reach [`Context::redirect_fault`].
    pub unsafe fn run<G: GuestCode>(&mut self, guest: &mut G, limit: u64) -> Stop {
        // SAFETY: same contract.
        unsafe { self.execute(guest, limit, Past::Nothing, None) }
    }

    /// Like [`Translator::run`], but stops (with [`Stop::Budget`]) as soon as the next instruction lies outside of a
    /// range: start, and one past the end.
    ///
    /// # Safety
    /// As for [`Translator::run`].
    pub unsafe fn run_within<G: GuestCode>(
        &mut self,
        guest: &mut G,
        limit: u64,
        range: (u64, u64),
    ) -> Stop {
        // SAFETY: same contract.
        unsafe { self.execute(guest, limit, Past::Nothing, Some(range)) }
    }

    /// Like [`Translator::run`], but does not stop at a hook at the first instruction.
    ///
    /// # Safety
    /// As for [`Translator::run`].
    pub unsafe fn run_past_hook<G: GuestCode>(&mut self, guest: &mut G, limit: u64) -> Stop {
        // SAFETY: same contract.
        unsafe { self.execute(guest, limit, Past::Hook, None) }
    }

    /// Like [`Translator::run`], but stops neither at a hook at the first instruction nor for the watched
    /// memory it touches.
    ///
    /// # Safety
    /// As for [`Translator::run`].
    pub unsafe fn run_past_watch<G: GuestCode>(&mut self, guest: &mut G, limit: u64) -> Stop {
        // SAFETY: same contract.
        unsafe { self.execute(guest, limit, Past::Watch, None) }
    }

    pub(crate) fn flush(&mut self) {
        let full = self.state().vector_mode != 0;
        if full {
            let area = &raw mut self.state().xsave.0;
            // SAFETY: the guest's x87 state is in the area, as XSAVE64 has written it.
            unsafe {
                self.engine
                    .fix_stored_x87(area as u64, crate::classify::x87::FXSAVE64)
            };
        } else {
            // SAFETY: in this mode the x87 state stays in the processor.
            unsafe { self.engine.fix_live_x87() };
        }
        self.engine.clear();
    }

    /// How much has been translated, in words.
    pub fn statistics(&self) -> alloc::string::String {
        let store = &self.engine.store;
        let live = store
            .blocks
            .iter()
            .filter(|block| block.limit == 0 && block.killed_at == LIVE)
            .count();
        alloc::format!(
            "{} blocks ({live} with live flags) of {} instructions, {} exits, {} KiB hot, {} KiB cold, generation {}",
            store.blocks.len(),
            store.notes.len(),
            store.exits.len(),
            (self.engine.hot - self.engine.hot_start) >> 10,
            (self.engine.cold - self.engine.cold_start) >> 10,
            self.engine.generation,
        )
    }

    pub(crate) fn is_hook(&self, address: u64) -> bool {
        !self.engine.hooks.is_empty() && self.engine.hooks.binary_search(&address).is_ok()
    }

    /// Instructions executed since the translator was made, or since the count was last set.
    pub fn executed(&self) -> u64 {
        self.executed
    }

    /// Set the count of executed instructions (for example to 0 at an event).
    pub fn set_executed(&mut self, count: u64) {
        self.executed = count;
    }

    /// Forget everything about a range: its contents, protection or mapping has changed
    /// or is about to. Its pages will be reported to [`GuestCode::watch_page`] again.
    pub fn invalidate(&mut self, start: u64, length: u64) {
        if length == 0 {
            return;
        }
        self.engine.range = None;
        let (first, last) = (start >> 12, start.saturating_add(length - 1) >> 12);
        if last - first < 64 {
            for page in first..=last {
                self.engine.remove_page(page);
            }
        } else {
            let pages: alloc::vec::Vec<u64> = self
                .engine
                .store
                .pages
                .iter()
                .map(|entry| entry.0)
                .filter(|&page| page >= first && page <= last)
                .collect();
            for page in pages {
                self.engine.remove_page(page);
            }
        }
    }

    /// Whether to stop (with [`Stop::Instruction`]) at XSAVE, XSAVEC and XSAVEOPT. To be set before the first run.
    pub fn stop_at_stores(&mut self, yes: bool) {
        self.engine.stops_at_stores = yes;
    }

    /// The one that has stopped the run is executed by the processor, from now on and until
    /// [`Translator::invalidate_all`].
    pub fn execute_store_here(&mut self) {
        let address = self.registers().rip;
        self.engine.executed_stores.push(address);
        self.engine.remove_page(address >> 12);
    }

    /// Start and length of the tables which are written anew whenever everything is forgotten (pages).
    pub fn tables(&self) -> (*mut u8, usize) {
        let start = self.engine.base as usize + TABLE_OFFSET;
        (start as *mut u8, CODE_OFFSET - TABLE_OFFSET)
    }

    /// Where code will be written (start, end): two halves, which are filled upwards.
    pub fn free_code(&self) -> [(u64, u64); 2] {
        self.engine.free_code()
    }

    /// Memory whose content does not matter at the moment (addresses and lengths of whole pages): that of translations, when
    /// all have just been forgotten. Whoever shares it with a parent need not copy it when it is written to.
    pub fn unused_memory(&mut self) -> alloc::vec::Vec<(u64, u64)> {
        if !self.engine.store.blocks.is_empty() {
            return alloc::vec::Vec::new();
        }
        let mut ranges = self.engine.store.spare_memory();
        ranges.extend(self.engine.free_code());
        ranges
            .into_iter()
            .filter_map(|(start, end)| {
                let (start, end) = (start.next_multiple_of(PAGE), end & !(PAGE - 1));
                (start < end).then(|| (start, end - start))
            })
            .collect()
    }

    /// A cheaper way to give [`Translator::tables`] the content that they have now, while nothing is
    /// translated: called from now on instead of writing all of it.
    ///
    /// # Safety
    /// It does that.
    pub unsafe fn set_table_restorer(&mut self, restore: fn()) {
        assert!(self.engine.store.blocks.is_empty(), "nothing is translated");
        self.engine.restore_tables = Some(restore);
    }

    /// Do now what is otherwise done when the first instruction is translated: for processes that are
    /// about to be copied.
    pub fn warm_up(&mut self) {
        let no_operation = [0x90];
        let mut decoder = Decoder::with_ip(64, &no_operation, 0, DecoderOptions::NONE);
        let _ = decoder.decode();
    }

    /// Forget all translations (a new program image).
    pub fn invalidate_all(&mut self) {
        self.engine.executed_stores.clear();
        self.flush();
    }

    /// Whether code of the page at `page` has been translated (so that it is being watched).
    pub fn is_watched(&self, page: u64) -> bool {
        self.engine.store.pages.get(page >> 12).is_some()
    }

    /// Stop before the instruction at `address`.
    pub fn add_hook(&mut self, address: u64) {
        if let Err(index) = self.engine.hooks.binary_search(&address) {
            self.engine.hooks.insert(index, address);
            // Blocks are dropped by page; a block that ends here may begin on the page before.
            self.engine.remove_page(address >> 12);
        }
    }

    /// Undo [`Translator::add_hook`].
    pub fn remove_hook(&mut self, address: u64) {
        if let Ok(index) = self.engine.hooks.binary_search(&address) {
            self.engine.hooks.remove(index);
        }
    }

    /// Stop (with [`Stop::Hook`]) before an instruction when a register has a certain value;
    /// `None`: no longer. There is one such condition at a time.
    pub fn set_landing(&mut self, landing: Option<Landing>) {
        let old = core::mem::replace(&mut self.engine.landing, landing);
        for landing in old.into_iter().chain(landing) {
            self.engine.remove_page(landing.address >> 12);
        }
    }

    /// Look for hot code about every eight times `period` instructions.
    pub fn set_sampling(&mut self, period: u32) {
        self.sampling = period.max(1);
    }

    /// Bytes of the area for [`Translator::save_vectors`].
    pub fn vector_area_size(&self) -> usize {
        gate::xsave_size()
    }

    /// Write the guest's x87 and vector state to `area` in the standard (not compacted) XSAVE format.
    ///
    /// # Safety
    /// `area` is 64-byte aligned and has [`Translator::vector_area_size`] bytes, zeroed at first.
    pub unsafe fn save_vectors(&mut self, area: *mut u8) {
        let full = self.state().vector_mode != 0;
        let size = self.vector_area_size();
        // SAFETY: by contract.
        unsafe {
            if full {
                core::ptr::copy_nonoverlapping(self.state().xsave.0.as_ptr(), area, size);
            } else {
                gate::collect_vectors(self.engine.context, area);
            }
            self.engine
                .fix_stored_x87(area as u64, crate::classify::x87::FXSAVE64);
        }
    }

    /// Low halves of the guest's vector registers, and MXCSR, in SSE mode: for whoever runs its code without translating it.
    pub fn vectors_mut(&mut self) -> (&mut [[u8; 16]; 16], &mut u32) {
        let state = self.state();
        (&mut state.xmm, &mut state.mxcsr)
    }

    /// The guest's code is about to run without being translated, in SSE mode: the processor forgets addresses of
    /// translated code.
    pub fn give_up_processor(&mut self) {
        if core::mem::take(&mut self.has_run) {
            // SAFETY: in this mode the x87 state stays in the processor.
            unsafe { self.engine.fix_live_x87() };
        }
    }

    /// Load the guest's x87 and vector state from an XSAVE area (standard format).
    ///
    /// # Safety
    /// `area` is 64-byte aligned and a valid XSAVE image.
    pub unsafe fn load_vectors(&mut self, area: *const u8) {
        let full = self.state().vector_mode != 0;
        let size = self.vector_area_size();
        // SAFETY: by contract.
        unsafe {
            if full {
                core::ptr::copy_nonoverlapping(area, self.state().xsave.0.as_mut_ptr(), size);
            } else {
                gate::distribute_vectors(self.engine.context, area);
            }
        }
    }
}
