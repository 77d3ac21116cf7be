//! Lengths and operands, against a disassembler.

use iced_x86::{Decoder, DecoderOptions, Mnemonic};
use reenact_interpose::instruction::{fallback, length, Destination, LOOK};
use reenact_trace::event::instruction;

/// Encodings with and without prefixes.
const ENCODINGS: [(u16, Mnemonic, &[u8]); 10] = [
    (instruction::CPUID, Mnemonic::Cpuid, &[0x0f, 0xa2]),
    (instruction::CPUID, Mnemonic::Cpuid, &[0x48, 0x0f, 0xa2]),
    (instruction::RDTSC, Mnemonic::Rdtsc, &[0x0f, 0x31]),
    (instruction::RDTSCP, Mnemonic::Rdtscp, &[0x0f, 0x01, 0xf9]),
    (instruction::XGETBV, Mnemonic::Xgetbv, &[0x0f, 0x01, 0xd0]),
    (instruction::RDRAND, Mnemonic::Rdrand, &[0x0f, 0xc7, 0xf3]),
    (
        instruction::RDRAND,
        Mnemonic::Rdrand,
        &[0x49, 0x0f, 0xc7, 0xf7],
    ),
    (
        instruction::RDRAND,
        Mnemonic::Rdrand,
        &[0x66, 0x0f, 0xc7, 0xf0],
    ),
    (
        instruction::RDSEED,
        Mnemonic::Rdseed,
        &[0x41, 0x0f, 0xc7, 0xf8],
    ),
    (
        instruction::RDPID,
        Mnemonic::Rdpid,
        &[0xf3, 0x0f, 0xc7, 0xf9],
    ),
];

#[test]
fn lengths_and_operands_are_the_disassemblers() {
    for (kind, mnemonic, bytes) in ENCODINGS {
        let mut code = [0x90; LOOK];
        code[..bytes.len()].copy_from_slice(bytes);
        let decoded = Decoder::new(64, &code, DecoderOptions::NONE).decode();
        assert_eq!(decoded.mnemonic(), mnemonic);
        assert_eq!(length(&code, kind), decoded.len() as u64, "{bytes:x?}");
        if !matches!(kind, instruction::RDRAND | instruction::RDSEED) {
            continue;
        }
        let destination = Destination::decode(&code).expect("one register");
        let register = decoded.op0_register();
        assert_eq!(destination.register, register.number(), "{bytes:x?}");
        assert_eq!(destination.size as usize, register.size(), "{bytes:x?}");
    }
}

#[test]
fn a_transaction_goes_on_where_the_disassembler_says() {
    let encodings: [&[u8]; 4] = [
        &[0xc7, 0xf8, 0x10, 0, 0, 0],
        &[0xc7, 0xf8, 0xf0, 0xff, 0xff, 0xff],
        &[0x66, 0xc7, 0xf8, 0xf0, 0xff],
        &[0x48, 0xc7, 0xf8, 0x34, 0x12, 0],
    ];
    for bytes in encodings {
        let mut code = [0x90; LOOK];
        code[..bytes.len()].copy_from_slice(bytes);
        let decoded = Decoder::with_ip(64, &code, 0x40_0000, DecoderOptions::NONE).decode();
        assert_eq!(decoded.mnemonic(), Mnemonic::Xbegin);
        let (displacement, bytes_long) = fallback(&code).expect("an xbegin");
        assert_eq!(bytes_long, decoded.len() as u64, "{bytes:x?}");
        assert_eq!(length(&code, instruction::XBEGIN), bytes_long, "{bytes:x?}");
        let target = decoded.next_ip().wrapping_add_signed(displacement);
        assert_eq!(target, decoded.near_branch_target(), "{bytes:x?}");
    }
    assert_eq!(fallback(&[0x90; LOOK]), None);
}

#[test]
fn any_bytes_have_an_answer() {
    for first in 0..=255 {
        for second in 0..=255 {
            let code = [first, second, 0x0f, first, second, 0x66, 0x0f, 0xc7];
            for kind in 0..20 {
                assert!(length(&code, kind) <= LOOK as u64 + 3);
            }
        }
    }
}
