//! The socket by which `reenact save`, `status` and `stop` reach a recording in a ring: a line of JSON in, a line out.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{json, Value};

use crate::machine::ClockPair;
use crate::manifest::Manifest;
use crate::options::SaveOn;
use crate::reason::Reason;
use crate::requests::{Request, Status};
use crate::ring::{Saved, Snippet};
use crate::trace_directory;

/// Most bytes of a request.
const LONGEST: u64 = 64 << 10;
/// Who asks has to say what within this time, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The drain loop answers at its next pass.
const ANSWER: Duration = Duration::from_secs(30);

/// The socket, until it is dropped.
pub struct RingServer {
    listener: UnixListener,
    path: PathBuf,
    is_over: AtomicBool,
}

impl RingServer {
    /// Listen at a path, which is removed at the end.
    ///
    /// # Errors
    /// When no socket can be made there.
    pub fn bind(path: &Path) -> io::Result<RingServer> {
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(RingServer {
            listener,
            path: path.to_owned(),
            is_over: AtomicBool::new(false),
        })
    }

    /// Answer until [`RingServer::end`].
    ///
    /// # Arguments
    /// * `ask` - hands a request to the drain loop.
    /// * `trace` - the directory of the recording.
    /// * `manifest` - of the recording.
    pub fn run(&self, ask: impl Fn(Request), trace: &Path, manifest: &Mutex<Manifest>) {
        for stream in self.listener.incoming() {
            if self.is_over.load(Ordering::Acquire) {
                return;
            }
            let Ok(stream) = stream else { continue };
            // Whoever asks and goes away has to do without an answer.
            drop(serve(&stream, &ask, trace, manifest));
        }
    }

    /// Let [`RingServer::run`] return.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        drop(UnixStream::connect(&self.path));
    }
}

impl Drop for RingServer {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

fn serve(
    stream: &UnixStream,
    ask: &impl Fn(Request),
    trace: &Path,
    manifest: &Mutex<Manifest>,
) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut line)?;
    let request: Value = serde_json::from_str(&line).unwrap_or_default();
    let reply = match request["do"].as_str() {
        Some("status") => {
            asked(ask, Request::Status).map(|status| status_json(&status, trace, manifest))
        }
        Some("stop") => asked(ask, Request::Stop).map(|()| json!({})),
        Some("save-on") => match request["moment"].as_str().and_then(SaveOn::from_word) {
            Some(moment) => {
                asked(ask, |answer| Request::SaveOn(moment, answer)).map(|()| json!({}))
            }
            None => Err("this is no moment to save a ring".to_owned()),
        },
        Some("where") => {
            let pid = u32::try_from(request["pid"].as_u64().unwrap_or(0)).unwrap_or(0);
            let place = asked(ask, |answer| Request::Where(pid, answer));
            place.and_then(|place| {
                let (process, event) =
                    place.ok_or_else(|| "this process is not recorded".to_owned())?;
                Ok(json!({ "process": process, "event": event }))
            })
        }
        Some("save") => match request["trace"].as_str() {
            Some(target) => save(ask, trace, Path::new(target), manifest),
            None => Err("a trace to save to was not named".to_owned()),
        },
        _ => Err("this request is not known".to_owned()),
    };
    let reply = reply.unwrap_or_else(|error| json!({ "error": error }));
    let mut stream = stream;
    stream.write_all(format!("{reply}\n").as_bytes())
}

/// Have the drain loop answer.
fn asked<T>(
    ask: &impl Fn(Request),
    request: impl FnOnce(Sender<T>) -> Request,
) -> Result<T, String> {
    let (sender, receiver): (Sender<T>, Receiver<T>) = mpsc::channel();
    ask(request(sender));
    let answer = receiver.recv_timeout(ANSWER);
    answer.map_err(|_| "the recording is over".to_owned())
}

fn save(
    ask: &impl Fn(Request),
    trace: &Path,
    target: &Path,
    manifest: &Mutex<Manifest>,
) -> Result<Value, String> {
    let failed = |error: io::Error| format!("the ring cannot be saved: {}", Reason(&error));
    let saved: Saved = asked(ask, Request::Save)?.map_err(failed)?;
    let manifest = manifest
        .lock()
        .map_err(|_| "the recording is over".to_owned())?;
    let mut manifest = manifest.at(target);
    manifest.set("complete", json!(false));
    manifest.set("end", ClockPair::now().json());
    let written = trace_directory::create(target)
        .map_err(|error| error.to_string())
        .and_then(|_| write(&saved, trace, target, &mut manifest).map_err(failed));
    written?;
    Ok(json!({ "trace": target, "bytes": saved.size(), "processes": saved.processes }))
}

/// Write a trace of what was kept at one moment.
fn write(saved: &Saved, from: &Path, target: &Path, manifest: &mut Manifest) -> io::Result<()> {
    trace_directory::copy_files(from, target)?;
    saved.write(&target.join("events"))?;
    for (key, value) in saved.fields() {
        manifest.set(key, value);
    }
    manifest.set("saved", json!("while it ran"));
    manifest.write()
}

fn status_json(status: &Status, trace: &Path, manifest: &Mutex<Manifest>) -> Value {
    let process = |one: &Snippet| {
        json!({
            "number": one.number,
            "pid": one.pid,
            "program": one.program,
            "ended": one.has_ended,
            "bytes": one.bytes,
        })
    };
    let obstacle = |&(number, pid, why): &(u32, u32, &str)| json!({ "number": number, "pid": pid, "why": why });
    let command = manifest
        .lock()
        .map_or(Value::Null, |manifest| manifest.get("command"));
    json!({
        "pid": std::process::id(),
        "trace": trace,
        "command": command,
        "limit": status.limit,
        "bytes": status.bytes,
        "highest": status.highest,
        "events": status.events,
        "reach_seconds": status.reach.as_secs_f64(),
        "processes": status.processes.iter().map(process).collect::<Vec<_>>(),
        "without_snapshots": status.obstacles.iter().map(obstacle).collect::<Vec<_>>(),
        "stopped": status.is_stopped,
    })
}
