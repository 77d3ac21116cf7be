//! The command line.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use lexopt::prelude::*;
use reenact_supervisor::Mechanism;

use crate::failure::Failure;

pub const HELP: &str = "\
usage: reenact-recorder record [OPTIONS] [--] PROGRAM [ARGUMENTS]

Run a program and record everything it could observe from outside. The trace is replayed with the
whole package, on this machine or another one: reenact verify TRACE, reenact replay TRACE.

  -o, --output TRACE  directory to make for the trace (default: PROGRAM-N in $REENACT_TRACE_DIR,
                      else in the user's data directory)
  --checksum N        checksum all memory every N system calls, to find where a replay departs
  --leave-code        put nothing into the program's code, for programs that check it
  --chaos             schedule threads at random
  --seed N            seed of the random schedule (default: another one each time)
  --timeout SECONDS   end the program after so long
  -q, --quiet         do not say where the trace is
  -h, --help          show this
  --version           show the version
";

/// What is wanted.
#[derive(Debug, PartialEq)]
pub enum Wish {
    Help,
    Version,
    Record(Record),
}

/// A recording.
#[derive(Debug, Default, PartialEq)]
pub struct Record {
    pub command: Vec<OsString>,
    pub output: Option<PathBuf>,
    pub checksum_interval: u64,
    pub leaves_code: bool,
    pub chaos_seed: Option<u64>,
    pub timeout: Option<Duration>,
    pub mechanism: Mechanism,
    pub quiet: bool,
}

/// Understand the words of a command line, its first being our own name.
///
/// # Errors
/// What is no command line of ours.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Wish, Failure> {
    understood(words)
        .map_err(|error| Failure::new(error.to_string(), "see: reenact-recorder --help"))
}

fn understood(words: impl IntoIterator<Item = OsString>) -> Result<Wish, lexopt::Error> {
    let mut parser = lexopt::Parser::from_iter(words);
    match parser.next()? {
        None | Some(Short('h') | Long("help")) => return Ok(Wish::Help),
        Some(Long("version")) => return Ok(Wish::Version),
        Some(Value(command)) if command == "record" => {}
        Some(Value(command)) => {
            let command = command.to_string_lossy();
            return Err(format!("there is no command {command}: this program records only").into());
        }
        Some(other) => return Err(other.unexpected()),
    }
    let mut record = Record {
        mechanism: mechanism()?,
        ..Record::default()
    };
    let (mut chaos, mut seed) = (false, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Wish::Help),
            Short('q') | Long("quiet") => record.quiet = true,
            Short('o') | Long("output") => record.output = Some(parser.value()?.into()),
            Long("checksum") => record.checksum_interval = parser.value()?.parse()?,
            Long("leave-code") => record.leaves_code = true,
            Long("chaos") => chaos = true,
            Long("seed") => seed = Some(parser.value()?.parse()?),
            Long("timeout") => record.timeout = Some(parser.value()?.parse_with(seconds)?),
            // What follows the program's name is the program's own.
            Value(program) => {
                record.command = [program].into_iter().chain(parser.raw_args()?).collect();
                break;
            }
            other => return Err(other.unexpected()),
        }
    }
    if record
        .command
        .first()
        .is_none_or(|program| program.is_empty())
    {
        return Err("no program was named".into());
    }
    if seed.is_some() && !chaos {
        return Err("--seed is of use with --chaos only".into());
    }
    record.chaos_seed = chaos.then(|| seed.unwrap_or_else(new_seed));
    Ok(Wish::Record(record))
}

fn mechanism() -> Result<Mechanism, lexopt::Error> {
    match env::var("REENACT_MECHANISM").as_deref() {
        Err(_) | Ok("" | "auto") => Ok(Mechanism::Auto),
        Ok("dispatch") => Ok(Mechanism::Dispatch),
        Ok("seccomp") => Ok(Mechanism::Seccomp),
        Ok(other) => Err(format!(
            "REENACT_MECHANISM is {other}, which is no way to catch system calls: dispatch or seccomp"
        )
        .into()),
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let number = text.parse().ok().filter(|&seconds: &f64| seconds > 0.0);
    let duration = number.and_then(|number| Duration::try_from_secs_f64(number).ok());
    duration.ok_or("not a number of seconds")
}

/// Another one each time, and short enough to be typed again.
fn new_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| u64::from(now.subsec_nanos()) ^ now.as_secs()) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Wish, Failure> {
        parse(["reenact-recorder"].iter().chain(words).map(OsString::from))
    }

    fn record(words: &[&str]) -> Record {
        match parsed(words) {
            Ok(Wish::Record(record)) => record,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_follows_the_program_is_its_own() {
        for words in [
            &["record", "-q", "-o", "t", "ls", "-q", "--", "--help"][..],
            &["record", "-qo", "t", "--", "ls", "-q", "--", "--help"],
            &[
                "record",
                "--output=t",
                "--quiet",
                "ls",
                "-q",
                "--",
                "--help",
            ],
        ] {
            let record = record(words);
            assert_eq!(record.command, ["ls", "-q", "--", "--help"]);
            assert_eq!(record.output, Some("t".into()));
            assert!(record.quiet);
        }
    }

    #[test]
    fn schedules_are_random_when_asked_for() {
        assert_eq!(record(&["record", "ls"]).chaos_seed, None);
        assert!(record(&["record", "--chaos", "ls"]).chaos_seed.is_some());
        let chosen = record(&["record", "--seed", "7", "--chaos", "ls"]);
        assert_eq!(chosen.chaos_seed, Some(7));
    }

    #[test]
    fn what_is_wrong_is_one_sentence() {
        for words in [
            &["replay", "t"][..],
            &["record"],
            &["record", "--"],
            &["record", ""],
            &["record", "--seed", "7", "ls"],
            &["record", "--timeout", "soon", "ls"],
            &["record", "--timeout", "-1", "ls"],
            &["record", "--checksum", "x", "ls"],
            &["record", "--sources", "no", "ls"],
            &["--quiet"],
            &["record", "-o"],
        ] {
            let failure = parsed(words).expect_err("it is no command line");
            assert!(!failure.message.contains('\n') && !failure.message.is_empty());
        }
    }

    #[test]
    fn help_is_shown_when_nothing_is_asked() {
        assert_eq!(parsed(&[]).expect("it is one"), Wish::Help);
        assert_eq!(parsed(&["record", "-h"]).expect("it is one"), Wish::Help);
        assert_eq!(parsed(&["--version"]).expect("it is one"), Wish::Version);
    }
}
