//! `/proc/self/status` where calls come to us by a seccomp filter of our own: what it says of filters is then not the
//! program's affair.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};

use crate::confinement::{Confinement, STRICT};
use crate::filters;
use crate::text;

/// A memory file with what it would say without us, or -errno.
pub fn as_without_us(confinement: &Confinement) -> i64 {
    let mut content = [0u8; 8192];
    let mut length = 0;
    // SAFETY: system calls on names and buffers of ours.
    unsafe {
        let name = c"/proc/self/status".as_ptr() as u64;
        let from = syscall4(OPENAT, AT_FDCWD as u64, name, O_RDONLY | O_CLOEXEC, 0);
        if from < 0 {
            return from;
        }
        loop {
            let rest = &mut content[length..];
            let count = syscall3(
                READ,
                from as u64,
                rest.as_mut_ptr() as u64,
                rest.len() as u64,
            );
            if count <= 0 {
                break;
            }
            length += count as usize;
        }
        syscall2(CLOSE, from as u64, 0);
        let to = syscall2(MEMFD_CREATE, c"status".as_ptr() as u64, MFD_CLOEXEC);
        if to < 0 {
            return to;
        }
        for line in content[..length].split_inclusive(|&byte| byte == b'\n') {
            write_line(to as u64, line, confinement);
        }
        syscall3(LSEEK, to as u64, 0, 0);
        to
    }
}

fn write_line(to: u64, line: &[u8], confinement: &Confinement) {
    let filters = confinement.filters;
    let (mode, count) = match filters {
        0 => (0, 0),
        STRICT => (1, 0),
        _ => (2, filters::count(filters)),
    };
    let values: [(&str, u64); 3] = [
        ("NoNewPrivs:", confinement.no_new_privileges.into()),
        ("Seccomp:", mode),
        ("Seccomp_filters:", count),
    ];
    let ours = values
        .iter()
        .find(|(name, _)| line.starts_with(name.as_bytes()));
    let text = ours.map(|(name, value)| text!("{name}\t{value}\n"));
    let line = text.as_ref().map_or(line, |text| text.as_str().as_bytes());
    // SAFETY: bytes of ours.
    unsafe { syscall3(WRITE, to, line.as_ptr() as u64, line.len() as u64) };
}
