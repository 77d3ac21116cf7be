//! Names as they stand in the source, for C++ and Rust.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// A mangled name may stand for one that is exponentially longer; whoever made it may want that.
const LONGEST: usize = 64 << 10;

/// The demangled name; as it is where it is not mangled, or would be longer than any real one.
pub fn demangled(name: &str) -> Cow<'_, str> {
    let plain = Cow::Borrowed(name);
    if name.len() > LONGEST {
        return plain;
    }
    let mut text = Bounded(String::new());
    let done = if let Ok(symbol) = rustc_demangle::try_demangle(name) {
        write!(text, "{symbol:#}").is_ok()
    } else if name.starts_with("_Z") {
        cpp_demangle::Symbol::new(name).is_ok_and(|symbol| {
            symbol
                .structured_demangle(&mut text, &Default::default())
                .is_ok()
        })
    } else {
        false
    };
    if done {
        Cow::Owned(text.0)
    } else {
        plain
    }
}

/// Text that refuses to become too long.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if self.0.len() + piece.len() > LONGEST {
            return Err(fmt::Error);
        }
        self.0.push_str(piece);
        Ok(())
    }
}
