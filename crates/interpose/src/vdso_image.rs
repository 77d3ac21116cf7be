//! What is to be known of a vDSO: where its mappings are, and its functions. Pure: text and bytes in,
//! offsets out.

/// Mappings of a vDSO: one of code, the others of its data.
const MAPPINGS: usize = 4;

/// The mappings that belong to a vDSO; they lie one behind the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    mappings: [(u64, u64); MAPPINGS],
    count: usize,
}

impl Layout {
    /// One mapping more: how far below the vDSO it starts, and its length, bytes. One too many is
    /// left out.
    pub fn add(&mut self, below: u64, length: u64) {
        if let Some(place) = self.mappings.get_mut(self.count) {
            *place = (below, length);
            self.count += 1;
        }
    }

    /// How far below the vDSO each starts, and its length, bytes.
    pub fn mappings(&self) -> &[(u64, u64)] {
        &self.mappings[..self.count]
    }

    /// From `/proc/self/maps`, for the vDSO at `address`.
    pub fn parse(maps: &[u8], address: u64) -> Layout {
        let mut layout = Layout::default();
        for line in maps.split(|&byte| byte == b'\n') {
            let names = [b"[vvar]".as_slice(), b"[vvar_vclock]", b"[vdso]"];
            if !names.iter().any(|name| line.ends_with(name)) {
                continue;
            }
            let (start, at) = hexadecimal(line, 0);
            let (end, _) = hexadecimal(line, at + 1);
            if start <= address && end > start {
                layout.add(address - start, end - start);
            }
        }
        layout
    }
}

/// The number at a place of a text, and where it ends.
fn hexadecimal(line: &[u8], mut at: usize) -> (u64, usize) {
    let mut value = 0;
    while let Some(digit) = line.get(at).and_then(|&byte| (byte as char).to_digit(16)) {
        value = value << 4 | u64::from(digit);
        at += 1;
    }
    (value, at)
}

fn u64_at(image: &[u8], at: usize) -> Option<u64> {
    let bytes = image.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

fn u32_at(image: &[u8], at: usize) -> Option<u32> {
    let bytes = image.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Value of the dynamic table's entry with this tag.
fn dynamic(image: &[u8], tag: u64) -> Option<usize> {
    const HEADER_SIZE: usize = 56;
    const PT_DYNAMIC: u32 = 2;
    const ENTRIES: usize = 64;
    let headers = u64_at(image, 32)? as usize;
    let count = usize::from(u16::from_le_bytes([*image.get(56)?, *image.get(57)?]));
    let table = (0..count)
        .map_while(|index| headers.checked_add(index * HEADER_SIZE))
        .find(|&at| u32_at(image, at) == Some(PT_DYNAMIC))
        .and_then(|at| u64_at(image, at.checked_add(8)?))? as usize;
    (0..ENTRIES)
        .map_while(|index| table.checked_add(index * 16))
        .find(|&at| u64_at(image, at) == Some(tag))
        .and_then(|at| u64_at(image, at.checked_add(8)?))
        .map(|value| value as usize)
}

/// Offset of the function with this name in a vDSO's image.
pub fn function(image: &[u8], name: &[u8]) -> Option<usize> {
    const DT_STRTAB: u64 = 5;
    const DT_SYMTAB: u64 = 6;
    const SYMBOL_SIZE: usize = 24;
    let strings = dynamic(image, DT_STRTAB)?;
    let symbols = dynamic(image, DT_SYMTAB)?;
    // The string table follows the symbol table in every kernel's vDSO.
    let count = strings.saturating_sub(symbols) / SYMBOL_SIZE;
    for index in 0..count {
        let symbol = symbols + index * SYMBOL_SIZE;
        let name_at = strings.checked_add(u32_at(image, symbol)? as usize)?;
        let value = u64_at(image, symbol.checked_add(8)?)?;
        let rest = image.get(name_at..).unwrap_or(&[]);
        if rest.strip_prefix(name).and_then(<[u8]>::first) == Some(&0) {
            return Some(value as usize);
        }
    }
    None
}
