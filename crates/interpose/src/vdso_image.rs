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
        layout.add_lines(maps, address);
        layout
    }

    /// Add what some lines of `/proc/self/maps` say.
    pub fn add_lines(&mut self, lines: &[u8], address: u64) {
        for line in lines.split(|&byte| byte == b'\n') {
            let names = [b"[vvar]".as_slice(), b"[vvar_vclock]", b"[vdso]"];
            if !names.iter().any(|name| line.ends_with(name)) {
                continue;
            }
            let (start, at) = hexadecimal(line, 0);
            let (end, _) = hexadecimal(line, at + 1);
            if start <= address && end > start {
                self.add(address - start, end - start);
            }
        }
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

/// A symbol of a vDSO.
struct Symbol {
    /// Where its entry in the symbol table is.
    entry: usize,
    name: usize,
    value: usize,
    /// Whether it is a function that is there.
    is_function: bool,
}

/// The symbols of a vDSO's image.
fn symbols(image: &[u8]) -> impl Iterator<Item = Symbol> + '_ {
    const DT_STRTAB: u64 = 5;
    const DT_SYMTAB: u64 = 6;
    const SYMBOL_SIZE: usize = 24;
    const STT_FUNC: u8 = 2;
    let strings = dynamic(image, DT_STRTAB).unwrap_or(0);
    let symbols = dynamic(image, DT_SYMTAB).unwrap_or(strings);
    // The string table follows the symbol table in every kernel's vDSO.
    let count = strings.saturating_sub(symbols) / SYMBOL_SIZE;
    (0..count).map_while(move |index| {
        let entry = symbols + index * SYMBOL_SIZE;
        let section = image.get(entry + SECTION..entry + SECTION + 2)?;
        Some(Symbol {
            entry,
            name: strings.checked_add(u32_at(image, entry)? as usize)?,
            value: u64_at(image, entry.checked_add(8)?)? as usize,
            is_function: image.get(entry + 4)? & 0xf == STT_FUNC && section != [0, 0],
        })
    })
}

/// Offset of a symbol's section in its entry.
const SECTION: usize = 6;

/// Offset of the function with this name in a vDSO's image.
pub fn function(image: &[u8], name: &[u8]) -> Option<usize> {
    symbols(image)
        .find(|symbol| {
            let rest = image.get(symbol.name..).unwrap_or(&[]);
            rest.strip_prefix(name).and_then(<[u8]>::first) == Some(&0)
        })
        .map(|symbol| symbol.value)
}

/// Have nobody find the functions of an image that do not begin at one of these offsets.
pub fn hide_others(image: &mut [u8], shown: &[usize]) {
    loop {
        let is_other = |symbol: &Symbol| symbol.is_function && !shown.contains(&symbol.value);
        let Some(symbol) = symbols(image).find(is_other) else {
            return;
        };
        // No section: it is not defined here.
        image[symbol.entry + SECTION..symbol.entry + SECTION + 2].fill(0);
    }
}
