"""The checker of layers, on small crates and packages made up here."""

from __future__ import annotations

import check_layers
import pytest
from layers import table
from layers.graph import circles, shortest_circle
from layers.python_modules import Package
from layers.rust_modules import Crate


@pytest.fixture
def crate(tmp_path):
    """Makes a crate of the given files and answers its graph, without modules that use nothing."""
    return lambda **files: _graph(Crate, tmp_path, ".rs", files)


@pytest.fixture
def package(tmp_path):
    """Makes a package `made` of the given files and answers its graph, as `crate` does."""
    return lambda **files: _graph(lambda folder: Package(folder, "made"), tmp_path, ".py", files)


def _graph(read, folder, ending, files):
    for name, text in files.items():
        file = folder / (name.replace("__of__", "/") + ending)
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return {module: used for module, used in read(folder).graph().items() if used}


def test_a_circle_of_files_in_a_crate_is_found(crate):
    graph = crate(
        main="mod low; mod middle; mod top; fn main() { top::run() }",
        top="use crate::middle::Middle; pub fn run() {}",
        middle="pub struct Middle; fn f() { crate::low::go() }",
        low="use crate::top; pub fn go() { top::run() }",
    )
    assert circles(graph) == [["low", "middle", "top"]]
    assert shortest_circle(graph, ["low", "middle", "top"]) == ["low", "top", "middle", "low"]


def test_a_declaration_of_a_module_and_a_re_export_are_no_use(crate):
    graph = crate(
        lib="mod parts; pub use parts::Part;",
        parts__of__mod="mod part; pub use self::part::Part; pub const MOST: u64 = 1;",
        parts__of__part="use super::MOST; pub struct Part;",
    )
    assert graph == {"parts::part": {"parts"}}


def test_a_name_belongs_to_the_module_that_defines_it(crate):
    graph = crate(
        lib="mod parts; mod user; pub use parts::*;",
        parts__of__mod="mod part; pub use part::{Part as Whole, other::{self, Other}};",
        parts__of__part="pub mod other { pub struct Other; } pub struct Part;",
        user="use crate::parts::Whole; fn f(_: Whole) {}",
        another="fn f(_: crate::Other) {}",
    )
    assert graph == {"user": {"parts::part"}, "another": {"parts::part"}}


def test_a_glob_brings_in_what_is_named(crate):
    graph = crate(
        lib="mod parts; mod other;",
        other="pub struct Other;",
        parts__of__mod="mod part; use crate::other::Other; pub struct Own; fn f(_: Other) {}",
        parts__of__part="use super::*; fn f(_: Other) {}",
    )
    assert graph == {"parts": {"other"}, "parts::part": {"other"}}


def test_comments_strings_and_tests_name_nothing(crate):
    graph = crate(
        lib="mod a; mod b; #[cfg(test)] mod proof;",
        a="""
        // crate::b::f();
        const TEXT: &str = "crate::b::f() \\" crate::b::f()";
        const QUOTE: char = '"'; fn f<'a>(_: &'a str) {}
        #[cfg(test)]
        mod tests { use super::*; use crate::b; #[test] fn f() { b::f() } }
        """,
        b="use crate::a::f;",
        proof="use crate::a; use crate::b; fn f() { a::f(); b::f() }",
    )
    assert graph == {"b": {"a"}}


def test_an_exported_macro_belongs_to_its_file(crate):
    graph = crate(
        lib="mod words; mod user;",
        words="#[macro_export] macro_rules! text { () => { $crate::words::f() } } pub fn f() {}",
        user="fn f() { crate::text!() }",
    )
    assert graph == {"user": {"words"}}


def test_a_circle_of_python_modules_is_found_through_an_init(package):
    graph = package(
        __init__="from made.outer import Outer\n__all__ = ['Outer']",
        outer="def f():\n    from made.inner import Inner",
        inner="TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from made import Outer",
    )
    assert circles(graph) == [["inner", "outer"]]


def test_what_an_init_uses_itself_is_a_use(package):
    graph = package(
        __init__="from made.outer import Outer\nVALUE = Outer()",
        outer="from made import VALUE",
    )
    assert circles(graph) == [["__init__", "outer"]]


def test_an_upward_use_and_unneeded_entries_are_faults():
    graph = {"a": {"b"}, "b": {"a"}, "b::c": set(), "d": set()}
    faults = list(
        check_layers.layer_faults(
            "x", graph, (("a",), ("b", "gone")), "::", frozenset({("b", "a")})
        )
    )
    assert [fault.partition(": ")[2].split(";")[0] for fault in faults] == [
        "a uses b, which is a layer above it",
        "d belongs to no layer",
        "the table lets b use a, and it does not: take it out",
        "the table names gone, and there is none: take it out",
    ]


def test_a_circle_is_told_with_its_shortest_way():
    circle = {"a": {"b", "c"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert list(check_layers.circle_faults("x", circle)) == [
        "x: 3 modules use each other in a circle: a -> c -> a"
    ]
    assert list(check_layers.circle_faults("x", {"a": {"b"}, "b": set()})) == []


def test_the_checker_sees_the_uses_there_are():
    """A graph without uses would have no circles, too."""
    graphs = check_layers.graphs(check_layers.ROOT)
    assert {f"crates/{crate}" for crate in table.RUST_DEPENDENCIES} < set(graphs)
    for where in ("crates/recorder", "crates/replayer", "crates/supervisor", "src/reenact"):
        graph = graphs[where]
        using = [module for module, used in graph.items() if used]
        assert len(using) > len(graph) / 3, where
