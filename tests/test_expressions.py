"""Expressions of a session: C's arithmetic, C's order of looking for names, and what is refused."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import skips
from debugger_session import SOURCES, built, record
from recorded_run import Reenact

import reenact as package
from reenact.errors import UsageError
from reenact.session.session import Session
from reenact.session.values import StopReason
from reenact.symbols.values import Hole, Value


@pytest.fixture(scope="module")
def trace(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("expressions")
    return record(reenact, folder / "trace", built("shapes.c", folder))


@pytest.fixture(scope="module")
def session(trace: Path) -> Iterator[Session]:
    """Stands in `walked`, in the middle of the list."""
    with package.open(trace).replay() as session:
        point = session.add_breakpoint("inlined")
        for _ in range(3):
            assert session.continue_().reason == StopReason.BREAKPOINT
        point.remove()
        session.finish()
        yield session


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("010", 8), ("0x10 + 0b11", 19), ("2147483647 + 1", -(1 << 31)), ("4294967295", 4294967295),
        ("2147483648", 1 << 31), ("0xffffffff", 0xFFFFFFFF), ("0xffffffff + 1", 0),
        ("0xffffffffL + 1", 1 << 32), ("-1 < 1U", 0), ("-1L < 1U", 1), ("-1 < 1UL", 0),
        ("1L << 40", 1 << 40), ("1 << 31", -(1 << 31)), ("-7 / 2", -3), ("-7 % 2", -1),
        ("7U - 8", 0xFFFFFFFF), ("~0", -1), ("~0U", 0xFFFFFFFF), ("!5 + !0", 1),
        ("'a'", 97), ("'\\n'", 10), ("'\\x41' + '\\101'", 130), ("'\\377'", -1), ("L'x'", 120),
        ("1.5 + 1", 2.5), ("1e3", 1000.0), ("7 / 2.0", 3.5), ("0x1e3", 0x1E3), (".5", 0.5),
        ("1.0f / 0", float("inf")), ("2.5 > 2", 1),
        ("0 && 1 / 0", 0), ("1 || 1 / 0", 1), ("1 && 2", 1), ("0 || 0", 0),
        ("1 ? 2 : 1 / 0", 2), ("0 ? 1 / 0 : 0 ? 4 : 5", 5), ("(1) + 2", 3),
        ("sizeof(int)", 4), ("sizeof(unsigned long long)", 8), ("sizeof(struct node)", 48),
        ("sizeof(char *)", 8), ("sizeof 'a'", 4), ("sizeof grid", 48), ("sizeof(grid[0])", 16),
        ("sizeof words", 24), ("(unsigned char)300", 44), ("(char)200", -56),
        ("(long)-1 > (unsigned)1", 0),
        ("BLUE", -4), ("RED + GREEN", 3), ("&grid[2] - &grid[0]", 2),
        ("2[grid[0]] == grid[0][2]", 1),
        ("sizeof(*(void *)first)", 1), ("(void *)at - (void *)at", 0), ("chosen - chosen", 0),
        ("(short)70000", 4464), ("(int)3.9", 3), ("(float)1 / 3 < 0.34", 1), ("+3", 3),
    ],
)  # fmt: skip
def test_arithmetic_is_that_of_c(text: str, expected: float, session: Session) -> None:
    found = session.evaluate(text)
    number = found if isinstance(found, (int, float)) else found.number()
    assert number == expected
    assert isinstance(number, float) == isinstance(expected, float)


def test_flags(session: Session) -> None:
    """As gdb writes them; a number where one computes with them."""
    flags = session.evaluate("$eflags")
    assert re.fullmatch(r"\[( [CPAZSO]F)* IF( OF)? \]", str(flags))
    assert session.evaluate("$eflags & 0x200") == 0x200
    with pytest.raises(UsageError, match="the value of eflags in this frame is no longer known"):
        session.evaluate("$eflags", 1)


def test_registers_and_their_parts(session: Session) -> None:
    registers = session.registers
    assert session.evaluate("$pc") == session.evaluate("$rip") == registers.rip
    assert session.evaluate("$sp") == registers.rsp
    low = registers["rax"] & 0xFFFFFFFF
    assert session.evaluate("(unsigned)$eax") == low
    assert session.evaluate("(unsigned char)$al") == low & 0xFF
    assert session.evaluate("(unsigned char)$ah") == low >> 8 & 0xFF
    assert session.evaluate("$r9d + 0L") == session.evaluate("(int)$r9")
    with pytest.raises(UsageError, match="no register zmm0"):
        session.evaluate("$zmm0")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("taken(at, 3)", "calls a function"), ("sum = 3", "changes something"),
        ("sum++", "changes something"), ('"text"', "has a text"), ("1 / 0", "division by zero"),
        ("1 << 32", "means nothing"), ("-1 << -1", "means nothing"), ("~1.5", "no bits"),
        ("99999999999999999999", "does not fit"), ("09", "is no number"), ("at + at", "no sum"),
        ("3 - at", "cannot be subtracted"), ("fields.nothing", "no member nothing"),
        ("&fields.b", "bit field has no address"), ("nowhere", "no variable nowhere"),
        ("(struct nowhere *)0", "no type is named nowhere"), ("1 ? 2", "not an expression"),
        ("sum +", "not an expression"), ("3 .. 4", "not an expression"),
        ("(" * 5000 + "1" + ")" * 5000, "nested too deeply"),
    ],
)  # fmt: skip
def test_what_has_no_value_says_why(text: str, why: str, session: Session) -> None:
    with pytest.raises(UsageError, match=why):
        session.evaluate(text)


def test_names_are_looked_for_as_c_does_it(reenact: Reenact, tmp_path: Path) -> None:
    """Block, function, unit, module, program; then what nobody else can mean."""
    main, library = tmp_path / "main.c", tmp_path / "library.c"
    main.write_text(
        "static int alike = 1; int common = 10; extern int inside(void);\n"
        "int buffer[4] = {7}; int main(void) { int alike = 2; { int alike = 3; inside();\n"
        "alike++; } return alike - 2 + common - 10; }\n"
    )
    library.write_text(
        "static int alike = 4; int own = 20; static int buffer = 5; static int twins = 1;\n"
        "extern int common; int inside(void) { return own + alike + buffer + common + twins; }\n"
    )
    third = tmp_path / "third.c"
    third.write_text(
        "static int twins = 2; static int alone = 9; int outside(void) { return twins + alone; }\n"
    )
    shared = tmp_path / "libinside.so"
    sources = [library, third]
    subprocess.run(["gcc", "-g", "-shared", "-fPIC", "-o", shared, *sources], check=True)
    program = tmp_path / "main"
    link = ["-L", tmp_path, "-linside", f"-Wl,-rpath,{tmp_path}"]
    subprocess.run(["gcc", "-g", "-o", program, main, *link], check=True)
    trace = record(reenact, tmp_path / "trace", program)
    with package.open(trace).replay() as session:
        session.add_breakpoint("inside")
        session.continue_()
        assert session.evaluate("alike") == 4
        assert session.evaluate("buffer") == 5
        assert session.evaluate("own + common") == 30
        assert session.evaluate("twins") == 1
        assert session.evaluate("alone") == 9
        assert session.evaluate("alike", 1) == 3
        assert session.evaluate("buffer[0]", 1) == 7
        assert session.evaluate("own", 1) == 20
        with pytest.raises(UsageError, match=r"twins can be one of 2: .*library.c"):
            session.evaluate("twins", 1)


def test_statics_of_the_program_come_before_those_of_libraries(
    reenact: Reenact, tmp_path: Path
) -> None:
    """One that is optimized out, too: a library's of the same name is not shown in its place."""
    main, other, library = (tmp_path / name for name in ("main.c", "other.c", "library.c"))
    main.write_text(
        "extern int inside(int); extern int part(int);\n"
        "int main(int count, char **words) { return inside(part(count)) == 0; }\n"
    )
    other.write_text(
        "static int gone; static int kept = 6; static int of_both = 70;\n"
        "int part(int by) { gone = by; return kept++ + of_both++; }\n"
    )
    library.write_text(
        "static int gone = 3; static int kept = 4; static int its_own = 5;\n"
        "int inside(int by) { return by + gone++ + kept++; }\n"
        "int unused(void) { return its_own++; }\n"
    )
    elsewhere = tmp_path / "elsewhere.c"
    elsewhere.write_text("static int of_both = 9; int never(void) { return of_both++; }\n")
    shared = tmp_path / "libinside.so"
    build = ["gcc", "-g", "-O2", "-shared", "-fPIC", "-o", shared, library, elsewhere]
    subprocess.run(build, check=True)
    program = tmp_path / "main"
    link = ["-L", tmp_path, "-linside", f"-Wl,-rpath,{tmp_path}"]
    # Where code of several files becomes one unit, no frame is in the unit of the variable.
    subprocess.run(["gcc", "-g", "-O2", "-flto", "-o", program, main, other, *link], check=True)
    trace = record(reenact, tmp_path / "trace", program)
    with package.open(trace).replay() as session:
        session.add_breakpoint("inside")
        session.continue_()
        level = next(frame.level for frame in session.frames() if frame.function == "main")
        assert "optimized out" in str(_said(session, "gone", level))
        assert session.evaluate("kept", level) == 7
        assert session.evaluate("gone") == 3
        # Not that of another file of the library; as gdb has it.
        assert session.evaluate("of_both") == 71
        assert session.evaluate("its_own", level) == 5


def _said(session: Session, text: str, level: int) -> object:
    try:
        return session.evaluate(text, level)
    except UsageError as error:
        return error.message


@pytest.mark.parametrize("options", [(), ("-gdwarf-3", "-gstrict-dwarf")], ids=len)
def test_pointers_to_virtual_functions(
    options: tuple[str, ...], reenact: Reenact, tmp_path: Path
) -> None:
    """What C++ has for them is a place in a table: which function it is depends on the object."""
    program = built("classes.cc", tmp_path, *options)
    trace = record(reenact, tmp_path / "trace", program)
    with package.open(trace).replay() as session:
        session.add_breakpoint("store::total")
        session.continue_()
        for name in ("Base", "Both"):
            assert str(session.evaluate(f"&{name}::area")) == f"&virtual {name}::area() const"
        assert str(session.evaluate("&store::total")).startswith("0x")


def test_a_name_of_the_program_in_a_frame_of_libc(reenact: Reenact, tmp_path: Path) -> None:
    source = tmp_path / "ambiguous.c"
    source.write_text(
        '#include <unistd.h>\nchar buffer[64] = "mine";\n'
        "int main(void) { buffer[0] = 'M'; write(1, buffer, 4); return 0; }\n"
    )
    program = tmp_path / "ambiguous"
    subprocess.run(["gcc", "-g", "-o", program, source], check=True)
    trace = record(reenact, tmp_path / "trace", program)
    with package.open(trace).replay() as session:
        session.catch("syscall", [1])
        session.continue_()
        assert session.frame().function != "main"
        assert session.evaluate("buffer").text() == "Mine"


def test_functions_that_the_compiler_has_changed(reenact: Reenact, tmp_path: Path) -> None:
    """Copies with other parameters, and each place that one was inlined in."""
    program = tmp_path / "shapes"
    command = ["gcc", "-g", "-O2", "-fno-ipa-modref", "-o", program, SOURCES / "shapes.c"]
    subprocess.run(command, check=True)
    trace = record(reenact, tmp_path / "trace", program)
    with package.open(trace).replay() as session:
        for name, times in (("copied", 24), ("inlined", 24), ("walked", 4), ("twice", 3)):
            session.goto("start")
            point = session.add_breakpoint(name)
            hits = 0
            while session.continue_().reason == StopReason.BREAKPOINT:
                hits += 1
                assert name in {frame.function.partition(".")[0] for frame in session.frames()[:2]}
            point.remove()
            assert hits == times, name
        session.goto("start")
        session.add_breakpoint("inlined")
        session.continue_()
        # In the copy its parameters are known, too, or it is said that they are not.
        assert session.frame().function == "inlined"
        known = session.locals()
        assert {"value", "at"} <= set(known)
        assert known["value"] is None or int(known["value"]) == 0


def test_lines_of_optimized_code_are_those_of_gdb(reenact: Reenact, tmp_path: Path) -> None:
    """Each line with code: a breakpoint stands where gdb would set it.

    Where gdb takes a later line, it may have dropped a row: of a line with discriminators.
    """
    program = tmp_path / "shapes"
    command = ["gcc", "-g", "-O2", "-o", program, SOURCES / "shapes.c"]
    subprocess.run(command, check=True)
    trace = record(reenact, tmp_path / "trace", program)
    count = len((SOURCES / "shapes.c").read_text().splitlines())
    script = tmp_path / "ask.py"
    script.write_text(
        "import gdb\n"
        f"for line in range(1, {count} + 1):\n"
        "    try:\n"
        "        found = gdb.Breakpoint(f'shapes.c:{line}')\n"
        "        places = sorted(place.address for place in found.locations\n"
        "                        if place.source[1] == line)\n"
        "        found.delete()\n"
        "    except (gdb.error, AttributeError):\n"
        "        places = []\n"
        "    print('LINE', line, *map(hex, places))\n"
    )
    words = [*reenact.command, "replay", str(trace), "--", "-nx", "-batch"]
    words += ["-ex", "break main", "-ex", "continue", "-x", str(script)]
    said = subprocess.run(words, check=False, capture_output=True, text=True, timeout=300).stdout
    its = {}
    for words in (line.split() for line in said.splitlines() if line.startswith("LINE ")):
        its[int(words[1])] = [int(place, 16) for place in words[2:]]
    wrong = {}
    with package.open(trace).replay() as session:
        session.add_breakpoint("main")
        session.continue_()
        for line, places in its.items():
            if not places:
                continue
            ours = sorted(session.symbols.lines("shapes.c", line))
            if ours != places:
                wrong[line] = (list(map(hex, ours)), list(map(hex, places)))
    assert not wrong


def test_enumerations_of_rust(reenact: Reenact, tmp_path: Path) -> None:
    """The variant that a value is, with what that holds."""
    if shutil.which("rustc") is None:
        skips.skip(skips.Reason.NO_COMPILER, "rustc")
    source = tmp_path / "variants.rs"
    source.write_text(
        "#[allow(dead_code)] enum Shape { Circle(f64), Square { side: i32 }, Nothing }\n"
        "#[inline(never)] fn look(shape: &Shape, maybe: Option<u8>, place: Option<&i32>) -> usize\n"
        "{ std::hint::black_box((shape, maybe, place)); 1 }\n"
        "fn main() { let seven = 7; look(&Shape::Circle(1.5), None, Some(&seven));\n"
        "look(&Shape::Square { side: 3 }, Some(5), None); look(&Shape::Nothing, Some(0), None); }\n"
    )
    program = tmp_path / "variants"
    subprocess.run(["rustc", "-g", "-o", program, source], check=True, cwd=tmp_path)
    trace = record(reenact, tmp_path / "trace", program)
    found = []
    with package.open(trace).replay() as session:
        session.add_breakpoint("variants::look")
        while session.continue_().reason == StopReason.BREAKPOINT:
            values = [session.evaluate(name).plain() for name in ("*shape", "maybe")]
            found.append((*values, list(session.evaluate("place").plain())))
    assert found == [
        ({"Circle": {"__0": 1.5}}, {"None": {}}, ["Some"]),
        ({"Square": {"side": 3}}, {"Some": {"__0": 5}}, ["None"]),
        ({"Nothing": {}}, {"Some": {"__0": 0}}, ["None"]),
    ]


def test_a_split_program_without_its_other_parts(reenact: Reenact, tmp_path: Path) -> None:
    """Lines and functions are known; of a variable it is said that it cannot be seen."""
    program = tmp_path / "shapes"
    command = ["gcc", "-g", "-gsplit-dwarf", "-o", program, SOURCES / "shapes.c"]
    subprocess.run(command, check=True, cwd=tmp_path)
    trace = record(reenact, tmp_path / "trace", program)
    for part in tmp_path.glob("*.dwo"):
        part.unlink()
    with package.open(trace).replay() as session:
        session.add_breakpoint("walked")
        session.continue_()
        assert session.frame().line is not None
        assert session.frame().function == "walked"
        with pytest.raises(UsageError, match="no variable counter") as refused:
            session.evaluate("counter")
        assert "is not there: " in refused.value.hint
        assert ".dwo" in refused.value.hint


def test_parts_that_are_nowhere(session: Session) -> None:
    """Each is said to be so, bit by bit; what is beside it is shown."""
    whole = session.evaluate("fields")
    assert isinstance(whole, Value)
    first = next(member for member in whole.type.members if member.name == "b")
    assert first.offset is not None
    begin = 8 * first.offset + (first.bits or (0, 0))[0]
    value = Value(
        whole.type, whole.read, None, whole.content, holes=(Hole(begin, begin + 1, "gone"),)
    )
    assert str(value) == re.sub(r" b = [^,]*", " b = <gone>", str(whole))
    assert value["a"] == whole["a"].number()
    assert str(value["c"]) == str(whole["c"])
    with pytest.raises(UsageError, match="a part of it is not known here: gone"):
        str(value["b"])


def test_what_is_declared_only(reenact: Reenact, tmp_path: Path) -> None:
    """An object of a type whose members are not known is not shown as one without members."""
    source, program = tmp_path / "hidden.c", tmp_path / "hidden"
    source.write_text("struct hidden; struct hidden *at; int main(void) { return at != 0; }\n")
    subprocess.run(["gcc", "-g", "-o", program, source], check=True)
    trace = record(reenact, tmp_path / "trace", program)
    with package.open(trace).replay() as session:
        session.add_breakpoint("main")
        session.continue_()
        assert str(session.evaluate("*at")) == "<incomplete type>"
        for text in ("at->first", "(*at).first"):
            with pytest.raises(UsageError, match="hidden is declared only"):
                session.evaluate(text)
        with pytest.raises(UsageError, match="the size of hidden is not known"):
            session.evaluate("sizeof(*at)")


def test_using_declarations(reenact: Reenact, tmp_path: Path) -> None:
    """What a namespace takes over from another one is found in both, and is one thing."""
    source, program = tmp_path / "using.cc", tmp_path / "using"
    source.write_text(
        "namespace outer { namespace inner { int deep = 9; int made(int x) { return x + deep; } }\n"
        "using inner::deep; using inner::made; int wide = 3; }\n"
        "int main() { return outer::made(outer::wide) - outer::deep - 3; }\n"
    )
    subprocess.run(["g++", "-g", "-o", program, source], check=True)
    trace = record(reenact, tmp_path / "trace", program)
    with package.open(trace).replay() as session:
        session.add_breakpoint("outer::made")
        assert session.continue_().reason == StopReason.BREAKPOINT
        for name in ("outer::deep", "outer::inner::deep", "deep"):
            assert session.evaluate(name, 1) == 9
        assert session.evaluate("outer::made == outer::inner::made") == 1
        with pytest.raises(UsageError, match="no variable inner::wide"):
            session.evaluate("inner::wide")


def test_arrays_of_a_length_that_is_not_known(reenact: Reenact, tmp_path: Path) -> None:
    """They have elements; their size is not told as zero, nor is what is computed with it."""
    source, program = tmp_path / "length.c", tmp_path / "length"
    source.write_text(
        "struct tail { int count; int values[]; } *tail; struct hidden; struct hidden *hidden;\n"
        "int inside(int n) { int own[n]; own[0] = 7; int (*at)[n] = &own; tail = (void *)at;\n"
        "return own[0] + at[0][0]; }\n"
        "int main(int argc, char **argv) { return inside(argc) != 14; }\n"
    )
    subprocess.run(["gcc", "-g", "-o", program, source], check=True)
    trace = record(reenact, tmp_path / "trace", program)
    with package.open(trace).replay() as session:
        session.add_breakpoint("length.c:3")
        session.continue_()
        assert session.evaluate("own[0]") == 7
        assert re.fullmatch(r"0x7\w+ <of unknown length>", str(session.evaluate("own")))
        assert session.evaluate("sizeof *tail") == 4
        for text in ("sizeof own", "at + 1", "sizeof tail->values"):
            with pytest.raises(UsageError, match=r"the length of .* is not known"):
                session.evaluate(text)
        with pytest.raises(UsageError, match="the size of hidden is not known"):
            session.evaluate("hidden + 1")


def test_what_a_reference_refers_to_is_meant(reenact: Reenact, tmp_path: Path) -> None:
    """By a star, too: one more step than to what it refers to; the same where the replayer asks."""
    source, program = tmp_path / "references.cc", tmp_path / "references"
    source.write_text(
        "int inside(int (&corner)[2][2], int *&at) {\n"
        "return corner[1][0] + *at; }\n"
        "int main() { int corner[2][2] = {{1, -1}, {2, 0}}; int *at = &corner[0][1];\n"
        "return inside(corner, at); }\n"
    )
    subprocess.run(["g++", "-g", "-o", program, source], check=True)
    trace = record(reenact, tmp_path / "trace", program)
    with package.open(trace).replay() as session:
        session.add_breakpoint("references.cc:2", condition="*at == -1 && **corner == 1")
        assert session.continue_().reason == StopReason.BREAKPOINT
        assert str(session.evaluate("*corner")) == "{1, -1}"
        assert session.evaluate("**corner") == 1
        assert session.evaluate("*at") == -1
        assert session.evaluate("sizeof(*corner)") == 8
        with pytest.raises(UsageError, match="is no pointer"):
            session.evaluate("**at")


_REFERRING = """#include <cstdio>
static void visit(int &value, bool &flag) { value += 2; flag = !flag; }
int main() {
  int value = -2; bool flag = false;
  for (int i = 0; i < 4; i++) visit(value, flag);
}
"""


def test_the_truth_of_a_reference_is_that_of_what_it_refers_to(
    reenact: Reenact, tmp_path: Path
) -> None:
    """In conditions as text, in those that the replayer evaluates, and in Python."""
    source, program = tmp_path / "referring.cc", tmp_path / "referring"
    source.write_text(_REFERRING)
    subprocess.run(["g++", "-g", "-O0", "-o", program, source], check=True)
    trace = record(reenact, tmp_path / "trace", program)
    expected = {
        "value": [-2, 2, 4],
        "!value": [0],
        "flag": [0, 4],
        "value == 2": [2],
        "value > 0": [2, 4],
    }
    for condition, values in expected.items():
        place = ("--at", "visit", "--print", "value", "--if", condition)
        lines = reenact.run("trace", *place, str(trace)).stdout.decode().splitlines()
        assert [int(line.rpartition(" = ")[2]) for line in lines] == values, condition
    with package.open(trace).replay() as session:
        session.add_breakpoint("visit")
        met = []
        while session.continue_().reason == StopReason.BREAKPOINT:
            value, flag = session.evaluate("value"), session.evaluate("flag")
            met.append((value + 0, bool(value), bool(flag), value == 0))
    assert met == [
        (-2, True, False, False),
        (0, False, True, True),
        (2, True, False, False),
        (4, True, True, False),
    ]
