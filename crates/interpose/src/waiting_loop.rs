//! Where a loop that waits for another thread can be left: at its `pause`, or, in a loop that does the same each time
//! round, at one of its branches. Pure: a way to read code in, an address out.
//!
//! Code is followed from where a thread was interrupted, so it is proven to be code: an instruction from which the
//! ways lead back to where the thread was, and to which they lead from there; of the shortest way round, if there is one.

use crate::short_decoder::{decode, Decoded, Leads, FRAME_REGISTERS, LONGEST};

/// Instructions that are looked at.
const MOST: usize = 64;
const MOST_CALLS: usize = 4;

#[derive(Clone, Copy)]
struct Node {
    address: u64,
    decoded: Option<Decoded>,
    /// What it was first reached from, on a shortest way.
    parent: usize,
    /// From here the ways lead to where the thread was.
    leads_back: bool,
}

struct Graph {
    nodes: [Node; MOST],
    count: usize,
    /// Addresses behind calls.
    returns: [u64; MOST_CALLS],
    calls: usize,
}

impl Graph {
    fn add(&mut self, address: u64, parent: usize) {
        let is_known = self.nodes[..self.count]
            .iter()
            .any(|node| node.address == address);
        if is_known || self.count == MOST {
            return;
        }
        self.nodes[self.count] = Node {
            address,
            decoded: None,
            parent,
            leads_back: false,
        };
        self.count += 1;
    }

    /// Call `visit` with each address that an instruction leads to.
    fn successors(&self, node: &Node, mut visit: impl FnMut(u64)) {
        let Some(decoded) = node.decoded else {
            return;
        };
        let next = node.address.wrapping_add(decoded.length);
        match decoded.leads {
            Leads::On | Leads::Pause => visit(next),
            Leads::Jump(by) | Leads::Call(by) => visit(next.wrapping_add_signed(by)),
            Leads::Branch(_, by) => {
                visit(next);
                visit(next.wrapping_add_signed(by));
            }
            // Whichever call of the loop it was.
            Leads::Return => self.returns[..self.calls].iter().for_each(|&at| visit(at)),
        }
    }

    fn follow(&mut self, mut read: impl FnMut(u64, &mut [u8; LONGEST]) -> usize) {
        let mut index = 0;
        while index < self.count {
            let address = self.nodes[index].address;
            let mut code = [0u8; LONGEST];
            let length = read(address, &mut code).min(LONGEST);
            self.nodes[index].decoded = decode(&code[..length]);
            let node = self.nodes[index];
            if let Some(Decoded {
                length,
                leads: Leads::Call(_),
                ..
            }) = node.decoded
            {
                let behind = address.wrapping_add(length);
                if self.calls < MOST_CALLS && !self.returns[..self.calls].contains(&behind) {
                    self.returns[self.calls] = behind;
                    self.calls += 1;
                }
            }
            let (mut found, mut count) = ([0u64; MOST_CALLS], 0);
            self.successors(&node, |to| {
                found[count] = to;
                count += 1;
            });
            found[..count].iter().for_each(|&to| self.add(to, index));
            index += 1;
        }
    }

    /// Mark what leads back to an address.
    fn mark(&mut self, to: u64) {
        let mut has_changed = true;
        while has_changed {
            has_changed = false;
            for index in 0..self.count {
                let node = self.nodes[index];
                let mut leads_back = false;
                self.successors(&node, |next| {
                    let known = self.nodes[..self.count]
                        .iter()
                        .find(|node| node.address == next);
                    leads_back |= next == to || known.is_some_and(|node| node.leads_back);
                });
                if leads_back && !node.leads_back {
                    self.nodes[index].leads_back = true;
                    has_changed = true;
                }
            }
        }
    }

    /// Call `visit` with each instruction of the shortest way round, the last one first, and with where it leads on it.
    fn way_round(&self, mut visit: impl FnMut(&Node, &Decoded, u64)) {
        let start = self.nodes[0].address;
        let closes = |node: &Node| {
            let mut leads_to_start = false;
            self.successors(node, |next| leads_to_start |= next == start);
            leads_to_start
        };
        let mut at = self.nodes[..self.count].iter().position(closes);
        let mut next = start;
        while let Some(index) = at {
            let node = &self.nodes[index];
            if let Some(decoded) = &node.decoded {
                visit(node, decoded, next);
            }
            next = node.address;
            at = (index > 0).then_some(node.parent);
        }
    }

    /// A `pause` on any way round.
    fn pause(&self) -> Option<u64> {
        let is_pause = |node: &&Node| {
            let decoded = node.decoded.map(|decoded| decoded.leads);
            node.leads_back && decoded == Some(Leads::Pause)
        };
        self.nodes[..self.count]
            .iter()
            .find(is_pause)
            .map(|node| node.address)
    }
}

/// How a thread was found to wait in a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// By the hint, at most.
    Hint,
    /// Registers and stack were the same a time before: a branch of a loop that stores nothing will do.
    Repeats,
    /// It was there a time before, and counts: a branch will do if the loop looks at the same memory each time round, and
    /// changes nothing but registers.
    Counts {
        /// The registers, a bit each, that lead into the function's frame: what is there is not another thread's.
        frame: u16,
    },
}

/// Where to leave a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub address: u64,
    /// Where the way round goes on behind it: elsewhere the loop is over. 0: not known.
    pub onwards: u64,
    /// It is a branch: the loop can be a computation after all.
    pub counts: bool,
    /// The general registers, a bit each, that the way round may change.
    pub changes: u16,
}

/// What a way round does, as far as it can show that the loop only waits.
#[derive(Default)]
struct Doings {
    changes: u16,
    /// Registers of addresses.
    addresses: u16,
    looks_elsewhere: bool,
    acts: bool,
}

impl Doings {
    fn add(&mut self, decoded: &Decoded, frame: u16) {
        self.changes |= decoded.changes;
        self.acts |= matches!(decoded.leads, Leads::Call(_) | Leads::Return);
        let Some(memory) = decoded.memory else {
            return;
        };
        self.addresses |= memory.registers;
        self.acts |= !decoded.looks;
        self.looks_elsewhere |= !memory.is_local && memory.registers & frame == 0;
    }

    /// Without others the memory stays as it is: then the loop ends by a count, or never.
    fn only_wait(&self) -> bool {
        self.looks_elsewhere && !self.acts && self.changes & self.addresses == 0
    }
}

/// The registers that lead into a function's frame, from their values: the stack pointer, and the base pointer where it is one.
pub fn frame_registers(stack: u64, base: u64) -> u16 {
    const LARGEST_FRAME: u64 = 1 << 16;
    let has_base = base.wrapping_sub(stack) < LARGEST_FRAME;
    FRAME_REGISTERS & if has_base { u16::MAX } else { 1 << 4 }
}

/// Where to leave the loop that a thread was interrupted in.
///
/// Args:
///   * `ip`: where that was.
///   * `sign`: how it was found to wait.
///   * `read`: read code at an address; how many bytes there are.
pub fn find(
    ip: u64,
    sign: Sign,
    read: impl FnMut(u64, &mut [u8; LONGEST]) -> usize,
) -> Option<Place> {
    let mut graph = Graph {
        nodes: [Node {
            address: 0,
            decoded: None,
            parent: 0,
            leads_back: false,
        }; MOST],
        count: 0,
        returns: [0; MOST_CALLS],
        calls: 0,
    };
    graph.add(ip, 0);
    graph.follow(read);
    graph.mark(ip);
    let frame = match sign {
        Sign::Counts { frame } => frame,
        _ => 0,
    };
    let (mut pause, mut branch, mut stores) = (None, None, false);
    let mut doings = Doings::default();
    graph.way_round(|node, decoded, onwards| {
        stores |= decoded.stores;
        doings.add(decoded, frame);
        let place = Place {
            address: node.address,
            onwards,
            counts: true,
            changes: 0,
        };
        match decoded.leads {
            Leads::Pause => pause = Some(place),
            Leads::Branch(..) | Leads::Jump(_) => branch = Some(place),
            _ => {}
        }
    });
    let may_be_branch = match sign {
        Sign::Hint => false,
        Sign::Repeats => !stores,
        Sign::Counts { .. } => doings.only_wait(),
    };
    let elsewhere = || {
        graph.pause().map(|address| Place {
            address,
            onwards: 0,
            counts: false,
            // On the way that leads to it nothing is known to: what a thread has changed on the whole is no wait in vain.
            changes: 0,
        })
    };
    let changes = doings.changes;
    pause
        .map(|place| Place {
            counts: false,
            ..place
        })
        .or_else(|| branch.filter(|_| may_be_branch))
        .map(|place| Place { changes, ..place })
        .or_else(elsewhere)
}

/// Where the program goes on behind an instruction that [`find`] has found, with these flags.
pub fn next(code: &[u8], address: u64, flags: u64) -> Option<u64> {
    let decoded = decode(code)?;
    let behind = address.wrapping_add(decoded.length);
    match decoded.leads {
        Leads::Pause => Some(behind),
        Leads::Jump(by) => Some(behind.wrapping_add_signed(by)),
        Leads::Branch(condition, by) if holds(condition, flags) => {
            Some(behind.wrapping_add_signed(by))
        }
        Leads::Branch(..) => Some(behind),
        _ => None,
    }
}

/// Whether a condition of a branch holds (Intel SDM volume 2, appendix B.1.4.7).
fn holds(condition: u8, flags: u64) -> bool {
    const CARRY: u64 = 1;
    const PARITY: u64 = 1 << 2;
    const ZERO: u64 = 1 << 6;
    const SIGN: u64 = 1 << 7;
    const OVERFLOW: u64 = 1 << 11;
    let is_set = |flag| flags & flag != 0;
    let is_less = is_set(SIGN) != is_set(OVERFLOW);
    let is_true = match condition >> 1 {
        0 => is_set(OVERFLOW),
        1 => is_set(CARRY),
        2 => is_set(ZERO),
        3 => is_set(CARRY | ZERO),
        4 => is_set(SIGN),
        5 => is_set(PARITY),
        6 => is_less,
        _ => is_less || is_set(ZERO),
    };
    is_true != (condition & 1 != 0)
}
