"""The program's own arguments are never touched."""

import pytest

from reenact.parsing import command_parser, split_program


@pytest.mark.parametrize(
    ("words", "options", "program"),
    [
        ([], [], []),
        (["ls"], [], ["ls"]),
        (["ls", "-l", "--", "x"], [], ["ls", "-l", "--", "x"]),
        (["--", "ls", "--", "--quiet"], [], ["ls", "--", "--quiet"]),
        (["--", "--odd-name"], [], ["--odd-name"]),
        (["-o", "t", "ls", "-o", "u"], ["-o", "t"], ["ls", "-o", "u"]),
        (["-ot", "ls"], ["-ot"], ["ls"]),
        (["-qo", "t", "ls"], ["-qo", "t"], ["ls"]),
        (["--output=t", "ls"], ["--output=t"], ["ls"]),
        (["--output", "--", "--", "ls"], ["--output", "--"], ["ls"]),
        (
            ["--quiet", "--checksum", "5", "ls", "--help"],
            ["--quiet", "--checksum", "5"],
            ["ls", "--help"],
        ),
        (["-", "x"], [], ["-", "x"]),
        (["", "x"], [], ["", "x"]),
    ],
)
def test_split_program(words, options, program):
    assert split_program(command_parser("record"), words) == (options, program)
