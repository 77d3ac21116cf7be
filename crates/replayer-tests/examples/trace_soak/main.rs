//! Mutates traces, makes their checksums right again, and gives them to every reader.
//!
//! ```console
//! $ cargo run --release -p reenact-replayer-tests --example trace_soak -- --mutations 50000
//! ```
//!
//! It fails at the first mutation that makes a reader panic, hang, end in an unknown way or take more
//! than a gigabyte, and says how to repeat it. Most mutations are read by the store, some by the reader
//! of debug information, and each so many are replayed.

mod base;
mod library;
mod limits;
mod mutation;
mod readers;

use std::path::PathBuf;
use std::process::exit;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use reenact_replayer_tests::damage::Random;

use base::Base;
use limits::{CountingAllocator, Watch};
use readers::Readers;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// After so many mutations each it says how far it is.
const PROGRESS: u64 = 100_000;

/// What was asked for.
struct Options {
    mutations: u64,
    /// The first one, to repeat it.
    first: u64,
    seed: u64,
    replay_every: u64,
    symbols_every: u64,
    jobs: usize,
    traces: Vec<PathBuf>,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        mutations: 50_000,
        first: 0,
        seed: 1,
        replay_every: 25,
        symbols_every: 10,
        jobs: 2,
        traces: Vec::new(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or(format!("{word} needs a value"))?;
        let number = || value.parse().map_err(|_| format!("{word} needs a number"));
        match word.as_str() {
            "--mutations" => options.mutations = number()?,
            "--first" => options.first = number()?,
            "--seed" => options.seed = number()?,
            "--replay-every" => options.replay_every = number()?.max(1),
            "--symbols-every" => options.symbols_every = number()?.max(1),
            "--jobs" => options.jobs = number()?.max(1) as usize,
            "--trace" => options.traces.push(value.into()),
            _ => return Err(format!("{word} is no option")),
        }
    }
    Ok(options)
}

fn main() {
    let options = options().unwrap_or_else(|error| {
        eprintln!("trace_soak: {error}");
        exit(2);
    });
    let bases = base::all(&options.traces);
    let library = library::compiled();
    let next = AtomicU64::new(options.first);
    let end = options.first + options.mutations;
    let watch = Watch::new(options.jobs);
    let started = Instant::now();
    let counts: Vec<readers::Counts> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.jobs)
            .map(|worker| {
                let (options, bases, next, watch) = (&options, &bases, &next, &watch);
                let library = library.as_deref();
                scope.spawn(move || {
                    let mut readers = Readers::new(worker, bases, library);
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= end {
                            break;
                        }
                        watch.begin(worker, number);
                        if (number - options.first) % PROGRESS == PROGRESS - 1 {
                            eprintln!("{} mutations", number - options.first + 1);
                        }
                        round(options, bases, &mut readers, number);
                    }
                    watch.end(worker);
                    readers.counts()
                })
            })
            .collect();
        watch.guard(options.seed);
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| exit(1)))
            .collect()
    });
    let total = readers::Counts::sum(&counts);
    println!(
        "{} mutations of seed {} in {:.0} s: {} opened, {} events read, {} read as debug information, \
         {} replayed ({} exact); at most {} MiB here and {} MiB in a replayer",
        options.mutations,
        options.seed,
        started.elapsed().as_secs_f64(),
        total.opened,
        total.events,
        total.symbols,
        total.replayed,
        total.exact,
        limits::peak() >> 20,
        total.replayer_peak >> 20,
    );
}

/// One mutation; whatever is wrong with what readers make of it ends us.
fn round(options: &Options, bases: &[Base], readers: &mut Readers<'_>, number: u64) {
    let mix = options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.wrapping_add(1);
    let mut random = Random(mix.wrapping_mul(0xd134_2543_de82_ef95) | 1);
    random.next_number();
    let base = random.below(bases.len());
    let (mutated, what) = mutation::mutate(&bases[base], &mut random);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        readers.write(base, &mutated)?;
        readers.read_store();
        if number.is_multiple_of(options.symbols_every) {
            readers.read_symbols(&mut random);
        }
        if number.is_multiple_of(options.replay_every) {
            readers.replay()?;
        }
        Ok::<(), String>(())
    }));
    let wrong = match result {
        Ok(Ok(())) => return,
        Ok(Err(wrong)) => wrong,
        Err(_) => "a reader panics".to_owned(),
    };
    eprintln!(
        "mutation {number} of seed {} ({what} of {}): {wrong}\n\
         the trace: {}\nagain: --seed {} --first {number} --mutations 1 --replay-every 1 --symbols-every 1",
        options.seed,
        bases[base].name,
        readers.directory(base).display(),
        options.seed
    );
    exit(1);
}
