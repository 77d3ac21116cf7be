//! What a replay on another machine needs to know about this one.

use std::arch::x86_64::{__cpuid_count, _rdtsc};
use std::ffi::CStr;
use std::time::{SystemTime, UNIX_EPOCH};

use reenact_trace::arena::{ANY_SUBLEAF, CPUID_TABLE_ENTRIES};
use serde_json::{json, Value};

/// Leaves whose answer depends on ecx, and how many subleaves to ask at most.
const SUBLEAVES: &[(u32, u32)] = &[
    (0x4, 8),
    (0x7, 3),
    (0xb, 4),
    (0xd, 64),
    (0xf, 2),
    (0x10, 4),
    (0x12, 4),
    (0x14, 2),
    (0x17, 4),
    (0x18, 8),
    (0x1d, 2),
    (0x1e, 2),
    (0x1f, 6),
    (0x24, 2),
    (0x8000_001d, 8),
    (0x8000_0020, 4),
    (0x8000_0026, 4),
];
/// Extended leaves asked at most.
const MAX_LEAVES: u32 = 0x40;

/// A moment in both clocks, to convert event times.
#[derive(Clone, Copy, Debug)]
pub struct ClockPair {
    /// Nanoseconds since the epoch.
    pub epoch_ns: u64,
    /// Time-stamp counter at the same moment.
    pub tsc: u64,
}

impl ClockPair {
    /// Read both clocks; the closest pair of several tries.
    pub fn now() -> ClockPair {
        let mut best = (
            u64::MAX,
            ClockPair {
                epoch_ns: 0,
                tsc: 0,
            },
        );
        for _ in 0..5 {
            let before = time_stamp();
            let epoch_ns = epoch_ns();
            let after = time_stamp();
            let distance = after.wrapping_sub(before);
            if distance < best.0 {
                best = (
                    distance,
                    ClockPair {
                        epoch_ns,
                        tsc: before + distance / 2,
                    },
                );
            }
        }
        best.1
    }

    pub fn json(self) -> Value {
        json!({ "epoch_ns": self.epoch_ns, "tsc": self.tsc })
    }
}

/// The time-stamp counter.
pub fn time_stamp() -> u64 {
    // SAFETY: rdtsc is part of every x86-64 processor.
    unsafe { _rdtsc() }
}

/// Nanoseconds since the epoch.
pub fn epoch_ns() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_nanos() as u64)
}

/// What the current processor answers to a question.
pub fn ask(leaf: u32, subleaf: u32) -> [u32; 6] {
    let answer = __cpuid_count(leaf, subleaf);
    let [eax, ebx, ecx, edx] = [answer.eax, answer.ebx, answer.ecx, answer.edx];
    [leaf, subleaf, eax, ebx, ecx, edx]
}

/// Numbers of the processors this process may run on.
pub fn allowed_processors() -> Vec<usize> {
    // SAFETY: an all-zero set is valid, and it is ours.
    unsafe {
        let mut allowed: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut allowed);
        (0..libc::CPU_SETSIZE as usize)
            .filter(|&processor| libc::CPU_ISSET(processor, &allowed))
            .collect()
    }
}

/// CPUID answers of the current processor: `[leaf, subleaf, eax, ebx, ecx, edx]`.
pub fn cpuid_leaves() -> Vec<[u32; 6]> {
    let mut leaves = Vec::new();
    for base in [0, 0x4000_0000, 0x8000_0000] {
        let highest = __cpuid_count(base, 0).eax;
        if highest < base || highest > base + 0x1000 {
            continue;
        }
        for leaf in base..=highest.min(base + MAX_LEAVES) {
            let count = SUBLEAVES
                .iter()
                .find(|(known, _)| *known == leaf)
                .map_or(1, |(_, count)| *count);
            for subleaf in 0..count {
                let answer = ask(leaf, subleaf);
                if subleaf > 1 && is_empty(&answer) {
                    continue;
                }
                leaves.push(answer);
            }
        }
    }
    leaves
}

/// Of the answers of this machine, on which all processors agree, those that are the same
/// whenever they are asked for, as entries of the arena's table: neither the number of a
/// processor nor anything a hypervisor may change. Only leaves of which it is documented whether
/// ecx matters (Intel SDM volume 2 and AMD APM volume 3, CPUID).
pub fn constant_leaves(leaves: &[[u32; 6]]) -> Vec<[u32; 6]> {
    leaves
        .iter()
        .chain(&ends_of_caches(leaves))
        .filter_map(|&[leaf, subleaf, eax, ebx, ecx, edx]| {
            let subleaf = match leaf {
                0x0 | 0x2 | 0x15 | 0x16 | 0x19 | 0x8000_0000..=0x8000_0008 => ANY_SUBLEAF,
                0x4 | 0x7 | 0xd | 0x14 | 0x8000_001d => subleaf,
                _ => return None,
            };
            Some([leaf, subleaf, eax, ebx, ecx, edx])
        })
        .take(CPUID_TABLE_ENTRIES)
        .collect()
}

/// The subleaf behind that of the last cache, which says that there are no more: the dynamic linker asks for it a dozen times.
/// [`cpuid_leaves`] has asked for it, too, and found it empty.
fn ends_of_caches(leaves: &[[u32; 6]]) -> Vec<[u32; 6]> {
    [0x4, 0x8000_001d]
        .into_iter()
        .filter_map(|leaf| {
            let most = SUBLEAVES.iter().find(|(known, _)| *known == leaf)?.1;
            let caches = leaves.iter().filter(|entry| entry[0] == leaf);
            let next = caches.map(|entry| entry[1] + 1).max()?;
            (next > 1 && next < most).then_some([leaf, next, 0, 0, 0, 0])
        })
        .collect()
}

fn is_empty(answer: &[u32; 6]) -> bool {
    answer[2..] == [0; 4]
}

/// State components the system has enabled, 0 when XSAVE is off.
pub fn xcr0() -> u64 {
    const OSXSAVE: u32 = 1 << 27;
    if __cpuid_count(1, 0).ecx & OSXSAVE == 0 {
        return 0;
    }
    let (low, high): (u32, u32);
    // SAFETY: OSXSAVE says that xgetbv is allowed.
    unsafe {
        std::arch::asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high,
            options(nomem, nostack));
    }
    u64::from(high) << 32 | u64::from(low)
}

/// `(hostname, kernel release, kernel version)`.
pub fn system_names() -> [String; 3] {
    // SAFETY: uname fills the structure with NUL-terminated strings.
    unsafe {
        let mut names: libc::utsname = std::mem::zeroed();
        libc::uname(&mut names);
        [&names.nodename, &names.release, &names.version]
            .map(|name| CStr::from_ptr(name.as_ptr()).to_string_lossy().into_owned())
    }
}

/// Answers of the other allowed processors where they differ by more than their number;
/// empty on machines with equal cores. Moves the calling thread around.
pub fn differing_processors(reference: &[[u32; 6]]) -> Vec<(usize, Vec<[u32; 6]>)> {
    let mut differing = Vec::new();
    // SAFETY: affinity calls on this thread with sets of our own.
    unsafe {
        let mut allowed: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut allowed) != 0 {
            return differing;
        }
        for processor in 0..libc::CPU_SETSIZE as usize {
            if !libc::CPU_ISSET(processor, &allowed) {
                continue;
            }
            let mut one: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(processor, &mut one);
            if libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &one) != 0 {
                continue;
            }
            let leaves = cpuid_leaves();
            if !leaves
                .iter()
                .map(without_number)
                .eq(reference.iter().map(without_number))
            {
                differing.push((processor, leaves));
            }
        }
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &allowed);
    }
    differing
}

/// A leaf without the fields that hold the processor's own number.
pub fn without_number(leaf: &[u32; 6]) -> [u32; 6] {
    let mut leaf = *leaf;
    match leaf[0] {
        1 => leaf[3] &= 0x00ff_ffff,
        0xb | 0x1f | 0x8000_0026 => leaf[5] = 0,
        0x8000_001e => (leaf[2], leaf[3], leaf[4]) = (0, 0, 0),
        // Sizes of the state components follow XCR0 and IA32_XSS, not the processor.
        _ => {}
    }
    leaf
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_leaves_are_what_the_processor_answers() {
        let entries = constant_leaves(&cpuid_leaves());
        assert!(entries.iter().any(|entry| entry[0] == 0));
        for [leaf, subleaf, eax, ebx, ecx, edx] in entries {
            assert!(leaf & 0xf000_0000 != 0x4000_0000, "{leaf:x}");
            let asked = match subleaf {
                ANY_SUBLEAF => vec![0, 1, 77, u32::MAX],
                other => vec![other],
            };
            for subleaf in asked {
                let answer = __cpuid_count(leaf, subleaf);
                let found = [answer.eax, answer.ebx, answer.ecx, answer.edx];
                assert_eq!(
                    found,
                    [eax, ebx, ecx, edx],
                    "leaf {leaf:x} subleaf {subleaf:x}"
                );
            }
        }
    }

    #[test]
    fn that_there_are_no_more_caches_is_constant() {
        let caches = [[4, 0, 1, 1, 1, 1], [4, 1, 2, 2, 2, 2], [4, 2, 3, 3, 3, 3]];
        let entries = constant_leaves(&caches);
        assert_eq!(entries[..3], caches);
        assert_eq!(entries[3..], [[4, 3, 0, 0, 0, 0]]);
        // Nobody has asked for the one behind the last that is asked for.
        let all: Vec<[u32; 6]> = (0..8).map(|subleaf| [4, subleaf, 1, 1, 1, 1]).collect();
        assert_eq!(constant_leaves(&all), all);
    }

    #[test]
    fn what_names_a_processor_is_not_constant() {
        let leaves = [[1; 6], [0xb; 6], [0x1f; 6], [0x8000_001e, 0, 1, 2, 3, 4]];
        assert!(constant_leaves(&leaves).is_empty());
    }
}
