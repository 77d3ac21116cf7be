//! `/proc/PID/limits` of recorded processes: of some limits the kernel has others than the program ([`crate::limits`]).

use reenact_freestanding::numbers::{RLIMIT_AS, RLIMIT_DATA, RLIMIT_FSIZE};

use crate::limits::{Limit, INFINITY};
use crate::stand_in::{self, write};
use crate::{other_processes, text, traced_status};

const ROOM: usize = 4096;
/// How its lines begin, and of which limit they are.
const OURS: [(&str, u64); 3] = [
    ("Max file size", RLIMIT_FSIZE),
    ("Max data size", RLIMIT_DATA),
    ("Max address space", RLIMIT_AS),
];

/// Such a file has been opened: its descriptor becomes one of a memory file with what the kernel would say without us.
pub fn opened(file: i64) {
    if !traced_status::thread_of(file).is_some_and(other_processes::is_recorded) {
        return;
    }
    let mut content = [0u8; ROOM];
    let length = stand_in::read(file, &mut content);
    if length == 0 {
        // It is open for something else than reading (O_PATH).
        return;
    }
    stand_in::replace(file, c"limits", |to| {
        for line in content[..length].split_inclusive(|&byte| byte == b'\n') {
            if !write_ours(to, line) {
                write(to, line);
            }
        }
        true
    });
}

/// Write the line as the program has that limit, if it is such a line (fs/proc/base.c: proc_pid_limits).
fn write_ours(to: i64, line: &[u8]) -> bool {
    const UNLIMITED: &str = "unlimited";
    let line = core::str::from_utf8(line).unwrap_or_default();
    let Some((name, resource)) = OURS.into_iter().find(|(name, _)| line.starts_with(name)) else {
        return false;
    };
    let mut words = line[name.len()..].split_ascii_whitespace();
    let mut next = || match words.next() {
        Some(UNLIMITED) => Some(INFINITY),
        Some(number) => number.parse().ok(),
        None => None,
    };
    let (Some(soft), Some(hard)) = (next(), next()) else {
        return false;
    };
    let said = |value| match value {
        INFINITY => text!("{UNLIMITED}"),
        value => text!("{value}"),
    };
    let [soft, hard] = Limit([soft, hard]).for_program(resource).0.map(said);
    let (soft, hard) = (soft.as_str(), hard.as_str());
    let line = text!("{name:<25} {soft:<20} {hard:<20} {:<10}\n", "bytes");
    write(to, line.as_str().as_bytes());
    true
}
