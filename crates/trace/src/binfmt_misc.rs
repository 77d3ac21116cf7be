//! Rules of the kernel's binfmt_misc, as it shows them below `/proc/sys/fs/binfmt_misc`: which files
//! it hands to an interpreter (fs/binfmt_misc.c). Neither a recorder nor a supervisor follows them;
//! both have to know when one applies.

/// Where the rules are.
pub const DIRECTORY: &str = "/proc/sys/fs/binfmt_misc";
/// Bytes of a file that rules look at (BINPRM_BUF_SIZE).
pub const LOOK: usize = 256;

/// The file's interpreter, if `rule` (the text of one entry) is about it. `start` is the beginning of
/// the file, at most [`LOOK`] bytes.
pub fn interpreter<'a>(rule: &'a [u8], start: &[u8], path: &[u8]) -> Option<&'a [u8]> {
    let mut lines = rule.split(|&byte| byte == b'\n');
    if lines.next()? != b"enabled" {
        return None;
    }
    let (mut interpreter, mut offset, mut matches) = (None, 0, false);
    for line in lines {
        if let Some(value) = line.strip_prefix(b"interpreter ") {
            interpreter = Some(value);
        } else if let Some(value) = line.strip_prefix(b"offset ") {
            offset = decimal(value);
        } else if let Some(extension) = line.strip_prefix(b"extension .") {
            let mut parts = path.rsplitn(2, |&byte| byte == b'.');
            matches = parts.next() == Some(extension) && parts.next().is_some();
        } else if let Some(magic) = line.strip_prefix(b"magic ") {
            matches = has_magic(start.get(offset..).unwrap_or(&[]), magic, mask(rule));
        }
    }
    interpreter.filter(|_| matches)
}

fn mask(rule: &[u8]) -> Option<&[u8]> {
    rule.split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(b"mask "))
}

/// `magic` and `mask` in hexadecimal.
fn has_magic(start: &[u8], magic: &[u8], mask: Option<&[u8]>) -> bool {
    // Beyond the end of a short file the kernel compares with zeros.
    let byte_of = |digits: &[u8], index: usize| {
        let pair = digits.get(2 * index..2 * index + 2)?;
        let high = (pair[0] as char).to_digit(16)?;
        let low = (pair[1] as char).to_digit(16)?;
        Some((high << 4 | low) as u8)
    };
    let length = magic.len() / 2;
    length > 0
        && (0..length).all(|index| {
            let mask = mask.map_or(Some(0xff), |mask| byte_of(mask, index));
            let found = start.get(index).copied().unwrap_or(0);
            match (byte_of(magic, index), mask) {
                (Some(wanted), Some(mask)) => (found ^ wanted) & mask == 0,
                _ => false,
            }
        })
}

fn decimal(digits: &[u8]) -> usize {
    digits
        .iter()
        .take_while(|digit| digit.is_ascii_digit())
        .fold(0usize, |value, &digit| {
            value
                .saturating_mul(10)
                .saturating_add(usize::from(digit - b'0'))
        })
}
