//! What a file is known by.

use reenact_trace::FileIdentity;

const IDENTITY: FileIdentity = FileIdentity {
    device: 1,
    inode: 0xabc,
    size: 3,
    modified_ns: 4,
    changed_ns: 5,
};

#[test]
fn names_hold_hash_and_inode() {
    let name = IDENTITY.cache_name();
    let expected = format!("{:016x}-0000000000000abc", IDENTITY.hash());
    assert_eq!(name, expected.as_bytes());
}

#[test]
fn every_field_changes_the_hash() {
    let mut hashes = vec![IDENTITY.hash()];
    for index in 0..5 {
        let mut other = IDENTITY;
        match index {
            0 => other.device += 1,
            1 => other.inode += 1,
            2 => other.size += 1,
            3 => other.modified_ns += 1,
            _ => other.changed_ns += 1,
        }
        hashes.push(other.hash());
    }
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 6);
}

#[test]
fn age_is_that_of_the_later_change() {
    assert!(IDENTITY.is_older_than(6));
    assert!(!IDENTITY.is_older_than(5));
}
