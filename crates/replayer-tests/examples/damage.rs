//! `damage TRACE ROUNDS [FIRST]`: damages a real trace in many ways, under right checksums, and
//! replays each. The replayer may report anything, but must neither crash nor hang.

use std::path::Path;

use reenact_replayer_tests::chunks::sealed;
use reenact_replayer_tests::damage::{damage, Random};
use reenact_replayer_tests::replay;
use reenact_trace::chunk::{codec, ChunkHeader};

struct Chunk {
    header: ChunkHeader,
    content: Vec<u8>,
}

fn read_chunks(path: &Path) -> Vec<Chunk> {
    let bytes = std::fs::read(path).expect("the trace is readable");
    let mut chunks = Vec::new();
    let mut at = 0;
    while let Ok(header) = ChunkHeader::parse(&bytes[at..]) {
        let stored = header.content(&bytes[at..]).expect("the trace is whole");
        let content = if header.codec == codec::ZSTD {
            zstd::bulk::decompress(stored, header.raw as usize).expect("the trace is whole")
        } else {
            stored.to_vec()
        };
        chunks.push(Chunk { header, content });
        at += header.total_size();
    }
    chunks
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let trace = Path::new(&arguments[1]);
    let number = |index: usize| {
        arguments
            .get(index)
            .and_then(|text| text.parse::<u64>().ok())
    };
    let rounds = number(2).unwrap_or(1000);
    let first = number(3).unwrap_or(0);
    let chunks = read_chunks(&trace.join("events"));
    let target = std::env::temp_dir().join(format!("reenact-damage-{}", std::process::id()));
    std::fs::create_dir_all(&target).expect("the temporary directory is writable");
    for name in ["files", "manifest.json"] {
        let from = std::fs::canonicalize(trace.join(name)).expect("the trace is whole");
        let _ = std::os::unix::fs::symlink(from, target.join(name));
    }
    // The replayer follows no links inside a trace: the folder has to be one.
    let _ = std::fs::remove_file(target.join("files"));
    std::fs::create_dir_all(target.join("files")).expect("the directory is writable");
    for entry in std::fs::read_dir(trace.join("files")).expect("the trace is whole") {
        let entry = entry.expect("the trace is readable");
        std::fs::copy(entry.path(), target.join("files").join(entry.file_name()))
            .expect("there is room for a copy");
    }
    let mut statuses = std::collections::BTreeMap::<String, u64>::new();
    for round in first..first + rounds {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (round + 1).wrapping_mul(0x1234_5677));
        let victim = random.below(chunks.len());
        let mut bytes = Vec::new();
        for (index, chunk) in chunks.iter().enumerate() {
            let mut content = chunk.content.clone();
            if index == victim {
                damage(&mut random, &mut content);
            }
            bytes.extend(sealed(chunk.header, &content, content.len() as u32, false));
        }
        std::fs::write(target.join("events"), &bytes).expect("the directory is writable");
        let replay = replay(&target, &["--runaway", "3000000"]);
        let fine = matches!(replay.status, Some(0 | 1 | 3)) && replay.line("end").is_some();
        assert!(
            fine,
            "round {round}: {:?}\n{}",
            replay.status, replay.report
        );
        *statuses.entry(format!("{:?}", replay.status)).or_default() += 1;
    }
    println!("{rounds} damaged traces: {statuses:?}");
    let _ = std::fs::remove_dir_all(&target);
}
