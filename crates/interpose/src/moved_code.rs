//! Where code has gone that a patch has taken the place of: from the address behind a `syscall`
//! instruction to where the instruction of that address is now.

/// Places of the table: a power of two, twice as many as are ever used.
const PLACES: usize = 4096;
/// Most addresses.
pub const MOST: usize = PLACES / 2;
/// An address that was forgotten: the search goes on behind it.
const FORGOTTEN: u64 = 1;

/// A hash table with open addressing. It is asked each time the program goes on, so a question must
/// cost next to nothing.
pub struct MovedCode {
    /// Addresses before; 0: free. Apart from where they are now, as most questions end here.
    before: [u64; PLACES],
    after: [u64; PLACES],
    /// Places that are not free, in the order in which they were taken, and how many.
    taken: [u16; MOST],
    used: usize,
}

impl Default for MovedCode {
    fn default() -> MovedCode {
        MovedCode::new()
    }
}

impl MovedCode {
    pub const fn new() -> MovedCode {
        MovedCode {
            before: [0; PLACES],
            after: [0; PLACES],
            taken: [0; MOST],
            used: 0,
        }
    }

    /// The place of an address, or the free one where the search for it ends. Half of them are free.
    #[inline]
    fn find(&self, address: u64) -> (usize, bool) {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut place = (address.wrapping_mul(GOLDEN) >> (u64::BITS - PLACES.ilog2())) as usize;
        loop {
            let found = self.before[place % PLACES];
            if found == address || found == 0 {
                return (place % PLACES, found == address);
            }
            place += 1;
        }
    }

    /// Where the program has to go on for its address `ip`.
    #[inline]
    pub fn address_of(&self, ip: u64) -> u64 {
        // Most processes are too short for a patch: they do not come to touch the table.
        if self.used == 0 || ip <= FORGOTTEN {
            return ip;
        }
        match self.find(ip) {
            (place, true) => self.after[place],
            _ => ip,
        }
    }

    /// Whether there is room for one more.
    pub fn has_room(&self) -> bool {
        self.used < MOST
    }

    /// The instruction at `before` is at `after` now. Without effect when there is no room.
    pub fn add(&mut self, before: u64, after: u64) {
        if before <= FORGOTTEN || !self.has_room() {
            return;
        }
        let (place, is_there) = self.find(before);
        self.before[place] = before;
        self.after[place] = after;
        if !is_there {
            self.taken[self.used] = place as u16;
            self.used += 1;
        }
    }

    /// Code from `start` to `end` has been replaced by other code.
    pub fn forget(&mut self, start: u64, end: u64) {
        for &place in &self.taken[..self.used] {
            let before = &mut self.before[usize::from(place)];
            if *before > FORGOTTEN && (start..end).contains(before) {
                *before = FORGOTTEN;
            }
        }
    }
}

static mut TABLE: MovedCode = MovedCode::new();

/// The table of this process.
#[inline]
pub(crate) fn table() -> &'static mut MovedCode {
    let table = &raw mut TABLE;
    // SAFETY: one thread at a time.
    unsafe { &mut *table }
}
