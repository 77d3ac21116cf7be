//! A condition at one instruction: stop there when a register or a word has a certain value.

/// Where to stop, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landing {
    /// Guest address of the instruction.
    pub address: u64,
    /// What to compare.
    pub place: Place,
    /// Its value when to stop.
    pub value: u64,
}

/// What a landing looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A register in machine order (0 = rax … 15 = r15).
    Register(u8),
    /// Eight bytes of an xmm register: its number (0-15), and whether the upper ones.
    Vector(u8, bool),
    /// Eight bytes of an XSAVE area (standard format): state component (not above 31) and offset.
    Component(u8, u16),
    /// The eight bytes at an address, which stay readable.
    Memory(u64),
}
