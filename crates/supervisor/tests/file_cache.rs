//! Copies that traces share.

mod scratch;

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use reenact_supervisor::FileCache;
use reenact_trace::arena::KEPT_FILE_MODE;
use reenact_trace::FileIdentity;
use scratch::Scratch;

fn cache_in(scratch: &Scratch) -> FileCache {
    let directory = scratch.0.join("cache");
    fs::create_dir_all(&directory).expect("the temporary directory is writable");
    FileCache::at(Some(directory))
}

fn copy_in(scratch: &Scratch, name: &str, length: usize) -> PathBuf {
    let path = scratch.0.join(name);
    let mut file = File::create(&path).expect("the temporary directory is writable");
    file.write_all(&vec![7; length]).expect("there is room");
    let modified = UNIX_EPOCH + Duration::from_nanos(2);
    file.set_modified(modified).expect("it is ours");
    let mode = Permissions::from_mode(KEPT_FILE_MODE);
    file.set_permissions(mode).expect("it is ours");
    path
}

fn identity(inode: u64, size: u64) -> FileIdentity {
    FileIdentity {
        device: 1,
        inode,
        size,
        modified_ns: 2,
        changed_ns: 3,
    }
}

#[test]
fn what_was_added_is_found() {
    let scratch = Scratch::new("cache-add");
    let mut cache = cache_in(&scratch);
    let copy = copy_in(&scratch, "copy", 100);
    assert_eq!(cache.checksum(&identity(5, 100)), None);
    cache.add(&identity(5, 100), &copy, 0xabc);
    assert_eq!(cache.checksum(&identity(5, 100)), Some(0xabc));
    let place = cache
        .place(&identity(5, 100))
        .expect("there is a directory");
    assert_eq!(
        fs::metadata(place).expect("it was added").ino(),
        fs::metadata(copy).expect("it was written").ino()
    );
}

#[test]
fn an_incomplete_copy_is_not_added() {
    let scratch = Scratch::new("cache-incomplete");
    let mut cache = cache_in(&scratch);
    cache.add(&identity(5, 100), &copy_in(&scratch, "copy", 99), 1);
    let place = cache
        .place(&identity(5, 100))
        .expect("there is a directory");
    assert!(!place.exists());
}

#[test]
fn only_what_no_trace_has_is_removed_the_oldest_first() {
    let scratch = Scratch::new("cache-prune");
    let mut cache = cache_in(&scratch);
    for inode in 1..=4 {
        let copy = copy_in(&scratch, &format!("copy{inode}"), 100);
        cache.add(&identity(inode, 100), &copy, inode);
    }
    // The kernel's clock for time stamps has ticks: order them for certain.
    for inode in 2..=4 {
        thread::sleep(Duration::from_millis(20));
        fs::remove_file(scratch.0.join(format!("copy{inode}"))).expect("it is there");
    }
    cache.prune_to(250, u64::MAX);
    let left: Vec<bool> = (1..=4)
        .map(|inode| {
            let place = cache.place(&identity(inode, 100)).expect("a directory");
            assert_eq!(
                cache.checksum(&identity(inode, 100)).is_some(),
                place.exists()
            );
            place.exists()
        })
        .collect();
    assert_eq!(left, [true, false, true, true]);
}

#[test]
fn a_copy_that_somebody_has_changed_is_replaced() {
    let scratch = Scratch::new("cache-changed");
    let mut cache = cache_in(&scratch);
    let first = copy_in(&scratch, "first", 100);
    cache.add(&identity(5, 100), &first, 1);
    let now = File::open(&first).expect("it is there");
    now.set_modified(UNIX_EPOCH).expect("it is ours");
    cache.add(&identity(5, 100), &first, 2);
    assert_eq!(cache.checksum(&identity(5, 100)), Some(1));
    cache.add(&identity(5, 100), &copy_in(&scratch, "second", 100), 3);
    assert_eq!(cache.checksum(&identity(5, 100)), Some(3));
}

#[test]
fn what_no_trace_has_had_for_long_goes() {
    let scratch = Scratch::new("cache-old");
    let mut cache = cache_in(&scratch);
    let copy = copy_in(&scratch, "copy", 100);
    cache.add(&identity(5, 100), &copy, 1);
    let place = cache
        .place(&identity(5, 100))
        .expect("there is a directory");
    cache.prune_to(u64::MAX, 0);
    assert!(place.exists(), "a trace has it");
    fs::remove_file(copy).expect("it is there");
    cache.prune_to(u64::MAX, 3600);
    assert!(place.exists(), "it was used a moment ago");
    cache.prune_to(u64::MAX, 0);
    assert!(!place.exists());
}
