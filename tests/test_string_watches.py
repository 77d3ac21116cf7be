"""Watched memory and string instructions: each is told for its bytes, and for no others."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import skips
from recorded_run import Keeper, Reenact
from string_instructions import REGION, StringInstruction, all_string_instructions, source_text

import reenact as package
from reenact.session.session import Session
from reenact.session.values import StopReason

INSTRUCTIONS = list(all_string_instructions())
_KINDS = {"read": "reads", "write": "writes"}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        skips.skip(skips.Reason.NO_COMPILER, "gcc")
    directory = tmp_path_factory.mktemp("strings")
    source = directory / "strings.s"
    source.write_text(source_text(INSTRUCTIONS))
    command = ["gcc", "-no-pie", "-o", directory / "strings", source]
    subprocess.run(command, check=True)
    return directory / "strings"


@pytest.fixture
def session(reenact: Reenact, program: Path, keeper: Keeper) -> Iterator[Session]:
    reenact.record([str(program)], keeper.trace())
    with package.open(keeper.trace()).replay() as session:
        yield session


def places(which: str, operand: str) -> Iterator[tuple[StringInstruction, str, int]]:
    """Instruction, kind of access, and offset of a byte: at an edge of what is accessed."""
    for one in INSTRUCTIONS:
        for kind, accessed in _KINDS.items():
            extent = one.extent if operand in getattr(one, accessed) else range(0)
            if which == "outside":
                edges = (extent.start - 1, extent.stop) if extent else (REGION // 2,)
                for offset in edges:
                    yield one, kind, offset
            elif extent:
                yield one, kind, extent[0 if which == "first" else -1]


@pytest.mark.parametrize("operand", ["source", "target"])
@pytest.mark.parametrize("which", ["first", "last", "outside"])
def test_string_instructions_access_exactly_their_bytes(
    which: str, operand: str, session: Session
) -> None:
    ((start, _),) = session.symbols.variables(operand)
    points = {}
    for one, kind, offset in places(which, operand):
        address = start + INSTRUCTIONS.index(one) * REGION + offset
        points[(one, kind, offset)] = session.watch(address, 1, kind)
    assert len(points) > 90
    stops = 0
    while session.continue_().reason == StopReason.WATCHPOINT:
        stops += 1
    wrong = {str(key): point.hits for key, point in points.items()
             if point.hits != (which != "outside")}  # fmt: skip
    assert not wrong
    assert stops == (0 if which == "outside" else len(points))
    back = 0
    while session.reverse_continue().reason == StopReason.WATCHPOINT:
        back += 1
    assert back == stops
