//! The sandbox: from here on the process can read and write descriptors that are already open,
//! manage its own memory, fork and end. A trace may be somebody else's, and it runs somebody
//! else's program. What is allowed is in crates/sandbox; docs/trust.md says why.

use linux_raw_sys::general::{__NR_prctl, __NR_seccomp};
use linux_raw_sys::prctl::PR_SET_NO_NEW_PRIVS;
use reenact_freestanding::syscall::{syscall3, syscall5};
use reenact_sandbox::{Access, Filter, Serving};

use crate::children;
use crate::confinement;
use crate::exit_status;
use crate::limits::{self, Need};
use crate::native;
use crate::options::Options;
use crate::report;
use crate::shared_objects;
use crate::system;

/// The kernel's `struct sock_fprog`.
#[repr(C)]
struct Program {
    length: u16,
    instructions: *const reenact_sandbox::Instruction,
}

/// Processes beside the most that replay: the first one, and one that waits for it.
const MORE_PROCESSES: u64 = 2;

/// Go to a place with neither files nor network nor other processes, as far as the machine allows
/// it. Before anything is mapped that is large: this may fork. Returns what the kernel may count.
pub fn go_apart(options: &Options) -> Result<u64, &'static str> {
    let confinement = confinement::enter(options.control.is_some());
    if confinement.is_first_apart {
        match system::fork() {
            Ok(0) => {}
            Ok(_) => {
                install(&reenact_sandbox::waiter(options.report as u32))?;
                children::end_as_the_first_does();
            }
            Err(error) => {
                report::replay_error(crate::error::ReplayError::ForkRefused(error.0));
                system::exit(exit_status::INTERNAL);
            }
        }
    }
    Ok(confinement.other_processes + u64::from(options.most_processes) + MORE_PROCESSES)
}

/// Enter the sandbox; it holds for this process and all it forks.
///
/// # Arguments
/// * `processes` - what [`go_apart`] said.
/// * `highest` - the highest descriptor there is.
pub fn enter(options: &Options, processes: u64, highest: i32) -> Result<(), &'static str> {
    let first_free = highest as u32 + 1;
    let objects_size = shared_objects::FILE_SIZE;
    let serving = options.control.map(|control| Serving {
        control: control as u32,
        objects: shared_objects::objects() as u32,
        objects_size,
    });
    limits::lower(&Need {
        processes,
        first_free: u64::from(first_free),
        serves: serving.map(|_| objects_size),
    });
    let changes = options.shared_changes.filter(|_| serving.is_none());
    let mut written = [options.report as u32; 5];
    for (slot, descriptor) in
        written[1..]
            .iter_mut()
            .zip([options.output, options.landings, changes, options.snapshots])
    {
        if let Some(descriptor) = descriptor {
            *slot = descriptor as u32;
        }
    }
    install(&reenact_sandbox::replayer(&Access {
        written: &written,
        first_free,
        serving,
        takes_snapshots: options.snapshots.is_some(),
        native: options.native.then_some(native::CALLS_OF_OURS),
    }))
}

fn install(filter: &Filter) -> Result<(), &'static str> {
    const SECCOMP_SET_MODE_FILTER: u64 = 1;
    let instructions = filter.instructions();
    let program = Program {
        length: instructions.len() as u16,
        instructions: instructions.as_ptr(),
    };
    // SAFETY: the kernel copies the filter; both calls only take rights away.
    unsafe {
        let no_new = u64::from(PR_SET_NO_NEW_PRIVS);
        if syscall5(u64::from(__NR_prctl), no_new, 1, 0, 0, 0) != 0 {
            return Err("cannot enter the sandbox: PR_SET_NO_NEW_PRIVS is refused");
        }
        let address = core::ptr::from_ref(&program) as u64;
        if syscall3(u64::from(__NR_seccomp), SECCOMP_SET_MODE_FILTER, 0, address) != 0 {
            return Err("cannot enter the sandbox: the kernel refuses seccomp filters");
        }
    }
    Ok(())
}
