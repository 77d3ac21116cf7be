//! Everything that reads traces.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use reenact_replayer_tests::damage::{damage, Random};
use reenact_replayer_tests::replay;
use reenact_store::{kept_files, Trace};
use reenact_symbols::{soname, Context, Module};

use crate::base::Base;
use crate::limits::MOST_BYTES;
use crate::mutation::Mutated;

/// Events of a process that are read at most, and processes.
const MOST_EVENTS: usize = 20_000;
const MOST_PROCESSES: usize = 64;
/// Addresses of a library that are asked about.
const ADDRESSES: u64 = 24;

/// What was read.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    pub opened: u64,
    pub events: u64,
    pub symbols: u64,
    pub replayed: u64,
    pub exact: u64,
    /// Bytes of memory of a replayer, at most.
    pub replayer_peak: u64,
}

impl Counts {
    pub fn sum(all: &[Counts]) -> Counts {
        all.iter().fold(Counts::default(), |sum, counts| Counts {
            opened: sum.opened + counts.opened,
            events: sum.events + counts.events,
            symbols: sum.symbols + counts.symbols,
            replayed: sum.replayed + counts.replayed,
            exact: sum.exact + counts.exact,
            replayer_peak: sum.replayer_peak.max(counts.replayer_peak),
        })
    }
}

/// The readers of one worker, and a directory for each base.
pub struct Readers<'a> {
    bases: &'a [Base],
    library: Option<&'a [u8]>,
    root: PathBuf,
    current: PathBuf,
    counts: Counts,
}

impl<'a> Readers<'a> {
    pub fn new(worker: usize, bases: &'a [Base], library: Option<&'a [u8]>) -> Readers<'a> {
        // In memory where there is such a place: a million traces are written.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let root = place.join(format!("reenact-soak-{}-{worker}", std::process::id()));
        let readers = Readers {
            bases,
            library,
            current: root.clone(),
            root,
            counts: Counts::default(),
        };
        for (number, base) in bases.iter().enumerate() {
            let files = readers.directory(number).join("files");
            fs::create_dir_all(&files).expect("there is room");
            for (name, content) in &base.files {
                fs::write(files.join(name), content).expect("there is room");
            }
        }
        readers
    }

    /// Where mutations of a base are written.
    pub fn directory(&self, base: usize) -> PathBuf {
        self.root.join(base.to_string())
    }

    /// Write a mutated trace.
    pub fn write(&mut self, base: usize, mutated: &Mutated) -> Result<(), String> {
        self.current = self.directory(base);
        let base = &self.bases[base];
        let put = |name: &str, content: Option<&Vec<u8>>, otherwise: &[u8]| {
            let content = content.map_or(otherwise, Vec::as_slice);
            fs::write(self.current.join(name), content)
                .map_err(|error| format!("cannot be written: {error}"))
        };
        put("events", mutated.events.as_ref(), &[])?;
        put("manifest.json", mutated.manifest.as_ref(), &base.manifest)?;
        put("files.jsonl", mutated.list.as_ref(), &base.list)
    }

    /// All that the store has to say.
    pub fn read_store(&mut self) {
        let Ok(trace) = Trace::open(&self.current) else {
            return;
        };
        self.counts.opened += 1;
        let mut text = String::new();
        for process in trace.processes().iter().take(MOST_PROCESSES) {
            let _ = process.wait_status();
            let Ok(events) = trace.events(process.number, 0, u64::MAX) else {
                continue;
            };
            for event in events.take(MOST_EVENTS) {
                let Ok(stored) = event else { continue };
                let event = stored.event();
                text.clear();
                let _ = write!(text, "{:.6}", trace.clock().seconds(event.header.time));
                if let Some(call) = reenact_syscalls::lookup(event.header.code.into()) {
                    let header = &event.header;
                    let _ = reenact_syscalls::format_call(
                        call,
                        &{ header.args },
                        header.result,
                        &mut text,
                    );
                }
                std::hint::black_box(event.attachments().count());
                self.counts.events += 1;
            }
        }
        let _ = kept_files::check(trace.directory(), None);
    }

    /// A damaged library, asked everything.
    pub fn read_symbols(&mut self, random: &mut Random) {
        let Some(library) = self.library else { return };
        let mut bytes = library.to_vec();
        damage(random, &mut bytes);
        let path = self.root.join("library");
        fs::write(&path, &bytes).expect("there is room");
        let open = || File::open(&path).expect("it was written");
        let _ = soname(open());
        if let Ok(module) = Module::read(open(), &path, Path::new("/nowhere/x"), &[]) {
            ask(&module);
            self.counts.symbols += 1;
        }
    }

    /// Replay what was written: any verdict, but one of those there are.
    pub fn replay(&mut self) -> Result<(), String> {
        // Damage can make a loop that never ends: that is not a hang of ours.
        let replay = replay(&self.current, &["--runaway", "1000000"]);
        let is_verdict = matches!(replay.status, Some(0 | 1 | 3)) && replay.line("end").is_some();
        if !is_verdict {
            return Err(format!(
                "the replayer ends with {:?}:\n{}",
                replay.status, replay.report
            ));
        }
        if replay.peak_bytes > MOST_BYTES as u64 {
            return Err(format!("the replayer takes {} bytes", replay.peak_bytes));
        }
        self.counts.replayed += 1;
        self.counts.exact += u64::from(replay.status == Some(0));
        self.counts.replayer_peak = self.counts.replayer_peak.max(replay.peak_bytes);
        Ok(())
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }
}

impl Drop for Readers<'_> {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.root));
    }
}

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
    let step = (high.saturating_sub(low) / ADDRESSES).max(1);
    for number in 0..ADDRESSES {
        let address = low.saturating_add(number.saturating_mul(step));
        let _ = module
            .symbol_at(address)
            .map(|symbol| symbol.demangled().len());
        let _ = module.source_frames(address);
        let _ = module.unwind(address, &context);
        let _ = module.line_rows(address, address.saturating_add(step));
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
    let _ = module.line_addresses("lines.c", 10);
    let _ = module.lines_with_code("lines.c");
}
