//! The tables about translated code: blocks, exits, per-instruction notes.

use crate::access::Access;
use crate::map::AddressMap;
use alloc::vec::Vec;

pub(crate) const NONE: u32 = u32::MAX;
/// Blocks that fit before the tables grow.
const ROOM: usize = 1 << 17;

/// A translated run of guest code with one entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub guest: u64,
    /// Host offsets from the start of the cache. The code is at `body`, at `entry` the accounting in front of it; they
    /// are the same where there is none (yet).
    pub entry: u32,
    pub body: u32,
    pub end: u32,
    /// Where an entry that lacks budget leaves; restores nothing.
    pub slow: u32,
    /// Entry for indirect branches, 0 if none has come yet.
    pub indirect: u32,
    /// Displacement of the jump that entry takes for another target.
    pub indirect_miss: u32,
    /// The block that jump leads to, with the same low bits of the address.
    pub indirect_next: u32,
    /// First of its instructions in `Store::notes`.
    pub notes: u32,
    /// First of its discontinuities in `Store::jumps`.
    pub jumps: u32,
    /// Number of its discontinuities.
    pub jump_count: u16,
    /// Instructions executed but not yet charged where control comes to `body` (less than 0: charged in advance),
    /// and where it comes to `entry`. See `accounting`.
    pub phase: i16,
    pub entry_phase: i16,
    /// Instructions.
    pub count: u8,
    /// Index of the instruction that overwrites the last status flag, if all are
    /// dead on entry; 255 if some flag is live.
    pub killed_at: u8,
    /// First exit linked to this block.
    pub incoming: u32,
    /// 0, or the length limit of a block that has no accounting of its own.
    pub limit: u8,
    pub valid: bool,
    /// Made along a path that was noted, or not worth it.
    pub traced: bool,
}

impl Block {
    /// Key in `Store::by_address`.
    pub fn key(&self) -> u64 {
        key(self.guest, self.limit)
    }
}

/// Key of a block in `Store::by_address`.
pub(crate) fn key(guest: u64, limit: u8) -> u64 {
    guest ^ u64::from(limit) << 56
}

pub(crate) const LIVE: u8 = 255;

/// What an exit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitKind {
    /// To a known address; `field` is the displacement of a jump in the block.
    Jump,
    Syscall,
    Int80,
    /// Code, length, register, size.
    NonDeterministic(u8, u8, u8, u8),
    /// Continue after fixing the x87 instruction pointer in memory; layout.
    StoreX87(u8),
    /// `target` is the address after the instruction.
    Int3,
    /// The words it pops are in the context; `target` is the instruction itself.
    FarReturn(crate::far_return::FarReturn),
    /// It would set a flag that reaches our code: bytes that it pops, and its length. `target` is the instruction itself.
    PopFlags(u8, u8),
    /// The register has the value at [`crate::Landing`].
    Landing,
    /// The instruction at `target` may touch watched memory.
    Watch(Access),
    Unsupported(&'static str, u8),
    Invalid,
    /// An instruction of more than 15 bytes.
    TooLong,
}

/// Set in the number of the exit for want of budget that every block has: the rest is the number of the block. It has no
/// entry in the table of exits.
pub(crate) const SLOW: u32 = 1 << 31;

/// Kept small: a block has three of them, and the memory they are in is touched for the first time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exit {
    /// Guest address at which execution goes on (or stops).
    pub target: u64,
    pub block: u32,
    /// Host offset of the displacement of the jump that leads here; 0 if it cannot be linked.
    pub field: u32,
    /// Host offset of the stub.
    pub stub: u32,
    /// Next exit linked to the same block.
    pub next: u32,
    /// Instructions executed but not yet charged where it is taken.
    pub phase: i16,
    pub linked: bool,
    /// Place in `Store::kinds`; 0: [`ExitKind::Jump`].
    kind: u32,
}

const _: () = assert!(core::mem::size_of::<Exit>() == 32);

/// A note per instruction: host end offset within the block's body (18 bits), guest length (4),
/// first scratch register + 1 (5), second scratch register + 1 (5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note(u32);

impl Note {
    pub fn new(host_end: u32, length: u8, scratch: Option<u8>, second: Option<u8>) -> Note {
        let first = scratch.map_or(0, |register| u32::from(register) + 1);
        let second = second.map_or(0, |register| u32::from(register) + 1);
        Note(host_end | u32::from(length) << 18 | first << 22 | second << 27)
    }
    pub fn host_end(self) -> u32 {
        self.0 & 0x3_ffff
    }
    pub fn length(self) -> u64 {
        u64::from(self.0 >> 18 & 15)
    }
    pub fn scratch(self) -> Option<u8> {
        (self.0 >> 22 & 31)
            .checked_sub(1)
            .map(|register| register as u8)
    }
    pub fn second(self) -> Option<u8> {
        (self.0 >> 27 & 31)
            .checked_sub(1)
            .map(|register| register as u8)
    }
}

/// A page's list of blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageLink {
    pub block: u32,
    pub next: u32,
}

pub(crate) struct Store {
    pub blocks: Vec<Block>,
    pub exits: Vec<Exit>,
    /// What the exits do that are no jumps.
    kinds: Vec<ExitKind>,
    pub notes: Vec<Note>,
    /// (instruction index within its block, guest address of that instruction) where it
    /// does not follow the one before.
    pub jumps: Vec<(u8, u64)>,
    pub by_address: AddressMap,
    /// Page number → head of its list in `page_links`.
    pub pages: AddressMap,
    pub page_links: Vec<PageLink>,
}

/// Where in the guest a host address lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Index of the instruction within its block.
    pub index: u8,
    pub guest: u64,
    pub note: Note,
}

impl Store {
    pub fn new() -> Store {
        // Room for a large program from the start: nothing is copied while the tables fill (a third of the page
        // faults of a compiler's replay came from that), and what is not used is never touched.
        let mut store = Store {
            blocks: Vec::with_capacity(ROOM),
            exits: Vec::with_capacity(4 * ROOM),
            kinds: Vec::new(),
            notes: Vec::with_capacity(16 * ROOM),
            jumps: Vec::with_capacity(ROOM),
            by_address: AddressMap::new(),
            pages: AddressMap::new(),
            page_links: Vec::with_capacity(2 * ROOM),
        };
        store.clear();
        store
    }

    pub fn clear(&mut self) {
        self.blocks.clear();
        self.exits.clear();
        self.notes.clear();
        self.jumps.clear();
        self.by_address.clear();
        self.pages.clear();
        self.page_links.clear();
        self.kinds.clear();
        self.kinds.push(ExitKind::Jump);
        for _ in 0..crate::context::EXIT_FIRST {
            self.new_exit(NONE, 0, 0, ExitKind::Invalid);
        }
    }

    /// Make an entry of the table of exits.
    pub fn new_exit(&mut self, block: u32, target: u64, phase: i16, kind: ExitKind) -> u32 {
        let kind = match kind {
            ExitKind::Jump => 0,
            kind => {
                self.kinds.push(kind);
                (self.kinds.len() - 1) as u32
            }
        };
        self.exits.push(Exit {
            target,
            block,
            field: 0,
            stub: 0,
            next: NONE,
            phase,
            linked: false,
            kind,
        });
        (self.exits.len() - 1) as u32
    }

    /// What is reserved for the large tables and not in use (start, end).
    pub fn spare_memory(&mut self) -> Vec<(u64, u64)> {
        fn spare<T>(table: &mut Vec<T>) -> (u64, u64) {
            let range = table.spare_capacity_mut().as_ptr_range();
            (range.start as u64, range.end as u64)
        }
        Vec::from([
            spare(&mut self.blocks),
            spare(&mut self.exits),
            spare(&mut self.notes),
            spare(&mut self.jumps),
            spare(&mut self.page_links),
        ])
    }

    /// What an exit does.
    pub fn kind(&self, exit: u32) -> ExitKind {
        self.kinds[self.exits[exit as usize].kind as usize]
    }

    /// The block whose body contains host offset `host`.
    pub fn find(&self, host: u32) -> Option<u32> {
        let after = self.blocks.partition_point(|block| block.entry <= host);
        let index = after.checked_sub(1)?;
        (host < self.blocks[index].end).then_some(index as u32)
    }

    /// Address and length of each of a block's instructions.
    pub fn guest_addresses(&self, block: &Block) -> Vec<(u64, usize)> {
        let notes = &self.notes[block.notes as usize..][..usize::from(block.count)];
        let jumps = &self.jumps[block.jumps as usize..][..usize::from(block.jump_count)];
        let mut guest = block.guest;
        let at = |(index, note): (usize, &Note)| {
            if let Some(jump) = jumps.iter().find(|jump| usize::from(jump.0) == index) {
                guest = jump.1;
            }
            let address = guest;
            guest += note.length();
            (address, note.length() as usize)
        };
        notes.iter().enumerate().map(at).collect()
    }

    /// The guest instruction of `block` to which host offset `host` belongs.
    pub fn place(&self, block: &Block, host: u32) -> Option<Place> {
        let offset = host.checked_sub(block.body)?;
        let notes = &self.notes[block.notes as usize..][..usize::from(block.count)];
        let jumps = &self.jumps[block.jumps as usize..][..usize::from(block.jump_count)];
        let mut jumps = jumps.iter().peekable();
        let mut guest = block.guest;
        for (index, &note) in notes.iter().enumerate() {
            if let Some(&&(_, address)) = jumps.peek().filter(|jump| usize::from(jump.0) == index) {
                guest = address;
                jumps.next();
            }
            if offset < note.host_end() {
                return Some(Place {
                    index: index as u8,
                    guest,
                    note,
                });
            }
            guest += note.length();
        }
        None
    }
}
