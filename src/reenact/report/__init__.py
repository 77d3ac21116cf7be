"""Bug reports from the field: record, look at what is inside, send.

Example:
    >>> from reenact import report
    >>> report.enable(to="https://bugs.example.org/", arguments=["program", "--fast"])
"""

from __future__ import annotations

from reenact.report.enabling import enable

__all__ = ["enable"]
