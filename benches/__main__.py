"""The command line of `make bench`: choose workloads and runs, print a table, save JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import time
from pathlib import Path

from benches import hits, travel
from benches.command import reenact_command
from benches.document import PAGE, landing_costs, render
from benches.measurement import Result, measure
from benches.workloads import WORKLOADS

RESULTS = Path(__file__).resolve().parent / "results"
HEADINGS = (
    *("workload", "native s", "record s", "ratio", "replay s", "ratio", "transl. s", "ratio"),
    *("trace MB", "log MB"),
)
#: Not a workload: the latency of moving through recordings (`benches/travel.py`).
TRAVEL = "travel"
#: Nor this one: what conditions and values at many hits cost (`benches/hits.py`).
HITS = "hits"
MORE_HEADINGS = ("events", "events/s", "M instr.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    names = [*(workload.name for workload in WORKLOADS), TRAVEL, HITS]
    parser.add_argument(
        "workloads", nargs="*", metavar="WORKLOAD", help=f"some of {', '.join(names)}"
    )
    parser.add_argument(
        "--runs", type=int, default=5, help="rounds, of which medians are taken (5)"
    )
    parser.add_argument("--no-replay", action="store_true", help="record only")
    parser.add_argument(
        "--output", type=Path, help="where the JSON goes (benches/results/DATE.json)"
    )
    parser.add_argument(
        "--document", action="store_true", help="write docs/benchmarks.md from the results"
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="JSON",
        help="measure nothing: write docs/benchmarks.md from this file of benches/results",
    )
    parser.add_argument("--timeout", type=float, default=600, help="seconds for each run (600)")
    arguments = parser.parse_args()
    for name in arguments.workloads:
        if name not in names:
            parser.error(f"there is no workload {name}; there are {', '.join(names)}")
    return arguments


def _machine() -> dict[str, object]:
    processor = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    return {
        "processor": processor,
        "processors": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": os.getloadavg(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _row(result: Result) -> tuple[str, ...]:
    found = result.as_json()
    medians = found["medians"]

    def number(value: object, form: str = "{:.2f}") -> str:
        return "-" if value is None else form.format(value)

    return (
        result.name,
        number(medians["native"], "{:.3f}"),
        number(medians["record"], "{:.3f}"),
        number(found.get("record_ratio")),
        number(medians["replay"], "{:.3f}"),
        number(found.get("replay_ratio")),
        number(medians["translated"], "{:.3f}"),
        number(found.get("translated_ratio")),
        number(result.trace_bytes / 1e6, "{:.1f}"),
        number(result.own_bytes / 1e6, "{:.2f}"),
        number(result.events, "{:,}"),
        number(found.get("events_per_second"), "{:,}"),
        number(None if result.instructions is None else result.instructions / 1e6, "{:,.0f}"),
    )


def _line(cells: tuple[str, ...]) -> str:
    return cells[0].ljust(10) + "".join(cell.rjust(11) for cell in cells[1:])


def _travel() -> list[dict[str, object]]:
    """Moving through a short and a long recording."""
    if shutil.which("gcc") is None:
        print("travel: skipped, gcc is not installed")
        return []
    measured = []
    for size in travel.SIZES:
        measured.append(travel.measure(reenact_command(), size, travel.ROUNDS))
        print("\n".join(travel.lines(measured[-1])), flush=True)
    return measured


def _hits() -> dict[str, float]:
    """What hits of breakpoints and watchpoints cost."""
    if shutil.which("gcc") is None:
        print("hits: skipped, gcc is not installed")
        return {}
    return hits.measure()


def _document(source: Path) -> int:
    PAGE.write_text(render(json.loads(source.read_text()), source.name))
    print(PAGE)
    return 0


def main() -> int:
    """Measure, print each row as it is known, save all."""
    arguments = _arguments()
    if arguments.source:
        return _document(arguments.source)
    chosen = [w for w in WORKLOADS if not arguments.workloads or w.name in arguments.workloads]
    print(_line((*HEADINGS, *MORE_HEADINGS)))
    results: list[Result] = []
    for workload in chosen:
        result = measure(
            workload,
            reenact_command(),
            runs=arguments.runs,
            replay=not arguments.no_replay,
            timeout=arguments.timeout,
        )
        results.append(result)
        if result.skipped:
            print(f"{result.name.ljust(10)} skipped: {result.skipped}", flush=True)
            continue
        print(_line(_row(result)), flush=True)
        if result.failure:
            print(f"    {result.failure}")
    target = arguments.output or RESULTS / time.strftime("%Y%m%d-%H%M%S.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    document: dict[str, object] = {
        "schema": 1,
        "machine": _machine(),
        "runs": arguments.runs,
        "workloads": [result.as_json() for result in results],
    }
    costs = landing_costs({result.name: result.as_json() for result in results})
    if (not arguments.workloads or TRAVEL in arguments.workloads) and not arguments.no_replay:
        document["travel"] = _travel()
    if (not arguments.workloads or HITS in arguments.workloads) and not arguments.no_replay:
        document["hits"] = _hits()
    if costs is not None:
        names = ("record", "replay", "counted")
        document["landing_microseconds"] = dict(zip(names, costs, strict=True))
        print("one landing, µs:", *(f"{cost:.0f}" for cost in costs if cost is not None))
    target.write_text(json.dumps(document, indent=1) + "\n")
    print(target)
    if arguments.document:
        _document(target)
    return 1 if any(result.failure for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
