"""The page of a collector: crashes, the most frequent first, with their reports. Pure."""

from __future__ import annotations

import html
import time
from collections.abc import Iterable, Mapping
from typing import Any

from reenact.collector.reports import title
from reenact.packs.layout import ENDING
from reenact.terminal import size

#: Reports that are shown of each crash.
_MOST_SHOWN = 20
_STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em}"
    "h2{font-size:1em;margin:2em 0 .3em}table{border-collapse:collapse;width:100%}"
    "td{padding:.2em 1em .2em 0;vertical-align:top}code{word-break:break-all}"
)


def link(number: str) -> str:
    """The path of a report's pack below the collector."""
    return f"/reports/{number}/{number}{ENDING}"


def groups(reports: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Reports by crash, the most frequent first."""
    found: dict[str, dict[str, Any]] = {}
    for report in reports:
        one = found.setdefault(
            report["group"], {"group": report["group"], "title": title(report["facts"])}
        )
        one.setdefault("reports", []).append(report)
    listed = [{**one, "count": len(one["reports"])} for one in found.values()]
    return sorted(listed, key=lambda one: -one["count"])


def page(reports: Iterable[Mapping[str, Any]], base: str) -> str:
    """The page as HTML.

    Arguments:
        reports: as the index has them.
        base: the collector's own URL, without "/" at its end.
    """
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>reenact reports</title>"
        f"<style>{_STYLE}</style><h1>Reports</h1>"
    ]
    listed = groups(reports)
    if not listed:
        parts.append("<p>None yet.")
    for one in listed:
        parts.append(
            f"<h2>{html.escape(one['title'])} ({one['count']})</h2><table>"
            + "".join(_row(report, base) for report in one["reports"][:_MOST_SHOWN])
            + "</table>"
        )
    return "".join(parts)


def _row(report: Mapping[str, Any], base: str) -> str:
    moment = time.strftime("%Y-%m-%d %H:%M", time.gmtime(report["received"]))
    place = base + link(report["id"])
    cells = (
        html.escape(moment),
        html.escape(report["token"]),
        html.escape(" ".join(one for one in report["facts"]["command"] if one)),
        html.escape(size(report["size"])),
        f"<code>reenact replay {html.escape(place)}</code>",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
