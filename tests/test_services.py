"""The recipes for services in the documentation."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import containers
import pytest
import skips
import yaml
from guest_build import GuestBuild
from recorded_run import Reenact, run
from test_standalone_recorder import recorder

from reenact.parsing import command_parser

RECIPES = Path(__file__).resolve().parent.parent / "docs" / "services"
__all__ = ["recorder"]


def test_unit(tmp_path: Path) -> None:
    """systemd finds nothing to say of it, once its program and ours are there."""
    analyze = skips.need_program("systemd-analyze")
    text = (RECIPES / "recorded@.service").read_text()
    for name in ("reenact", "true"):
        place = tmp_path / name
        place.write_text("#!/bin/sh\n")
        place.chmod(0o755)
    unit = tmp_path / "recorded@true.service"
    unit.write_text(text.replace("/usr/local/bin", str(tmp_path)))
    ending = run([analyze, "verify", "--man=no", "--recursive-errors=no", str(unit)])
    assert (ending.status, ending.stderr) == (0, b""), ending.describe()
    line = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    words = line.split()[2:]
    options = words[: words.index("--")]
    assert command_parser("record").parse_args([*options, "true"]).ring == 256 << 20


def test_sidecar() -> None:
    """It is a pod whose recorder may attach, by a command line that there is."""
    pod = yaml.safe_load((RECIPES / "sidecar.yaml").read_text())
    assert (pod["kind"], pod["spec"]["shareProcessNamespace"]) == ("Pod", True)
    program, recorder_of_it = pod["spec"]["containers"]
    assert "command" not in program
    assert recorder_of_it["securityContext"]["capabilities"]["add"] == ["SYS_PTRACE"]
    mounted = {one["name"] for one in recorder_of_it["volumeMounts"]}
    assert mounted == {one["name"] for one in pod["spec"]["volumes"]}
    shell, option, script = recorder_of_it["command"]
    subprocess.run([shell, "-n", option, script], check=True, timeout=60)
    words = script.replace('"$pid"', "1").split()
    arguments = command_parser("attach").parse_args(words[words.index("attach") + 1 :])
    assert (arguments.ring, arguments.save_on, arguments.pid) == (256 << 20, "signal", 1)


def test_image(recorder: Path, guests: GuestBuild, reenact: Reenact, tmp_path: Path) -> None:
    """Built from nothing but the recorder and a static program, it records that."""
    if os.getuid() != 0:
        skips.skip(skips.Reason.NOT_ROOT)
    podman = [skips.need_program("podman"), "--storage-driver", "vfs"]
    podman += ["--root", str(tmp_path / "store"), "--runroot", str(tmp_path / "state")]
    words = containers.surroundings()
    context, traces = tmp_path / "context", tmp_path / "traces"
    context.mkdir()
    traces.mkdir()
    shutil.copy(RECIPES / "Dockerfile", context)
    shutil.copy(recorder, context)
    shutil.copy(guests.build("clocks.c", "clocks_static", ("-O2", "-static")), context / "server")
    build = [*words, *podman, "build", "-q", "--isolation", "chroot", "-t", "recorded", "."]
    built = run(build, directory=context, timeout=300)
    assert built.status == 0, built.describe()
    start = [*podman, "run", "--rm", "--network", "none", "--cgroups", "disabled"]
    start += ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
    ending = run([*words, *start, "-v", f"{traces}:/traces", "recorded"], timeout=300)
    assert ending.status == 0, ending.describe()
    (trace,) = (one for one in traces.iterdir() if not one.is_symlink())
    assert not reenact.verify(trace)["divergences"]
    assert reenact.run("verify", "--output", str(trace)).stdout == ending.stdout


@pytest.mark.parametrize("name", ["recorded@.service", "sidecar.yaml", "Dockerfile"])
def test_shown(name: str) -> None:
    """Each is on the page."""
    assert f"services/{name}" in (RECIPES.parent / "services.md").read_text()
