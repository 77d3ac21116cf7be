"""The page of measurements in the documentation, made from the JSON of one run of the suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
HEADINGS = (
    *("workload", "native s", "record ÷ native", "replay ÷ native", "translated ÷ native"),
    *("trace MB", "events", "events/s"),
)
WHAT = {
    "xz": "`xz -9` of 4 MB",
    "cc1": "`gcc -O2 -c` of 5,000 lines",
    "cpython": "loops in CPython",
    "cp": "`cp -r` of 5,000 files",
    "dd": "`dd bs=512 count=1000000`",
    "make": "`make -j2` of 60 files",
    "true500": "500 x `/bin/true`",
    "start": "`true`, with the start of Python",
    "ping-pong": "two threads, one condition variable, 20,000 rounds",
    "xz-T2/1": "`xz -T2`, native on one core",
    "xz-T2/2": "`xz -T2`, native on two cores",
    "node": "node, a script that computes",
    "redis": "redis, SET and GET; the server is recorded, the client is not",
    "openmp/1": "OpenMP, barriers of two threads, native on one core",
    "openblas/1": "OpenBLAS, products of matrices, two threads, native on one core",
    "learn/1": "scikit-learn: forest, clusters, boosted trees; two threads, native on one core",
    "zgc/1": "Java with ZGC, native on one core",
    "redis-io4/1": "redis with `--io-threads 4`, SET and GET, native on one core",
    "computing": "a loop without system calls",
    "profiled": "the same loop under a SIGPROF timer of 1 kHz",
}


def render(measured: Mapping[str, Any], name: str) -> str:
    """The page (Markdown) for the document of a run that is kept in `benches/results/NAME`."""
    machine = measured["machine"]
    load = machine["load"][0]
    lines = [
        "# Benchmarks",
        "",
        "Made by `make bench BENCH_ARGUMENTS=--document`: medians of "
        f"{measured['runs']} rounds, each of a native run, a recording, a replay "
        "(`reenact verify`: the program's own code from event to event) and a replay of translated "
        "code alone (`--translated`, which counts all instructions), one after the other.",
        f"{machine['processor']}, {machine['processors']} processors, Linux {machine['kernel']}, "
        f"Python {machine['python']}; load {load:.1f} at the end; {machine['time']}.",
        f"All figures: `benches/results/{name}`.",
        "",
        _row(HEADINGS),
        _row(["---"] + ["---:"] * (len(HEADINGS) - 1)),
    ]
    workloads = measured["workloads"]
    lines += [_row(_cells(found)) for found in workloads if not _reason(found)]
    notes = [f"* {found['name']}: {_reason(found)}" for found in workloads if _reason(found)]
    notes += _landings({found["name"]: found for found in workloads})
    notes += [_throughput(found) for found in workloads if "requests_per_second" in found]
    if notes:
        lines += ["", *notes]
    if measured.get("travel"):
        lines += ["", *_travel(measured["travel"])]
    if measured.get("hits"):
        lines += ["", *_hits(measured)]
    return "\n".join(lines) + "\n"


def _travel(measured: Sequence[Mapping[str, Any]]) -> list[str]:
    """The table of latencies: a row for each movement, two columns for each recording."""
    sizes = [f"{found['instructions']:.1e}" for found in measured]
    heads = [f"{what}, {size}" for size in sizes for what in ("median ms", "99 % ms")]
    names = list(dict.fromkeys(n for found in measured for n, v in found.items() if _is_timed(v)))
    lines = [
        "## Moving through a recording",
        "",
        "Latency of movements in recordings of a computation, by the number of their instructions, "
        "once they have been scanned.",
        "",
        _row(["movement", *heads]),
        _row(["---"] + ["---:"] * len(heads)),
    ]
    for name in names:
        cells = [
            found.get(name, {}).get(key) for found in measured for key in ("median_ms", "p99_ms")
        ]
        lines.append(_row([name, *("-" if cell is None else f"{cell:.1f}" for cell in cells)]))
    lines.append("")
    for size, found in zip(sizes, measured):
        lines.append(
            f"* {size}: the scan takes {found['scan_ms'] / 1000:.2f} s; running through it with "
            f"memory watched takes {found['watched_to_plain']} times as long as without."
        )
    return lines


def _hits(measured: Mapping[str, Any]) -> list[str]:
    """The table of what hits cost, and of what they have cost."""
    before = measured.get("hits_before", {})
    load = measured.get("hits_load", measured["machine"]["load"][0])
    return [
        "## Hits",
        "",
        "Breakpoints, watchpoints and lines that a program comes to a million times; "
        f"load {load:.1f}. "
        "Before: when each hit was told to Python or to gdb, by what a single one took.",
        "",
        _row(["what", "ms", "before"]),
        _row(["---", "---:", "---:"]),
        *(
            _row([what, f"{took:,.1f}", f"{before[what]:,.0f}" if what in before else "-"])
            for what, took in measured["hits"].items()
        ),
    ]


def _is_timed(value: object) -> bool:
    return isinstance(value, Mapping) and "median_ms" in value


def _reason(found: Mapping[str, Any]) -> str:
    if found.get("skipped"):
        return f"skipped, {found['skipped']}"
    if found.get("failure"):
        return f"failed, {found['failure']}"
    return ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(found: Mapping[str, Any]) -> list[str]:
    def number(value: float | None, form: str) -> str:
        return "-" if value is None else form.format(value)

    return [
        WHAT.get(found["name"], found["name"]),
        number(found["medians"]["native"], "{:.3f}"),
        number(found.get("record_ratio"), "{:.2f}"),
        number(found.get("replay_ratio"), "{:.2f}"),
        number(found.get("translated_ratio"), "{:.2f}"),
        number(found["trace_bytes"] / 1e6, "{:.1f}"),
        number(found["events"], "{:,}"),
        number(found.get("events_per_second"), "{:,}"),
    ]


def _throughput(found: Mapping[str, Any]) -> str:
    rates = found["requests_per_second"]
    return (
        f"* {found['name']}: {rates['record']:,} requests a second while it is recorded, "
        f"{rates['native']:,} natively."
    )


def landing_costs(
    by_name: Mapping[str, Mapping[str, Any]],
) -> tuple[float, float | None, float | None] | None:
    """Microseconds that one landing takes while recording, while it is searched for in a first
    replay, and in a second one, which knows the place.

    What the profiled loop takes more than the same loop without a timer, natively the handler's
    own cost taken off, by the number of landings. Between landings all of it is translated, so it
    is compared with the translated loop. `None` where either was not measured.
    """
    without, profiled = by_name.get("computing"), by_name.get("profiled")
    if without is None or profiled is None or not profiled.get("landings"):
        return None

    def more(what: str, than: str) -> float | None:
        pair = profiled["medians"].get(what), without["medians"].get(than)
        return None if None in pair else pair[0] - pair[1]

    native, record, again = (more(what, what) for what in ("native", "record", "translated"))
    replay = more("replay", "translated")
    if native is None or record is None:
        return None
    scale = 1e6 / profiled["landings"]
    first, second = (None if found is None else found * scale for found in (replay, again))
    return (record - native) * scale, first, second


def _landings(by_name: Mapping[str, Mapping[str, Any]]) -> list[str]:
    costs = landing_costs(by_name)
    if costs is None:
        return []
    recording, replaying, again = costs
    count = by_name["profiled"]["landings"]
    found = "" if replaying is None else f", {replaying:.0f} µs to find it in the replay"
    if again is not None:
        # A difference of two runs.
        known = "less than the noise" if again < 1 else f"{again:.0f} µs"
        found += f", {known} once it has been found"
    return [f"* One landing (of {count}): {recording:.0f} µs while recording{found}."]
