//! Every access to watched memory is told, however far a run goes at once and whatever was told before it.

#[path = "../harness/mod.rs"]
mod harness;

use harness::check::{assemble, machine, registers};
use harness::fuzz::Case;
use harness::generate::{assemble as assembled, Table};
use harness::machine::{Machine, CODE, DATA, DATA_SIZE, STACK};
use harness::native::{self, initial_vectors, TIMED_OUT};
use harness::random::Random;
use harness::watched::{hits, watch, Told};
use iced_x86::code_asm::*;
use iced_x86::IcedError;
use reenact_translator::{Stop, Watch};
use std::sync::atomic::Ordering;

const WRITES: [Watch; 1] = [Watch {
    start: DATA,
    end: DATA + DATA_SIZE as u64,
    access: Watch::WRITE,
}];

/// What a program does to watched memory, the same in one go and by single instructions; how many accesses.
fn check_hits(
    watches: &[Watch],
    build: impl FnOnce(&mut CodeAssembler) -> Result<(), IcedError>,
) -> usize {
    let mut guard = machine();
    let machine = guard.get();
    let code = assemble(build);
    let run = |machine: &mut Machine, piece: u64| -> (Vec<Told>, Stop) {
        machine.load_alone(0, &code);
        machine.data().fill(0);
        watch(machine, watches);
        machine.start(&registers(), &initial_vectors());
        let found = hits(machine, u64::MAX, piece);
        machine.translator.set_watches(&[]);
        found
    };
    let stepped = run(machine, 1);
    let whole = run(machine, u64::MAX);
    assert_eq!(whole, stepped);
    whole.0.len()
}

/// The function that is called writes; the call itself does, too: what lies behind it must not be taken for looked at.
#[test]
fn behind_an_indirect_call_that_pushes_onto_watched_memory() {
    for through_memory in [false, true] {
        let told = check_hits(&WRITES, |a| {
            let mut top = a.create_label();
            let mut function = a.create_label();
            a.lea(rsi, qword_ptr(function))?;
            a.mov(qword_ptr(rbx + 64), rsi)?;
            a.mov(ecx, 50)?;
            a.set_label(&mut top)?;
            if through_memory {
                a.call(qword_ptr(rbx + 64))?;
            } else {
                a.call(rsi)?;
            }
            a.dec(ecx)?;
            a.jnz(top)?;
            a.int3()?;
            a.set_label(&mut function)?;
            a.push(rbp)?;
            a.push(r12)?;
            a.mov(qword_ptr(rbx), rcx)?;
            a.pop(r12)?;
            a.pop(rbp)?;
            a.ret()
        });
        assert_eq!(told, 1 + 50 * 4);
    }
}

#[test]
fn behind_returns_and_jumps_that_read_watched_memory() {
    let reads = [Watch {
        start: DATA,
        end: DATA + DATA_SIZE as u64,
        access: Watch::READ,
    }];
    let told = check_hits(&reads, |a| {
        let mut top = a.create_label();
        let mut function = a.create_label();
        let mut target = a.create_label();
        a.lea(rsi, qword_ptr(target))?;
        a.mov(qword_ptr(rbx + 64), rsi)?;
        a.mov(ecx, 50)?;
        a.set_label(&mut top)?;
        a.call(function)?;
        a.mov(rax, qword_ptr(rbx))?;
        a.jmp(qword_ptr(rbx + 64))?;
        a.int3()?;
        a.set_label(&mut target)?;
        a.add(rax, qword_ptr(rbx + 8))?;
        a.dec(ecx)?;
        a.jnz(top)?;
        a.int3()?;
        a.set_label(&mut function)?;
        a.ret()
    });
    assert_eq!(told, 50 * 4);
}

/// A program that writes next to its own code: the page faults, and the store is made once more on its own.
#[test]
fn behind_a_store_to_a_page_of_code() {
    let target = CODE + 0xf00;
    let watches = [
        WRITES[0],
        Watch {
            start: target,
            end: target + 8,
            access: Watch::WRITE,
        },
    ];
    let told = check_hits(&watches, |a| {
        let mut top = a.create_label();
        let mut function = a.create_label();
        a.lea(rsi, qword_ptr(function))?;
        a.mov(rdi, target)?;
        a.mov(ecx, 50)?;
        a.set_label(&mut top)?;
        a.mov(qword_ptr(rdi), rcx)?;
        a.call(rsi)?;
        a.dec(ecx)?;
        a.jnz(top)?;
        a.int3()?;
        a.set_label(&mut function)?;
        a.mov(qword_ptr(rbx), rcx)?;
        a.ret()
    });
    assert_eq!(told, 50 * 3);
}

/// Some of the random programs of the comparison with native runs, some of their memory watched.
#[test]
fn random_programs_tell_all_their_accesses() {
    const LIMIT: u64 = 50_000;
    let table = Table::new();
    let mut guard = machine();
    let machine = guard.get();
    native::watchdog(500);
    let mut total = 0;
    for seed in 1..600 {
        let case = Case::new(seed, &table);
        let code = assembled(&case.items, case.offset);
        if case.offset + code.len() > 0x4000 {
            continue;
        }
        let mut random = Random::new(seed);
        let watches: Vec<Watch> = (0..1 + random.below(3))
            .map(|number| {
                let start = match number {
                    0 if random.one_in(2) => STACK - 64,
                    _ => DATA + random.below(DATA_SIZE) as u64,
                };
                let size = *random.pick(&[8, 64, 4096, DATA_SIZE as u64]);
                let access = *random.pick(&[Watch::WRITE, Watch::READ, Watch::WRITE | Watch::READ]);
                Watch {
                    start,
                    end: start + size,
                    access,
                }
            })
            .collect();
        machine
            .translator
            .set_sampling(if random.one_in(2) { 20 } else { 1 << 15 });
        let run = |machine: &mut Machine, piece: u64| {
            TIMED_OUT.store(0, Ordering::Relaxed);
            native::CASE.fetch_add(1, Ordering::Relaxed);
            machine.load_alone(case.offset, &code);
            case.fill_data(machine);
            watch(machine, &watches);
            machine.start(&case.registers, &case.vectors);
            let found = hits(machine, LIMIT, piece);
            (TIMED_OUT.load(Ordering::Relaxed) == 0).then_some(found.0)
        };
        let (stepped, whole) = (run(machine, 1), run(machine, u64::MAX));
        if let (Some(stepped), Some(whole)) = (stepped, whole) {
            assert_eq!(
                whole,
                stepped,
                "{watches:x?} of seed {seed}:\n{}",
                case.listing()
            );
            total += stepped.len();
        }
    }
    native::watchdog(0);
    machine.translator.set_watches(&[]);
    machine.translator.set_sampling(1 << 15);
    assert!(total > 1000, "{total} accesses were told");
}

/// A store by elements, the bits that choose them, and which bytes it writes.
type Store = (
    &'static str,
    fn(&mut CodeAssembler) -> Result<(), IcedError>,
    fn(u64, u64) -> bool,
);

/// The mask is in k1, and as signs of elements of 4 bytes in ymm2, of 1 byte in xmm3.
const MASKED: [Store; 6] = [
    (
        "bytes",
        |a| a.vmovdqu8(zmmword_ptr(rbx).k1(), zmm1),
        |mask, byte| mask >> byte & 1 != 0,
    ),
    (
        "words of a smaller register",
        |a| a.vmovdqu16(xmmword_ptr(rbx).k1(), xmm1),
        |mask, byte| byte < 16 && mask >> (byte / 2) & 1 != 0,
    ),
    (
        "doublewords",
        |a| a.vmovups(zmmword_ptr(rbx).k1(), zmm1),
        |mask, byte| mask >> (byte / 4) & 1 != 0,
    ),
    (
        "compressed",
        |a| a.vpcompressd(zmmword_ptr(rbx).k1(), zmm1),
        |mask, byte| byte < 4 * u64::from((mask as u16).count_ones()),
    ),
    (
        "narrowed",
        |a| a.vpmovqd(ymmword_ptr(rbx).k1(), zmm1),
        |mask, byte| byte < 32 && mask >> (byte / 4) & 1 != 0,
    ),
    (
        "everything",
        |a| a.vmovdqu64(zmmword_ptr(rbx), zmm1),
        |_, _| true,
    ),
];
const BY_SIGN: [Store; 3] = [
    (
        "by the signs of doublewords",
        |a| a.vpmaskmovd(ymmword_ptr(rbx), ymm2, ymm1),
        |mask, byte| byte < 32 && mask >> (byte / 4) & 1 != 0,
    ),
    (
        "by the signs of half a register",
        |a| a.vmaskmovps(xmmword_ptr(rbx), xmm2, xmm1),
        |mask, byte| byte < 16 && mask >> (byte / 4) & 1 != 0,
    ),
    (
        "by the signs of bytes",
        |a| {
            a.mov(rdi, rbx)?;
            a.maskmovdqu(xmm1, xmm3)
        },
        |mask, byte| byte < 16 && mask >> byte & 1 != 0,
    ),
];

/// Only the elements that are stored are told: functions for short strings store with masks.
#[test]
fn stores_with_masks() {
    const MASKS: [u64; 4] = [0, 0x1f, 0x8001_0000_0000_a5c3, u64::MAX];
    // Where the signs are.
    const SIGNS: u64 = 512;
    let has_opmasks = std::is_x86_feature_detected!("avx512bw");
    let opmask = MASKED.iter().filter(|_| has_opmasks);
    for (what, store, writes) in opmask.chain(&BY_SIGN) {
        for mask in MASKS {
            for byte in 0..64 {
                let watches = [Watch {
                    start: DATA + byte,
                    end: DATA + byte + 1,
                    access: Watch::WRITE,
                }];
                let told = check_hits(&watches, |a| {
                    for element in 0..8 {
                        let sign = (mask >> element & 1) as i32 * i32::MIN;
                        a.mov(dword_ptr(rbx + SIGNS + 4 * element), sign)?;
                    }
                    for element in 0..16 {
                        let sign = (mask >> element & 1) as i32 * 0x80;
                        a.mov(byte_ptr(rbx + SIGNS + 64 + element), sign)?;
                    }
                    a.vmovdqu(ymm2, ymmword_ptr(rbx + SIGNS))?;
                    a.movdqu(xmm3, xmmword_ptr(rbx + SIGNS + 64))?;
                    if has_opmasks {
                        a.mov(rax, mask)?;
                        a.kmovq(k1, rax)?;
                    }
                    store(a)?;
                    a.int3()
                });
                let expected = usize::from(writes(mask, byte));
                assert_eq!(told, expected, "{what}, mask {mask:#x}, byte {byte}");
            }
        }
    }
}
