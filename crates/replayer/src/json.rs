//! One line of JSON in a fixed buffer, written whole.

use core::fmt::{self, Write};

/// Longest line: POSIX promises that pipes take so much in one piece.
pub const MOST_LINE: usize = 4096;
/// Room kept for closing brackets after a text was cut.
const RESERVE: usize = 64;
/// Longest text in a line, bytes.
const MOST_TEXT: usize = 1200;

/// A line being built: an object with fields.
pub struct Line {
    length: usize,
    buffer: [u8; MOST_LINE],
}

impl Line {
    /// Start a line of this type.
    pub fn new(kind: &str) -> Line {
        let mut line = Line {
            length: 0,
            buffer: [0; MOST_LINE],
        };
        line.raw(b"{");
        line.text("type", kind);
        line
    }

    /// The line with its end.
    pub fn finish(&mut self) -> &[u8] {
        self.length = self.length.min(MOST_LINE - 2);
        self.buffer[self.length..self.length + 2].copy_from_slice(b"}\n");
        &self.buffer[..self.length + 2]
    }

    pub fn text(&mut self, name: &str, value: &str) -> &mut Line {
        self.display(name, value)
    }

    /// A text made from a format.
    pub fn display(&mut self, name: &str, value: impl fmt::Display) -> &mut Line {
        self.name(name);
        self.raw(b"\"");
        let limit = (self.length + MOST_TEXT).min(MOST_LINE - RESERVE);
        let _ = write!(Escaped { line: self, limit }, "{value}");
        self.raw(b"\"");
        self
    }

    pub fn number(&mut self, name: &str, value: u64) -> &mut Line {
        self.name(name);
        self.value(value)
    }

    pub fn signed(&mut self, name: &str, value: i64) -> &mut Line {
        self.name(name);
        self.value(value)
    }

    pub fn optional(&mut self, name: &str, value: Option<impl fmt::Display>) -> &mut Line {
        self.name(name);
        match value {
            Some(value) => self.value(value),
            None => self.raw(b"null"),
        }
    }

    /// A number as text in hexadecimal (addresses, registers, checksums).
    pub fn hexadecimal(&mut self, name: &str, value: u64) -> &mut Line {
        self.name(name);
        self.value(format_args!("\"{value:#x}\""))
    }

    /// An array of hexadecimal texts.
    pub fn hexadecimals(&mut self, name: &str, values: &[u64]) -> &mut Line {
        self.name(name).raw(b"[");
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.raw(b",");
            }
            self.value(format_args!("\"{value:#x}\""));
        }
        self.raw(b"]")
    }

    /// An object as the value of a field.
    pub fn object(&mut self, name: &str, fill: impl FnOnce(&mut Line)) -> &mut Line {
        self.name(name).raw(b"{");
        fill(self);
        self.raw(b"}")
    }

    fn name(&mut self, name: &str) -> &mut Line {
        if self.length > 0 && self.buffer[self.length - 1] != b'{' {
            self.raw(b",");
        }
        self.value(format_args!("\"{name}\":"))
    }

    fn value(&mut self, value: impl fmt::Display) -> &mut Line {
        let _ = write!(Plain { line: self }, "{value}");
        self
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Line {
        for &byte in bytes {
            if self.length < MOST_LINE {
                self.buffer[self.length] = byte;
                self.length += 1;
            }
        }
        self
    }
}

struct Plain<'a> {
    line: &'a mut Line,
}

impl Write for Plain<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.line.raw(text.as_bytes());
        Ok(())
    }
}

/// Escapes what JSON wants escaped; cuts at the limit.
struct Escaped<'a> {
    line: &'a mut Line,
    limit: usize,
}

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.line.length + 8 > self.limit {
                break;
            }
            match character {
                '"' => drop(self.line.raw(b"\\\"")),
                '\\' => drop(self.line.raw(b"\\\\")),
                '\n' => drop(self.line.raw(b"\\n")),
                control if (control as u32) < 0x20 => {
                    self.line.value(format_args!("\\u{:04x}", control as u32));
                }
                other => {
                    let mut bytes = [0u8; 4];
                    self.line.raw(other.encode_utf8(&mut bytes).as_bytes());
                }
            }
        }
        Ok(())
    }
}

/// Bytes that should be UTF-8, shown with replacement characters where they are not.
pub struct Lossy<'a>(pub &'a [u8]);

impl fmt::Display for Lossy<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            formatter.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                formatter.write_char('\u{fffd}')?;
            }
        }
        Ok(())
    }
}
