//! The instructions (gdb's manual, "Bytecode Descriptions"; their numbers are gdb's `ax.def`).

macro_rules! opcodes {
    ($($number:literal $name:ident $operand:literal,)*) => {
        /// An instruction of an agent expression.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Opcode { $($name = $number,)* }

        impl Opcode {
            /// The instruction of a number.
            pub fn from_u8(number: u8) -> Option<Opcode> {
                match number {
                    $($number => Some(Opcode::$name),)*
                    _ => None,
                }
            }

            /// Bytes that follow it.
            pub fn operand_size(self) -> usize {
                match self {
                    $(Opcode::$name => $operand,)*
                }
            }

            /// All of them.
            pub fn all() -> impl Iterator<Item = Opcode> {
                (0..=u8::MAX).filter_map(Opcode::from_u8)
            }
        }
    };
}

opcodes! {
    0x01 Float 0,
    0x02 Add 0,
    0x03 Sub 0,
    0x04 Mul 0,
    0x05 DivSigned 0,
    0x06 DivUnsigned 0,
    0x07 RemSigned 0,
    0x08 RemUnsigned 0,
    0x09 Lsh 0,
    0x0a RshSigned 0,
    0x0b RshUnsigned 0,
    0x0c Trace 0,
    0x0d TraceQuick 1,
    0x0e LogNot 0,
    0x0f BitAnd 0,
    0x10 BitOr 0,
    0x11 BitXor 0,
    0x12 BitNot 0,
    0x13 Equal 0,
    0x14 LessSigned 0,
    0x15 LessUnsigned 0,
    0x16 Ext 1,
    0x17 Ref8 0,
    0x18 Ref16 0,
    0x19 Ref32 0,
    0x1a Ref64 0,
    0x1b RefFloat 0,
    0x1c RefDouble 0,
    0x1d RefLongDouble 0,
    0x1e LToD 0,
    0x1f DToL 0,
    0x20 IfGoto 2,
    0x21 Goto 2,
    0x22 Const8 1,
    0x23 Const16 2,
    0x24 Const32 4,
    0x25 Const64 8,
    0x26 Reg 2,
    0x27 End 0,
    0x28 Dup 0,
    0x29 Pop 0,
    0x2a ZeroExt 1,
    0x2b Swap 0,
    0x2c Getv 2,
    0x2d Setv 2,
    0x2e Tracev 2,
    0x2f Tracenz 0,
    0x30 Trace16 2,
    0x32 Pick 1,
    0x33 Rot 0,
    0x34 Printf 1,
}
