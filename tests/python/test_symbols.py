"""Addresses, lines, frames, variables: what the debug information of compiled programs says."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest
from symbol_programs import (
    Mapping,
    Snapshot,
    compiled,
    line_of,
    opened,
    optimization,  # noqa: F401 (a fixture)
    with_snapshot,
)

from reenact.errors import UsageError
from reenact.symbols.expressions import evaluate
from reenact.symbols.files import ModuleFiles
from reenact.symbols.rendering import render
from reenact.symbols.space import AddressSpace
from reenact.symbols.unwinding import unwind
from reenact.symbols.values import Value
from reenact.symbols.variables import FrameVariables


def space_of(library: Path, directories: list[str] | None = None) -> AddressSpace:
    """A file mapped at an address of its own, as far as its code goes."""
    files = ModuleFiles({0: opened(library)}, directories or [])
    end = library.stat().st_size
    return AddressSpace(files, [Mapping(0x10000, 0x10000 + end, 0, 0)])


def frames_of(snapshot: Snapshot):
    space = AddressSpace(snapshot.files, snapshot.mappings)
    return space, list(unwind(space, snapshot.registers, snapshot.read))


def test_frames_and_inlined_calls(tmp_path: Path, optimization: str) -> None:  # noqa: F811
    library = compiled("stacked.c", tmp_path / "stacked.so", optimization)

    def check(snapshot: Snapshot) -> None:
        _, frames = frames_of(snapshot)
        # The call back into Python lies above; below, ctypes and the interpreter called us.
        assert [frame.function for frame in frames[:3]] == ["leaf", "wrapped", "entry"]
        assert frames[0].line == line_of("stacked.c", "/* after */")
        assert frames[1].line == line_of("stacked.c", "/* in wrapped */")
        assert frames[1].is_inlined
        assert frames[2].line == line_of("stacked.c", "/* in entry */")
        assert not frames[2].is_inlined
        assert frames[2].file is not None
        assert frames[2].file.endswith("stacked.c")
        assert len(frames) > 6

    with_snapshot(library, check)


def test_variables_and_expressions(tmp_path: Path) -> None:
    library = compiled("stacked.c", tmp_path / "stacked.so", "-O0")

    def check(snapshot: Snapshot) -> None:
        space, frames = frames_of(snapshot)
        leaf = FrameVariables(space, frames[0], snapshot.read)
        expected = {
            "sum": 6,
            "node->values[2]": 3,
            "node->pair.first": 11,
            "node->pair.second": 2.5,
            "node->name": "first",
            "node->next->name": "second",
            "node->next->values": [5, 6, 7, 8],
            "*node->next": None,
            "(*node).colour": "GREEN",
            "last->colour": "BLUE",
            "node->low": 5,
            "node->high": -2,
            "node->whole": 0x01020304,
            "node->parts[3]": 1,
            "ratio": 0.5,
            "text": "abc",
            "text[1]": ord("b"),
            "*(node->values + 1)": 2,
            "global_count": 42,
            "matrix": [[1, 2, 3], [4, 5, 6]],
            "matrix[1][2]": 6,
        }
        for text, value in expected.items():
            found = evaluate(text, leaf)
            assert isinstance(found, Value), text
            if value is not None:
                assert found.plain() == value, text
        assert evaluate("sum + 2 * count == 12 && last != 0", leaf) == 1
        assert evaluate("-7 / 2", leaf) == -3
        assert evaluate("&node->values[1]", leaf) == int(evaluate("node", leaf)) + 12
        assert evaluate("$rip", leaf) == frames[0].address
        assert evaluate("*node->next", leaf).plain()["name"] == "second"
        assert "values = {5, 6, 7, 8}" in render(evaluate("*node->next", leaf))
        assert render(evaluate("node->name", leaf)).endswith('"first"')
        assert leaf.names == ("call", "node", "count", "context", "sum", "ratio", "text", "last")
        assert str(leaf.locals()["node"].type) == "node *"
        inner = FrameVariables(space, frames[1], snapshot.read)
        assert int(evaluate("inner", inner)) == 3
        outer = FrameVariables(space, frames[2], snapshot.read)
        assert evaluate("first.values[3]", outer).plain() == 4
        with pytest.raises(UsageError, match="no variable inner can be seen"):
            evaluate("inner", outer)

    with_snapshot(library, check)


def test_optimized_variables_are_right_or_absent(tmp_path: Path) -> None:
    library = compiled("stacked.c", tmp_path / "stacked.so", "-O2")

    def check(snapshot: Snapshot) -> None:
        space, frames = frames_of(snapshot)
        expected = {"sum": 6, "count": 3, "ratio": 0.5, "inner": 3}
        seen = 0
        for frame in frames[:3]:
            for name, value in FrameVariables(space, frame, snapshot.read).locals().items():
                if name in expected and value is not None:
                    assert value.plain() == expected[name], name
                    seen += 1
        assert seen >= 1

    with_snapshot(library, check)


@pytest.mark.parametrize(
    "text", ["", "node->", "1 +", "a ? b : c", "3 $", "node->nothing", "*sum", "sum / 0", "nobody"]
)
def test_expressions_that_mean_nothing_are_refused(tmp_path: Path, text: str) -> None:
    library = compiled("stacked.c", tmp_path / "stacked.so", "-O0")

    def check(snapshot: Snapshot) -> None:
        space, frames = frames_of(snapshot)
        with pytest.raises(UsageError):
            evaluate(text, FrameVariables(space, frames[0], snapshot.read))

    with_snapshot(library, check)


def test_functions_and_lines(tmp_path: Path, optimization: str) -> None:  # noqa: F811
    space = space_of(compiled("stacked.c", tmp_path / "stacked.so", optimization))
    (entry,) = space.functions("entry")
    assert space.places(entry)[-1].function == "entry"
    line = line_of("stacked.c", "/* here */")
    (here,) = space.lines("stacked.c", line)
    assert space.places(here)[0] == space.places(here)[-1]
    # Optimized, the line may share its first instruction with the one that follows it.
    assert space.places(here)[0].function == "leaf"
    assert space.places(here)[0].line in ((line,) if optimization == "-O0" else (line, line + 1))
    begin, end = space.statement(here) or (0, 0)
    assert begin <= here < end
    # An empty line has no code: the next line that has some is meant.
    assert space.lines("stacked.c", line - 1) == (here,)
    with pytest.raises(UsageError, match="no function is named nothing"):
        space.functions("nothing")
    with pytest.raises(UsageError, match="has no code at line"):
        space.lines("stacked.c", 100_000)
    with pytest.raises(UsageError, match=r"names a file tacked\.c"):
        space.lines("tacked.c", line)


def test_names_of_cpp(tmp_path: Path) -> None:
    space = space_of(compiled("names.cpp", tmp_path / "names.so", "-O1"))
    (area,) = space.functions("shapes::Square::area")
    assert space.functions("shapes::Square::area(int) const") == (area,)
    assert space.functions("_ZNK6shapes6Square4areaEi") == (area,)
    assert space.places(area)[0].function == "shapes::Square::area(int) const"
    assert space.functions("int shapes::twice<int>(int)")


@pytest.mark.parametrize("how", ["beside", "below", "build-id", "variable"])
def test_separate_debug_files(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    library = compiled("stacked.c", tmp_path / "stacked.so", "-O0")
    debug = tmp_path / "stacked.so.debug"
    subprocess.run(["objcopy", "--only-keep-debug", library, debug], check=True)
    subprocess.run(["objcopy", "--strip-all", f"--add-gnu-debuglink={debug}", library], check=True)
    root = tmp_path / "debug"
    if how == "below":
        place = root / tmp_path.relative_to("/") / debug.name
    elif how == "beside":
        place = tmp_path / ".debug" / debug.name
    else:
        files = ModuleFiles({0: opened(library)}, [])
        build_id = files.module(0).build_id
        place = root / ".build-id" / build_id[:2] / f"{build_id[2:]}.debug"
    place.parent.mkdir(parents=True)
    shutil.move(debug, place)
    if how == "variable":
        monkeypatch.setenv("REENACT_DEBUG_PATH", f"/nonexistent:{root}")
        space = AddressSpace(
            ModuleFiles({0: opened(library)}),
            [Mapping(0x10000, 0x10000 + library.stat().st_size, 0, 0)],
        )
    else:
        space = space_of(library, [str(root)])
    assert space.modules[0].module.debug_path == place
    (here,) = space.lines("stacked.c", line_of("stacked.c", "/* here */"))
    assert space.places(here)[0].function == "leaf"


def test_a_debug_file_of_another_build_is_not_taken(tmp_path: Path) -> None:
    library = compiled("stacked.c", tmp_path / "stacked.so", "-O0")
    other = compiled("stacked.c", tmp_path / "other.so", "-O1")
    debug = tmp_path / "stacked.so.debug"
    subprocess.run(["objcopy", "--only-keep-debug", library, debug], check=True)
    subprocess.run(["objcopy", "--strip-all", f"--add-gnu-debuglink={debug}", library], check=True)
    subprocess.run(["objcopy", "--only-keep-debug", other, debug], check=True)
    assert space_of(library).modules[0].module.debug_path is None


def test_files_that_are_damaged_name_nothing(tmp_path: Path) -> None:
    library = compiled("stacked.c", tmp_path / "stacked.so", "-O0")
    content = bytearray(library.read_bytes())
    for seed in range(40):
        damaged = bytearray(content)
        for step in range(200):
            place = (seed * 7919 + step * 104729) % len(damaged)
            damaged[place] ^= 0xFF if step % 2 else 0x01
        path = tmp_path / "damaged.so"
        path.write_bytes(damaged if seed % 4 else damaged[: len(damaged) * seed // 40])
        space = space_of(path)
        for address in range(0x11000, 0x11400, 0x21):
            assert space.places(address)
        with contextlib.suppress(UsageError):
            space.functions("leaf")
        with contextlib.suppress(UsageError):
            space.lines("stacked.c", 30)


@pytest.mark.parametrize(
    "offsets",
    [
        # As lld lays out a small program: one page of the file is in all of its segments.
        (0, 0, 0, 0),
        # A larger one: each mapping begins with the page that the one before ended with.
        (0, 0x17000, 0x63000, 0x66000),
    ],
)
def test_a_page_of_a_file_that_belongs_to_several_segments(offsets: tuple[int, ...]) -> None:
    """What all mappings of the file agree upon says where it was loaded."""

    class Module:
        """Each segment begins in the middle of the page that the one before ends in."""

        def addresses_of_offset(self, offset: int) -> list[int]:
            return [offset + 0x1000 * number for number, begin in enumerate(offsets)
                    if begin <= offset <= ([*offsets, 0x67000][number + 1])]  # fmt: skip

    class Files:
        def module(self, file: int) -> Module:
            return Module()

        def path(self, file: int) -> str:
            return "program"

    for base in (0x10000, 0x7000_0000):
        starts = [base + begin + 0x1000 * number for number, begin in enumerate(offsets)]
        mappings = [Mapping(start, start + 0x1000, 0, begin)
                    for start, begin in zip(starts, offsets)]  # fmt: skip
        space = AddressSpace(Files(), mappings)  # type: ignore[arg-type]
        assert {loaded.bias for loaded in space.modules} == {base}
