//! The replaying processes that this one has forked: how they have ended, and waiting for a slot
//! to run the next.

use crate::exit_status;
use crate::{jobs, report, system};

/// Take note of children that have ended; with `block`, of all until there are none.
pub fn reap(block: bool) {
    while let Some((pid, wait_status)) = system::wait_any(block) {
        let signal = wait_status & 0x7f;
        if signal == 0 {
            continue;
        }
        report_killed(pid, signal);
        jobs::abandon(exit_status::INTERNAL);
    }
}

/// It could not say anything (a violation of the sandbox, the out-of-memory killer).
fn report_killed(pid: u32, signal: i32) {
    let mut line = report::line("internal-error");
    line.display(
        "message",
        format_args!("a replaying process (pid {pid}) was killed by signal {signal}"),
    )
    .number("signal", signal as u64)
    .text("hint", hint(signal));
    report::send(&mut line);
}

fn hint(signal: i32) -> &'static str {
    const SIGKILL: i32 = 9;
    const SIGSYS: i32 = 31;
    match signal {
        SIGSYS => {
            "it tried what no replay does: do not trust this trace, or report it if it is your own"
        }
        SIGKILL => "the machine may have run out of memory",
        _ => "",
    }
}

/// Wait for the one process there is, the first of the replay, and end as it has ended.
pub fn end_as_the_first_does() -> ! {
    let status = match system::wait_any(true) {
        Some((_, status)) if status & 0x7f == 0 => (status >> 8) as u8,
        Some((pid, status)) => {
            report_killed(pid, status & 0x7f);
            exit_status::INTERNAL
        }
        None => exit_status::INTERNAL,
    };
    system::exit(status)
}

/// Wait for a slot. Reaps children meanwhile, whose slots may have died with them.
pub fn wait_for_slot() {
    while !jobs::try_acquire() {
        jobs::sleep_for_slot();
        reap(false);
    }
}
