//! The table, one file per family of calls.

mod descriptors;
mod directories;
mod events;
mod files;
mod ipc;
mod memory;
mod mounts;
mod obsolete;
mod polling;
mod process;
mod scheduling;
mod signals;
mod sockets;
mod status;
mod system;
mod time;
mod users;

use crate::call::SystemCall;
use crate::row_check::check;

/// One more than the largest number in the table (Linux 6.18).
pub const LIMIT: usize = 470;

const FAMILIES: [&[SystemCall]; 17] = [
    files::CALLS,
    directories::CALLS,
    status::CALLS,
    descriptors::CALLS,
    polling::CALLS,
    events::CALLS,
    sockets::CALLS,
    memory::CALLS,
    process::CALLS,
    scheduling::CALLS,
    signals::CALLS,
    time::CALLS,
    users::CALLS,
    ipc::CALLS,
    mounts::CALLS,
    system::CALLS,
    obsolete::CALLS,
];

/// The table by number, built by the compiler; a number that appears twice does not compile, nor
/// does a row that leaves something out.
static TABLE: [Option<SystemCall>; LIMIT] = by_number();

const fn by_number() -> [Option<SystemCall>; LIMIT] {
    let mut table: [Option<SystemCall>; LIMIT] = [None; LIMIT];
    let mut family = 0;
    while family < FAMILIES.len() {
        let calls = FAMILIES[family];
        let mut index = 0;
        while index < calls.len() {
            let number = calls[index].number as usize;
            assert!(
                table[number].is_none(),
                "a system call number appears twice"
            );
            check(&calls[index]);
            table[number] = Some(calls[index].complete());
            index += 1;
        }
        family += 1;
    }
    table
}

/// The row of a system call number; `None` for numbers Linux 6.18 does not have
/// (and for x32 numbers).
#[inline]
pub fn lookup(number: u64) -> Option<&'static SystemCall> {
    TABLE.get(usize::try_from(number).ok()?)?.as_ref()
}

/// The number of a call, by its name.
pub fn number_of(name: &str) -> Option<u64> {
    let is_it = |row: &Option<SystemCall>| row.as_ref().is_some_and(|call| call.name == name);
    TABLE.iter().position(is_it).map(|number| number as u64)
}

/// Whether some kernel could have a system call of this number, which has no row: one that is newer, or
/// one with the x32 calls. To every other number all kernels answer `ENOSYS`, as we do.
pub fn may_exist(number: u64) -> bool {
    /// Were given twice for x32 (arch/x86/entry/syscalls/syscall_64.tbl), and are free otherwise.
    const X32_ONLY: core::ops::Range<u64> = 512..548;
    /// No table is that long yet.
    const END: u64 = 1024;
    const X32: u64 = 1 << 30;
    let is_newer = (LIMIT as u64..END).contains(&number) && !X32_ONLY.contains(&number);
    is_newer || (X32..X32 + END).contains(&number)
}

/// All rows in order of their numbers.
pub fn all() -> impl Iterator<Item = &'static SystemCall> {
    TABLE.iter().flatten()
}
