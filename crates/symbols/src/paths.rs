//! Names with what is around them: `a::b<c::d>::e`. Pure.

/// How a part of a full name takes part in what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartKind {
    /// What is named itself.
    Itself,
    /// A namespace or class; may be left out where nothing else can be meant.
    Around,
    /// Is left out in the source, too: nameless and inline namespaces, enumerations of the older kind.
    Optional,
    /// Must be named: `enum class`.
    Needed,
    /// A function around: must be named for what is inside of it, but for functions.
    Function,
}

/// A part of a full name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathPart {
    pub name: String,
    pub kind: PartKind,
}

impl PathPart {
    pub fn new(name: String, kind: PartKind) -> PathPart {
        PathPart { name, kind }
    }

    /// How many parts of a full name are left out by what is asked for; None: it means something else.
    pub fn missing(full: &[PathPart], wanted: &[&str], is_function: bool) -> Option<u32> {
        let mut rest = wanted.iter().rev().peekable();
        let mut missing = 0;
        for part in full.iter().rev() {
            match rest.peek() {
                Some(name) if is_same(&part.name, name) => {
                    rest.next();
                }
                _ if part.kind == PartKind::Optional => {}
                // Between two parts that are named nothing is left out.
                None => match part.kind {
                    PartKind::Around => missing += 1,
                    PartKind::Function if is_function => missing += 1,
                    _ => return None,
                },
                Some(_) => return None,
            }
        }
        rest.peek().is_none().then_some(missing)
    }

    pub fn joined(full: &[PathPart]) -> String {
        let names: Vec<&str> = full
            .iter()
            .filter(|part| part.kind != PartKind::Optional || part.name.starts_with('('))
            .map(|part| part.name.as_str())
            .collect();
        names.join("::")
    }
}

/// Whether a part has a name, with or without the arguments of its template.
fn is_same(own: &str, wanted: &str) -> bool {
    own == wanted || without_spaces(own) == without_spaces(wanted) || {
        bare(own) == wanted && bare(wanted) == wanted
    }
}

fn without_spaces(name: &str) -> String {
    name.chars().filter(|character| *character != ' ').collect()
}

/// A name without the arguments of its template.
pub(crate) fn bare(name: &str) -> &str {
    if is_operator(name) {
        return name;
    }
    match name.find('<') {
        None | Some(0) => name,
        Some(end) => &name[..end],
    }
}

fn is_operator(name: &str) -> bool {
    name.strip_prefix("operator")
        .and_then(|rest| rest.chars().next())
        .is_some_and(|next| !next.is_alphanumeric() && next != '_')
}

/// The parts of a name: those between `::` that is in no brackets.
pub(crate) fn parts(name: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut begin = 0;
    let mut depth = 0i32;
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if depth == 0 && is_operator(&name[begin..]) {
            break;
        }
        match bytes[at] {
            b'<' | b'(' | b'[' | b'{' => depth += 1,
            b'>' | b')' | b']' | b'}' => depth -= 1,
            b':' if depth <= 0 && bytes.get(at + 1) == Some(&b':') => {
                found.push(&name[begin..at]);
                begin = at + 2;
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    found.push(&name[begin..]);
    // `::name` is a name outside of everything.
    if found.len() > 1 && found[0].is_empty() {
        found.remove(0);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_outside_of_brackets() {
        for (name, expected) in [
            ("a", vec!["a"]),
            ("a::b<c::d>::e", vec!["a", "b<c::d>", "e"]),
            ("::a::b", vec!["a", "b"]),
            (
                "(anonymous namespace)::x",
                vec!["(anonymous namespace)", "x"],
            ),
            ("a::operator<", vec!["a", "operator<"]),
            ("a::operator()", vec!["a", "operator()"]),
            ("operator new", vec!["operator new"]),
            ("", vec![""]),
        ] {
            assert_eq!(parts(name), expected, "{name}");
        }
    }

    #[test]
    fn parts_may_be_left_out_in_front_only() {
        let full = [
            PathPart::new("a".into(), PartKind::Around),
            PathPart::new("(anonymous namespace)".into(), PartKind::Optional),
            PathPart::new("b<int, 3>".into(), PartKind::Around),
            PathPart::new("c".into(), PartKind::Itself),
        ];
        let missing = |name| PathPart::missing(&full, &parts(name), false);
        assert_eq!(missing("a::b<int,3>::c"), Some(0));
        assert_eq!(missing("a::(anonymous namespace)::b::c"), Some(0));
        assert_eq!(missing("b::c"), Some(1));
        assert_eq!(missing("c"), Some(2));
        assert_eq!(missing("a::c"), None);
        assert_eq!(missing("x::a::b::c"), None);
        assert_eq!(missing("b<char>::c"), None);
        assert_eq!(
            PathPart::joined(&full),
            "a::(anonymous namespace)::b<int, 3>::c"
        );
    }

    #[test]
    fn what_must_be_named_is_not_left_out() {
        let around = |kind| {
            vec![
                PathPart::new("kind".into(), kind),
                PathPart::new("text".into(), PartKind::Itself),
            ]
        };
        let missing = |kind, is_function| PathPart::missing(&around(kind), &["text"], is_function);
        assert_eq!(missing(PartKind::Needed, false), None);
        assert_eq!(missing(PartKind::Optional, false), Some(0));
        assert_eq!(missing(PartKind::Function, false), None);
        assert_eq!(missing(PartKind::Function, true), Some(1));
    }
}
