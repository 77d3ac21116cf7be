"""The page of measurements: what it says of a run, and that it is the one of the kept results."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from benches.document import PAGE, landing_costs, render  # noqa: E402
from benches.measurement import Result  # noqa: E402
from benches.workloads import WORKLOADS  # noqa: E402


def _result(name: str, native: float, record: float, replay: float, **more: object) -> Result:
    return Result(name, "cpu", [native], [record], [replay], **more)


def _measured(*results: Result) -> dict[str, object]:
    machine = {
        "processor": "P",
        "processors": 2,
        "kernel": "6",
        "python": "3",
        "load": [0.5, 0, 0],
        "time": "now",
    }
    return {"machine": machine, "runs": 5, "workloads": [result.as_json() for result in results]}


def test_a_page_has_rows_skips_failures_and_rates() -> None:
    page = render(
        _measured(
            _result("xz", 2.0, 2.1, 3.0, events=210, trace_bytes=1_500_000, translated=[5.0]),
            Result("node", "threads", skipped="node is not installed"),
            _result("dd", 1.0, 2.0, 0.5, failure="no end after 600 s"),
            _result("redis", 0.5, 0.75, 1.0, requests=1000),
        ),
        "name.json",
    )
    assert "| `xz -9` of 4 MB | 2.000 | 1.05 | 1.50 | 2.50 | 1.5 | 210 | 100 |" in page
    assert "* node: skipped, node is not installed" in page
    assert "* dd: failed, no end after 600 s" in page
    assert "* redis: 1,333 requests a second while it is recorded, 2,000 natively." in page
    assert "`benches/results/name.json`" in page


def test_the_cost_of_a_landing_is_what_the_timer_adds() -> None:
    without = _result("computing", 1.0, 1.1, 1.0, translated=[2.0])
    profiled = _result("profiled", 1.01, 1.21, 2.5, landings=100)
    found = {result.name: result.as_json() for result in (without, profiled)}
    costs = landing_costs(found)
    assert costs is not None
    assert [round(cost or 0) for cost in costs[:2]] == [1000, 5000]
    # The replay that knows the places was not measured.
    assert costs[2] is None
    assert landing_costs({"computing": without.as_json()}) is None


def test_a_workload_without_its_program_is_known_to_lack_it() -> None:
    redis = next(workload for workload in WORKLOADS if workload.name == "redis")
    assert redis.missing() in (None, "redis-server", "redis-benchmark")
    lacking = type(redis)("none", "cpu", ("no-such-program",))
    assert lacking.missing() == "no-such-program"


def test_the_page_in_the_documentation_is_that_of_its_results() -> None:
    page = PAGE.read_text()
    named = re.search(r"`(benches/results/[^`]*\.json)`", page)
    assert named is not None
    source = ROOT / named[1]
    assert render(json.loads(source.read_text()), source.name) == page, (
        f"docs/benchmarks.md is out of date: python -m benches --from {named[1]}"
    )
