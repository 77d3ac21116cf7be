//! Exit statuses of the replayer; the greatest of all processes' wins.

pub const DIVERGENCE: u8 = 1;
pub const USAGE: u8 = 2;
pub const TRACE: u8 = 3;
pub const INTERNAL: u8 = 4;
