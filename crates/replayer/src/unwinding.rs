//! Symbols that the precompiled `alloc` library refers to for unwinding, which never happens
//! here (a panic ends the process).

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    crate::system::exit(crate::exit_status::INTERNAL)
}

#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
