//! `Module`: debug information of a file, as tuples; `reenact.symbols` gives them names.

use std::cell::RefCell;
use std::path::PathBuf;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use reenact_symbols::{CallTarget, Context, Global, LineRow, Location, Member, Symbol, Variable};

use crate::files::duplicate;
use crate::panics::quietly;

create_exception!(
    reenact._native,
    SymbolError,
    PyException,
    "Debug information does not answer a question. `args` are the message."
);

type NamedAddress = (String, u64, u64, bool);
type SourceFrame = (
    Option<String>,
    Option<String>,
    Option<u32>,
    Option<u32>,
    bool,
);
type Row = (u64, String, u64, bool, bool, bool);
type Caller = (u64, Vec<Option<u64>>, bool);
type VariableParts = (String, u64, Option<u64>, bool);
type ScopeParts = (u64, Option<String>, Vec<VariableParts>);
type PiecePart<'py> = (
    &'static str,
    u64,
    Option<Bound<'py, PyBytes>>,
    Option<u64>,
    u64,
);
type MemberParts = (
    Option<String>,
    Option<u64>,
    u64,
    Option<(u64, u64)>,
    bool,
    u64,
);
type GlobalParts = (VariableParts, bool, bool, Option<String>, bool, u32, String);
type FunctionParts = (u64, u64, bool, u64, u64, Option<String>, bool, u32, String);
type EnumeratorParts = (i64, u64, u64, u32, String);
type TypeParts = (u64, u64, u32, String);
type CallParts = (u64, Option<u64>, Option<String>);
type VariantParts = (Option<MemberParts>, Vec<(Option<u64>, MemberParts)>);

/// Ask a question of debug information, which may be somebody else's. None is known to make its
/// reader panic; one that did would be one that does not answer.
fn guarded<T>(question: impl FnOnce() -> Result<T, reenact_symbols::Error>) -> PyResult<T> {
    match quietly(question) {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(error)) => Err(SymbolError::new_err(error.to_string())),
        None => Err(SymbolError::new_err("the debug information is damaged")),
    }
}

/// A file with its debug information.
#[pyclass(frozen, module = "reenact._native")]
pub struct Module {
    module: reenact_symbols::Module,
}

/// What is known of the frame a question is about.
#[derive(FromPyObject)]
struct Frame<'py> {
    registers: Vec<Option<u64>>,
    bias: u64,
    frame_address: Option<u64>,
    thread_local: Option<u64>,
    entry_value: Option<Bound<'py, PyAny>>,
    read: Bound<'py, PyAny>,
}

impl Frame<'_> {
    /// Ask with this frame; an exception of `read` is passed on.
    fn ask<T>(
        &self,
        question: impl FnOnce(&Context<'_>) -> Result<T, reenact_symbols::Error>,
    ) -> PyResult<T> {
        let exception = RefCell::new(None);
        let read = |address: u64, length: usize| {
            let answer = self.read.call1((address, length));
            match answer.and_then(|bytes| bytes.extract::<Vec<u8>>()) {
                Ok(bytes) => Some(bytes),
                Err(error) => {
                    exception.replace(Some(error));
                    None
                }
            }
        };
        let entry_value = |register: u16| {
            let answer = self.entry_value.as_ref()?.call1((register,));
            match answer.and_then(|value| value.extract::<Option<u64>>()) {
                Ok(value) => value,
                Err(error) => {
                    exception.replace(Some(error));
                    None
                }
            }
        };
        let context = Context {
            entry_value: &entry_value,
            registers: &self.registers,
            bias: self.bias,
            frame_address: self.frame_address,
            thread_local: self.thread_local,
            read: &read,
        };
        let answer = guarded(|| question(&context));
        match exception.into_inner() {
            Some(error) => Err(error),
            None => answer,
        }
    }
}

#[pymethods]
impl Module {
    #[new]
    fn new(
        py: Python<'_>,
        descriptor: i32,
        original: PathBuf,
        directories: Vec<PathBuf>,
    ) -> PyResult<Module> {
        let file = duplicate(descriptor)?;
        let read = || reenact_symbols::Module::read(file, &original, &original, &directories);
        let module = py.detach(|| guarded(read));
        Ok(Module { module: module? })
    }

    #[getter]
    fn debug_path(&self) -> Option<PathBuf> {
        self.module.debug_path().map(Into::into)
    }

    #[getter]
    fn build_id(&self) -> Option<String> {
        let bytes = self.module.build_id()?;
        Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    #[getter]
    fn missing_part(&self) -> Option<&str> {
        self.module.missing_part()
    }

    #[getter]
    fn has_debug_information(&self) -> bool {
        self.module.has_debug_information()
    }

    #[getter]
    fn thread_local(&self) -> Option<(u64, u64)> {
        self.module.thread_local()
    }

    fn addresses_of_offset(&self, offset: u64) -> Vec<u64> {
        self.module.addresses_of_offset(offset)
    }

    fn address_range(&self) -> Option<(u64, u64)> {
        self.module.address_range()
    }

    fn symbol_at(&self, address: u64) -> PyResult<Option<NamedAddress>> {
        guarded(|| Ok(self.module.symbol_at(address).map(symbol)))
    }

    fn symbols_named(&self, name: &str) -> PyResult<Vec<NamedAddress>> {
        guarded(|| Ok(self.module.symbols_named(name).map(symbol).collect()))
    }

    fn source_frames(&self, py: Python<'_>, address: u64) -> PyResult<Vec<SourceFrame>> {
        let frames = py.detach(|| guarded(|| self.module.source_frames(address)));
        let parts = frames?.into_iter().map(|frame| {
            (
                frame.function,
                frame.file,
                frame.line,
                frame.column,
                frame.is_inlined,
            )
        });
        Ok(parts.collect())
    }

    fn line_rows(&self, py: Python<'_>, begin: u64, end: u64) -> PyResult<Vec<Row>> {
        let rows = py.detach(|| guarded(|| self.module.line_rows(begin, end)));
        Ok(rows?.into_iter().map(row).collect())
    }

    fn is_optimized(&self, py: Python<'_>, address: u64) -> PyResult<bool> {
        py.detach(|| guarded(|| Ok(self.module.is_optimized(address))))
    }

    fn line_addresses(&self, py: Python<'_>, file: &str, line: u64) -> PyResult<Vec<Row>> {
        let rows = py.detach(|| guarded(|| self.module.line_addresses(file, line)));
        Ok(rows?.into_iter().map(row).collect())
    }

    fn lines_with_code(&self, py: Python<'_>, file: &str) -> PyResult<Vec<u64>> {
        py.detach(|| guarded(|| self.module.lines_with_code(file)))
    }

    fn unwind(&self, address: u64, frame: Frame<'_>) -> PyResult<Option<Caller>> {
        let caller = frame.ask(|context| self.module.unwind(address, context))?;
        Ok(caller.map(|caller| {
            (
                caller.frame_address,
                caller.registers.to_vec(),
                caller.is_signal_frame,
            )
        }))
    }

    fn scopes(&self, py: Python<'_>, address: u64) -> PyResult<Vec<ScopeParts>> {
        let scopes = py.detach(|| guarded(|| self.module.scopes(address)));
        let parts = scopes?.into_iter().map(|scope| {
            let variables = scope.variables.into_iter().map(variable).collect();
            (scope.function, scope.name, variables)
        });
        Ok(parts.collect())
    }

    fn block_at(&self, py: Python<'_>, address: u64) -> PyResult<Option<u64>> {
        py.detach(|| guarded(|| self.module.block_at(address)))
    }

    #[pyo3(signature = (name, address = None))]
    fn globals(
        &self,
        py: Python<'_>,
        name: &str,
        address: Option<u64>,
    ) -> PyResult<Vec<GlobalParts>> {
        let found = py.detach(|| guarded(|| self.module.globals(name, address)))?;
        let parts = found.into_iter().map(|global| {
            let Global {
                is_external,
                is_of_unit,
                source,
                has_place,
                missing,
                name,
                ..
            } = global;
            (
                variable(global.variable),
                is_external,
                is_of_unit,
                source,
                has_place,
                missing,
                name,
            )
        });
        Ok(parts.collect())
    }

    fn functions_named(&self, py: Python<'_>, name: &str) -> PyResult<Vec<FunctionParts>> {
        let found = py.detach(|| guarded(|| self.module.functions_named(name)))?;
        let parts = found.into_iter().map(|code| {
            (
                code.address,
                code.size,
                code.is_inlined,
                code.entry,
                code.unit,
                code.source,
                code.is_external,
                code.missing,
                code.name,
            )
        });
        Ok(parts.collect())
    }

    fn unit_at(&self, py: Python<'_>, address: u64) -> PyResult<Option<u64>> {
        py.detach(|| guarded(|| Ok(self.module.unit_at(address))))
    }

    fn surroundings(&self, py: Python<'_>, function: u64) -> PyResult<Vec<String>> {
        py.detach(|| guarded(|| Ok(self.module.surroundings(function))))
    }

    fn similar(&self, py: Python<'_>, name: &str) -> PyResult<Vec<String>> {
        py.detach(|| guarded(|| Ok(self.module.similar(name))))
    }

    fn full_name(&self, py: Python<'_>, entry: u64) -> PyResult<Option<String>> {
        py.detach(|| guarded(|| Ok(self.module.full_name(entry))))
    }

    fn complete_type(&self, py: Python<'_>, entry: u64) -> PyResult<Option<u64>> {
        py.detach(|| guarded(|| self.module.complete_type(entry)))
    }

    fn virtual_function(&self, holder: u64, place: u64) -> PyResult<Option<String>> {
        guarded(|| self.module.virtual_function(holder, place))
    }

    fn call_parameter(
        &self,
        return_address: u64,
        register: u16,
        frame: Frame<'_>,
    ) -> PyResult<Option<CallParts>> {
        let ask = |context: &Context<'_>| {
            self.module
                .call_parameter(return_address, register, context)
        };
        Ok(frame.ask(ask)?.map(|found| match found.target {
            None => (found.value, None, None),
            Some(CallTarget::Address(address)) => (found.value, Some(address), None),
            Some(CallTarget::Name(name)) => (found.value, None, Some(name)),
        }))
    }

    fn member_address(&self, entry: u64, structure: u64, frame: Frame<'_>) -> PyResult<u64> {
        frame.ask(|context| self.module.member_address(entry, structure, context))
    }

    #[pyo3(signature = (entry, function, address, frame))]
    fn locate<'py>(
        &self,
        py: Python<'py>,
        entry: u64,
        function: Option<u64>,
        address: u64,
        frame: Frame<'py>,
    ) -> PyResult<Vec<PiecePart<'py>>> {
        let pieces = frame.ask(|context| self.module.locate(entry, function, address, context))?;
        let parts = pieces.into_iter().map(|piece| {
            let (kind, number, bytes) = match piece.location {
                Location::Memory(address) => ("memory", address, None),
                Location::Register(register) => ("register", register.into(), None),
                Location::Value(bytes) => ("value", 0, Some(PyBytes::new(py, &bytes))),
                Location::Nowhere => ("nowhere", 0, None),
                Location::ImplicitPointer => ("implicit pointer", 0, None),
            };
            (kind, number, bytes, piece.bits, piece.first_bit)
        });
        Ok(parts.collect())
    }

    fn type_at(&self, entry: u64) -> PyResult<Type> {
        let inner = guarded(|| self.module.type_at(entry))?;
        Ok(Type { inner })
    }

    fn enumerator_named(&self, py: Python<'_>, name: &str) -> PyResult<Vec<EnumeratorParts>> {
        let found = py.detach(|| guarded(|| self.module.enumerator_named(name)))?;
        let parts = found
            .into_iter()
            .map(|one| (one.value, one.type_entry, one.unit, one.missing, one.name));
        Ok(parts.collect())
    }

    fn types_named(&self, py: Python<'_>, name: &str) -> PyResult<Vec<TypeParts>> {
        let found = py.detach(|| guarded(|| self.module.types_named(name)))?;
        let parts = found
            .into_iter()
            .map(|one| (one.entry, one.unit, one.missing, one.name));
        Ok(parts.collect())
    }
}

/// DT_SONAME of the ELF file that is open as a descriptor.
#[pyfunction]
pub fn soname(py: Python<'_>, descriptor: i32) -> PyResult<Option<Vec<u8>>> {
    let file = duplicate(descriptor)?;
    py.detach(|| guarded(|| Ok(reenact_symbols::soname(file))))
}

/// The source files of the ELF file that is open as a descriptor: the directory in which each was
/// compiled, and its path.
#[pyfunction]
pub fn source_files(py: Python<'_>, descriptor: i32) -> PyResult<Vec<(Vec<u8>, Vec<u8>)>> {
    let file = duplicate(descriptor)?;
    py.detach(|| guarded(|| Ok(reenact_symbols::source_files(file))))
}

/// A type as the debug information describes it.
#[pyclass(frozen, module = "reenact._native")]
pub struct Type {
    inner: reenact_symbols::Type,
}

#[pymethods]
impl Type {
    #[getter]
    fn kind(&self) -> &'static str {
        self.inner.kind.name()
    }

    #[getter]
    fn name(&self) -> Option<&str> {
        self.inner.name.as_deref()
    }

    #[getter]
    fn size(&self) -> Option<u64> {
        self.inner.size
    }

    #[getter]
    fn target(&self) -> Option<u64> {
        self.inner.target
    }

    #[getter]
    fn encoding(&self) -> Option<u8> {
        self.inner.encoding
    }

    #[getter]
    fn qualifier(&self) -> Option<&'static str> {
        self.inner.qualifier
    }

    #[getter]
    fn is_rvalue(&self) -> bool {
        self.inner.is_rvalue
    }

    #[getter]
    fn holder(&self) -> Option<u64> {
        self.inner.holder
    }

    #[getter]
    fn parameters(&self) -> Vec<Option<u64>> {
        self.inner.parameters.clone()
    }

    #[getter]
    fn is_variadic(&self) -> bool {
        self.inner.is_variadic
    }

    #[getter]
    fn counts(&self) -> Vec<Option<u64>> {
        self.inner.counts.clone()
    }

    #[getter]
    fn members(&self) -> Vec<MemberParts> {
        self.inner.members.iter().map(member).collect()
    }

    #[getter]
    fn variants(&self) -> Option<VariantParts> {
        let variants = self.inner.variants.as_ref()?;
        let members = variants.members.iter();
        Some((
            variants.discriminant.as_ref().map(member),
            members.map(|(value, one)| (*value, member(one))).collect(),
        ))
    }

    #[getter]
    fn enumerators(&self) -> Vec<(String, i64)> {
        self.inner.enumerators.clone()
    }

    #[getter]
    fn is_declaration(&self) -> bool {
        self.inner.is_declaration
    }
}

fn member(member: &Member) -> MemberParts {
    (
        member.name.clone(),
        member.offset,
        member.type_entry,
        member.bits,
        member.is_base_class,
        member.entry,
    )
}

fn symbol(symbol: &Symbol) -> NamedAddress {
    (
        symbol.demangled().into_owned(),
        symbol.address,
        symbol.size,
        symbol.is_function,
    )
}

fn row(row: LineRow) -> Row {
    (
        row.address,
        row.file,
        row.line,
        row.is_statement,
        row.is_prologue_end,
        row.is_end,
    )
}

fn variable(variable: Variable) -> VariableParts {
    (
        variable.name,
        variable.entry,
        variable.type_entry,
        variable.is_parameter,
    )
}
