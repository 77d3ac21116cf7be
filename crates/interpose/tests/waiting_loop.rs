//! Short loops are decoded as the processor does, and left where they wait.

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess,
    Register,
};
use reenact_interpose::short_decoder::{decode, Leads, LONGEST};
use reenact_interpose::waiting_loop::{find, frame_registers, next, Sign};

const START: u64 = 0x40_0000;

/// Read from code that lies at `START`.
fn reader(code: &[u8]) -> impl FnMut(u64, &mut [u8; LONGEST]) -> usize + '_ {
    |address, into| {
        let Some(rest) = address
            .checked_sub(START)
            .and_then(|offset| code.get(offset as usize..))
        else {
            return 0;
        };
        let length = rest.len().min(LONGEST);
        into[..length].copy_from_slice(&rest[..length]);
        length
    }
}

fn found(code: &[u8], offset: u64, repeats: bool) -> Option<u64> {
    let sign = if repeats { Sign::Repeats } else { Sign::Hint };
    find(START + offset, sign, reader(code)).map(|place| place.address - START)
}

/// The same of a loop that counts, in a function that addresses its frame by the stack pointer: the branch, and where
/// the loop goes on.
fn counting(code: &[u8], offset: u64) -> Option<(u64, u64)> {
    let frame = frame_registers(0x7fff_0000, 0x40_0000);
    let place = find(START + offset, Sign::Counts { frame }, reader(code))?;
    assert!(place.counts);
    Some((place.address - START, place.onwards - START))
}

/// A general register's bit, as the processor numbers them.
fn bit(register: Register) -> u16 {
    if register.is_gpr() {
        1 << register.full_register().number()
    } else {
        0
    }
}

/// What an instruction changes and what its address is made of, as another decoder has it.
fn registers(instruction: &Instruction) -> (u16, Option<u16>) {
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(instruction);
    let changes = info
        .used_registers()
        .iter()
        .filter(|used| {
            use OpAccess::{CondWrite, ReadCondWrite, ReadWrite, Write};
            matches!(used.access(), Write | CondWrite | ReadWrite | ReadCondWrite)
        })
        .fold(0, |bits, used| bits | bit(used.register()));
    let is_own =
        instruction.mnemonic() != Mnemonic::Push && instruction.mnemonic() != Mnemonic::Pop;
    let memory = info.used_memory().first().filter(|_| is_own);
    let address = memory.map(|memory| bit(memory.base()) | bit(memory.index()));
    (changes, address)
}

/// A generator of numbers (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Addresses of 32 bits and of masked stores are not looked at here.
fn has_odd_address(instruction: &Instruction) -> bool {
    let base = instruction.memory_base();
    base.is_gpr32() || instruction.memory_index().is_gpr32()
}

#[test]
fn lengths_and_ways_are_those_of_another_decoder() {
    let mut numbers = Numbers(0x1234_5678_9abc_def1);
    let prefixes: [&[u8]; 8] = [&[], &[], &[], &[0x48], &[0x66], &[0xf3], &[0xf0], &[0x41]];
    let mut known = 0;
    for round in 0..400_000 {
        let mut code = [0u8; LONGEST];
        for chunk in code.chunks_mut(8) {
            chunk.copy_from_slice(&numbers.next().to_le_bytes()[..chunk.len()]);
        }
        let prefix = prefixes[round % prefixes.len()];
        code[..prefix.len()].copy_from_slice(prefix);
        if round % 3 == 0 {
            code[prefix.len()] = 0x0f;
        }
        let Some(decoded) = decode(&code) else {
            continue;
        };
        let other = Decoder::with_ip(64, &code, START, DecoderOptions::NONE).decode();
        if other.is_invalid() {
            // `lock` where there may be none, and the like: the processor faults.
            continue;
        }
        known += 1;
        assert_eq!(decoded.length, other.len() as u64, "{code:02x?}: {other:?}");
        let (changes, address) = registers(&other);
        assert_eq!(changes & !decoded.changes, 0, "{code:02x?}: {other:?}");
        if decoded.leads == Leads::On && !has_odd_address(&other) {
            let named = decoded.memory.map(|memory| memory.registers);
            assert!(
                address.is_none_or(|bits| named == Some(bits)),
                "{code:02x?}: {other:?}"
            );
        }
        let target = |by| START.wrapping_add(decoded.length).wrapping_add_signed(by);
        let (flow, leads_to) = match decoded.leads {
            Leads::On => (FlowControl::Next, None),
            Leads::Pause => {
                assert_eq!(other.mnemonic(), Mnemonic::Pause);
                (FlowControl::Next, None)
            }
            Leads::Jump(by) => (FlowControl::UnconditionalBranch, Some(target(by))),
            Leads::Branch(_, by) => (FlowControl::ConditionalBranch, Some(target(by))),
            Leads::Call(by) => (FlowControl::Call, Some(target(by))),
            Leads::Return => (FlowControl::Return, None),
        };
        assert_eq!(other.flow_control(), flow, "{code:02x?}");
        if let Some(target) = leads_to {
            assert_eq!(other.near_branch_target(), target, "{code:02x?}");
        }
    }
    assert!(known > 100_000, "{known}");
}

#[test]
fn a_loop_is_left_at_its_pause() {
    // mov eax, [rdi]; cmp eax, edx; jne out; pause; sub ecx, 1; jnz, to the load; out: ret
    let code = [
        0x8b, 0x07, 0x39, 0xd0, 0x75, 0x07, 0xf3, 0x90, 0x83, 0xe9, 0x01, 0x75, 0xf3, 0xc3,
    ];
    for offset in [0, 2, 4, 6, 8, 11] {
        assert_eq!(found(&code, offset, false), Some(6), "{offset}");
    }
    // Behind it there is none, and no way leads back.
    assert_eq!(found(&code, 13, true), None);
}

#[test]
fn a_pause_in_a_called_function_is_found() {
    // call 5 bytes on; cmp [rdi], eax; je, to the call; ret. The function: pause; ret
    let code = [
        0xe8, 0x05, 0, 0, 0, 0x39, 0x07, 0x74, 0xf7, 0xc3, 0xf3, 0x90, 0xc3,
    ];
    assert_eq!(found(&code, 5, false), Some(10));
}

#[test]
fn a_pause_that_is_no_instruction_of_the_loop_is_not_taken() {
    // mov eax, 0x90f3...; cmp [rdi], eax; je, to the start; ret; pause
    let code = [
        0xb8, 0xf3, 0x90, 0xf3, 0x90, 0x39, 0x07, 0x74, 0xf7, 0xc3, 0xf3, 0x90,
    ];
    assert_eq!(found(&code, 0, false), None);
    assert_eq!(found(&code, 5, true), Some(7));
}

#[test]
fn a_loop_without_the_hint_is_left_at_a_branch_if_it_stores_nothing() {
    // mov eax, [rdi]; cmp eax, edx; jne, to the load
    let plain = [0x8b, 0x07, 0x39, 0xd0, 0x75, 0xfa, 0xc3];
    assert_eq!(found(&plain, 0, false), None);
    assert_eq!(found(&plain, 0, true), Some(4));
    // add dword [rdi], 1; jmp back: it counts in memory.
    let counting = [0x83, 0x07, 0x01, 0xeb, 0xfb];
    assert_eq!(found(&counting, 0, true), None);
    // The same in the function's frame, which is compared.
    let in_frame = [0x89, 0x45, 0xfc, 0x8b, 0x07, 0x75, 0xf9];
    assert_eq!(found(&in_frame, 0, true), Some(5));
    // xchg [rdi], al; test al, al; jne back
    let exchanging = [0x86, 0x07, 0x84, 0xc0, 0x75, 0xfa];
    assert_eq!(found(&exchanging, 2, true), Some(4));
    // mov eax, [rdi]; cmp eax, edx; jne, to the load; mov [rdi], ecx; jmp, to the load: the way round that waits is the short one.
    let nested = [0x8b, 0x07, 0x39, 0xd0, 0x75, 0xfa, 0x89, 0x0f, 0xeb, 0xf6];
    assert_eq!(found(&nested, 0, true), Some(4));
    // The same round a loop with the hint, jumped over.
    let both = [
        0x8b, 0x07, 0x39, 0xd0, 0x75, 0xfa, 0x39, 0xc8, 0x75, 0xf6, 0xf3, 0x90, 0xeb, 0xf2,
    ];
    assert_eq!(found(&both, 0, true), Some(4));
    assert_eq!(found(&both, 0, false), Some(10));
    // A system call in the loop is an event.
    let calling = [0x0f, 0x05, 0x85, 0xc0, 0x75, 0xfa];
    assert_eq!(found(&calling, 2, true), None);
}

#[test]
fn a_loop_that_counts_is_left_at_a_branch_if_it_looks_at_one_place() {
    // sub eax, 1; je out; mov rdx, [rbp]; test rdx, rdx; je, to the start: redis's threads wait so.
    let waiting = [
        0x83, 0xe8, 0x01, 0x74, 0x09, 0x48, 0x8b, 0x55, 0x00, 0x48, 0x85, 0xd2, 0x74, 0xf2, 0xc3,
    ];
    for offset in [0, 3, 5, 9, 12] {
        let (address, onwards) = counting(&waiting, offset).expect("it waits");
        assert!(matches!((address, onwards), (3, 5) | (12, 0)), "{offset}");
    }
    // Where rbp leads into the frame, nobody else stores there.
    let frame = frame_registers(0x7fff_0000, 0x7fff_0080);
    assert_eq!(find(START, Sign::Counts { frame }, reader(&waiting)), None);
    // add eax, 1; cmp byte [rdi], 0; je, to the start
    let byte = [0x83, 0xc0, 0x01, 0x80, 0x3f, 0x00, 0x74, 0xf8];
    assert_eq!(counting(&byte, 0), Some((6, 0)));
    // The search for a byte: add rdi, 1; cmp byte [rdi], 0; jne, to the start
    let searching = [0x48, 0x83, 0xc7, 0x01, 0x80, 0x3f, 0x00, 0x75, 0xf7];
    assert_eq!(counting(&searching, 0), None);
    // A list: mov rdi, [rdi]; test rdi, rdi; jne, to the start
    let list = [0x48, 0x8b, 0x3f, 0x48, 0x85, 0xff, 0x75, 0xf8];
    assert_eq!(counting(&list, 0), None);
    // A sum: add eax, [rdi + rcx * 4]; sub rcx, 1; jne, to the start
    let sum = [0x03, 0x04, 0x8f, 0x48, 0x83, 0xe9, 0x01, 0x75, 0xf7];
    assert_eq!(counting(&sum, 0), None);
    // Nothing but arithmetic: imul eax, eax, 31; sub ecx, 1; jne, to the start
    let arithmetic = [0x6b, 0xc0, 0x1f, 0x83, 0xe9, 0x01, 0x75, 0xf8];
    assert_eq!(counting(&arithmetic, 0), None);
    // A bound that is in the frame: add eax, 1; cmp eax, [rsp + 8]; jb, to the start
    let bound = [0x83, 0xc0, 0x01, 0x3b, 0x44, 0x24, 0x08, 0x72, 0xf7];
    assert_eq!(counting(&bound, 0), None);
    // It stores, in the frame too: mov [rsp + 8], eax; cmp byte [rdi], 0; je, to the start
    let storing = [0x89, 0x44, 0x24, 0x08, 0x80, 0x3f, 0x00, 0x74, 0xf7];
    assert_eq!(counting(&storing, 0), None);
    // lock cmpxchg [rdi], ecx; jne, to the start: it can have succeeded.
    let exchanging = [0xf0, 0x0f, 0xb1, 0x0f, 0x75, 0xfa];
    assert_eq!(counting(&exchanging, 0), None);
}

#[test]
fn branches_go_where_the_processor_goes() {
    const CARRY: u64 = 1;
    const ZERO: u64 = 0x40;
    const SIGN: u64 = 0x80;
    const OVERFLOW: u64 = 0x800;
    let taken = |opcode: u8, flags| next(&[opcode, 0x10], START, flags) == Some(START + 0x12);
    for (opcode, flags) in [
        (0x70, OVERFLOW),
        (0x72, CARRY),
        (0x74, ZERO),
        (0x76, ZERO),
        (0x76, CARRY),
        (0x78, SIGN),
        (0x7a, 4),
        (0x7c, SIGN),
        (0x7c, OVERFLOW),
        (0x7e, ZERO),
    ] {
        assert!(taken(opcode, flags), "{opcode:x}");
        assert!(!taken(opcode | 1, flags), "{opcode:x}");
        assert!(!taken(opcode, 0), "{opcode:x}");
        assert!(taken(opcode | 1, 0), "{opcode:x}");
    }
    assert!(!taken(0x7c, SIGN | OVERFLOW));
    assert_eq!(next(&[0xf3, 0x90], START, 0), Some(START + 2));
    assert_eq!(next(&[0xeb, 0xfe], START, 0), Some(START));
    assert_eq!(next(&[0x90], START, 0), None);
}
