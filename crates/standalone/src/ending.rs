//! Ending our own process the way the recorded program ended.

use reenact_supervisor::Ending;

/// The exit status to end with; does not return when the program died by a signal.
pub fn end_like(wait_status: i32) -> i32 {
    let signal = match Ending::from_wait_status(wait_status) {
        Ending::Exited(status) => return status,
        Ending::Signaled(signal) => signal,
    };
    // SAFETY: structures of our own; this process has nothing left to do.
    unsafe {
        // The program's own core dump is the one of interest; ours would overwrite it. A kernel that
        // pipes core dumps ignores the limit, but not the flag.
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_CORE, &mut limit) == 0 {
            limit.rlim_cur = 0;
            libc::setrlimit(libc::RLIMIT_CORE, &limit);
        }
        libc::signal(signal, libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
        libc::kill(libc::getpid(), signal);
    }
    // Only a signal whose default is not to kill comes here; a shell would say this.
    128 + signal
}
