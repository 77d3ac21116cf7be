"""`reenact doctor`: what this machine offers, and the remedies."""

from __future__ import annotations

import argparse
import sys

HELP = "what this machine offers for recording and replaying"
DESCRIPTION = (
    "Look at what recording and replaying need of this machine, say what each thing means and "
    "what to do where it is missing. Changes nothing. Exit status 125 when recording cannot work."
)
EXAMPLES = (
    ("reenact doctor", "look, and read"),
    ("reenact doctor --json", "the same for scripts"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Examine and print."""
    import dataclasses

    from reenact import terminal
    from reenact.doctor.examination import can_record, examine
    from reenact.errors import FAILURE
    from reenact.printable import printable

    findings = examine()
    possible = can_record(findings)
    if arguments.json:
        looked = [dataclasses.asdict(finding) for finding in findings]
        terminal.print_json({"can_record": possible, "findings": looked})
    else:
        styles = {"good": "green", "limited": "yellow", "bad": "red"}
        for finding in findings:
            mark = terminal.style(f"{finding.state:<7}", styles[finding.state], sys.stdout)
            print(f"{mark}  {finding.title}: {printable(finding.found)}")
            print(f"         {finding.meaning}")
            if finding.remedy:
                print(f"         remedy: {finding.remedy}")
        print()
        print("Recording works here." if possible else "Recording cannot work here.")
    return 0 if possible else FAILURE
