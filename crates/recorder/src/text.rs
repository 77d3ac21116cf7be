//! Short texts made without memory of their own: for notes, and for names of files under `/proc`.

use core::fmt::Write;

/// A short text on the stack.
pub struct Text {
    length: usize,
    bytes: [u8; 256],
}

impl Text {
    pub const fn new() -> Text {
        Text {
            length: 0,
            bytes: [0; 256],
        }
    }

    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.length]).unwrap_or("(text cut inside a character)")
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let room = self.bytes.len() - self.length;
        let take = text.len().min(room);
        self.bytes[self.length..self.length + take].copy_from_slice(&text.as_bytes()[..take]);
        self.length += take;
        Ok(())
    }
}

/// Format into a [`Text`].
#[macro_export]
macro_rules! text {
    ($($format:tt)*) => {{
        let mut text = $crate::text::Text::new();
        let _ = core::fmt::Write::write_fmt(&mut text, format_args!($($format)*));
        text
    }};
}
