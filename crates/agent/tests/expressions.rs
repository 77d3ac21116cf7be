//! What each instruction computes, and that no bytes do harm.

use reenact_agent::{evaluate, Opcode, Problem, Program, DEPTH};

/// Registers are their number times 1000; 64 bytes of memory begin at 0x1000, each its own place.
#[derive(Default)]
struct Fixed {
    collected: Vec<(u64, u64)>,
}

impl Program for Fixed {
    fn register(&self, number: u16) -> Option<u64> {
        (number < 60).then(|| u64::from(number) * 1000)
    }

    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        for (index, byte) in into.iter_mut().enumerate() {
            let place = address.wrapping_add(index as u64);
            if !(0x1000..0x1040).contains(&place) {
                return false;
            }
            *byte = (place - 0x1000) as u8;
        }
        true
    }

    fn collect(&mut self, address: u64, length: u64) -> bool {
        self.collected.push((address, length));
        (0x1000..0x1040).contains(&address)
    }
}

fn value(code: &[u8]) -> Result<u64, Problem> {
    evaluate(code, &mut Fixed::default())
}

/// Two constants, an instruction, `end`.
fn binary(left: i64, right: i64, opcode: Opcode) -> Result<u64, Problem> {
    let mut code = vec![0x25];
    code.extend(left.to_be_bytes());
    code.push(0x25);
    code.extend(right.to_be_bytes());
    code.extend([opcode as u8, 0x27]);
    value(&code)
}

#[test]
fn arithmetic_is_that_of_64_bits() {
    use Opcode::*;
    for (left, right, opcode, expected) in [
        (5, 7, Add, 12),
        (5, 7, Sub, -2),
        (-5, 7, Mul, -35),
        (-7, 2, DivSigned, -3),
        (-7, 2, RemSigned, -1),
        (-1, 2, DivUnsigned, i64::MAX),
        (-1, 10, RemUnsigned, 5),
        (i64::MIN, -1, DivSigned, i64::MIN),
        (i64::MIN, -1, RemSigned, 0),
        (1, 63, Lsh, i64::MIN),
        (1, 64, Lsh, 0),
        (1, -1, Lsh, 0),
        (-8, 1, RshSigned, -4),
        (-8, 200, RshSigned, -1),
        (-8, 60, RshUnsigned, 15),
        (-8, 64, RshUnsigned, 0),
        (12, 10, BitAnd, 8),
        (12, 10, BitOr, 14),
        (12, 10, BitXor, 6),
        (3, 3, Equal, 1),
        (-1, 0, LessSigned, 1),
        (-1, 0, LessUnsigned, 0),
        (i64::MAX, 1, Add, i64::MIN),
    ] {
        assert_eq!(
            binary(left, right, opcode),
            Ok(expected as u64),
            "{left} {opcode:?} {right}"
        );
    }
    for opcode in [DivSigned, DivUnsigned, RemSigned, RemUnsigned] {
        assert_eq!(binary(1, 0, opcode), Err(Problem::DivisionByZero));
    }
}

#[test]
fn registers_memory_and_widths() {
    // reg 7; end.
    assert_eq!(value(&[0x26, 0, 7, 0x27]), Ok(7000));
    assert_eq!(value(&[0x26, 1, 7, 0x27]), Err(Problem::BadRegister(0x107)));
    // const16 0x1001; ref16; end.
    assert_eq!(value(&[0x23, 0x10, 0x01, 0x18, 0x27]), Ok(0x0201));
    assert_eq!(
        value(&[0x23, 0x10, 0x39, 0x1a, 0x27]),
        Err(Problem::BadMemory(0x1039))
    );
    // const8 0x80; ext 8; end.
    assert_eq!(value(&[0x22, 0x80, 0x16, 8, 0x27]), Ok(-128i64 as u64));
    assert_eq!(value(&[0x22, 0x80, 0x16, 64, 0x27]), Ok(128));
    assert_eq!(
        value(&[0x22, 0x80, 0x16, 0, 0x27]),
        Err(Problem::BadWidth(0))
    );
    assert_eq!(
        value(&[0x22, 0x80, 0x2a, 65, 0x27]),
        Err(Problem::BadWidth(65))
    );
    assert_eq!(value(&[0x24, 1, 2, 3, 4, 0x2a, 12, 0x27]), Ok(0x304));
}

#[test]
fn the_stack_is_turned_as_gdb_does_it() {
    // const8 1, 2, 3; then what is on top.
    let one = |more: &[u8]| {
        let code = [&[0x22, 1, 0x22, 2, 0x22, 3][..], more, &[0x27]].concat();
        value(&code)
    };
    assert_eq!(one(&[0x2b]), Ok(2));
    assert_eq!(one(&[0x32, 2]), Ok(1));
    assert_eq!(one(&[0x33]), Ok(2));
    assert_eq!(one(&[0x33, 0x29]), Ok(1));
    assert_eq!(one(&[0x28, 0x02]), Ok(6));
    assert_eq!(one(&[0x32, 3]), Err(Problem::Empty));
    assert_eq!(value(&[0x27]), Ok(0));
}

#[test]
fn jumps_stay_inside_and_end() {
    // const8 0; if_goto 8; const8 4; end; const8 5; end.
    let code = |first| [0x22, first, 0x20, 0, 8, 0x22, 4, 0x27, 0x22, 5, 0x27];
    assert_eq!(value(&code(0)), Ok(4));
    assert_eq!(value(&code(9)), Ok(5));
    assert_eq!(value(&[0x21, 0, 0]), Err(Problem::Endless));
    assert_eq!(value(&[0x21, 0, 3]), Err(Problem::BadJump(3)));
    assert_eq!(value(&[0x22, 1, 0x21, 0, 0]), Err(Problem::Full));
}

#[test]
fn memory_is_collected() {
    let mut program = Fixed::default();
    // const16 0x1000; const8 8; trace; const16 0x1010; trace_quick 4; pop; end.
    let code = [
        0x23, 0x10, 0, 0x22, 8, 0x0c, 0x23, 0x10, 0x10, 0x0d, 4, 0x29, 0x27,
    ];
    assert_eq!(evaluate(&code, &mut program), Ok(0));
    assert_eq!(program.collected, [(0x1000, 8), (0x1010, 4)]);
    // const16 0x1000; const8 60; tracenz: the first byte is a zero.
    let mut program = Fixed::default();
    assert_eq!(
        evaluate(&[0x23, 0x10, 0, 0x22, 60, 0x2f, 0x27], &mut program),
        Ok(0)
    );
    assert_eq!(program.collected, [(0x1000, 1)]);
}

#[test]
fn what_is_no_expression_is_said() {
    assert_eq!(value(&[]), Err(Problem::Cut));
    assert_eq!(value(&[0x22]), Err(Problem::Cut));
    assert_eq!(value(&[0x25, 0, 0, 0]), Err(Problem::Cut));
    assert_eq!(value(&[0x00]), Err(Problem::Unknown(0)));
    assert_eq!(value(&[0xff]), Err(Problem::Unknown(0xff)));
    assert_eq!(value(&[0x01]), Err(Problem::Unsupported(Opcode::Float)));
    for opcode in Opcode::all() {
        let code = vec![opcode as u8; DEPTH * 20];
        // Whatever comes of it.
        let _ = value(&code);
    }
}

/// Any bytes: an answer, whatever it is.
#[test]
fn random_bytes_do_no_harm() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut values, mut problems) = (0, 0);
    for _ in 0..100_000 {
        let length = random() as usize % 40;
        let code: Vec<u8> = (0..length)
            // Mostly numbers that are instructions.
            .map(|_| (random() % if random() % 8 == 0 { 256 } else { 0x35 }) as u8)
            .chain([0x27])
            .collect();
        match value(&code) {
            Ok(_) => values += 1,
            Err(_) => problems += 1,
        }
    }
    assert!(values > 1000 && problems > 1000, "{values} {problems}");
}
