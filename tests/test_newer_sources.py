"""A source file that is not the one that was compiled is warned of."""

from __future__ import annotations

import os
import shutil
import types
from pathlib import Path

import pytest
import skips
from debugger_session import need_gdb
from recorded_run import Reenact, run

import reenact as package
from reenact.commands import replay

SOURCE = "int counter;\nint main(void)\n{\n    counter = 1;\n    return 0;\n}\n"


def test_a_source_that_was_changed_after_the_build(reenact: Reenact, tmp_path: Path) -> None:
    need_gdb()
    if shutil.which("cc") is None:
        skips.skip(skips.Reason.NO_COMPILER, "cc")
    source, program = tmp_path / "counts.c", tmp_path / "counts"
    source.write_text(SOURCE)
    assert run(["cc", "-g", "-o", str(program), str(source)], directory=tmp_path).status == 0
    built = program.stat().st_mtime_ns
    for moved, is_newer in ((-1_000_000_000, False), (1_000_000_000, True)):
        os.utime(source, ns=(built + moved, built + moved))
        trace = tmp_path / f"trace-{is_newer}"
        reenact.record([str(program)], trace)
        kept = {one.path: one.is_newer for one in package.open(trace).sources}
        assert kept[str(source)] is is_newer
        ending = reenact.run("replay", str(trace), "--", "-nx", "-batch")
        warning = "a source file was changed after the program was built"
        assert (warning in ending.stderr.decode()) is is_newer
        assert (str(source) in ending.stderr.decode()) is is_newer


MAPS = """#include <fcntl.h>
#include <sys/mman.h>
int main(int count, char **words)
{
    (void)count;
    return mmap(0, 4096, PROT_READ, MAP_PRIVATE, open(words[1], O_RDONLY), 0) == MAP_FAILED;
}
"""


def test_separate_debug_information_is_not_what_was_built(reenact: Reenact, tmp_path: Path) -> None:
    """A program that prints its own backtrace maps that of the C library: of another package."""
    for needed in ("cc", "objcopy"):
        if shutil.which(needed) is None:
            skips.skip(skips.Reason.NO_PROGRAM, needed)
    source, program, other = tmp_path / "maps.c", tmp_path / "maps", tmp_path / "counts.c"
    source.write_text(MAPS)
    other.write_text(SOURCE)
    debug = tmp_path / ".build-id" / "ab" / "cdef.debug"
    debug.parent.mkdir(parents=True)
    for words in (
        ["cc", "-o", str(program), str(source)],
        ["cc", "-g", "-o", "counts", str(other)],
        ["objcopy", "--only-keep-debug", "counts", str(debug)],
    ):
        assert run(words, directory=tmp_path).status == 0
    later = debug.stat().st_mtime_ns + 10_000_000_000
    os.utime(other, ns=(later, later))
    reenact.record([str(program), str(debug)], tmp_path / "trace")
    kept = {one.path: one.is_newer for one in package.open(tmp_path / "trace").sources}
    assert kept[str(other)] is False


def test_headers_of_the_system_are_not_warned_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An update of a library's headers after a build is none of what anybody has changed."""

    def source(path: str) -> types.SimpleNamespace:
        return types.SimpleNamespace(path=path, is_newer=True)

    names = ["/usr/include/lzma/base.h", "/usr/lib/gcc/x.h"]
    replay._tell_of_newer_sources(types.SimpleNamespace(sources=list(map(source, names))))
    assert capsys.readouterr().err == ""
    names.append("/home/someone/parts.h")
    replay._tell_of_newer_sources(types.SimpleNamespace(sources=list(map(source, names))))
    said = capsys.readouterr().err
    assert "a source file was changed" in said
    assert "/home/someone/parts.h" in said
