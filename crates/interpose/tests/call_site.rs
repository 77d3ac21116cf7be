//! Which call sites may become a jump.

use reenact_interpose::call_site::{CallSite, Shape, BEFORE, BEHIND};

const AFTER: u64 = 0x5555_0000_1000;
const WRITE: u64 = 1;

/// Code around a `syscall` whose last byte lies before `AFTER`.
fn code(before: [u8; 8], behind: [u8; 6]) -> [u8; BEFORE + BEHIND] {
    let mut code = [0; BEFORE + BEHIND];
    code[..8].copy_from_slice(&before);
    code[8..10].copy_from_slice(&[0x0f, 0x05]);
    code[10..].copy_from_slice(&behind);
    code
}

/// `mov eax, NUMBER` behind some other instruction.
fn move_to_eax(number: u32) -> [u8; 8] {
    let mut bytes = [0x90; 8];
    bytes[3] = 0xb8;
    bytes[4..].copy_from_slice(&number.to_le_bytes());
    bytes
}

const COMPARE: [u8; 6] = [0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff];
const OTHER: [u8; 6] = [0x90; 6];

fn find(code: &[u8; BEFORE + BEHIND], number: u64) -> Option<CallSite> {
    CallSite::find(code, AFTER, number, |_| false)
}

#[test]
fn the_move_of_the_number_becomes_the_jump() {
    let site = find(&code(move_to_eax(1), COMPARE), WRITE).expect("a shape we know");
    assert_eq!((site.start, site.length), (AFTER - 7, 5));
    assert_eq!(site.shape, Shape::Move(1));
    assert_eq!(site.end(), AFTER);
}

#[test]
fn a_move_of_another_number_is_none() {
    // The number came from elsewhere: a jump over the move is possible.
    assert_eq!(find(&code(move_to_eax(2), OTHER), WRITE), None);
}

#[test]
fn a_move_with_a_prefix_is_none() {
    for prefix in 0x40..=0x4f {
        let mut before = move_to_eax(1);
        before[2] = prefix;
        assert_eq!(
            find(&code(before, OTHER), WRITE),
            None,
            "prefix {prefix:#x}"
        );
    }
}

#[test]
fn the_comparison_behind_becomes_part_of_the_jump() {
    let site = find(&code([0x90; 8], COMPARE), WRITE).expect("a shape we know");
    assert_eq!((site.start, site.length), (AFTER - 2, 8));
    assert_eq!(site.shape, Shape::Compare([0x00, 0xf0, 0xff, 0xff]));
    assert_eq!(site.end(), AFTER + 6);
}

#[test]
fn what_is_no_system_call_is_none() {
    let mut bytes = code(move_to_eax(1), COMPARE);
    bytes[8] = 0x90;
    assert_eq!(find(&bytes, WRITE), None);
}

#[test]
fn the_call_of_a_patched_move_is_not_patched_again() {
    let trampoline = AFTER + 0x10_0000;
    let mut before = [0x90; 8];
    before[3] = 0xe9;
    let distance = (trampoline - (AFTER - 2)) as i32;
    before[4..].copy_from_slice(&distance.to_le_bytes());
    let code = code(before, COMPARE);
    let is_trampoline = |address| address == trampoline;
    assert_eq!(CallSite::find(&code, AFTER, WRITE, is_trampoline), None);
    // A jump of the program's own is no obstacle.
    assert!(CallSite::find(&code, AFTER, WRITE, |_| false).is_some());
}

#[test]
fn a_site_is_known_again_by_the_code_that_was_replaced() {
    for (before, behind, number) in [(move_to_eax(1), OTHER, WRITE), ([0x90; 8], COMPARE, WRITE)] {
        let code = code(before, behind);
        let site = find(&code, number).expect("a shape we know");
        let first = (site.start - (AFTER - BEFORE as u64)) as usize;
        let original = &code[first..first + site.length];
        assert_eq!(CallSite::replaced(site.start, original), Some(site));
    }
    assert_eq!(CallSite::replaced(AFTER, &[0x90; 5]), None);
    assert_eq!(CallSite::replaced(AFTER, &[]), None);
}
