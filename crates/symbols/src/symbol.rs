//! Symbols of the symbol tables, by address and by name.

use std::borrow::Cow;

use crate::demangling::demangled;

/// An entry of a symbol table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub address: u64,
    /// Bytes; 0 when the table does not say.
    pub size: u64,
    pub is_function: bool,
    pub is_global: bool,
    /// As in the table, mangled.
    pub name: String,
}

impl Symbol {
    /// The name as it stands in the source, for C++ and Rust.
    pub fn demangled(&self) -> Cow<'_, str> {
        demangled(&self.name)
    }
}

/// Symbols sorted by address.
pub(crate) struct Symbols(Vec<Symbol>);

impl Symbols {
    pub fn new(mut symbols: Vec<Symbol>) -> Symbols {
        // Of several names for one address the global one with a size is what people know.
        symbols.sort_by(|one, other| {
            let rank = |symbol: &Symbol| (symbol.address, symbol.is_global, symbol.size > 0);
            rank(one)
                .cmp(&rank(other))
                .then_with(|| other.name.cmp(&one.name))
        });
        symbols.dedup();
        Symbols(symbols)
    }

    /// The symbol an address lies in.
    pub fn at(&self, address: u64) -> Option<&Symbol> {
        let end = self.0.partition_point(|symbol| symbol.address <= address);
        // Symbols may be nested and have no size; look back over a few.
        self.0[..end]
            .iter()
            .rev()
            .take(64)
            .find(|symbol| symbol.size == 0 || address - symbol.address < symbol.size)
    }

    /// Symbols of a name: as it is in the table, demangled, or demangled without parameters.
    ///
    /// Also of copies that a compiler has made with other parameters: `f.constprop.0`, `f.isra.0`.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Symbol> {
        self.0.iter().filter(move |symbol| {
            symbol.name == name || original(&symbol.name) == name || {
                // Demangling all of a large table is slow: most names need only a look.
                let last = name.rsplit("::").next().unwrap_or(name);
                let word = last.split(['(', '<', '~']).find(|word| !word.is_empty());
                // Operators are mangled to letters.
                let is_operator = last.starts_with("operator") && symbol.name.starts_with("_Z");
                (is_operator || word.is_some_and(|word| symbol.name.contains(word))) && {
                    let full = demangled(original(&symbol.name));
                    is_called(&full, name) || is_called(without_parameters(&full), name)
                }
            }
        })
    }
}

/// Whether a full name is meant, with or without what is around it.
fn is_called(full: &str, name: &str) -> bool {
    full == name
        || full
            .strip_suffix(name)
            .is_some_and(|before| before.ends_with("::"))
}

/// The name of what a copy was made of. Parts of a function that were moved elsewhere (`.cold`, `.part`) are no copies.
fn original(name: &str) -> &str {
    const COPIES: [&str; 3] = [".constprop.", ".isra.", ".lto_priv."];
    let end = COPIES.iter().filter_map(|copy| name.find(copy)).min();
    let is_part = name.contains(".cold") || name.contains(".part.");
    end.filter(|_| !is_part).map_or(name, |end| &name[..end])
}

/// `a::b(int, char)` to `a::b`; `operator()` keeps its parentheses.
pub(crate) fn without_parameters(name: &str) -> &str {
    let mut depth = 0usize;
    for (position, character) in name.char_indices().rev() {
        match character {
            ')' => depth += 1,
            '(' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && !name[..position].ends_with("operator") {
                    return &name[..position];
                }
            }
            // What follows the parameters is `const` or the like; anything else means none.
            _ if depth == 0 && !character.is_ascii_alphanumeric() && character != ' ' => {
                return name;
            }
            _ => {}
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_cut_off() {
        for (full, short) in [
            ("a::b(int, char)", "a::b"),
            ("f(void (*)(int)) const", "f"),
            ("plain", "plain"),
            ("a::operator()(int)", "a::operator()"),
            ("core::fmt::write", "core::fmt::write"),
        ] {
            assert_eq!(without_parameters(full), short, "{full}");
        }
    }

    #[test]
    fn copies_have_the_name_of_what_they_were_made_of() {
        for (name, expected) in [
            ("f.constprop.0", "f"),
            ("f.isra.0.constprop.1", "f"),
            ("f.isra.0.cold", "f.isra.0.cold"),
            ("f.part.0", "f.part.0"),
            ("_ZN1a1bEi.lto_priv.3", "_ZN1a1bEi"),
            ("a.b", "a.b"),
        ] {
            assert_eq!(original(name), expected, "{name}");
        }
    }

    #[test]
    fn an_address_belongs_to_the_symbol_around_it() {
        let symbol = |name: &str, address, size| Symbol {
            address,
            size,
            is_function: true,
            is_global: true,
            name: name.to_owned(),
        };
        let symbols = Symbols::new(vec![symbol("b", 32, 8), symbol("a", 16, 8)]);
        let name = |address| symbols.at(address).map(|symbol| symbol.name.as_str());
        assert_eq!(name(16), Some("a"));
        assert_eq!(name(23), Some("a"));
        assert_eq!(name(24), None);
        assert_eq!(name(39), Some("b"));
        assert_eq!(name(0), None);
    }
}
