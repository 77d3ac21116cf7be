//! ELF files made by hand: no sections, no symbols, no unwind information.

use reenact_sites::{scan, Site};
use reenact_trace::event::instruction;

const CODE_OFFSET: usize = 0x1000;

/// A file with one executable segment.
fn elf(code: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; CODE_OFFSET];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    bytes[18] = 62;
    bytes[32] = 64; // Program headers.
    bytes[54] = 56;
    bytes[56] = 1;
    bytes[64] = 1; // PT_LOAD
    bytes[68] = 5; // R X
    bytes[72..80].copy_from_slice(&(CODE_OFFSET as u64).to_le_bytes());
    bytes[80..88].copy_from_slice(&0x40_1000u64.to_le_bytes());
    bytes[96..104].copy_from_slice(&(code.len() as u64).to_le_bytes());
    bytes.extend_from_slice(code);
    bytes
}

/// The instruction between others: `mov eax, 1; add rax, rbx` again and again.
fn surrounded(instruction: &[u8]) -> Vec<u8> {
    let filler = [0xb8, 1, 0, 0, 0, 0x48, 0x01, 0xd8];
    [filler.repeat(20), instruction.to_vec(), filler.repeat(20)].concat()
}

#[test]
fn every_kind_without_function_starts() {
    let cases: [(&[u8], u16); 10] = [
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
    ];
    for (bytes, kind) in cases {
        let site = Site {
            file_offset: (CODE_OFFSET + 160) as u64,
            kind,
        };
        assert_eq!(scan(&elf(&surrounded(bytes))), [site], "{bytes:x?}");
    }
}

#[test]
fn bytes_inside_other_instructions_are_no_sites() {
    let cases: [&[u8]; 5] = [
        &[0xb8, 0x0f, 0xa2, 0x0f, 0x31],       // mov eax, 0x310fa20f
        &[0x48, 0x8b, 0x80, 0x0f, 0x31, 0, 0], // mov rax, [rax + 0x310f]
        &[0xe8, 0x0f, 0x01, 0xf9, 0x00],       // call
        &[0x0f, 0xc7, 0x30],                   // vmptrld: a memory operand
        &[0x0f, 0xc7, 0x08],                   // cmpxchg8b
    ];
    for bytes in cases {
        assert_eq!(scan(&elf(&surrounded(bytes))), [], "{bytes:x?}");
    }
}

#[test]
fn what_is_no_elf_file_has_no_sites() {
    assert_eq!(scan(b""), []);
    assert_eq!(scan(b"\x7fELF"), []);
    assert_eq!(scan(&[0x0f, 0xa2].repeat(1000)), []);
}
