//! The recorder: lives inside every recorded process and logs what the program cannot
//! compute by itself.
//!
//! Design constraints:
//! * The program's memory and registers are exactly what they would be without us, down to
//!   dead stack memory: we never use its stack, never leave a byte behind.
//! * A system call on a patched site enters the kernel once, as often as the program asked.
//! * No allocation; no libc; nothing outside the reserved region but trampolines near code.
//! * One thread of the address space is inside the program or the recorder at a time.
//!
//! Where to start reading: `entry` (how control arrives), `arrival` (what happens then),
//! `dispatch` (who performs a system call), `loader` (how a program starts).
#![no_std]
#![no_main]

mod address_space;
mod arena;
mod arming;
mod around_region;
mod arrival;
mod asynchronous_io;
mod attaching;
mod blocking;
mod call;
mod chaos;
mod code_ranges;
mod companions;
mod compared;
mod confinement;
mod conversion;
mod cpuid;
mod descriptor_table;
mod detaching;
mod dispatch;
mod file_changes;
mod file_size_limit;
mod file_source;
mod files;
mod filters;
mod grants;
mod guest;
mod half_done;
mod heap;
mod hidden_descriptors;
mod implied_execution;
mod kernels_image;
mod known_calls;
mod last_outputs;
mod limits;
mod limits_file;
mod loader;
mod log;
mod mapped_files;
mod mappings;
mod maps_file;
mod message;
mod named_descriptors;
mod nested_pointers;
mod object_content;
mod other_processes;
mod output_order;
mod own_mappings;
mod pagemap;
mod patch;
mod patience;
mod pinning;
mod polled_numbers;
mod priority_lock;
mod proc_files;
mod process;
mod ptrace;
mod range_table;
mod refused;
mod released;
mod resting_loops;
mod run_queue;
mod scheduler;
mod scratch;
mod segment_bases;
mod shared;
mod sharing_group;
mod signal;
mod sites;
mod snapshot;
mod spinning;
mod stand_in;
mod state_store;
mod status_file;
mod streams;
mod substitute_clock;
mod suspects;
mod system_v;
mod text;
mod thread;
mod time_left;
mod time_stamp_option;
mod time_stamps;
mod traced_status;
mod turn_holder;
mod unfinished_wait;
mod unknown_code;
mod unperformed;
mod vdso;
mod virtualize;
mod wait_limit;
mod waiting_notes;
mod waiting_places;
mod wake_ups;
mod writable_memory;
