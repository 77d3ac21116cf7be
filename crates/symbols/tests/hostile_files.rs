//! ELF files that want more than they are, and damage of all kinds: an answer or an error.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use reenact_symbols::{soname, Context, Error, Module};

#[path = "../../../tests/rust/skips.rs"]
mod skips;

/// A section: its name, flags and content.
type Section<'a> = (&'a str, u64, &'a [u8]);

/// An ELF file with these sections.
fn elf(sections: &[Section<'_>]) -> Vec<u8> {
    let mut names = vec![0];
    let mut content = Vec::new();
    let mut headers = vec![[0u64; 8]];
    let all = sections.iter().copied().chain([(".shstrtab", 0, &[][..])]);
    for (name, flags, bytes) in all {
        let name_at = names.len() as u64;
        names.extend_from_slice(name.as_bytes());
        names.push(0);
        let is_names = name == ".shstrtab";
        let bytes = if is_names {
            names.clone()
        } else {
            bytes.to_vec()
        };
        let kind = if is_names { 3 } else { 1 };
        let offset = 64 + content.len() as u64;
        let size = bytes.len() as u64;
        headers.push([kind << 32 | name_at, flags, 0, offset, size, 0, 1, 0]);
        content.extend_from_slice(&bytes);
        content.resize(content.len().next_multiple_of(8), 0);
    }
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let half = |file: &mut Vec<u8>, value: u16| file.extend_from_slice(&value.to_le_bytes());
    half(&mut file, 3);
    half(&mut file, 62);
    file.extend_from_slice(&1u32.to_le_bytes());
    for word in [0, 0, 64 + content.len() as u64] {
        file.extend_from_slice(&u64::to_le_bytes(word));
    }
    file.extend_from_slice(&0u32.to_le_bytes());
    for value in [
        64,
        56,
        0,
        64,
        headers.len() as u16,
        headers.len() as u16 - 1,
    ] {
        half(&mut file, value);
    }
    file.extend_from_slice(&content);
    for header in headers {
        for word in header {
            file.extend_from_slice(&word.to_le_bytes());
        }
    }
    file
}

fn written(bytes: &[u8]) -> File {
    let name = format!("reenact-symbols-{}-{:p}", std::process::id(), bytes);
    let path: PathBuf = std::env::temp_dir().join(name);
    let mut file = File::create(&path).expect("the temporary directory is writable");
    file.write_all(bytes).expect("there is room");
    let file = File::open(&path).expect("it was written");
    std::fs::remove_file(path).expect("it was written");
    file
}

fn read(bytes: &[u8]) -> Result<Module, Error> {
    Module::read(written(bytes), Path::new("here"), Path::new("there"), &[])
}

#[test]
fn a_section_that_claims_to_be_gigabytes_is_refused() {
    const COMPRESSED: u64 = 1 << 11;
    let mut header = Vec::new();
    for word in [1, 4u64 << 30, 1] {
        header.extend_from_slice(&word.to_le_bytes());
    }
    header.resize(16 << 10, 0);
    let file = elf(&[(".debug_info", COMPRESSED, &header)]);
    assert!(matches!(
        read(&file),
        Err(Error::TooLarge(_, ".debug_info"))
    ));
}

#[test]
fn a_file_of_holes_is_refused() {
    let file = written(&elf(&[(".debug_info", 0, &[0; 64])]));
    let path = std::env::temp_dir().join(format!("reenact-holes-{}", std::process::id()));
    std::fs::write(&path, elf(&[(".debug_info", 0, &[0; 64])])).expect("there is room");
    let hollow = File::options()
        .append(true)
        .open(&path)
        .expect("it was written");
    hollow.set_len(8 << 40).expect("it takes no room");
    let hollow = File::open(&path).expect("it was written");
    std::fs::remove_file(path).expect("it was written");
    let module = Module::read(hollow, Path::new("here"), Path::new("there"), &[]);
    assert!(matches!(module, Err(Error::Hollow(_))));
    assert!(Module::read(file, Path::new("here"), Path::new("there"), &[]).is_ok());
}

/// xorshift64*: the same damage on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) as usize % limit.max(1)
    }
}

/// Ask everything of a module.
fn ask(module: &Module) {
    let read = |_: u64, length: usize| (length < 1 << 20).then(|| vec![7; length]);
    let context = Context {
        registers: &[Some(0x7fff_0000); 17],
        bias: 0,
        frame_address: Some(0x7fff_1000),
        thread_local: None,
        entry_value: &|_| None,
        read: &read,
    };
    let (low, high) = module.address_range().unwrap_or((0, 0));
    let step = (high.saturating_sub(low) / 40).max(1);
    for address in (low..high).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
        let _ = module.source_frames(address);
        let _ = module.unwind(address, &context);
        let _ = module.line_rows(address, address + step);
        let _ = module.is_optimized(address);
        let _ = module.block_at(address);
        for scope in module.scopes(address).unwrap_or_default() {
            for variable in scope.variables.into_iter().take(4) {
                let _ = module.locate(variable.entry, Some(scope.function), address, &context);
                let found = variable.type_entry.map(|entry| module.type_at(entry));
                for member in found
                    .and_then(Result::ok)
                    .map_or(Vec::new(), |kind| kind.members)
                {
                    let _ = module.member_address(member.entry, address, &context);
                }
            }
        }
    }
    let _ = module.globals("value", Some(0x1000));
    let _ = module.functions_named("main");
    let _ = module.functions_named("a::main");
    let _ = module.enumerator_named("value");
    let _ = module.missing_part();
    let _ = module.types_named("node");
    let _ = module.symbols_named("main").count();
    let _ = module.lines_with_code("lines.c");
}

#[test]
fn damaged_files_give_answers_or_errors() {
    let Some(original) = compiled() else { return };
    let mut random = Random(0x5eed);
    for _ in 0..300 {
        let mut bytes = original.clone();
        for _ in 0..=random.below(6) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = 0xff,
                2 => bytes.truncate(at.max(64)),
                _ => {
                    let from = random.below(bytes.len());
                    let length = random.below(64).min(bytes.len() - at.max(from));
                    bytes.copy_within(from..from + length, at);
                }
            }
        }
        let _ = soname(written(&bytes));
        if let Ok(module) = read(&bytes) {
            ask(&module);
        }
    }
}

/// A small library of a C compiler; `None` where there is none.
fn compiled() -> Option<Vec<u8>> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/debugger/lines.c");
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("reenact-lines-{}-{number}.so", std::process::id());
    let made = std::env::temp_dir().join(name);
    let status = std::process::Command::new("cc")
        .args([
            "-g",
            "-O1",
            "-shared",
            "-fPIC",
            "-Wl,-soname,lines.so.1",
            "-w",
            "-o",
        ])
        .args([made.as_os_str(), source.as_ref()])
        .status();
    let content = std::fs::read(&made).ok();
    let _ = std::fs::remove_file(made);
    if !status.is_ok_and(|status| status.success()) {
        skips::note(skips::Reason::NoProgram, "cc");
        return None;
    }
    content
}

#[test]
fn the_name_of_a_library() {
    if let Some(library) = compiled() {
        assert_eq!(
            soname(written(&library)).as_deref(),
            Some(&b"lines.so.1"[..])
        );
    }
    assert_eq!(soname(written(&elf(&[]))), None);
    assert_eq!(soname(written(b"no ELF file")), None);
}
