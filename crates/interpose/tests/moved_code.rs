//! The table of moved code against a map of the standard library.

use std::collections::HashMap;

use reenact_interpose::moved_code::{MovedCode, MOST};

/// SplitMix64, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

#[test]
fn it_answers_as_a_map_does() {
    const CODE: u64 = 0x7f00_0000_0000;
    const LENGTH: u64 = 1 << 16;
    for seed in 0..10 {
        let mut random = Random(seed);
        let mut table = Box::new(MovedCode::new());
        let mut known = HashMap::new();
        let mut added = 0;
        while added < MOST as u64 {
            let address = CODE + random.below(LENGTH);
            match random.below(50) {
                0 => {
                    let end = address + random.below(LENGTH / 20);
                    table.forget(address, end);
                    known.retain(|before, _| !(address..end).contains(before));
                }
                _ if table.has_room() => {
                    table.add(address, address + 7);
                    known.insert(address, address + 7);
                    added += 1;
                }
                _ => break,
            }
        }
        for address in CODE..CODE + LENGTH {
            let expected = known.get(&address).copied().unwrap_or(address);
            assert_eq!(table.address_of(address), expected, "seed {seed}");
        }
    }
}

#[test]
fn a_full_table_still_answers() {
    let mut table = Box::new(MovedCode::new());
    for index in 0..2 * MOST as u64 {
        table.add(0x1000 + index, 1);
    }
    assert!(!table.has_room());
    assert_eq!(table.address_of(0x1000), 1);
    assert_eq!(table.address_of(0x1000 + MOST as u64), 0x1000 + MOST as u64);
}

#[test]
fn addresses_that_no_code_has_stay_what_they_are() {
    let mut table = Box::new(MovedCode::new());
    table.add(0x1000, 0x2000);
    table.forget(0, u64::MAX);
    for address in [0, 1, 0x1000, u64::MAX] {
        assert_eq!(table.address_of(address), address);
    }
}
