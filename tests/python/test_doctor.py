"""`reenact doctor` on whatever machine this is."""

import json

from reenact.doctor import examination, kernel
from reenact.doctor.findings import BAD, GOOD, LIMITED, Finding


def test_every_finding_says_what_it_means():
    findings = examination.examine()
    assert len({finding.name for finding in findings}) == len(findings) > 10
    for finding in findings:
        assert finding.state in (GOOD, LIMITED, BAD)
        assert finding.found
        assert finding.meaning
        assert finding.state == GOOD or finding.remedy


def test_json(run):
    _, out, _ = run("doctor", "--json")
    record = json.loads(out)
    assert record["schema_version"] == 1
    assert {"name", "title", "state", "found", "meaning", "remedy"} == set(record["findings"][0])


def test_status_when_recording_cannot_work(run, monkeypatch):
    bad = Finding("x", "X", BAD, "gone", "nothing works", "buy a new one")
    monkeypatch.setattr(examination, "examine", lambda: [bad])
    status, out, _ = run("doctor")
    assert status == 125
    assert "remedy: buy a new one" in out
    assert "Recording cannot work here." in out


def test_kernel_without_dispatch(monkeypatch):
    monkeypatch.setattr(kernel, "in_child", lambda _attempt: -22)
    finding = kernel._dispatch()
    assert finding.state != GOOD
    assert "EINVAL" in finding.found
    assert finding.remedy
