//! Bytes inside instructions are told from instructions.

use reenact_translator::boundaries::may_be_opcode;

/// A compiler's code: nothing but ordinary instructions of different lengths.
fn ordinary() -> Vec<u8> {
    let one: [&[u8]; 8] = [
        &[0x49, 0x8b, 0x40, 0x27],                   // mov rax, [r8 + 0x27]
        &[0x48, 0x89, 0xc3],                         // mov rbx, rax
        &[0x0f, 0x84, 0x10, 0x00, 0x00, 0x00],       // je
        &[0x48, 0x8d, 0x7c, 0x24, 0x10],             // lea rdi, [rsp + 0x10]
        &[0x55],                                     // push rbp
        &[0xe8, 0x34, 0x12, 0x00, 0x00],             // call
        &[0x41, 0xff, 0xb5, 0x90, 0x00, 0x00, 0x00], // push [r13 + 0x90]
        &[0xc3],                                     // ret
    ];
    one.concat().repeat(12)
}

/// Where `end` is in code that ends with it, followed by more.
fn behind(end: &[u8], opcode: usize) -> (Vec<u8>, usize) {
    let mut code = ordinary();
    let at = code.len() + opcode;
    code.extend_from_slice(end);
    code.extend(ordinary());
    (code, at)
}

#[test]
fn operands_are_none() {
    let operands: [(&[u8], usize); 4] = [
        // add dword ptr [r8 + 0xf], 2: `lar`
        (&[0x41, 0x83, 0x40, 0x0f, 0x02], 3),
        // mov ebx, 0xf: `sldt`
        (&[0xbb, 0x0f, 0x00, 0x00, 0x00], 1),
        // add dword ptr [r8 + 0xf], 0x1a2: `cpuid`
        (&[0x41, 0x81, 0x40, 0x0f, 0xa2, 0x01, 0x00, 0x00], 3),
        // movabs r8, 0x0f314240_00000000: `rdtsc`
        (&[0x49, 0xb8, 0, 0, 0, 0, 0x40, 0x42, 0x0f, 0x31], 8),
    ];
    for (end, opcode) in operands {
        let (code, at) = behind(end, opcode);
        assert!(!may_be_opcode(&code, at), "{end:x?}");
    }
}

#[test]
fn instructions_are_with_prefixes_too() {
    let instructions: [(&[u8], usize); 5] = [
        (&[0x0f, 0xa2], 0),
        (&[0x48, 0x0f, 0xc7, 0xf0], 1),
        (&[0xf3, 0x0f, 0xc7, 0xf8], 1),
        (&[0x66, 0x48, 0x0f, 0x00, 0xc0], 2),
        // Behind what no instruction leads to: padding, and an end.
        (&[0xc3, 0xcc, 0xcc, 0xcc, 0x0f, 0x31], 4),
    ];
    for (end, opcode) in instructions {
        let (code, at) = behind(end, opcode);
        assert!(may_be_opcode(&code, at), "{end:x?}");
    }
}

#[test]
fn with_too_little_before_it_nothing_is_known() {
    let code = [0x90; 200];
    assert!(may_be_opcode(&code, 10));
    assert!(may_be_opcode(&code, 200));
    assert!(may_be_opcode(&code, 150), "each `nop` is one");
}
