//! Rules as the kernel shows them.

use reenact_trace::binfmt_misc::interpreter;

const MAGIC: &[u8] = b"enabled\ninterpreter /usr/bin/wine\nflags: \noffset 0\nmagic 4d5a\n";
const MASKED: &[u8] =
    b"enabled\ninterpreter /bin/i\nflags: OC\noffset 2\nmagic 00ff10\nmask 00fff0\n";
const EXTENSION: &[u8] = b"enabled\ninterpreter /usr/bin/jexec\nflags: P\nextension .jar\n";

#[test]
fn by_magic_number() {
    assert_eq!(
        interpreter(MAGIC, b"MZ\x90", b"/a"),
        Some(&b"/usr/bin/wine"[..])
    );
    assert_eq!(interpreter(MAGIC, b"MY\x90", b"/a.exe"), None);
    assert_eq!(interpreter(MAGIC, b"M", b"/a"), None);
}

#[test]
fn by_some_bits_at_an_offset() {
    assert!(interpreter(MASKED, b"ab\x77\xff\x1e", b"/a").is_some());
    assert!(interpreter(MASKED, b"ab\x77\xff\x2e", b"/a").is_none());
    assert!(interpreter(MASKED, b"", b"/a").is_none());
}

#[test]
fn by_the_last_part_of_the_name() {
    assert!(interpreter(EXTENSION, b"", b"/x/a.jar").is_some());
    assert!(interpreter(EXTENSION, b"", b"/x/jar").is_none());
    assert!(interpreter(EXTENSION, b"", b"/x/a.jar.txt").is_none());
}

#[test]
fn not_when_switched_off_or_damaged() {
    let disabled = MAGIC
        .strip_prefix(b"en")
        .map(|rest| [b"dis", rest].concat());
    assert!(interpreter(&disabled.unwrap_or_default(), b"MZ", b"/a").is_none());
    let odd: [&[u8]; 6] = [
        b"",
        b"enabled",
        b"enabled\ninterpreter /i\n",
        b"enabled\ninterpreter /i\nmagic \n",
        b"enabled\ninterpreter /i\nmagic zz\n",
        b"enabled\ninterpreter /i\noffset 99999999999999999999999\nmagic 4d\n",
    ];
    for rule in odd {
        assert!(interpreter(rule, b"MZ", b"/a").is_none());
    }
}
