"""Skips: only for listed reasons, and all on one page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import skip_page
import skips

RUST = Path(__file__).resolve().parent.parent / "rust" / "skips.rs"


def test_rust_tests_give_the_same_reasons() -> None:
    texts = re.findall(r'Reason::\w+ => "([^"]+)"', RUST.read_text(encoding="utf-8"))
    assert texts
    assert [text for text in texts if skips.reason_of(text) is None] == []


def test_a_message_has_the_reason_it_begins_with() -> None:
    with pytest.raises(pytest.skip.Exception) as raised:
        skips.skip(skips.Reason.NO_PROGRAM, "xz")
    assert skips.reason_of(str(raised.value)) is skips.Reason.NO_PROGRAM
    assert skips.reason_of("no time today") is None
    assert skips.reason_of(f"no time: {skips.Reason.NO_PROGRAM.value}") is None


def test_the_page_lists_each_skip_under_its_reason(tmp_path: Path) -> None:
    record, page = tmp_path / "rust", tmp_path / "page.md"
    assert skip_page.of_rust(record) == []
    record.write_text("a::b\ta file it reads is not there: /x\n" * 2)
    missing = f"{skips.Reason.NO_PROGRAM.value}: xz"
    skipped = [skip_page.Skip("c", missing), skip_page.Skip("d", missing)]
    skip_page.write(page, [*skipped, *skip_page.of_rust(record), skip_page.Skip("e", "no time")])
    assert [line for line in page.read_text().splitlines() if line] == [
        "# Skipped tests",
        f"## {skips.Reason.NO_PROGRAM.value} (2)",
        f"* c: {missing}",
        f"* d: {missing}",
        "## a file it reads is not there (1)",
        "* a::b: a file it reads is not there: /x",
        "## not in tests/skips.py: no time (1)",
        "* e: no time",
    ]


UNLISTED = "import pytest\ndef test_lazy():\n    pytest.skip('no time')\n"
LISTED = "import skips\ndef test_poor():\n    skips.skip(skips.Reason.NO_PROGRAM, 'xz')\n"


@pytest.mark.parametrize(("text", "failed"), [(UNLISTED, 1), (LISTED, 0)])
def test_a_skip_for_another_reason_fails(text: str, failed: int, pytester) -> None:
    tests = Path(skips.__file__).parent
    pytester.makeconftest((tests / "conftest.py").read_text())
    pytester.makepyfile(text)
    pytester.syspathinsert(tests)
    result = pytester.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(failed=failed, skipped=1 - failed)
