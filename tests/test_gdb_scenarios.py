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

    def __init__(self, reenact, trace: Path, source: str, *options: str) -> None:
        self._open = lambda: Player(Machine(reenact, trace, *options), source)
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
def journey(reenact, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A recording of journey.cc."""
    folder = tmp_path_factory.mktemp("journey")
    program = built("journey.cc", folder)
    stage = Stage(reenact, record(reenact, folder / "trace", program), "journey.cc")
    yield stage
    stage.close()


@pytest.mark.parametrize("scenario", list(scenarios("journey.scenarios")), ids=lambda s: s.name)
def test_on_a_journey(scenario: Scenario, journey: Stage) -> None:
    """Everything within one process."""
    journey.play(scenario)
