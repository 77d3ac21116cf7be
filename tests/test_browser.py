"""Chromium: processes by the dozen, memory shared between them, a compiler for scripts."""

from __future__ import annotations

from pathlib import Path

import skips
from recorded_run import Keeper, Reenact
from recorded_server import check_verified

PAGE = """<html><body><p>waits</p><script>
let sum = 0;
for (let i = 0; i < 1000000; i++) sum += i % 7;
document.body.firstChild.textContent = 'sum ' + sum;
</script></body></html>
"""


def test_chromium(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """A page is loaded, its script run, and what has become of it printed."""
    browser = skips.need_program("chromium")
    page = tmp_path / "page.html"
    page.write_text(PAGE)
    trace = keeper.trace()
    options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/data")
    command = (browser, *options, "--dump-dom", page.as_uri())
    # It keeps files of its own in the home directory, too.
    home = {"HOME": str(tmp_path)}
    recorded = reenact.record(command, trace, variables=home, timeout=300)
    assert recorded.status == 0, recorded.describe()
    assert b"sum 2999997" in recorded.stdout, recorded.describe()
    check_verified(reenact, trace)
