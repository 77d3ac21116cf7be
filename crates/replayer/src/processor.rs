//! What CPUID and XGETBV answered on the recording machine, from the manifest. It stands in for
//! such instructions at places the recorder did not know.

use alloc::vec::Vec;

use reenact_trace::event::instruction;
use reenact_trace::Registers;

/// Answers of a processor.
#[derive(Clone, Debug, Default)]
pub struct Processor {
    /// Leaf, subleaf, eax, ebx, ecx, edx.
    leaves: Vec<[u32; 6]>,
    xcr0: Option<u64>,
    /// How the processor names itself on which the thread was kept, in the same form.
    names: Vec<[u32; 6]>,
    /// Whether it is kept there still.
    is_known: bool,
    /// Whether there was an answer that need not be the recording's.
    pub asked: bool,
}

/// More leaves than any processor has.
const MOST_LEAVES: usize = 4096;

impl Processor {
    /// Pick the answers out of the text of a manifest. The names with their quotes cannot occur
    /// inside a JSON string, where a quote has a backslash before it.
    pub fn from_manifest(text: &[u8]) -> Processor {
        let mut processor = Processor::default();
        if let Some(mut rest) = after(text, b"\"cpuid\":[[") {
            while processor.leaves.len() < MOST_LEAVES {
                let mut leaf = [0u32; 6];
                for word in &mut leaf {
                    let Some((value, more)) = number(rest) else {
                        return processor;
                    };
                    *word = value as u32;
                    rest = more.strip_prefix(b",").unwrap_or(more);
                }
                processor.leaves.push(leaf);
                match rest.strip_prefix(b"],[") {
                    Some(more) => rest = more,
                    None => break,
                }
            }
        }
        let xcr0 = after(text, b"\"xcr0\":").and_then(number);
        processor.xcr0 = xcr0.map(|(value, _)| value);
        processor
    }

    /// The payload of a `Processor` attachment.
    pub fn set_names(&mut self, payload: &[u8]) {
        self.is_known = !payload.is_empty();
        if self.is_known {
            let leaf = |bytes: &[u8]| {
                core::array::from_fn(|word| {
                    let bytes = bytes.get(4 * word..4 * word + 4);
                    bytes.map_or(0, |bytes| {
                        bytes
                            .iter()
                            .rev()
                            .fold(0, |value, &byte| value << 8 | u32::from(byte))
                    })
                })
            };
            self.names = payload.chunks_exact(24).map(leaf).collect();
        }
    }

    /// The payload of a `Processor` attachment that says what is known; `None`: nothing is.
    pub fn names_payload(&self) -> Option<Vec<u8>> {
        let words = self.names.iter().flatten();
        self.is_known
            .then(|| words.flat_map(|word| word.to_le_bytes()).collect())
    }

    /// A new image may run anywhere.
    pub fn forget_names(&mut self) {
        self.names.clear();
        self.is_known = false;
    }

    /// Whether answers are those of the recording: it is known on which processor it asked.
    pub fn is_certain(&self) -> bool {
        self.is_known
    }

    /// Perform CPUID or XGETBV; false when the answer is not known.
    pub fn answer(&self, code: u16, registers: &mut Registers) -> bool {
        match code {
            instruction::CPUID => self.cpuid(registers),
            instruction::XGETBV if registers.rcx as u32 == 0 => {
                let Some(value) = self.xcr0 else { return false };
                registers.rax = value & 0xffff_ffff;
                registers.rdx = value >> 32;
                true
            }
            _ => false,
        }
    }

    fn cpuid(&self, registers: &mut Registers) -> bool {
        let (leaf, subleaf) = (registers.rax as u32, registers.rcx as u32);
        let is_named = self.names.iter().any(|entry| entry[0] == leaf);
        let known = if is_named { &self.names } else { &self.leaves };
        let mut of_leaf = known.iter().filter(|entry| entry[0] == leaf);
        let exact = of_leaf.clone().find(|entry| entry[1] == subleaf);
        // A leaf listed once does not look at the subleaf.
        let answer = match (exact, of_leaf.next(), of_leaf.next()) {
            (Some(entry), ..) | (None, Some(entry), None) => {
                [entry[2], entry[3], entry[4], entry[5]]
            }
            _ => [0; 4],
        };
        registers.rax = u64::from(answer[0]);
        registers.rbx = u64::from(answer[1]);
        registers.rcx = u64::from(answer[2]);
        registers.rdx = u64::from(answer[3]);
        !self.leaves.is_empty()
    }
}

fn after<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = text.windows(name.len()).position(|window| window == name)?;
    text.get(at + name.len()..)
}

fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = core::str::from_utf8(text.get(..length)?).ok()?;
    Some((digits.parse().ok()?, &text[length..]))
}
