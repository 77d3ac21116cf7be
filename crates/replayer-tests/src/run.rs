//! Runs the replayer.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Bytes of output that are kept.
const MOST_OUTPUT: u64 = 64 << 20;

/// What a replay said.
#[derive(Debug)]
pub struct Replay {
    /// Exit status; `None` when it was killed by a signal.
    pub status: Option<i32>,
    pub report: String,
    /// Output frames.
    pub output: Vec<u8>,
    /// Bytes of memory that its processes had at most; a process that it does not wait for is not in it.
    pub peak_bytes: u64,
}

impl Replay {
    /// The line of this type, if there is one.
    pub fn line(&self, kind: &str) -> Option<&str> {
        let start = format!("{{\"type\":\"{kind}\"");
        self.report.lines().find(|line| line.starts_with(&start))
    }

    /// Whether a line of this type holds this text.
    pub fn says(&self, kind: &str, text: &str) -> bool {
        let start = format!("{{\"type\":\"{kind}\"");
        self.report
            .lines()
            .any(|line| line.starts_with(&start) && line.contains(text))
    }
}

/// The replayer: `REENACT_REPLAYER`, or built here.
pub fn replayer() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        if let Some(path) = std::env::var_os("REENACT_REPLAYER") {
            return path.into();
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../replayer");
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--release"]).current_dir(&folder);
        for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
            build.env_remove(variable);
        }
        let built = build.status().expect("cargo runs");
        assert!(built.success(), "the replayer does not build");
        folder.join("target/release/reenact-replayer")
    })
}

/// Replay a trace. Panics when it takes longer than 30 seconds: the replayer never hangs.
pub fn replay(trace: &Path, options: &[&str]) -> Replay {
    let (mut output, frames) = UnixStream::pair().expect("sockets can be made");
    #[expect(clippy::zombie_processes, reason = "`ended` waits for it")]
    let mut child = Command::new(replayer())
        .args(options)
        .args(["--output", "2"])
        .arg(trace)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(OwnedFd::from(frames)))
        .spawn()
        .expect("the replayer starts");
    let mut stdout = child.stdout.take().expect("stdout is piped");
    let reports = std::thread::spawn(move || {
        let mut report = Vec::new();
        stdout.read_to_end(&mut report).map(|_| report)
    });
    let frames = std::thread::spawn(move || {
        let mut frames = Vec::new();
        (&mut output).take(MOST_OUTPUT).read_to_end(&mut frames)?;
        // A call can give out far more than its event has: what a program prints is not kept here.
        std::io::copy(&mut output, &mut std::io::sink()).map(|_| frames)
    });
    let deadline = Instant::now() + Duration::from_secs(30);
    let (status, peak_bytes) = loop {
        if let Some(ended) = ended(&child) {
            break ended;
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the replayer hangs on {}", trace.display());
        }
        std::thread::sleep(Duration::from_micros(300));
    };
    let report = reports
        .join()
        .expect("reader lives")
        .expect("the pipe is readable");
    let output = frames
        .join()
        .expect("reader lives")
        .expect("the pipe is readable");
    Replay {
        status,
        peak_bytes,
        report: String::from_utf8(report).expect("reports are UTF-8"),
        output,
    }
}

/// The exit status of a child that has ended, and the bytes of memory that it had at most; it is
/// waited for here, and not by its `Child`.
fn ended(child: &Child) -> Option<(Option<i32>, u64)> {
    let mut status = 0;
    // SAFETY: the kernel fills a structure and a number of ours.
    let (waited, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let pid = child.id() as libc::pid_t;
        let waited = libc::wait4(pid, &mut status, libc::WNOHANG, &mut usage);
        (waited, usage)
    };
    assert!(waited >= 0, "the child is ours");
    let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
    (waited > 0).then_some((code, usage.ru_maxrss as u64 * 1024))
}
