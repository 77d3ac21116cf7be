//! Whole recordings in which an ordinary program stands in for the recorder: what it is
//! started with, and what is left behind.

mod scratch;

use std::ffi::OsString;
use std::fs;

use reenact_supervisor::{record, Ending, RecordOptions, SupervisorError};
use scratch::Scratch;

fn shell(scratch: &Scratch, script: &str) -> RecordOptions {
    let command = ["sh", "-c", script].map(OsString::from).to_vec();
    RecordOptions::new(scratch.0.join("trace"), "/bin/sh", command)
}

#[test]
fn the_recorder_gets_arguments_environment_and_descriptors() {
    let scratch = Scratch::new("launch");
    let out = scratch.0.join("out");
    let script = format!(
        "echo $0 $((REENACT_SLOT)) $COLOR > {0}; ls -l /proc/$$/fd | grep -c -e memfd -e trace >> {0}; exit 3",
        out.display()
    );
    let mut options = shell(&scratch, &script);
    options.environment = Some(vec!["COLOR=red".into(), "PATH=/usr/bin:/bin".into()]);
    let outcome = record(&options).expect("a recording");
    assert_eq!(outcome.ending, Ending::Exited(3));
    assert_eq!(
        fs::read_to_string(out).expect("written by the shell"),
        "sh 0 red\n2\n"
    );
    let manifest = fs::read(options.trace.join("manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("valid JSON");
    // The shell is no recorder.
    assert_eq!(manifest["complete"], false);
    assert_eq!(outcome.messages.len(), 1);
    assert_eq!(manifest["command"][0], "sh");
    assert_eq!(manifest["environment"][0], "COLOR=red");
    assert!(manifest["start"]["tsc"].as_u64() < manifest["end"]["tsc"].as_u64());
    assert!(manifest["machine"]["cpuid"]
        .as_array()
        .is_some_and(|leaves| leaves.len() > 5));
    assert_eq!(
        fs::metadata(options.trace.join("events"))
            .expect("a log")
            .len(),
        0
    );
}

#[test]
fn a_signal_is_the_outcome() {
    let scratch = Scratch::new("signal");
    let outcome = record(&shell(&scratch, "kill -SEGV $$")).expect("a recording");
    assert_eq!(outcome.ending, Ending::Signaled(libc::SIGSEGV));
}

#[test]
fn broken_pipes_end_programs_as_usual() {
    let scratch = Scratch::new("pipe");
    // Rust programs ignore SIGPIPE; the recorded one must not.
    let outcome = record(&shell(&scratch, "kill -PIPE $$; exit 0")).expect("a recording");
    assert_eq!(outcome.ending, Ending::Signaled(libc::SIGPIPE));
}

#[test]
fn refusals_name_their_reason_and_leave_nothing_behind() {
    let scratch = Scratch::new("refusals");
    let write = |name: &str, bytes: &[u8], mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        let path = scratch.0.join(name);
        fs::write(&path, bytes).expect("a writable directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("our own file");
        path.into_os_string()
    };
    let mut elf32 = b"\x7fELF\x01\x01\x01".to_vec();
    elf32.resize(64, 0);
    elf32[18] = 3;
    let mut arm = b"\x7fELF\x02\x01\x01".to_vec();
    arm.resize(64, 0);
    arm[18] = 183;
    let cases: Vec<(OsString, &str)> = vec![
        ("no-such-command-here".into(), "command-not-found"),
        ("/no/such/file".into(), "command-not-found"),
        (scratch.0.clone().into_os_string(), "is-directory"),
        (write("plain", b"hello", 0o644), "not-executable"),
        (write("text", b"hello", 0o755), "not-a-program"),
        (write("elf32", &elf32, 0o755), "thirty-two-bit"),
        (write("arm", &arm, 0o755), "foreign-architecture"),
        (write("empty", b"#!\n", 0o755), "bad-script"),
    ];
    for (command, kind) in cases {
        let options = RecordOptions::new(scratch.0.join("trace"), "/bin/true", vec![command]);
        let error = record(&options).expect_err(kind);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!options.trace.exists());
    }
    let options = RecordOptions::new(&scratch.0, "/bin/true", vec!["true".into()]);
    assert!(matches!(
        record(&options),
        Err(SupervisorError::TraceExists { .. })
    ));
    let options = RecordOptions::new(scratch.0.join("t"), "/no/recorder", vec!["true".into()]);
    assert!(matches!(
        record(&options),
        Err(SupervisorError::Recorder { .. })
    ));
}

#[test]
fn scripts_run_their_interpreter() {
    let scratch = Scratch::new("script");
    let script = scratch.0.join("script");
    fs::write(&script, "#! /bin/sh  -e f \nexit 4\n").expect("a writable directory");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&script, mode).expect("our own file");
    let command = [script.clone().into_os_string(), "argument".into()];
    let program = reenact_supervisor::resolve(&command, None).expect("a program");
    assert_eq!(program.image.to_str(), Some("/bin/sh"));
    assert_eq!(program.exec_name, script);
    let expected: Vec<OsString> = vec![
        "/bin/sh".into(),
        "-e f".into(),
        script.into_os_string(),
        "argument".into(),
    ];
    assert_eq!(program.arguments, expected);
}
