//! The code cache as a whole: where code goes, how exits are linked, how translations are dropped.

use crate::access::Watch;
use crate::build::Pending;
use crate::classify::Classifier;
use crate::context::{
    field, Context, CODE_OFFSET, EXIT_INDIRECT, TABLE_ENTRIES, TABLE_GRAIN, TABLE_OFFSET,
};
use crate::emitter::Emitter;
use crate::guest::CodeRange;
use crate::landing::Landing;
use crate::plain::PlainTable;
use crate::state_extent::StateExtent;
use crate::store::{Block, Store, NONE};
use alloc::vec::Vec;
use core::arch::x86_64::{__cpuid, __cpuid_count};

/// Bytes kept for the unlinked form of an exit, and enough for the linked one.
pub(crate) const STUB_SIZE: usize = 22;
/// Free bytes needed in each half of the cache to begin a block.
const RESERVE: usize = 32 << 10;
/// Bytes of the accounting at the entry of a block, at most.
pub(crate) const PROLOGUE: u64 = 17;

/// Where the cache is in huge pages, the cold half begins so far below one: a small program, which uses no more, is spared
/// the clearing of 2 MiB. (The hot half begins behind tables, with small pages too.)
const COLD_IN_SMALL_PAGES: u64 = 384 << 10;
const HUGE_PAGE: u64 = 2 << 20;
/// Caches of this length and more are worth that.
const LARGE_CACHE: usize = 32 << 20;

/// Bytes of code that all blocks share.
const COMMON: u64 = 384;

pub(crate) struct Engine {
    pub context: *mut Context,
    pub base: u64,
    pub hot_start: u64,
    pub hot: u64,
    hot_end: u64,
    pub cold_start: u64,
    pub cold: u64,
    cold_end: u64,
    /// Stub for indirect branches to unknown targets.
    pub miss: u64,
    /// The jump through the gate.
    pub leave: u64,
    /// Common code of returns.
    pub return_gate: u64,
    /// … of those that have charged the first budget.
    pub checked_return_gate: u64,
    /// Whether the processor has RORX (BMI2).
    pub has_rotate: bool,
    /// What is in a slot for landings that is empty.
    pub empty_landing: u64,
    pub store: Store,
    pub classifier: Classifier,
    pub plain: PlainTable,
    /// Sorted.
    pub hooks: Vec<u64>,
    /// Whether stores of state components stop, but for those at certain addresses.
    pub stops_at_stores: bool,
    pub executed_stores: Vec<u64>,
    pub landing: Option<Landing>,
    pub watches: Vec<Watch>,
    /// Asked for when something is watched for the first time.
    pub state_extent: Option<StateExtent>,
    /// Accesses that any of `watches` is about.
    pub watched_access: u8,
    pub factory: Option<iced_x86::InstructionInfoFactory>,
    /// The last executable range asked for.
    pub range: Option<CodeRange>,
    /// Grows with each flush: numbers of blocks and exits from before are void.
    pub generation: u64,
    /// Directions of the conditional branches of the block to be built, if `path_limit` is not 0.
    pub path: Vec<bool>,
    /// Whether the calls on that path return on it.
    pub path_calls: Vec<bool>,
    /// Instructions of that block.
    pub path_limit: u8,
    /// Exits of the block being built.
    pub pending: Vec<Pending>,
    /// See [`crate::Translator::set_table_restorer`].
    pub restore_tables: Option<fn()>,
}

impl Engine {
    /// # Safety
    /// As for [`crate::Translator::new`]; the context is initialised.
    pub unsafe fn new(context: *mut Context, length: usize) -> Engine {
        let base = context as u64;
        let code = base + CODE_OFFSET as u64;
        let end = base + length as u64;
        let mut middle = (code + (end - code) / 8 * 5) & !63;
        if length >= LARGE_CACHE {
            middle = (middle & !(HUGE_PAGE - 1)) - COLD_IN_SMALL_PAGES;
        }
        let mut classifier = Classifier::new();
        let plain = PlainTable::new(&mut classifier);
        let mut engine = Engine {
            context,
            base,
            hot_start: code + COMMON,
            hot: 0,
            hot_end: middle,
            cold_start: middle,
            cold: 0,
            cold_end: end,
            miss: code,
            leave: 0,
            return_gate: 0,
            checked_return_gate: 0,
            has_rotate: has_rotate(),
            empty_landing: 0,
            store: Store::new(),
            classifier,
            plain,
            hooks: Vec::new(),
            stops_at_stores: false,
            executed_stores: Vec::new(),
            landing: None,
            watches: Vec::new(),
            state_extent: None,
            watched_access: 0,
            factory: None,
            range: None,
            generation: 0,
            pending: Vec::new(),
            path: Vec::new(),
            path_calls: Vec::new(),
            path_limit: 0,
            restore_tables: None,
        };
        let mut e = Emitter::new(code as *mut u8, context);
        e.store_constant(field!(exit), EXIT_INDIRECT);
        engine.leave = e.address();
        e.jump_through(field!(exit_gate));
        engine.write_returns(&mut e);
        assert!(e.address() <= engine.hot_start, "room for common code");
        engine.clear_tables();
        engine.clear();
        engine
    }

    pub fn emitter(&self, at: u64) -> Emitter {
        Emitter::new(at as *mut u8, self.context)
    }

    pub fn offset(&self, address: u64) -> u32 {
        (address - self.base) as u32
    }

    pub fn at(&self, offset: u32) -> u64 {
        self.base + u64::from(offset)
    }

    /// Whether there is room for one more block.
    pub fn has_room(&self) -> bool {
        self.hot + (RESERVE as u64) < self.hot_end && self.cold + (RESERVE as u64) < self.cold_end
    }

    /// Drop everything. The caller has dealt with x87 pointers into the cache.
    pub fn clear(&mut self) {
        // Without a block neither table has been written to.
        if !self.store.blocks.is_empty() {
            match self.restore_tables {
                Some(restore) => restore(),
                None => self.clear_tables(),
            }
        }
        self.hot = self.hot_start;
        self.cold = self.cold_start;
        self.store.clear();
        self.range = None;
        self.generation += 1;
    }

    /// See [`crate::Translator::free_code`].
    pub fn free_code(&self) -> [(u64, u64); 2] {
        [(self.hot, self.hot_end), (self.cold, self.cold_end)]
    }

    /// Write the tables of indirect branches and of returns as they are at first.
    fn clear_tables(&mut self) {
        let table = (self.base + TABLE_OFFSET as u64) as *mut u64;
        for index in 0..TABLE_ENTRIES {
            // SAFETY: the table is in the cache, which is ours.
            unsafe { table.add(index).write(self.miss) };
        }
        self.clear_landings();
    }

    fn table_entry(&self, guest: u64) -> *mut u64 {
        let place = if self.has_rotate {
            guest >> TABLE_GRAIN
        } else {
            guest
        };
        let index = place as usize % TABLE_ENTRIES;
        (self.base as usize + TABLE_OFFSET + index * 8) as *mut u64
    }

    /// Write the form of an exit's stub that leaves to Rust.
    pub fn write_stub(&self, e: &mut Emitter, exit: u32) {
        e.store_constant(field!(exit), exit);
        e.jump(self.leave);
    }

    fn unlink(&mut self, exit_number: u32) {
        let exit = self.store.exits[exit_number as usize];
        let stub = self.at(exit.stub);
        let mut e = self.emitter(stub);
        self.write_stub(&mut e, exit_number);
        let mut e = self.emitter(self.at(exit.field));
        e.relative(stub, 0);
        let exit = &mut self.store.exits[exit_number as usize];
        exit.linked = false;
        exit.next = NONE;
    }

    /// Make indirect branches to the block's address find it. Needs room in the hot half.
    /// Blocks whose addresses share an entry form a chain from the table's entry.
    pub fn enter_in_table(&mut self, number: u32) {
        let block = self.store.blocks[number as usize];
        if block.indirect != 0 || !block.valid {
            return;
        }
        let slot = self.table_entry(block.guest);
        // SAFETY: the table is ours.
        let first = unsafe { slot.read() };
        let next = self.number_at(first);
        let mut e = self.emitter(self.hot);
        let (address, miss) = self.write_indirect_entry(&mut e, number, &block, first);
        self.hot = e.address();
        let (indirect, miss) = (self.offset(address), self.offset(miss));
        let block = &mut self.store.blocks[number as usize];
        block.indirect = indirect;
        block.indirect_miss = miss;
        block.indirect_next = next;
        // SAFETY: the table is ours.
        unsafe { slot.write(address) };
    }

    /// The block whose indirect entry is at `entry` (its number is just before).
    fn number_at(&self, entry: u64) -> u32 {
        if entry == self.miss {
            return NONE;
        }
        // SAFETY: written by `enter_in_table`.
        unsafe { ((entry - 4) as *const u32).read_unaligned() }
    }

    /// Take a block out of its chain.
    fn remove_from_table(&mut self, number: u32) {
        let block = self.store.blocks[number as usize];
        if block.indirect == 0 {
            return;
        }
        let after = match block.indirect_next {
            NONE => self.miss,
            next => self.at(self.store.blocks[next as usize].indirect),
        };
        let slot = self.table_entry(block.guest);
        // SAFETY: the table is ours.
        let first = unsafe { slot.read() };
        if first == self.at(block.indirect) {
            // SAFETY: as above.
            unsafe { slot.write(after) };
        } else {
            let mut before = self.number_at(first);
            while before != NONE && self.store.blocks[before as usize].indirect_next != number {
                before = self.store.blocks[before as usize].indirect_next;
            }
            if before != NONE {
                let mut e = self.emitter(self.at(self.store.blocks[before as usize].indirect_miss));
                e.relative(after, 0);
                self.store.blocks[before as usize].indirect_next = block.indirect_next;
            }
        }
        self.store.blocks[number as usize].indirect = 0;
    }

    /// Check that rcx, the target, is this block's address, without touching the flags, which
    /// may be live at whatever the target is; restore rcx and r10; account; go on.
    /// Returns the addresses of the entry and of the displacement of the jump to `otherwise`.
    fn write_indirect_entry(
        &mut self,
        e: &mut Emitter,
        number: u32,
        block: &Block,
        otherwise: u64,
    ) -> (u64, u64) {
        const LEA_RCX_RCX_R10: [u8; 4] = [0x4a, 0x8d, 0x0c, 0x11];
        // Not this one: put the target together again.
        let miss = self.cold;
        let mut cold = self.emitter(miss);
        cold.constant(10, block.guest);
        cold.bytes(&LEA_RCX_RCX_R10);
        cold.jump(otherwise);
        let field = cold.address() - 4;
        self.cold = cold.address();
        e.u32(number);
        let entry = e.address();
        e.constant(10, block.guest.wrapping_neg());
        e.bytes(&LEA_RCX_RCX_R10);
        e.bytes(&[0xe3, 5]);
        e.jump(miss);
        self.write_indirect_charge(e, number, block);
        (entry, field)
    }

    pub(crate) fn restore_after_indirect(&self, e: &mut Emitter) {
        e.load(field!(spill_a), 1);
        e.load(field!(spill_b), 10);
    }

    /// Forget a block.
    pub fn remove_block(&mut self, number: u32) {
        let block = self.store.blocks[number as usize];
        if !block.valid {
            return;
        }
        self.store.blocks[number as usize].valid = false;
        self.store.by_address.remove(block.key());
        let mut incoming = block.incoming;
        while incoming != NONE {
            let next = self.store.exits[incoming as usize].next;
            self.unlink(incoming);
            incoming = next;
        }
        self.remove_from_table(number);
    }

    /// Forget every block with code in a page.
    pub fn remove_page(&mut self, page: u64) {
        let Some(mut link) = self.store.pages.get(page) else {
            return;
        };
        self.store.pages.remove(page);
        while link != NONE {
            let entry = self.store.page_links[link as usize];
            self.remove_block(entry.block);
            link = entry.next;
        }
    }
}

/// Whether the processor has RORX.
fn has_rotate() -> bool {
    const EXTENDED: u32 = 7;
    const BMI2: u32 = 1 << 8;
    __cpuid(0).eax >= EXTENDED && __cpuid_count(EXTENDED, 0).ebx & BMI2 != 0
}
