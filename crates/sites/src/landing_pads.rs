//! Where the unwinder enters a function: the table of call sites in `.gcc_except_table`.

/// Encodings of pointers (DWARF, as used by the Itanium C++ ABI).
const OMITTED: u8 = 0xff;
const ULEB128: u8 = 0x01;
const UDATA4: u8 = 0x03;
/// More call sites than any function has.
const MOST: usize = 1 << 16;

struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn uleb128(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn number(&mut self, encoding: u8) -> Option<u64> {
        match encoding {
            ULEB128 => self.uleb128(),
            UDATA4 => {
                let (word, rest) = self.rest.split_first_chunk::<4>()?;
                self.rest = rest;
                Some(u32::from_le_bytes(*word).into())
            }
            _ => None,
        }
    }
}

/// The landing pads of the function at `start`; `table` begins with its description.
pub fn landing_pads(table: &[u8], start: u64) -> Vec<u64> {
    let mut pads = Vec::new();
    // What is damaged ends the list.
    let _ = read(table, start, &mut pads);
    pads.sort_unstable();
    pads.dedup();
    pads
}

fn read(table: &[u8], start: u64, pads: &mut Vec<u64>) -> Option<()> {
    let mut cursor = Cursor { rest: table };
    if cursor.byte()? != OMITTED {
        return None;
    }
    if cursor.byte()? != OMITTED {
        cursor.uleb128()?;
    }
    let encoding = cursor.byte()?;
    let length = usize::try_from(cursor.uleb128()?).ok()?;
    let mut sites = Cursor {
        rest: cursor.rest.get(..length)?,
    };
    while !sites.rest.is_empty() && pads.len() < MOST {
        let [_, _, pad] = [
            sites.number(encoding)?,
            sites.number(encoding)?,
            sites.number(encoding)?,
        ];
        sites.uleb128()?;
        if pad != 0 {
            pads.push(start.checked_add(pad)?);
        }
    }
    Some(())
}
