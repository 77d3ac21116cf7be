//! The checksum in one piece and in many.

use reenact_trace::checksum::{checksum, Checksum};

fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| (index * 7 + index / 251) as u8)
        .collect()
}

/// Values of released versions: they are in traces.
#[test]
fn values_stay_what_they_are() {
    let known = [
        (0, 0xaaab_01a2_7b76_b77c),
        (1, 0xead9_63d8_5256_9c80),
        (31, 0x9d7e_5507_f082_66d0),
        (32, 0x11f4_253c_ee16_f5b1),
        (1000, 0x1629_288b_72ec_6c6c),
    ];
    for (length, expected) in known {
        assert_eq!(checksum(&bytes(length)), expected, "{length} bytes");
    }
}

#[test]
fn pieces_give_what_the_whole_gives() {
    let whole = bytes(333);
    for first in 0..=whole.len() {
        for second in [first, (first + 1).min(333), (first + 40).min(333), 333] {
            let mut state = Checksum::default();
            state.add(&whole[..first]);
            state.add(&whole[first..second]);
            state.add(&whole[second..]);
            assert_eq!(state.finish(), checksum(&whole), "{first} {second}");
        }
    }
}
