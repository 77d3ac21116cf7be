//! The replayer: re-executes a recorded process through the translator, feeds it the log, and
//! checks every event. How it is started and what it says: docs/internals/replay-protocol.md.
//!
//! Design constraints:
//! * Freestanding, linked into the reserved region; everything else belongs to the program.
//! * The sandbox is entered before the first byte of the trace is looked at.
//! * No input makes it panic or hang: damage ends in an `error` line.
#![no_std]
#![no_main]

extern crate alloc;

mod address_space;
mod call_effects;
mod children;
mod chunk_index;
mod chunk_reader;
mod confinement;
mod control;
mod coordinator;
mod counted_place;
mod creation;
mod debug_registers;
mod descriptors;
mod divergence;
mod effects;
mod end;
mod engine;
mod error;
mod exit_status;
mod fault;
mod fault_branches;
mod fault_pages;
mod feed;
mod feed_error;
mod frequent_instructions;
mod guarded_copy;
mod jobs;
mod json;
mod known_landings;
mod landing;
mod limits;
mod logged_history;
mod low_memory;
mod machine;
mod mappings;
mod matching;
mod memory;
mod native;
mod native_points;
mod object_copies;
mod options;
mod output;
mod pace;
mod processor;
mod regular_file;
mod report;
mod sandbox;
mod shared_changes;
mod shared_objects;
mod snapshot;
mod step;
mod string_instruction;
mod system;
mod table_image;
mod thread_names;
mod threads;
mod ticks;
mod trace_directory;
mod turns;
mod unwinding;
mod vectors_at_landing;
mod vsyscall;
mod written_output;
mod xsave_area;

use core::arch::naked_asm;
use core::ffi::{c_char, CStr};

use reenact_freestanding::heap::Heap;
use reenact_freestanding::numbers;
use reenact_freestanding::syscall::{syscall3, syscall5};
use reenact_trace::layout;

use crate::machine::Machine;
use crate::options::Options;
use crate::trace_directory::TraceDirectory;

#[global_allocator]
static HEAP: Heap = Heap::new();

/// Entry point: the stack holds argc, argv, envp.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "xor ebp, ebp",
        "mov rdi, rsp",
        "and rsp, -16",
        "call {prepare}",
        // rax: the top of our own stack, rdx: what the rest needs.
        "mov rsp, rax",
        "mov rdi, rdx",
        "call {go_on}",
        "ud2",
        prepare = sym prepare,
        go_on = sym go_on,
    )
}

#[repr(C)]
struct Prepared {
    stack: u64,
    arguments: *const u64,
}

/// On the kernel's stack: make our own.
unsafe extern "C" fn prepare(arguments: *const u64) -> Prepared {
    HEAP.start_at(layout::REPLAYER_HEAP_ADDRESS);
    if !address_space::map_stacks() {
        system::exit(exit_status::INTERNAL);
    }
    Prepared {
        stack: address_space::STACK_ADDRESS + address_space::STACK_SIZE,
        arguments,
    }
}

/// On our own stack: everything else.
unsafe extern "C" fn go_on(arguments: *const u64) -> ! {
    reenact_freestanding::panic::set_hook(report::internal_panic);
    // SAFETY: the kernel's layout of the initial stack; it is still mapped.
    let mut options = unsafe { parse_arguments(arguments) };
    // SAFETY: as above.
    options.native &= unsafe { native::is_possible(arguments) };
    report::set_descriptor(options.report);
    match start(options) {
        Ok(exit_status) => system::exit(exit_status),
        Err(message) => {
            report::error(
                message,
                "check the path and the rights; see `reenact doctor`",
            );
            system::exit(exit_status::USAGE)
        }
    }
}

unsafe fn parse_arguments(arguments: *const u64) -> Options {
    // SAFETY: the first word is the number of arguments, pointers to them follow.
    let count = unsafe { arguments.read() } as usize;
    let texts = (1..count).map(|index| {
        // SAFETY: `index` is below the number of arguments, which are NUL-terminated.
        unsafe { CStr::from_ptr(arguments.add(1 + index).read() as *const c_char) }
    });
    options::parse(texts).unwrap_or_else(|(message, argument)| {
        report::error(
            format_args!("{message}: {argument}"),
            "usage: reenact-replayer [--report FD] [--output FD] [--process N] [--jobs N] \
             [--progress MS] [--stop-event N] [--runaway N] [--trace-events] [--control FD] \
             [--shared-changes FD] [--landings FD] [--life FD] [--processes N] [--native] \
             [--engine-changes N] [--snapshots FD] [--snapshot-interval MS] [--snapshot-events N] \
             [--most-snapshots BYTES] [--segments] [--from-event N] [--work N] DIRECTORY",
        );
        system::exit(exit_status::USAGE)
    })
}

fn start(mut options: Options) -> Result<u8, &'static str> {
    let highest = keep_given_descriptors(&options)?;
    if options.control.is_some() {
        system::ignore_children()?;
    }
    if options.jobs == 0 {
        options.jobs = processors();
    }
    let directory = TraceDirectory::open(options.trace)?;
    // The path is on the kernel's stack, which goes now.
    options.trace = c"";
    address_space::clear_outside_region()?;
    low_memory::keep();
    let processes = if options.sandbox {
        sandbox::go_apart(&options)?
    } else {
        0
    };
    become_reaper();
    jobs::set_up(options.jobs)?;
    turns::set_up()?;
    limits::raise_file_sizes();
    shared_objects::set_up()?;
    table_image::set_up();
    let (events, manifest) = (directory.events, directory.manifest);
    let highest = highest
        .max(directory.highest_descriptor())
        .max(shared_objects::objects())
        .max(table_image::descriptor());
    let mut machine = Machine::new(directory)?;
    options.native &= native::arm(&options);
    if options.native {
        machine.memory.run_natively();
    }
    if options.sandbox {
        if options.control.is_some() {
            descriptors::fill_up_to(highest, events.descriptor);
        }
        sandbox::enter(&options, processes, highest)?;
    }
    machine.read_manifest(manifest);
    Ok(coordinator::run(options, events, machine))
}

/// Check the descriptors that the options name, and close all others; the highest one.
fn keep_given_descriptors(options: &Options) -> Result<i32, &'static str> {
    let named = [
        (Some(options.report), "the report descriptor is not open"),
        (options.output, "the output descriptor is not open"),
        (
            options.shared_changes,
            "the descriptor for changes of shared memory is not open",
        ),
        (options.landings, "the descriptor for landings is not open"),
        (options.control, "the control descriptor is not open"),
        (
            options.snapshots,
            "the descriptor for snapshots is not open",
        ),
        (options.life, "the life descriptor is not open"),
    ];
    let mut kept = [options.report; 7];
    for (slot, (descriptor, failure)) in kept.iter_mut().zip(named) {
        let Some(descriptor) = descriptor else {
            continue;
        };
        if !regular_file::is_open(descriptor) {
            return Err(failure);
        }
        *slot = descriptor;
    }
    descriptors::close_all_but(&mut kept);
    Ok(kept[kept.len() - 1])
}

/// Orphaned grandchildren come to us, so that their ends are seen.
fn become_reaper() {
    // SAFETY: changes who is told of ended children.
    unsafe { syscall5(numbers::PRCTL, numbers::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
}

/// Number of CPUs we may run on.
fn processors() -> u32 {
    let mut mask = [0u64; 128];
    // SAFETY: the kernel writes into `mask` only.
    unsafe {
        syscall3(
            numbers::SCHED_GETAFFINITY,
            0,
            size_of_val(&mask) as u64,
            mask.as_mut_ptr() as u64,
        )
    };
    mask.iter()
        .map(|word| word.count_ones())
        .sum::<u32>()
        .max(1)
}
