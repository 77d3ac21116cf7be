//! The functions of the vDSO that this test has itself.

use std::fs;

use reenact_interpose::vdso_image::{function, hide_others, Layout};

/// Start and end of the vDSO's code, from the maps file.
fn vdso(maps: &str) -> Option<(u64, u64)> {
    let line = maps.lines().find(|line| line.ends_with("[vdso]"))?;
    let (start, rest) = line.split_once('-')?;
    let (end, _) = rest.split_once(' ')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some((number(start)?, number(end)?))
}

#[test]
fn the_kernels_functions_are_found() {
    let maps = fs::read_to_string("/proc/self/maps").expect("a maps file");
    let Some((start, end)) = vdso(&maps) else {
        // Switched off at the kernel's command line.
        assert!(Layout::parse(maps.as_bytes(), 0).mappings().is_empty());
        return;
    };
    // SAFETY: a mapping of the kernel's that stays readable.
    let image = unsafe { std::slice::from_raw_parts(start as *const u8, (end - start) as usize) };
    for name in ["__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time"] {
        let offset = function(image, name.as_bytes()).expect(name);
        assert!(offset < image.len());
    }
    assert_eq!(function(image, b"__vdso_clock"), None);
    assert_eq!(function(image, b"no_such_function"), None);
    let layout = Layout::parse(maps.as_bytes(), start);
    assert!(layout.mappings().contains(&(0, end - start)));
}

#[test]
fn a_damaged_image_has_no_functions() {
    let maps = fs::read_to_string("/proc/self/maps").expect("a maps file");
    let Some((start, end)) = vdso(&maps) else {
        return;
    };
    // SAFETY: as above.
    let image = unsafe { std::slice::from_raw_parts(start as *const u8, (end - start) as usize) };
    for length in 0..image.len().min(2000) {
        function(&image[..length], b"__vdso_time");
        hide_others(&mut image[..length].to_vec(), &[]);
    }
    // Every byte of the headers changed in turn: some answer, and no panic.
    let mut damaged = image.to_vec();
    for at in 0..600 {
        for value in [0, 0x7f, 0xff] {
            damaged[at] = value;
            function(&damaged, b"__vdso_time");
        }
        damaged[at] = image[at];
    }
}

/// The functions that the machine's own reader of symbols finds in an image.
fn defined(image: &[u8]) -> Option<Vec<String>> {
    let path = std::env::temp_dir().join(format!("reenact-vdso-{}", std::process::id()));
    fs::write(&path, image).expect("a file");
    let told = std::process::Command::new("readelf")
        .args(["--dyn-syms", "--wide"])
        .arg(&path)
        .output();
    fs::remove_file(&path).expect("the file");
    let text = String::from_utf8(told.ok()?.stdout).expect("text");
    let lines = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let functions = lines.filter(|words| words.get(3) == Some(&"FUNC") && words[6] != "UND");
    Some(functions.map(|words| words[7].to_string()).collect())
}

#[test]
fn only_known_functions_are_shown() {
    let maps = fs::read_to_string("/proc/self/maps").expect("a maps file");
    let Some((start, end)) = vdso(&maps) else {
        return;
    };
    // SAFETY: as above.
    let image = unsafe { std::slice::from_raw_parts(start as *const u8, (end - start) as usize) };
    let mut copy = image.to_vec();
    let time = function(image, b"__vdso_time").expect("it has it");
    hide_others(&mut copy, &[time]);
    let (Some(before), Some(shown)) = (defined(image), defined(&copy)) else {
        return;
    };
    assert!(before.len() > shown.len(), "{before:?}");
    let is_time = |name: &String| name.trim_start_matches("__vdso_").starts_with("time@");
    assert!(!shown.is_empty() && shown.iter().all(is_time), "{shown:?}");
}

#[test]
fn mappings_lie_one_behind_the_other() {
    let maps = b"7ffc0000-7ffc4000 r--p 0 00:00 0 [vvar]\n\
        7ffc4000-7ffc5000 r--p 0 00:00 0 [vvar_vclock]\n\
        7ffc5000-7ffc7000 r-xp 0 00:00 0 [vdso]\n";
    let layout = Layout::parse(maps, 0x7ffc_5000);
    let expected = [(0x5000, 0x4000), (0x1000, 0x1000), (0, 0x2000)];
    assert_eq!(layout.mappings(), expected);
}
