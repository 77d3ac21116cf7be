"""All looks at the machine, one after the other."""

from __future__ import annotations

from reenact.doctor import kernel, limits, memory, processor
from reenact.doctor.findings import BAD, Finding


def examine() -> list[Finding]:
    """Look at everything. Takes some milliseconds and changes nothing."""
    return [*kernel.look(), *processor.look(), *memory.look(), *limits.look()]


def can_record(findings: list[Finding]) -> bool:
    """Whether nothing was found that makes recording impossible."""
    return all(finding.state != BAD for finding in findings)
