//! What a replayer may do once it looks at a trace: read the descriptors it has, write where it
//! reports, manage its own memory, fork and end.

use linux_raw_sys::general as k;
use linux_raw_sys::net::{MSG_CMSG_CLOEXEC, MSG_DONTWAIT, MSG_PEEK};

use crate::filter::{Check, Filter};

/// What memory may be made, and what it may be made besides where the program's own code is executed: never
/// writable and executable at once.
const PROTECTIONS: [u32; 5] = [
    k::PROT_NONE,
    k::PROT_READ,
    k::PROT_WRITE,
    k::PROT_READ | k::PROT_WRITE,
    k::PROT_READ | k::PROT_EXEC,
];
const UNEXECUTABLE: usize = PROTECTIONS.len() - 1;
const MAPPING_FLAGS: u32 = k::MAP_PRIVATE
    | k::MAP_SHARED
    | k::MAP_ANONYMOUS
    | k::MAP_FIXED
    | k::MAP_FIXED_NOREPLACE
    | k::MAP_NORESERVE;
const ADVICE: [u32; 3] = [k::MADV_DONTNEED, k::MADV_REMOVE, k::MADV_HUGEPAGE];

/// include/uapi/linux/perf_event.h.
const PERF_FLAG_FD_CLOEXEC: u32 = 8;

/// Most descriptors that are written to.
const MOST_WRITTEN: usize = 7;

/// What a replayer has when it enters its sandbox.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// Descriptors it may write to, at most five.
    pub written: &'a [u32],
    /// Above all its descriptors: what is not below is made later.
    pub first_free: u32,
    /// For one that serves a client.
    pub serving: Option<Serving>,
    /// For one that takes snapshots: it asks which pages there are.
    pub takes_snapshots: bool,
    /// For one that executes the program's own code: where calls of ours come from (high halves of the addresses: the
    /// first, and one past the last). All others are the program's, and trap.
    pub native: Option<(u32, u32)>,
}

/// What a replayer needs to serve.
#[derive(Clone, Copy, Debug)]
pub struct Serving {
    /// The socket requests come from.
    pub control: u32,
    /// The file of shared objects, which each copy replaces by its own.
    pub objects: u32,
    /// Bytes of that file.
    pub objects_size: u64,
}

/// The filter of a replayer. The frequent calls come first.
///
/// Memory that can be executed is there already: none is made any more, unless the program's own code is executed, and then
/// none that can be written as well. (It does not make code of a trace harmless: what is there can be written.) Every call that names a process, a path or an
/// address of a network is missing.
pub fn replayer(access: &Access<'_>) -> Filter {
    let mut filter = access.native.map_or_else(Filter::new, Filter::trapping);
    let protections = match access.native {
        Some(_) => &PROTECTIONS[..],
        None => &PROTECTIONS[..UNEXECUTABLE],
    };
    let protection = Check::OneOf(2, protections);
    filter.allow(k::__NR_mprotect, &[protection]);
    filter.allow(k::__NR_mmap, &[protection, Check::Within(3, MAPPING_FLAGS)]);
    filter.allow(k::__NR_munmap, &[]);
    filter.allow(k::__NR_pread64, &[]);
    allow_writes(&mut filter, access);
    filter.allow(k::__NR_arch_prctl, &[Check::Is(0, k::ARCH_SET_FS as u64)]);
    // The end of the handler of faults: it only loads registers and the mask of signals.
    filter.allow(k::__NR_rt_sigreturn, &[]);
    filter.allow(
        k::__NR_lseek,
        &[Check::OneOf(2, &[k::SEEK_DATA, k::SEEK_HOLE])],
    );
    let moves = u64::from(k::MREMAP_MAYMOVE | k::MREMAP_FIXED);
    filter.allow(k::__NR_mremap, &[Check::Is(3, moves)]);
    filter.allow(k::__NR_madvise, &[Check::OneOf(2, &ADVICE)]);
    filter.allow(
        k::__NR_futex,
        &[Check::OneOf(1, &[k::FUTEX_WAIT, k::FUTEX_WAKE])],
    );
    // A futex with a deadline goes on by it when the process has been stopped and continued.
    filter.allow(k::__NR_restart_syscall, &[]);
    let clock = u64::from(k::CLOCK_MONOTONIC);
    filter.allow(k::__NR_clock_gettime, &[Check::Is(0, clock)]);
    filter.allow(
        k::__NR_wait4,
        &[
            Check::Is(0, u64::MAX),
            Check::OneOf(2, &[0, k::WNOHANG]),
            Check::Is(3, 0),
        ],
    );
    // As fork only: neither a thread nor a namespace, no descriptor of a process.
    filter.allow(
        k::__NR_clone,
        &[Check::Is(0, u64::from(k::SIGCHLD)), Check::Is(1, 0)],
    );
    filter.allow(k::__NR_exit_group, &[]);
    if access.takes_snapshots {
        filter.allow(k::__NR_mincore, &[]);
        filter.allow(k::__NR_sysinfo, &[]);
    }
    if let Some(serving) = &access.serving {
        allow_serving(&mut filter, access, serving);
    }
    filter
}

/// The filter of a process that only waits for the replayer it has forked, and says how it ended.
pub fn waiter(report: u32) -> Filter {
    let mut filter = Filter::new();
    filter.allow(k::__NR_wait4, &[Check::Is(0, u64::MAX), Check::Is(3, 0)]);
    filter.allow(k::__NR_write, &[Check::OneOf(0, &[report])]);
    filter.allow(k::__NR_restart_syscall, &[]);
    filter.allow(k::__NR_exit_group, &[]);
    filter
}

fn allow_writes(filter: &mut Filter, access: &Access<'_>) {
    let Some(serving) = &access.serving else {
        filter.allow(k::__NR_write, &[Check::OneOf(0, access.written)]);
        return;
    };
    // A copy has a socket of its own, at a number that was free or became so.
    let mut written = [serving.control; MOST_WRITTEN];
    written[1] = serving.objects;
    let count = access.written.len().min(MOST_WRITTEN - 2);
    written[2..2 + count].copy_from_slice(&access.written[..count]);
    let check = Check::Descriptor(0, &written[..2 + count], access.first_free);
    filter.allow(k::__NR_write, &[check]);
}

/// Take requests with descriptors, close these, and give a copy shared memory of its own.
fn allow_serving(filter: &mut Filter, access: &Access<'_>, serving: &Serving) {
    let own = [serving.control, serving.objects];
    let fresh = |argument| Check::Descriptor(argument, &own, access.first_free);
    filter.allow(
        k::__NR_recvmsg,
        &[
            fresh(0),
            Check::Within(2, MSG_CMSG_CLOEXEC | MSG_DONTWAIT | MSG_PEEK),
        ],
    );
    filter.allow(k::__NR_close, &[fresh(0)]);
    let close_on_exec = u64::from(k::MFD_CLOEXEC);
    filter.allow(k::__NR_memfd_create, &[Check::Is(1, close_on_exec)]);
    filter.allow(
        k::__NR_ftruncate,
        &[fresh(0), Check::Is(1, serving.objects_size)],
    );
    filter.allow(k::__NR_pwrite64, &[fresh(0)]);
    if access.native.is_some() {
        // The time at which a request is looked for: the signal comes to this process alone.
        filter.allow(
            k::__NR_setitimer,
            &[Check::Is(0, u64::from(k::ITIMER_REAL)), Check::Is(2, 0)],
        );
        // The processor's breakpoint registers, for the calling thread alone.
        filter.allow(
            k::__NR_perf_event_open,
            &[
                Check::Is(1, 0),
                Check::Is(2, u64::MAX),
                Check::Is(3, u64::MAX),
                Check::Is(4, u64::from(PERF_FLAG_FD_CLOEXEC)),
            ],
        );
    }
}
