//! Printing to a descriptor without allocation.

use core::fmt;

use crate::{numbers, syscall};

/// Collects text in a fixed buffer and writes it in one call when flushed or dropped, so that
/// lines of several processes do not mix.
pub struct Printer {
    descriptor: i32,
    length: usize,
    buffer: [u8; 512],
}

impl Printer {
    pub fn new(descriptor: i32) -> Printer {
        Printer {
            descriptor,
            length: 0,
            buffer: [0; 512],
        }
    }

    pub fn flush(&mut self) {
        let mut written = 0;
        while written < self.length {
            // SAFETY: the buffer is ours and `written < length <= buffer.len()`.
            let result = unsafe {
                syscall::syscall3(
                    numbers::WRITE,
                    self.descriptor as u64,
                    self.buffer.as_ptr() as u64 + written as u64,
                    (self.length - written) as u64,
                )
            };
            if result <= 0 && result != -numbers::EINTR {
                break;
            }
            written += result.max(0) as usize;
        }
        self.length = 0;
    }
}

impl fmt::Write for Printer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.length == self.buffer.len() {
                self.flush();
            }
            self.buffer[self.length] = byte;
            self.length += 1;
        }
        Ok(())
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        self.flush();
    }
}

/// `print_to!(descriptor, "format", …)`: one line-sized message.
#[macro_export]
macro_rules! print_to {
    ($descriptor:expr, $($format:tt)*) => {{
        let mut printer = $crate::print::Printer::new($descriptor);
        let _ = core::fmt::Write::write_fmt(&mut printer, format_args!($($format)*));
    }};
}
