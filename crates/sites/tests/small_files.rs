//! ELF files made by hand: no sections, no symbols, no unwind information. The program starts at the first byte.

use reenact_sites::scan;
use reenact_trace::event::instruction;

const CODE_OFFSET: usize = 0x1000;
const CODE_ADDRESS: u64 = 0x40_1000;

/// A file with one executable segment.
fn elf(code: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; CODE_OFFSET];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    bytes[18] = 62;
    bytes[24..32].copy_from_slice(&CODE_ADDRESS.to_le_bytes());
    bytes[32] = 64; // Program headers.
    bytes[54] = 56;
    bytes[56] = 1;
    bytes[64] = 1; // PT_LOAD
    bytes[68] = 5; // R X
    bytes[72..80].copy_from_slice(&(CODE_OFFSET as u64).to_le_bytes());
    bytes[80..88].copy_from_slice(&CODE_ADDRESS.to_le_bytes());
    bytes[96..104].copy_from_slice(&(code.len() as u64).to_le_bytes());
    bytes.extend_from_slice(code);
    bytes
}

/// Offset in the code, kind, and whether it is proven, of all that is found in parts laid one behind the other.
fn found(parts: &[&[u8]]) -> Vec<(usize, u16, bool)> {
    scan(&elf(&parts.concat()))
        .instructions
        .iter()
        .map(|site| {
            let offset = site.file_offset as usize - CODE_OFFSET;
            (offset, site.kind, site.is_proven)
        })
        .collect()
}

/// `mov eax, 1; add rax, rbx` again and again: 160 bytes.
fn filler() -> Vec<u8> {
    [0xb8, 1, 0, 0, 0, 0x48, 0x01, 0xd8].repeat(20)
}

const RET: &[u8] = &[0xc3];
const CPUID: &[u8] = &[0x0f, 0xa2];
const RDTSC: &[u8] = &[0x0f, 0x31];
/// Where a filler and one more byte end.
const BEHIND_RET: usize = 161;

#[test]
fn every_kind_in_the_flow_of_control() {
    let cases: [(&[u8], u16); 16] = [
        (&[0xcd, 0x80], instruction::INT80),
        (&[0x0f, 0xa2], instruction::CPUID),
        (&[0x0f, 0x31], instruction::RDTSC),
        (&[0x0f, 0x01, 0xf9], instruction::RDTSCP),
        (&[0x0f, 0xc7, 0xf0], instruction::RDRAND),
        (&[0x48, 0x0f, 0xc7, 0xf0], instruction::RDRAND),
        (&[0x66, 0x41, 0x0f, 0xc7, 0xf7], instruction::RDRAND),
        (&[0x48, 0x0f, 0xc7, 0xf8], instruction::RDSEED),
        (&[0xf3, 0x0f, 0xc7, 0xf9], instruction::RDPID),
        (&[0x0f, 0x01, 0xd0], instruction::XGETBV),
        (&[0x66, 0x0f, 0x31], instruction::RDTSC),
        (&[0x0f, 0xae, 0x64, 0x24, 0x40], instruction::XSAVE),
        (&[0x48, 0x0f, 0xc7, 0x64, 0x24, 0x40], instruction::XSAVEC),
        (&[0x0f, 0xae, 0x74, 0x24, 0x40], instruction::XSAVEOPT),
        (&[0xc7, 0xf8, 0, 0, 0, 0], instruction::XBEGIN),
        (&[0x66, 0xc7, 0xf8, 8, 0], instruction::XBEGIN),
    ];
    for (bytes, kind) in cases {
        let sites = found(&[&filler(), bytes, &filler(), RET]);
        assert_eq!(sites, [(160, kind, true)], "{bytes:x?}");
    }
}

#[test]
fn bytes_inside_other_instructions_are_no_sites() {
    let cases: [&[u8]; 6] = [
        &[0xb8, 0xc7, 0xf8, 0xc7, 0xf8],       // mov eax, 0xf8c7f8c7
        &[0xb8, 0x0f, 0xa2, 0x0f, 0x31],       // mov eax, 0x310fa20f
        &[0x48, 0x8b, 0x80, 0x0f, 0x31, 0, 0], // mov rax, [rax + 0x310f]
        &[0x48, 0x8d, 0x05, 0x0f, 0x31, 0, 0], // lea rax, [rip + 0x310f]
        &[0x0f, 0xc7, 0x30],                   // vmptrld: a memory operand
        &[0x0f, 0xc7, 0x08],                   // cmpxchg8b
    ];
    for bytes in cases {
        assert_eq!(found(&[&filler(), bytes, &filler(), RET]), [], "{bytes:x?}");
    }
}

#[test]
fn what_nothing_leads_to_is_only_suspected() {
    // Behind a return: a table, for all that is known, though it looks like code.
    let sites = found(&[&filler(), RET, &filler(), CPUID, &filler(), RET]);
    assert_eq!(sites, [(BEHIND_RET + 160, instruction::CPUID, false)]);
}

#[test]
fn constants_are_not_even_suspected() {
    let constants: Vec<u8> = (1..400u32)
        .map(|n| (n.wrapping_mul(n).wrapping_mul(40503) >> 7) as u8)
        .collect();
    assert_eq!(found(&[&filler(), RET, &constants, CPUID, &constants]), []);
}

#[test]
fn direct_branches_and_calls_lead_on() {
    // To what lies behind the return: jmp, call, jz.
    let cases: [&[u8]; 3] = [
        &[0xe9, 1, 0, 0, 0],
        &[0xe8, 1, 0, 0, 0],
        &[0x0f, 0x84, 1, 0, 0, 0],
    ];
    for branch in cases {
        let sites = found(&[branch, RET, RDTSC, RET]);
        let place = branch.len() + 1;
        assert_eq!(sites, [(place, instruction::RDTSC, true)], "{branch:x?}");
    }
}

#[test]
fn what_follows_a_call_that_never_returns_is_no_code() {
    // The callee ends in a loop, by ud2, by the system call exit, or takes its return address as a pointer.
    let callees: [&[u8]; 4] = [
        &[0xeb, 0xfe],
        &[0x0f, 0x0b],
        &[0xb8, 60, 0, 0, 0, 0x0f, 0x05],
        &[0x5e, 0xc3],
    ];
    for callee in callees {
        let table = [&filler()[..], CPUID, &filler(), RET].concat();
        let call = [&[0xe8][..], &(table.len() as u32).to_le_bytes()].concat();
        let sites = found(&[&call, &table, callee]);
        assert_eq!(sites, [(165, instruction::CPUID, false)], "{callee:x?}");
        // One that returns.
        let sites = found(&[&call, &table, RET]);
        assert_eq!(sites, [(165, instruction::CPUID, true)]);
    }
}

#[test]
fn a_way_that_meets_no_instruction_was_none() {
    // call rax, then data: it looks like code, up to a byte that begins no instruction.
    let sites = found(&[&[0xff, 0xd0], &filler(), CPUID, &filler(), &[0x06]]);
    assert_eq!(sites, [(162, instruction::CPUID, false)]);
    let sites = found(&[&[0xff, 0xd0], &filler(), CPUID, &filler(), RET]);
    assert_eq!(sites, [(162, instruction::CPUID, true)]);
}

#[test]
fn instructions_that_overlap_are_left_alone() {
    // jz into the middle of `mov eax, imm32`, whose number is `cpuid; ret`.
    let sites = found(&[&[0x74, 0x01], &[0xb8, 0x0f, 0xa2, 0xc3, 0x90], RET]);
    assert_eq!(sites, []);
    // A lock prefix that is jumped over is usual.
    let lock = [0x74, 0x01, 0xf0, 0x0f, 0xb1, 0x11];
    assert_eq!(
        found(&[&lock, RDTSC, RET]),
        [(lock.len(), instruction::RDTSC, true)]
    );
}

#[test]
fn tables_of_switch_statements_lead_on() {
    // cmp eax, 1; ja to the return; lea rdx, [rip + table]; movsxd rax, [rdx + rax*4]; add rax, rdx; jmp rax
    let jump = [
        0x83, 0xf8, 0x01, 0x77, 0x10, 0x48, 0x8d, 0x15, 10, 0, 0, 0, 0x48, 0x63, 0x04, 0x82, 0x48,
        0x01, 0xd0, 0xff, 0xe0, 0xc3,
    ];
    let distances: Vec<u8> = [8i32, 11].iter().flat_map(|n| n.to_le_bytes()).collect();
    let sites = found(&[&jump, &distances, RDTSC, RET, CPUID, RET]);
    let expected = [
        (30, instruction::RDTSC, true),
        (33, instruction::CPUID, true),
    ];
    assert_eq!(sites, expected);
    // By addresses: cmp eax, 1; ja; jmp [rax*8 + table].
    let mut jump = vec![0x83, 0xf8, 0x01, 0x77, 0x07, 0xff, 0x24, 0xc5];
    jump.extend_from_slice(&(CODE_ADDRESS as u32 + 13).to_le_bytes());
    jump.push(0xc3);
    let addresses: Vec<u8> = [29, 32]
        .iter()
        .flat_map(|at| (CODE_ADDRESS + at).to_le_bytes())
        .collect();
    let sites = found(&[&jump, &addresses, RDTSC, RET, CPUID, RET]);
    let expected = [
        (29, instruction::RDTSC, true),
        (32, instruction::CPUID, true),
    ];
    assert_eq!(sites, expected);
}

#[test]
fn the_neighbours_of_system_calls() {
    let mov = [0xb8, 39, 0, 0, 0];
    let syscall = [0x0f, 0x05];
    let compare = [0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff];
    let calls = |parts: &[&[u8]]| -> Vec<(u64, bool, bool)> {
        let sites = scan(&elf(&parts.concat()));
        let offset = |at: u64| at - CODE_OFFSET as u64;
        let calls = sites.calls.iter();
        calls
            .map(|call| {
                let at = offset(call.file_offset);
                (at, call.follows_mov, call.precedes_compare)
            })
            .collect()
    };
    assert_eq!(calls(&[&mov, &syscall, RET]), [(5, true, false)]);
    assert_eq!(calls(&[&mov, &syscall, &compare, RET]), [(5, true, true)]);
    // The end of a longer instruction: cmp dword [rax - 0x48000000], 39.
    let other = [0x81, 0xb8, 0, 0, 0, 0xb8, 39, 0, 0, 0];
    assert_eq!(calls(&[&other, &syscall, RET]), [(10, false, false)]);
    // A branch to the comparison, and one into the middle of the mov.
    let to_compare = [0x74, 7];
    let sites = calls(&[&to_compare, &mov, &syscall, &compare, RET]);
    assert_eq!(sites, [(7, true, false)]);
    let into_mov = [0x74, 1];
    let mov = [0xb8, 1, 0, 0, 0];
    let sites = calls(&[&into_mov, &mov, &syscall, &compare, RET]);
    assert_eq!(sites, [(7, false, true)]);
    // Data between functions.
    assert_eq!(calls(&[RET, &mov, &syscall, &compare, RET]), []);
}

#[test]
fn what_is_no_elf_file_has_no_sites() {
    for bytes in [&b""[..], b"\x7fELF", &[0x0f, 0xa2].repeat(1000)] {
        assert_eq!(scan(bytes), reenact_sites::Sites::default());
    }
}

#[test]
fn parts_that_are_all_of_the_file_are_searched_once_at_most() {
    let code = [0x0f, 0xa2].repeat(1 << 9);
    let mut file = elf(&code);
    let table = file.len();
    let count = 60_000u16;
    for _ in 0..count {
        let mut header = [0u8; 64];
        header[4] = 1; // SHT_PROGBITS
        header[8] = 6; // SHF_ALLOC | SHF_EXECINSTR
        header[32..40].copy_from_slice(&(table as u64).to_le_bytes());
        file.extend_from_slice(&header);
    }
    file[40..48].copy_from_slice(&(table as u64).to_le_bytes());
    file[58] = 64;
    file[60..62].copy_from_slice(&count.to_le_bytes());
    assert!(scan(&file).instructions.len() <= code.len());
    for (at, beyond) in [(32, u64::MAX - 3), (40, u64::MAX - 3), (40, u64::MAX >> 1)] {
        let mut file = elf(&code[..64]);
        file[58] = 64;
        file[60] = 1;
        file[at..at + 8].copy_from_slice(&beyond.to_le_bytes());
        let _ = scan(&file);
    }
}
