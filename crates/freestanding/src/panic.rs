//! A panic inside the recorder or replayer: say so and end the process; there is nothing to unwind.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::{numbers, print_to, syscall};

/// What to do instead of printing to the standard error.
pub type Hook = fn(&PanicInfo<'_>) -> !;

static HOOK: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Let `hook` report panics.
pub fn set_hook(hook: Hook) {
    HOOK.store(hook as *mut (), Ordering::Relaxed);
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // Taken, so that a panic in the hook does not come here for ever.
    let hook = HOOK.swap(core::ptr::null_mut(), Ordering::Relaxed);
    if !hook.is_null() {
        // SAFETY: only `set_hook` stores here, and it stores a `Hook`.
        let hook: Hook = unsafe { core::mem::transmute(hook) };
        hook(info);
    }
    print_to!(2, "reenact: internal error (please report): {info}\n");
    loop {
        // SAFETY: ends the process.
        unsafe { syscall::syscall1(numbers::EXIT_GROUP, 125) };
    }
}
