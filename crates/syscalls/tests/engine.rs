//! The engine on made-up memory: cases a test cannot bring about in the kernel.

use reenact_syscalls::{lookup, Before, Memory, Sink};

/// One readable range.
struct Range {
    start: u64,
    bytes: Vec<u8>,
}

impl Memory for Range {
    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        let Some(offset) = address.checked_sub(self.start) else {
            return false;
        };
        let Some(end) = offset.checked_add(into.len() as u64) else {
            return false;
        };
        let Some(bytes) = self.bytes.get(offset as usize..end as usize) else {
            return false;
        };
        into.copy_from_slice(bytes);
        true
    }
}

#[derive(Default)]
struct Reported(Vec<(u64, u64)>);

impl Sink for Reported {
    fn output(&mut self, address: u64, length: u64) {
        self.0.push((address, length));
    }
}

fn outputs(number: u64, args: &[u64], result: i64, memory: &Range) -> Vec<(u64, u64)> {
    let mut all = [0; 6];
    all[..args.len()].copy_from_slice(args);
    let call = lookup(number).expect("in the table");
    let before = Before::capture(call, &all, memory).expect("not declined");
    let mut reported = Reported::default();
    before.outputs(call, &all, result, memory, &mut reported);
    reported.0
}

fn memory(words: &[u64]) -> Range {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.resize(0x2000, 0);
    Range {
        start: 0x1000,
        bytes,
    }
}

#[test]
fn a_fault_reports_what_is_readable() {
    let memory = memory(&[]);
    assert_eq!(
        outputs(0, &[3, 0x1800, 1 << 20], -14, &memory),
        [(0x1800, 0x1800)]
    );
    assert_eq!(outputs(0, &[3, 0x9000, 1 << 20], -14, &memory), []);
    assert_eq!(
        outputs(0, &[3, 0x1800, u64::MAX], -14, &memory),
        [(0x1800, 0x1800)]
    );
    assert_eq!(outputs(0, &[3, 0x1800, 100], -11, &memory), []);
    assert_eq!(outputs(0, &[3, 0x1800, 100], 7, &memory), [(0x1800, 7)]);
}

#[test]
fn vectors_end_with_the_result() {
    let memory = memory(&[0x1100, 4, 0, 0, 0x1200, 8, 0x1300, 100]);
    assert_eq!(
        outputs(19, &[3, 0x1000, 4], 10, &memory),
        [(0x1100, 4), (0x1200, 6)]
    );
    assert_eq!(outputs(19, &[3, 0x1000, 4], 0, &memory), []);
    assert_eq!(outputs(19, &[3, 0x1000, 1 << 40], 10, &memory), []);
    assert_eq!(
        outputs(19, &[3, 0x1000, 4], -14, &memory),
        [(0x1100, 4), (0x1200, 8), (0x1300, 100)]
    );
}

#[test]
fn identifiers_of_children() {
    const VM: u64 = 0x100;
    const PARENT: u64 = 0x10_0000;
    const CHILD: u64 = 0x100_0000;
    let memory = memory(&[PARENT | CHILD | VM, 0, 0x1800, 0x1900]);
    assert_eq!(
        outputs(56, &[PARENT | CHILD, 0, 0x1100, 0x1200], 77, &memory),
        [(0x1100, 4)]
    );
    assert_eq!(
        outputs(56, &[PARENT | CHILD | VM, 0, 0x1100, 0x1200], 77, &memory),
        [(0x1100, 4), (0x1200, 4)]
    );
    assert_eq!(
        outputs(435, &[0x1000, 88], 77, &memory),
        [(0x1900, 4), (0x1800, 4)]
    );
    assert_eq!(outputs(435, &[0x1000, 88], -22, &memory), []);
}

#[test]
fn hostile_arguments_do_no_harm() {
    let memory = memory(&[u64::MAX; 64]);
    let values = [
        0,
        1,
        0x1000,
        0x1008,
        0x2ff8,
        u64::MAX,
        u64::MAX - 7,
        1 << 63,
        0x7fff_ffff,
    ];
    let mut state = 1u64;
    for call in reenact_syscalls::all() {
        for _ in 0..200 {
            let mut args = [0; 6];
            for arg in &mut args {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                *arg = values[(state >> 33) as usize % values.len()];
            }
            let Ok(before) = Before::capture(call, &args, &memory) else {
                continue;
            };
            for result in [0, 1, 4096, -1, -4, -14, -75, 0x7fff_f000, i64::MAX] {
                // Loops over messages follow the result, which the kernel keeps below the count.
                let result = if call.number == 299 {
                    result.min(1024)
                } else {
                    result
                };
                before.outputs(call, &args, result, &memory, &mut Reported::default());
            }
        }
    }
}
