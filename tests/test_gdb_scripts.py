"""Scripts for gdb: those installed on this machine run, those that a trace brings do not."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import pytest
import skips
from debugger_session import built, debug, line_of, need_gdb, record
from recorded_run import Ending, Reenact, run

import reenact as package

#: A section by which gdb runs a script that is inside of the program itself.
BRINGS_SCRIPT = """
asm(".pushsection .debug_gdb_scripts, \\"MS\\",@progbits,1\\n"
    ".byte 4\\n"
    ".ascii \\"brought\\\\n\\"\\n"
    ".ascii \\"open('HACKED', 'w')\\\\n\\"\\n"
    ".byte 0\\n"
    ".byte 3\\n"
    ".asciz \\"brought.py\\"\\n"
    ".popsection\\n");
int main(void) { return 0; }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A home whose owner has told gdb that everything is safe; the directory gdb runs in."""
    (tmp_path / ".gdbinit").write_text("set auto-load safe-path /\n")
    (tmp_path / "brought.py").write_text("open('HACKED', 'w')\n")
    return tmp_path


def opened(reenact: Reenact, trace: Path, home: Path, directory: Path) -> Ending:
    """Open gdb as that owner, walk, and leave."""
    need_gdb()
    words = [*reenact.command, "replay", str(trace), "--", "-batch"]
    words += ["-ex", "break main", "-ex", "continue", "-ex", "info functions ^main$"]
    return run(words, directory=directory, variables={"HOME": str(home)}, timeout=120)


def test_a_program_brings_a_script(folder: Path, reenact: Reenact) -> None:
    """In its own sections and beside it, for those who trust all that they debug."""
    (folder / "brings.c").write_text(BRINGS_SCRIPT)
    program = folder / "brings"
    if subprocess.run(["gcc", "-g", "-o", program, folder / "brings.c"], check=False).returncode:
        skips.skip(skips.Reason.NO_COMPILER, "gcc")
    (folder / "brings-gdb.py").write_text("open('HACKED', 'w')\n")
    trace = record(reenact, folder / "trace", program)
    # The danger is there: gdb on the program itself runs what it brings.
    variables = {"HOME": str(folder)}
    run(
        [need_gdb(), "-batch", "-ex", "info line main", program],
        directory=folder,
        variables=variables,
    )
    assert (folder / "HACKED").exists()
    (folder / "HACKED").unlink()
    ending = opened(reenact, trace, folder, folder)
    assert b"Breakpoint 1" in ending.stdout, ending.describe()
    assert not (folder / "HACKED").exists(), ending.describe()


def test_a_trace_brings_a_script(folder: Path, reenact: Reenact) -> None:
    """gdb looks for .gdbinit in the directory that it is started in."""
    trace = record(reenact, folder / "trace", built("walk.c", folder))
    for directory in (trace, trace / "files"):
        (directory / ".gdbinit").write_text("shell touch HACKED\n")
        ending = opened(reenact, trace, folder, directory)
        assert b"Breakpoint 1" in ending.stdout, ending.describe()
        assert not list(folder.rglob("HACKED")), ending.describe()
    # The owner's own ones are read.
    own = folder / "own"
    own.mkdir()
    (own / ".gdbinit").write_text("echo from here\\n\n")
    assert b"from here" in opened(reenact, trace, folder, own).stdout


def test_installed_printers(tmp_path: Path, reenact: Reenact) -> None:
    """Those of the C++ library show what is in a vector, without being asked for."""
    scripts = Path("/usr/share/gdb/auto-load")
    if not any(scripts.rglob("libstdc++*-gdb.py")):
        skips.skip(skips.Reason.NO_PROGRAM, "pretty printers of libstdc++")
    trace = record(reenact, tmp_path / "trace", built("shelf.cc", tmp_path))
    look = ("break shown", "continue", "up", "print shelf", "print name", "print not_there")
    said = debug(reenact, trace, *look)
    assert "std::vector of length 3" in said[3], said.everything
    assert '= "seven"' in said[4], said.everything
    assert "Traceback" not in said.everything


@pytest.mark.parametrize("scripts", ["on", "off"])
def test_calls_in_what_last_is_asked_about(tmp_path: Path, reenact: Reenact, scripts: str) -> None:
    """In an outer frame: by what the library's scripts know of it, and by calls of the program."""
    trace = record(reenact, tmp_path / "trace", built("owners.cc", tmp_path))
    words = [*reenact.command, "replay", str(trace), "--", "-nx", "-batch"]
    words += ["-iex", f"set auto-load python-scripts {scripts}"]
    look = ("break look", "continue", "up", "print first->next->value", "last first->next->value")
    for command in (*look, "frame", "print first->next->value"):
        words += ["-ex", command]
    ending = run(words, directory=tmp_path, timeout=120)
    said = ending.stdout.decode()
    assert ending.status == 0, ending.describe()
    assert "$1 = 3" in said, ending.describe()
    assert said.count(f"owners.cc:{line_of('owners.cc', '/* last */')}") >= 2, ending.describe()
    assert "$2 = 2" in said, ending.describe()


def test_printers_that_are_not_safe(tmp_path: Path, reenact: Reenact) -> None:
    """What gdb's owner does not regard as safe does not run, nor what the owner switched off."""
    trace = record(reenact, tmp_path / "trace", built("shelf.cc", tmp_path))
    for setting in ("set auto-load safe-path /nowhere", "set auto-load python-scripts off"):
        options = ("-iex", setting)
        words = [*reenact.command, "replay", str(trace), "--", "-nx", "-batch", *options]
        words += ["-ex", "break shown", "-ex", "continue", "-ex", "up", "-ex", "print shelf"]
        ending = run(words, directory=tmp_path, timeout=120)
        assert b"_M_start" in ending.stdout, ending.describe()


def test_debug_files_are_also_looked_for_where_the_user_says(
    reenact: Reenact, tmp_path: Path
) -> None:
    """Whether in an option or a start-up file."""
    need_gdb()
    trace = record(reenact, tmp_path / "trace", "/bin/true")
    (tmp_path / ".gdbinit").write_text("set debug-file-directory /of/the/user:/usr/lib/debug\n")
    words = [*reenact.command, "replay", str(trace), "--", "-batch"]
    words += ["-ex", "show debug-file-directory"]
    said = run(words, directory=tmp_path, variables={"HOME": str(tmp_path)}, timeout=120)
    assert b'"/usr/lib/debug:/of/the/user"' in said.stdout, said


NAMES_SCRIPT = """
asm(".pushsection .debug_gdb_scripts, \\"MS\\",@progbits,1\\n"
    ".byte 1\\n"
    ".asciz \\"SCRIPT\\"\\n"
    ".popsection\\n");
int main(void) { return 0; }
"""


def test_a_script_that_the_program_names(folder: Path, reenact: Reenact) -> None:
    """As Go's do: it runs where gdb's owner says that its place is safe, and else is told."""
    script = folder / "of_language" / "printers.py"
    script.parent.mkdir()
    loaded = folder / "LOADED"
    script.write_text(f"open({str(loaded)!r}, 'w')\n")
    (folder / "names.c").write_text(NAMES_SCRIPT.replace("SCRIPT", str(script)))
    program = folder / "names"
    if subprocess.run(["gcc", "-g", "-o", program, folder / "names.c"], check=False).returncode:
        skips.skip(skips.Reason.NO_COMPILER, "gcc")
    trace = record(reenact, folder / "trace", program)
    need_gdb()
    for safe, is_loaded in ((str(script.parent), True), ("/nowhere", False), ("/", False)):
        words = [*reenact.command, "replay", str(trace), "--", "-nx", "-batch"]
        words += ["-iex", f"set auto-load safe-path {safe}", "-ex", "break main", "-ex", "continue"]
        # What is told comes with what else there is.
        words += ["-ex", "stepi", "-ex", "python gdb.post_event(lambda: None)", "-ex", "stepi"]
        ending = run(words, directory=folder, timeout=120)
        assert loaded.exists() is is_loaded, ending.describe()
        loaded.unlink(missing_ok=True)
        said = f"add-auto-load-safe-path {script.parent}".encode()
        assert (said in ending.stdout) is not is_loaded, ending.describe()


@pytest.mark.parametrize(
    "damage", ["short", "sections", "offset", "names", "none"], ids=lambda name: name
)
def test_sections_of_damaged_files(damage: str, tmp_path: Path) -> None:
    """Whatever a recorded file claims, the script that looks at it fails with nothing."""
    source = tmp_path / "names.c"
    source.write_text(NAMES_SCRIPT.replace("SCRIPT", "/x/y.py"))
    program = tmp_path / "names"
    if subprocess.run(["gcc", "-g", "-o", program, source], check=False).returncode:
        skips.skip(skips.Reason.NO_COMPILER, "gcc")
    content = bytearray(program.read_bytes())
    if damage == "short":
        del content[70:]
    elif damage == "sections":
        content[60:62] = b"\xff\xff"
    elif damage == "offset":
        content[40:48] = b"\xff" * 8
    elif damage == "names":
        content[62:64] = b"\xff\x00"
    program.write_bytes(content)
    code = (Path(package.__file__).parent / "gdb" / "installed_scripts_in_gdb.py").read_text()
    known: dict[str, object] = {"__name__": "looked_at"}
    fake = types.SimpleNamespace(parameter=lambda _: "", execute=lambda _: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "gdb", fake)
        exec(code, known)
    section = known["_section"]
    assert callable(section)
    found = section(str(program), b".debug_gdb_scripts")
    # Sections behind the end of the file change nothing.
    assert found == (b"\1/x/y.py\0" if damage in ("none", "sections") else b"")
