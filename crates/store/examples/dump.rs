//! `dump TRACE_DIR [PROCESS]`: what is in a trace, for developers.

use std::env;
use std::process::exit;

use reenact_store::{StoreError, Trace};
use reenact_trace::Tag;

fn main() {
    let mut arguments = env::args().skip(1);
    let Some(path) = arguments.next() else {
        eprintln!("usage: dump TRACE_DIR [PROCESS]");
        exit(125);
    };
    let process = arguments.next().and_then(|number| number.parse().ok());
    if let Err(error) = dump(&path, process) {
        eprintln!("dump: {error}");
        exit(125);
    }
}

fn dump(path: &str, wanted: Option<u32>) -> Result<(), StoreError> {
    let trace = Trace::open(path)?;
    println!(
        "{} bytes, cut: {}, damaged: {:?}",
        trace.log().length(),
        trace.log().is_cut(),
        trace.log().damaged()
    );
    for file in trace.files() {
        println!(
            "file {} {} {} bytes {:?}",
            file.id, file.path, file.size, file.error
        );
    }
    for process in trace.processes() {
        println!(
            "process {} pid {} parent {:?} start {}: {} events, {} bytes, status {:?}, {:?}",
            process.number,
            process.pid,
            process.parent,
            process.start,
            process.events,
            process.log_bytes,
            process.wait_status(),
            process.end,
        );
        for image in &process.images {
            let argv: Vec<_> = image
                .argv
                .iter()
                .map(|one| String::from_utf8_lossy(one))
                .collect();
            println!(
                "  @{} {} {argv:?}",
                image.event,
                String::from_utf8_lossy(&image.path)
            );
        }
        if wanted.is_some_and(|wanted| wanted != process.number) {
            continue;
        }
        for event in trace.events(process.number, 0, u64::MAX)? {
            match event {
                Ok(stored) => print_event(stored.index.0, &stored.event()),
                Err(error) => println!("  !! {error}"),
            }
        }
    }
    Ok(())
}

fn print_event(index: u64, event: &reenact_trace::Event<'_>) {
    let header = &event.header;
    println!(
        "  {index} {} code {} flags {:#x} tid {} ip {:#x} regs {:016x} args {:x?} = {:#x}",
        event.kind.name(),
        { header.code },
        { header.flags },
        { header.tid },
        { header.ip },
        { header.register_checksum },
        { header.args },
        { header.result },
    );
    for attachment in event.attachments() {
        let text = matches!(attachment.tag, Tag::Text | Tag::Path | Tag::Argv);
        let shown =
            &attachment.payload[..attachment.payload.len().min(if text { 400 } else { 24 })];
        let shown = match text {
            true => String::from_utf8_lossy(shown).replace('\0', " "),
            false => format!("{shown:02x?}"),
        };
        println!(
            "      {:?} {:#x} {} bytes {shown}",
            attachment.tag,
            attachment.address,
            attachment.payload.len()
        );
    }
}
