"""Languages with runtimes of their own: Java, Go, Rust with tokio, Haskell, OCaml, .NET."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import skips
from code_with_tables import HASKELL, OCAML
from program_table import Program
from recorded_run import Keeper, Reenact
from recorded_server import check_verified, recorded_server
from test_real_programs import check_program
from threaded_programs import GO, JAVA, SMALL_JAVA
from tiers import FULL

TESTS = Path(__file__).resolve().parent
BUILD = TESTS.parent / "build" / "tests"


@contextlib.contextmanager
def _busy(loops: int) -> Iterator[None]:
    """Computations beside the test that take its processors from it."""
    loop = "while True: pass"
    others = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(loops)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def test_go(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """Goroutines with and without system calls, preempted by signals; a fault recovered from."""
    compiler = skips.need_program("go")
    source = tmp_path / "main.go"
    source.write_text(GO.replace("SIZE", "300000000" if FULL else "10000000"))
    # The standard library is compiled once.
    cache = BUILD / "go"
    cache.mkdir(parents=True, exist_ok=True)
    settings = {"GOCACHE": str(cache), "GO111MODULE": "off", "HOME": str(tmp_path)}
    subprocess.run(
        [compiler, "build", "-o", "main", source.name],
        cwd=tmp_path,
        env={**os.environ, **settings},
        check=True,
        timeout=300,
    )
    program = Program("go", [str(tmp_path / "main")], timeout=120)
    check_program(program, reenact, keeper, tmp_path)


@pytest.mark.parametrize("surroundings", ["alone", "one_processor", "busy"])
def test_java(surroundings: str, reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """G1, just-in-time compilation, threads, exceptions from faults and from deep stacks."""
    compiler, machine = skips.need_program("javac"), skips.need_program("java")
    if surroundings != "alone":
        skips.unless_full()
    (tmp_path / "Main.java").write_text(JAVA.replace("SIZE", "20000000" if FULL else "200000"))
    subprocess.run([compiler, "Main.java"], cwd=tmp_path, check=True, timeout=120)
    command = [machine, "-Xmx128m", "-XX:+UseG1GC", "-cp", str(tmp_path), "Main"]
    if surroundings == "one_processor":
        first = min(os.sched_getaffinity(0))
        command = [skips.need_program("taskset"), "-c", str(first), *command]
    with _busy(2 if surroundings == "busy" else 0):
        check_program(Program("java", command, timeout=200), reenact, keeper, tmp_path)


def test_javac(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """The compiler itself, which is a Java program."""

    def prepare(folder: Path, full: bool) -> None:
        (folder / "Main.java").write_text(JAVA.replace("SIZE", "1000") if full else SMALL_JAVA)

    # Without the second just-in-time compiler it starts in half the instructions.
    quick = [] if FULL else ["-J-XX:TieredStopAtLevel=1"]
    command = [skips.need_program("javac"), *quick, "Main.java"]
    program = Program("javac", command, prepare=prepare, makes=["Main.class"], timeout=200)
    check_program(program, reenact, keeper, tmp_path)


@pytest.mark.parametrize("language", ["haskell", "ocaml"])
def test_tables_between_functions(
    language: str, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """Compilers in their own languages, which lay tables next to code, and what they make."""
    skips.unless_full()
    name, suffix, source = {
        "haskell": ("ghc", "hs", HASKELL),
        "ocaml": ("ocamlopt", "ml", OCAML),
    }[language]
    compiler = skips.need_program(name)
    file = f"Main.{suffix}"

    def prepare(folder: Path, full: bool) -> None:
        (folder / file).write_text(source.replace("SIZE", "2000000" if full else "20000"))

    command = ["sh", "-c", f"{compiler} -o main {file} && ./main"]
    program = Program(language, command, prepare=prepare, timeout=300)
    check_program(program, reenact, keeper, tmp_path)


def _dotnet() -> Path:
    """The runtime of .NET, from a package of Python's index that ships it."""
    folder = BUILD / "dotnet"
    program = folder / "dotnetcore2" / "bin" / "dotnet"
    if not program.exists():
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "dotnetcore2==3.1.23",
        ]
        fetched = subprocess.run([*pip, "--target", str(folder)], capture_output=True, timeout=600)
        if fetched.returncode != 0:
            skips.skip(skips.Reason.NO_NETWORK, "dotnetcore2")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("setting", ["TieredCompilation=0", "gcServer=1"])
def test_dotnet(setting: str, reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """A just-in-time compiler, its threads, exceptions from faults, two kinds of collector."""
    skips.unless_full()
    compiler, runtime = skips.need_program("mcs"), _dotnet()

    def prepare(folder: Path, full: bool) -> None:
        source = str(TESTS / "programs" / "main.cs")
        subprocess.run([compiler, "-out:main.dll", source], cwd=folder, check=True, timeout=120)
        framework = {"name": "Microsoft.NETCore.App", "version": "3.1.0"}
        properties = {"System.Globalization.Invariant": True}
        options = {"framework": framework, "configProperties": properties}
        (folder / "main.runtimeconfig.json").write_text(json.dumps({"runtimeOptions": options}))

    name, value = setting.split("=")
    program = Program(
        "dotnet",
        [str(runtime), "main.dll"],
        prepare=prepare,
        variables={f"COMPlus_{name}": value, "DOTNET_CLI_TELEMETRY_OPTOUT": "1"},
        timeout=200,
    )
    check_program(program, reenact, keeper, tmp_path)


def _tokio_server() -> Path:
    """The server of `tests/tokio_server`, built with crates from their registry."""
    cargo = skips.need_program("cargo")
    folder = TESTS / "tokio_server"
    fetched = subprocess.run(
        [cargo, "fetch", "--quiet", "--locked"], cwd=folder, capture_output=True, timeout=300
    )
    if fetched.returncode != 0:
        skips.skip(skips.Reason.NO_NETWORK, "crates of the tokio server")
    target = BUILD / "tokio_server"
    build = [cargo, "build", "--quiet", "--release", "--locked", "--offline"]
    build += ["--target-dir", str(target)]
    subprocess.run(build, cwd=folder, check=True, timeout=600)
    return target / "release" / "tokio-server"


def _compute(seed: int, rounds: int) -> int:
    """What the server answers."""
    value = seed
    for round_ in range(rounds):
        value = (value * 6364136223846793005 + round_) & 0xFFFF_FFFF_FFFF_FFFF
    return value


def test_tokio_server(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """A TCP server on tokio's multi-threaded runtime, asked over several connections."""
    program, rounds = _tokio_server(), 2000
    place = tmp_path / "port"
    command = [str(program), str(place), str(rounds)]
    with recorded_server(reenact, command, keeper.trace(), place.exists, tmp_path) as server:
        address = ("127.0.0.1", int(place.read_text()))
        clients = [socket.create_connection(address, timeout=60) for _ in range(5)]
        answers = [client.makefile("rb") for client in clients]
        for turn in range(400 if FULL else 40):
            # All of them wait for their answers at once.
            for index, client in enumerate(clients):
                client.sendall(b"%d\n" % (turn * 7 + index))
            for index, answer in enumerate(answers):
                assert int(answer.readline()) == _compute(turn * 7 + index, rounds)
        clients[0].sendall(b"end\n")
        for stream in [*answers, *clients]:
            stream.close()
        output, _ = server.communicate(timeout=60)
        assert b"requests, sum" in output, output
    check_verified(reenact, keeper.trace())
