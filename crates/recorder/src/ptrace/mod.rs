//! `ptrace` between recorded threads, performed by the recorders: the kernel's stops would be those of the
//! recorder, and show what it does. A traced thread stops by itself where the kernel would stop it (`stops`), in
//! system calls, before signals and at events, and does what its tracer asks for meanwhile (`service`). What that changes
//! goes into its log; what the tracer learns goes into the tracer's, as results of its calls (`requests`, `waiting`).

pub mod asking;
pub mod children;
pub mod debug_registers;
pub mod disturbed;
pub mod endings;
pub mod executions;
pub mod faults;
pub mod interrupted;
pub mod links;
pub mod memory_files;
pub mod news;
pub mod notice;
pub mod registers;
pub mod requests;
pub mod service;
pub mod signals;
pub mod stopped;
pub mod stopped_memory;
pub mod stops;
pub mod waiting;
