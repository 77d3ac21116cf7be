//! The line table, from lines to addresses.

use crate::dwarf::Unit;
use crate::module::Module;
use crate::{Bytes, Error};

/// A row of the line table: the code from `address` up to the next row belongs to the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRow {
    pub address: u64,
    pub file: String,
    /// 0: no line.
    pub line: u64,
    /// A good place for a breakpoint.
    pub is_statement: bool,
    /// The first address behind a function's prologue, where the compiler says so.
    pub is_prologue_end: bool,
    /// `address` is one past the last byte; there is no line.
    pub is_end: bool,
}

impl Module {
    /// Rows of the line table with addresses in a range, in order of their addresses.
    pub fn line_rows(&self, begin: u64, end: u64) -> Result<Vec<LineRow>, Error> {
        let mut found = Vec::new();
        if let Some(unit) = self.units.at(begin) {
            self.rows(
                unit,
                None,
                |row| begin <= row.address && row.address < end,
                &mut found,
            )?;
        }
        found.sort_by_key(|row| (row.address, !row.is_end));
        Ok(found)
    }

    /// Whether the code at an address was optimized, as far as its variables tell: then parameters are
    /// known from the first instruction of a function on, and it has no prologue to skip.
    pub fn is_optimized(&self, address: u64) -> bool {
        let unit = self.units.at(address);
        unit.is_some_and(|unit| self.units.has_location_lists(unit))
    }

    /// All rows of a line of a file.
    ///
    /// `file` is the end of a path in whole parts: `list.c`, `src/list.c`, `/home/me/src/list.c`.
    pub fn line_addresses(&self, file: &str, line: u64) -> Result<Vec<LineRow>, Error> {
        let mut found = Vec::new();
        for unit in self.units.all() {
            self.rows(
                unit,
                Some(file),
                |row| row.line == line && !row.is_end,
                &mut found,
            )?;
        }
        found.sort_by_key(|row| row.address);
        Ok(found)
    }

    /// The lines of a file that have code, in order: the choice when one has none.
    pub fn lines_with_code(&self, file: &str) -> Result<Vec<u64>, Error> {
        let mut found = Vec::new();
        for unit in self.units.all() {
            self.rows(
                unit,
                Some(file),
                |row| row.line > 0 && row.is_statement,
                &mut found,
            )?;
        }
        let mut lines: Vec<u64> = found.into_iter().map(|row| row.line).collect();
        lines.sort_unstable();
        lines.dedup();
        Ok(lines)
    }

    fn rows(
        &self,
        unit: &Unit,
        file: Option<&str>,
        is_wanted: impl Fn(&LineRow) -> bool,
        found: &mut Vec<LineRow>,
    ) -> Result<(), Error> {
        let (table, dwarf) = unit.line_table(self.units.dwarf());
        let Some(program) = table.line_program.clone() else {
            return Ok(());
        };
        let header = program.header();
        // Index 0 is a file of its own only from version 5 on; before, it means "none".
        let paths: Vec<(u64, String)> = (0..=header.file_names().len() as u64)
            .filter_map(|index| {
                let path = path(table, dwarf, header, header.file(index)?)?;
                Some((index, String::from_utf8_lossy(&path).into_owned()))
            })
            .filter(|(_, path)| file.is_none_or(|wanted| is_end_of_path(path, wanted)))
            .collect();
        if paths.is_empty() {
            return Ok(());
        }
        let mut rows = program.rows();
        // A row that the next one replaces at the same address stands for no code; where a line is looked for, it is
        // a place to stop at like any other.
        let keeps_all = file.is_some();
        let mut previous: Option<LineRow> = None;
        while let Some((_, row)) = rows.next_row()? {
            let kept = previous
                .take()
                .filter(|kept| keeps_all || kept.address < row.address());
            found.extend(kept);
            let path = paths.iter().find(|(index, _)| *index == row.file_index());
            let Some((_, path)) = path else { continue };
            let row = LineRow {
                address: row.address(),
                file: String::new(),
                line: row.line().map_or(0, std::num::NonZeroU64::get),
                is_statement: row.is_stmt(),
                is_prologue_end: row.prologue_end(),
                is_end: row.end_sequence(),
            };
            if is_wanted(&row) {
                let row = LineRow {
                    file: path.clone(),
                    ..row
                };
                if row.is_end {
                    found.push(row);
                } else {
                    previous = Some(row);
                }
            }
        }
        Ok(())
    }
}

/// The path of a file in a table of lines, absolute where the directory of the unit is.
pub(crate) fn path(
    unit: &gimli::Unit<Bytes>,
    dwarf: &gimli::Dwarf<Bytes>,
    header: &gimli::LineProgramHeader<Bytes>,
    file: &gimli::FileEntry<Bytes>,
) -> Option<Vec<u8>> {
    let text = |value| Some(dwarf.attr_string(unit, value).ok()?.bytes().to_vec());
    let below = |directory: &[u8], path: &[u8]| [directory, b"/", path].concat();
    let mut path = text(file.path_name())?;
    if !path.starts_with(b"/") {
        if let Some(directory) = file.directory(header).and_then(text) {
            path = below(&directory, &path);
        }
    }
    if !path.starts_with(b"/") {
        if let Some(directory) = &unit.comp_dir {
            path = below(directory.bytes(), &path);
        }
    }
    Some(path)
}

fn is_end_of_path(path: &str, wanted: &str) -> bool {
    path.strip_suffix(wanted.trim_start_matches("./"))
        .is_some_and(|before| before.is_empty() || before.ends_with('/') || wanted.starts_with('/'))
}
