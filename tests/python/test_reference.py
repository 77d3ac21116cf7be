"""What is generated is current, and shells can read it."""

import shutil
import subprocess
from pathlib import Path

import pytest
import skips

from reenact.reference.pages import generated

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(generated()))
def test_page_is_current(name):
    page = ROOT / "docs" / name
    assert page.read_text(encoding="utf-8") == generated()[name], "run: make reference"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_parses(run, tmp_path, shell):
    status, out, _ = run("completion", shell)
    assert status == 0
    if shutil.which(shell) is None:
        skips.skip(skips.Reason.NO_PROGRAM, shell)
    script = tmp_path / "script"
    script.write_text(out)
    subprocess.run([shell, "-n", str(script)], check=True, timeout=60)


COMPLETE = """
source {script}
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_reenact; printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("reenact re", ["record", "replay", "report"]),
        ("reenact verify --js", ["--json"]),
        ("reenact dump --kind sysc", ["syscall"]),
        ("reenact ps ls", ["ls-1"]),
        ("reenact completion z", ["zsh"]),
    ],
)
def test_bash_completes(run, trace, tmp_path, words, expected):
    script = tmp_path / "script"
    script.write_text(run("completion", "bash")[1])
    done = subprocess.run(
        ["bash", "-c", COMPLETE.format(script=script, words=words)],
        capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.split() == expected


def test_manual_page_has_no_accidental_requests():
    page = (ROOT / "docs" / "reference" / "reenact.1").read_text()
    requests = {line.split()[0] for line in page.splitlines() if line.startswith((".", "'"))}
    assert requests <= {".TH", ".SH", ".SS", ".PP", ".TP", ".B"}


def test_manual_page_is_part_of_the_package():
    """Below share/man of where the package is installed: maturin takes what `data` names."""
    build = (ROOT / "pyproject.toml").read_text()
    assert 'data = "packaging/wheel"' in build
    page = ROOT / "packaging" / "wheel" / "data" / "share" / "man" / "man1" / "reenact.1"
    assert page.read_text() == generated()["reference/reenact.1"]


def test_documented_files_exist():
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        assert (ROOT / name).exists()
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) < 300


def test_layers():
    done = subprocess.run(
        ["python3", str(ROOT / "tools" / "check_layers.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
