//! Where a value is: evaluating DWARF location expressions.

use gimli::{Encoding, EvaluationResult, Expression, Reader, Value};

use crate::dwarf::{Entry, Unit};
use crate::module::Module;
use crate::{Bytes, Error};

/// Evaluation steps after which an expression is taken for damaged.
const MOST_STEPS: u32 = 10_000;

/// The state of the frame that a question is about.
pub struct Context<'a> {
    /// General registers by DWARF number ([`crate::REGISTERS`]); None: not known in this frame.
    pub registers: &'a [Option<u64>],
    /// Address in memory less address in the file.
    pub bias: u64,
    /// Canonical frame address, if it is known.
    pub frame_address: Option<u64>,
    /// Where the module's thread-local variables are for the thread.
    pub thread_local: Option<u64>,
    /// What a register had in it when the function of the frame was called, as its caller tells it.
    pub entry_value: &'a dyn Fn(u16) -> Option<u64>,
    /// Reads the program's memory: address and length.
    pub read: &'a dyn Fn(u64, usize) -> Option<Vec<u8>>,
}

impl Context<'_> {
    /// A general register.
    pub(crate) fn general(&self, number: u16) -> Result<u64, Error> {
        let value = self.registers.get(usize::from(number)).copied().flatten();
        value.ok_or(Error::Register(number))
    }

    /// Eight bytes of memory.
    pub(crate) fn word(&self, address: u64) -> Result<u64, Error> {
        self.number(address, 8)
    }

    fn number(&self, address: u64, length: u8) -> Result<u64, Error> {
        let bytes = (self.read)(address, usize::from(length));
        let bytes = bytes.filter(|bytes| bytes.len() == usize::from(length) && length <= 8);
        let bytes = bytes.ok_or(Error::Memory {
            address,
            length: u64::from(length),
        })?;
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(&bytes);
        Ok(u64::from_le_bytes(word))
    }
}

/// Where (a part of) a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In memory, at an address of the running program.
    Memory(u64),
    /// In the register of this DWARF number (17 to 32: xmm0–15).
    Register(u16),
    /// Nowhere, but it is known.
    Value(Vec<u8>),
    /// Optimized out.
    Nowhere,
    /// A pointer that is nowhere: only what it would point to is there.
    ImplicitPointer,
}

/// A part of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub location: Location,
    /// Bits of the value that are there; None: all of it.
    pub bits: Option<u64>,
    /// First bit within the location.
    pub first_bit: u64,
}

/// The address (or value) an expression of call frame information computes.
pub(crate) fn evaluate_address(
    expression: Expression<Bytes>,
    encoding: Encoding,
    initial: Option<u64>,
    context: &Context<'_>,
) -> Result<u64, Error> {
    let pieces = evaluate(expression, encoding, initial, context, None)?;
    match pieces.as_slice() {
        [gimli::Piece {
            location: gimli::Location::Address { address },
            ..
        }] => Ok(*address),
        _ => Err(Error::Unsupported("a frame rule that is not an address")),
    }
}

/// What an expression of a variable refers to besides registers and memory.
pub(crate) struct Surroundings<'a> {
    pub module: &'a Module,
    pub unit: &'a Unit,
    pub function: Option<&'a Entry>,
    pub address: u64,
}

impl Module {
    /// Where the variable or parameter at an offset of `.debug_info` is, when the code at `address`
    /// (of the file) is about to run. No pieces: optimized out here.
    ///
    /// `function`: offset of the entry of the function around it, whose frame base it counts from.
    pub fn locate(
        &self,
        variable: u64,
        function: Option<u64>,
        address: u64,
        context: &Context<'_>,
    ) -> Result<Vec<Piece>, Error> {
        let (unit, offset) = self.units.locate(variable)?;
        let entry = unit.unit.entry(offset)?;
        let function = match function {
            None => None,
            Some(function) => {
                let (unit, offset) = self.units.locate(function)?;
                Some(unit.unit.entry(offset)?)
            }
        };
        let around = Surroundings {
            module: self,
            unit,
            function: function.as_ref(),
            address,
        };
        if let Some((_, value)) = self.units.attribute(unit, &entry, gimli::DW_AT_const_value) {
            let bytes = match &value {
                gimli::AttributeValue::Block(bytes) => bytes.bytes().to_vec(),
                _ => match (value.sdata_value(), value.udata_value()) {
                    (Some(value), _) => value.to_le_bytes().to_vec(),
                    (_, Some(value)) => value.to_le_bytes().to_vec(),
                    _ => return Err(Error::Unsupported("a constant of this form")),
                },
            };
            return Ok(vec![whole(Location::Value(bytes))]);
        }
        let Some((unit, value)) = self.units.attribute(unit, &entry, gimli::DW_AT_location) else {
            return Ok(Vec::new());
        };
        let Some(expression) = around.expression(unit, value)? else {
            return Ok(Vec::new());
        };
        let pieces = evaluate(
            expression,
            unit.unit.encoding(),
            None,
            context,
            Some(&around),
        )?;
        pieces.into_iter().map(piece).collect()
    }
}

impl Surroundings<'_> {
    /// The number that an expression comes to.
    pub fn number(
        &self,
        expression: Expression<Bytes>,
        context: &Context<'_>,
    ) -> Result<u64, Error> {
        let encoding = self.unit.unit.encoding();
        let pieces = evaluate(expression, encoding, None, context, Some(self))?;
        match pieces.first().map(|piece| &piece.location) {
            Some(gimli::Location::Address { address }) => Ok(*address),
            Some(gimli::Location::Register { register }) => context.general(register.0),
            Some(gimli::Location::Value { value }) => {
                let mut bytes = bytes_of(*value);
                bytes.resize(8, 0);
                Ok(bytes
                    .iter()
                    .rev()
                    .fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
            }
            _ => Err(Error::Unsupported("a value that is told like this")),
        }
    }

    /// The expression that holds at the address; None: there is none.
    fn expression(
        &self,
        unit: &Unit,
        value: gimli::AttributeValue<Bytes>,
    ) -> Result<Option<Expression<Bytes>>, Error> {
        if let gimli::AttributeValue::Exprloc(expression) = value {
            return Ok(Some(expression));
        }
        let Some(mut list) = unit.dwarf.attr_locations(&unit.unit, value)? else {
            return Ok(None);
        };
        while let Some(entry) = list.next()? {
            if entry.range.begin <= self.address && self.address < entry.range.end {
                return Ok(Some(entry.data));
            }
        }
        Ok(None)
    }

    fn frame_base(&self, context: &Context<'_>) -> Result<u64, Error> {
        let base = self.function.and_then(|entry| {
            let units = &self.module.units;
            units.attribute(self.unit, entry, gimli::DW_AT_frame_base)
        });
        let (unit, value) = base.ok_or(Error::Unsupported("a variable without a frame"))?;
        let expression = self.expression(unit, value)?;
        let expression = expression.ok_or(Error::Unsupported("a frame without a base"))?;
        let pieces = evaluate(expression, unit.unit.encoding(), None, context, None)?;
        match pieces.first().map(|piece| &piece.location) {
            Some(gimli::Location::Address { address }) => Ok(*address),
            Some(gimli::Location::Register { register }) => context.general(register.0),
            _ => Err(Error::Unsupported("a frame base of this kind")),
        }
    }
}

fn evaluate(
    expression: Expression<Bytes>,
    encoding: Encoding,
    initial: Option<u64>,
    context: &Context<'_>,
    around: Option<&Surroundings<'_>>,
) -> Result<Vec<gimli::Piece<Bytes>>, Error> {
    let mut evaluation = expression.evaluation(encoding);
    evaluation.set_max_iterations(MOST_STEPS);
    if let Some(initial) = initial {
        evaluation.set_initial_value(initial);
    }
    let mut state = evaluation.evaluate()?;
    loop {
        state = match state {
            EvaluationResult::Complete => return Ok(evaluation.result()),
            EvaluationResult::RequiresMemory {
                address,
                size,
                space: None,
                base_type,
            } => {
                let value = typed(around, base_type, context.number(address, size)?)?;
                evaluation.resume_with_memory(value)?
            }
            EvaluationResult::RequiresRegister {
                register,
                base_type,
            } => {
                let value = typed(around, base_type, context.general(register.0)?)?;
                evaluation.resume_with_register(value)?
            }
            EvaluationResult::RequiresFrameBase => {
                let around = around.ok_or(Error::Unsupported("a frame base here"))?;
                evaluation.resume_with_frame_base(around.frame_base(context)?)?
            }
            EvaluationResult::RequiresCallFrameCfa => {
                let address = context.frame_address;
                let address = address.ok_or(Error::Unsupported("a frame that is not known"))?;
                evaluation.resume_with_call_frame_cfa(address)?
            }
            EvaluationResult::RequiresTls(offset) => {
                let base = context.thread_local;
                let base = base.ok_or(Error::Unsupported("a thread-local variable"))?;
                evaluation.resume_with_tls(base.wrapping_add(offset))?
            }
            EvaluationResult::RequiresRelocatedAddress(address) => {
                evaluation.resume_with_relocated_address(address.wrapping_add(context.bias))?
            }
            EvaluationResult::RequiresIndexedAddress { index, relocate } => {
                let around = around.ok_or(Error::Unsupported("an indexed address here"))?;
                let address = around.unit.dwarf.address(&around.unit.unit, index)?;
                let bias = if relocate { context.bias } else { 0 };
                evaluation.resume_with_indexed_address(address.wrapping_add(bias))?
            }
            EvaluationResult::RequiresBaseType(offset) => {
                evaluation.resume_with_base_type(value_type(around, offset)?)?
            }
            EvaluationResult::RequiresEntryValue(expression) => {
                match entry_value(expression, encoding, context, around)? {
                    Some(value) => evaluation.resume_with_entry_value(value)?,
                    None => return Ok(nowhere()),
                }
            }
            EvaluationResult::RequiresParameterRef(_) => {
                // Known only to the caller's debug information.
                return Ok(nowhere());
            }
            _ => return Err(Error::Unsupported("a location expression of this kind")),
        };
    }
}

fn nowhere() -> Vec<gimli::Piece<Bytes>> {
    vec![gimli::Piece {
        size_in_bits: None,
        bit_offset: None,
        location: gimli::Location::Empty,
    }]
}

/// What a register had in it at the call; None: the caller does not say.
fn entry_value(
    expression: Expression<Bytes>,
    encoding: Encoding,
    context: &Context<'_>,
    around: Option<&Surroundings<'_>>,
) -> Result<Option<Value>, Error> {
    let mut operations = expression.operations(encoding);
    let (register, base_type) = match (operations.next()?, operations.next()?) {
        (Some(gimli::Operation::Register { register }), None) => (register, gimli::UnitOffset(0)),
        (
            Some(gimli::Operation::RegisterOffset {
                register,
                offset: 0,
                base_type,
            }),
            None,
        ) => (register, base_type),
        _ => return Ok(None),
    };
    match (context.entry_value)(register.0) {
        Some(value) => typed(around, base_type, value).map(Some),
        None => Ok(None),
    }
}

fn value_type(
    around: Option<&Surroundings<'_>>,
    offset: gimli::UnitOffset,
) -> Result<gimli::ValueType, Error> {
    let kind = match around {
        Some(_) if offset.0 == 0 => Some(gimli::ValueType::Generic),
        Some(around) => gimli::ValueType::from_entry(&around.unit.unit.entry(offset)?)?,
        None => None,
    };
    kind.ok_or(Error::Unsupported("a typed location expression here"))
}

fn typed(
    around: Option<&Surroundings<'_>>,
    offset: gimli::UnitOffset,
    value: u64,
) -> Result<Value, Error> {
    if offset.0 == 0 {
        return Ok(Value::Generic(value));
    }
    let bytes = Bytes::new(value.to_le_bytes().as_slice().into(), gimli::LittleEndian);
    Ok(Value::parse(value_type(around, offset)?, bytes)?)
}

fn piece(piece: gimli::Piece<Bytes>) -> Result<Piece, Error> {
    let location = match piece.location {
        gimli::Location::Empty => Location::Nowhere,
        gimli::Location::ImplicitPointer { .. } => Location::ImplicitPointer,
        gimli::Location::Register { register } => Location::Register(register.0),
        gimli::Location::Address { address } => Location::Memory(address),
        gimli::Location::Bytes { value } => Location::Value(value.to_slice()?.into_owned()),
        gimli::Location::Value { value } => Location::Value(bytes_of(value)),
    };
    Ok(Piece {
        location,
        bits: piece.size_in_bits,
        first_bit: piece.bit_offset.unwrap_or(0),
    })
}

fn bytes_of(value: Value) -> Vec<u8> {
    match value {
        Value::Generic(value) | Value::U64(value) => value.to_le_bytes().to_vec(),
        Value::I8(value) => value.to_le_bytes().to_vec(),
        Value::U8(value) => value.to_le_bytes().to_vec(),
        Value::I16(value) => value.to_le_bytes().to_vec(),
        Value::U16(value) => value.to_le_bytes().to_vec(),
        Value::I32(value) => value.to_le_bytes().to_vec(),
        Value::U32(value) => value.to_le_bytes().to_vec(),
        Value::I64(value) => value.to_le_bytes().to_vec(),
        Value::F32(value) => value.to_le_bytes().to_vec(),
        Value::F64(value) => value.to_le_bytes().to_vec(),
    }
}

fn whole(location: Location) -> Piece {
    Piece {
        location,
        bits: None,
        first_bit: 0,
    }
}
