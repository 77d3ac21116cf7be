//! The code that patched sites jump to, decoded again.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Register};
use reenact_interpose::call_site::{CallSite, Shape};
use reenact_interpose::trampoline::{encode, jump, stand, target, Stand, SIZE};

const SITE: u64 = 0x5555_0000_1000;
const ENTRY: u64 = 0x6800_0001_2340;

fn decode(code: &[u8], address: u64) -> Vec<Instruction> {
    let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    decoder.iter().collect()
}

const MOVE: CallSite = CallSite {
    start: SITE,
    length: 5,
    after: SITE + 7,
    shape: Shape::Move(257),
};
const COMPARE: CallSite = CallSite {
    start: SITE,
    length: 8,
    after: SITE + 2,
    shape: Shape::Compare([0x00, 0xf0, 0xff, 0xff]),
};

/// The trampolines may be before the site or behind it, as far as they reach.
const PLACES: [u64; 4] = [
    SITE - 0x7000_0000,
    SITE - 64,
    SITE + 4096,
    SITE + 0x7000_0000,
];

#[test]
fn a_moved_number_is_set_and_the_entry_is_entered() {
    for place in PLACES {
        let made = encode(place, &MOVE, ENTRY);
        assert_eq!(made.tail, None, "the program goes on where it would");
        let [number, address, go_on, enter, ..] = decode(&made.code, place)[..] else {
            panic!("too short");
        };
        assert_eq!(number.code(), Code::Mov_r32_imm32);
        assert_eq!(
            (number.op0_register(), number.immediate32()),
            (Register::EAX, 257)
        );
        assert_eq!(address.code(), Code::Lea_r64_m);
        assert_eq!(address.op0_register(), Register::RCX);
        assert_eq!(address.memory_displacement64(), MOVE.after);
        assert_eq!(go_on.code(), Code::Mov_rm64_r64);
        assert_eq!(
            (go_on.op0_register(), go_on.op1_register()),
            (Register::R11, Register::RCX)
        );
        assert_enters(&enter, &made.code, place);
    }
}

#[test]
fn a_moved_comparison_is_made_on_the_way_back() {
    for place in PLACES {
        let made = encode(place, &COMPARE, ENTRY);
        let code = decode(&made.code, place);
        let [address, go_on, enter, compare, back, ..] = code[..] else {
            panic!("too short");
        };
        assert_eq!(address.memory_displacement64(), COMPARE.after);
        assert_enters(&enter, &made.code, place);
        assert_eq!(made.tail, Some(compare.ip()));
        assert_eq!(go_on.code(), Code::Lea_r64_m);
        assert_eq!(go_on.op0_register(), Register::R11);
        assert_eq!(go_on.memory_displacement64(), compare.ip());
        assert_eq!(compare.code(), Code::Cmp_RAX_imm32);
        assert_eq!(compare.immediate32to64(), -4096);
        assert_eq!(back.code(), Code::Jmp_rel32_64);
        assert_eq!(back.near_branch_target(), SITE + 8);
    }
}

/// Jumps to the address in the last word.
fn assert_enters(enter: &Instruction, code: &[u8; SIZE], place: u64) {
    assert_eq!(enter.code(), Code::Jmp_rm64);
    assert_eq!(enter.memory_displacement64(), place + SIZE as u64 - 8);
    assert_eq!(code[SIZE - 8..], ENTRY.to_le_bytes());
}

#[test]
fn the_jump_reaches_the_trampoline_and_the_rest_traps() {
    for place in PLACES {
        let code = jump(&COMPARE, place);
        let decoded = decode(&code, SITE);
        assert_eq!(decoded[0].near_branch_target(), place);
        assert!(decoded[1..].iter().all(|rest| rest.code() == Code::Int3));
        assert_eq!(decoded.len(), 4);
    }
}

/// A program that steps itself by the trap flag is trapped in the trampoline behind the jump to it, and before the jump back.
#[test]
fn single_steps_are_told_as_the_programs_own() {
    for place in PLACES {
        let made = encode(place, &MOVE, ENTRY);
        let at_call = Stand::AtCall {
            at: MOVE.after - 2,
            number: 257,
        };
        assert_eq!(stand(&made.code, place, place), Some(at_call));
        assert!((1..SIZE as u64).all(|offset| stand(&made.code, place, place + offset).is_none()));
        let made = encode(place, &COMPARE, ENTRY);
        let behind = Some(Stand::BehindCall(COMPARE.after));
        assert_eq!(stand(&made.code, place, place), behind);
        let tail = made.tail.expect("a comparison");
        let length = decode(&made.code[(tail - place) as usize..], tail)[0].len() as u64;
        let end = Some(Stand::BehindTail(COMPARE.end()));
        assert_eq!(stand(&made.code, place, tail + length), end);
        assert_eq!(stand(&made.code, place, tail), None);
        // Memory for trampolines that has none.
        assert_eq!(stand(&[0; SIZE], place, place), None);
    }
}

#[test]
fn a_jump_tells_where_its_trampoline_is() {
    for place in PLACES {
        for site in [MOVE, COMPARE] {
            let code = jump(&site, place);
            assert_eq!(target(site.start, &code[..site.length]), Some(place));
        }
    }
    assert_eq!(target(SITE, &[0xcc]), None);
    assert_eq!(target(SITE, &[0xe9, 0, 0]), None);
    assert_eq!(target(SITE, &[0xcc; 5]), None);
}
