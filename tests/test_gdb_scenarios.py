"""gdb's behaviour on recordings, scenario by scenario (tests/debugger/*.scenarios)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from debugger_session import built, record
from gdb_machine import Machine
from gdb_scenarios import Player, Scenario, scenarios


class Stage:
    """A gdb that many scenarios share; after one that fails there is another one."""

    def __init__(
        self, reenact, trace: Path, source: str, *options: str, begin: tuple[str, ...] | None = None
    ) -> None:
        arguments = (source,) if begin is None else (source, begin)
        self._open = lambda: Player(Machine(reenact, trace, *options), *arguments)
        self._player: Player | None = None

    def play(self, scenario: Scenario) -> None:
        """Play it."""
        if self._player is None:
            self._player = self._open()
        try:
            self._player.reset()
            self._player.play(scenario)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End gdb."""
        if self._player is not None:
            player, self._player = self._player, None
            player.machine.close()


@pytest.fixture(scope="module")
def journey_trace(reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of journey.cc, whose program is gone."""
    folder = tmp_path_factory.mktemp("journey")
    program = built("journey.cc", folder)
    trace = record(reenact, folder / "trace", program)
    program.unlink()
    return trace


@pytest.fixture(scope="module")
def journey(reenact, journey_trace: Path) -> Iterator[Stage]:
    """gdb on its first process."""
    stage = Stage(reenact, journey_trace, "journey.cc")
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def child(reenact, journey_trace: Path) -> Iterator[Stage]:
    """gdb on the child it forks."""
    stage = Stage(reenact, journey_trace, "journey.cc", "-p", "1", begin=("goto start",))
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def chain(reenact, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """gdb on chain.c, which executes another program."""
    folder = tmp_path_factory.mktemp("chain")
    second = built("chain.c", folder, "-DSECOND").rename(folder / "chain-second")
    trace = record(reenact, folder / "trace", built("chain.c", folder), second)
    stage = Stage(reenact, trace, "chain.c")
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def ticking(reenact, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """gdb on ticking.c, which a timer interrupts."""
    folder = tmp_path_factory.mktemp("ticking")
    stage = Stage(
        reenact, record(reenact, folder / "trace", built("ticking.c", folder)), "ticking.c"
    )
    yield stage
    stage.close()


def _all(name: str):
    return pytest.mark.parametrize("scenario", list(scenarios(name)), ids=lambda s: s.name)


@_all("journey.scenarios")
def test_on_a_journey(scenario: Scenario, journey: Stage) -> None:
    """Everything within one process."""
    journey.play(scenario)


@_all("child.scenarios")
def test_in_a_forked_child(scenario: Scenario, child: Stage) -> None:
    """A process that begins in the middle of a program."""
    child.play(scenario)


@_all("chain.scenarios")
def test_over_an_exec(scenario: Scenario, chain: Stage) -> None:
    """A process with two programs, one after the other."""
    chain.play(scenario)


@_all("ticking.scenarios")
def test_while_a_timer_interrupts(scenario: Scenario, ticking: Stage) -> None:
    """Signals in the middle of computation."""
    ticking.play(scenario)
