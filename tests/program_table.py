# ruff: noqa: E501 (programs as they are given to an interpreter)
"""The one table of real programs: how each is started, on what, in the quick and the full size."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import inputs

SCRIPTS = Path(__file__).resolve().parent / "scripts"
Prepare = Callable[[Path, bool], None]


@dataclass(frozen=True)
class Program:
    """One row. Commands run in a folder of their own that `prepare(folder, full)` has filled.

    `without` are (pattern, replacement) pairs for what differs between two native runs; they are
    applied before the recorded output is compared with the native one. With `ordered` false its
    lines may come in any order, with `same` false only the status is compared. The replayed output must equal the recorded one in any case.
    `makes` are files the program writes that must be equal too.
    """

    name: str
    quick: Sequence[str]
    full: Sequence[str] = ()
    prepare: Prepare | None = None
    stdin: Callable[[bool], bytes] | None = None
    without: Sequence[tuple[str, str]] = ()
    same: bool = True
    ordered: bool = True
    makes: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 120

    def command(self, *, full: bool) -> list[str]:
        """The command line for a size."""
        return list((full and self.full) or self.quick)


def _sized(name: str, quick: int, full: int, make: Callable[[int], bytes]) -> Prepare:
    def prepare(folder: Path, is_full: bool) -> None:
        (folder / name).write_bytes(make(full if is_full else quick))

    return prepare


def _source(folder: Path, full: bool) -> None:
    (folder / "big.c").write_text(inputs.c_source(20000 if full else 1500))


def _project(folder: Path, full: bool) -> None:
    inputs.c_project(folder, 60 if full else 10)


def _tree(folder: Path, full: bool) -> None:
    inputs.tree(folder / "tree", 5000 if full else 600)


def _shell(text: str) -> list[str]:
    return ["bash", "-c", text]


def _table_sql(rows: int) -> list[str]:
    return [
        "sqlite3",
        "rows.db",
        "PRAGMA journal_mode=WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, value REAL);"
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) "
        "INSERT INTO t SELECT i, 'name-' || (i * 7919 % 10007), i * 0.37 FROM n;"
        "CREATE INDEX by_name ON t(name); SELECT count(*), sum(value), max(name) FROM t;"
        "SELECT name, count(*), avg(value) FROM t GROUP BY name ORDER BY 2 DESC, 1 LIMIT 10;"
        "UPDATE t SET value = value + 1 WHERE id % 3 = 0; DELETE FROM t WHERE id % 7 = 0;"
        "SELECT count(*), round(sum(value), 3) FROM t; VACUUM; PRAGMA integrity_check;",
    ]


PERL = r"""
my %count; my $text = ''; my $x = 1;
for my $i (1 .. $ARGV[0]) { $x = ($x * 1103515245 + 12345) % 2147483648; $count{$x % 97}++;
    $text .= chr(97 + $x % 26); }
print join(',', map { "$_=$count{$_}" } (sort { $count{$b} <=> $count{$a} || $a <=> $b } keys %count)[0 .. 5]), "\n";
my $vowels = () = $text =~ /[aeiou]{2,}/g; print "$vowels\n";
open(my $pipe, '-|', 'echo', 'from a child') or die; print <$pipe>; close $pipe;
my @sorted = sort map { reverse $_ } $text =~ /(\w{5})/g; print "$sorted[0] $sorted[-1] ", scalar @sorted, "\n";
local $SIG{ALRM} = sub { print "alarm\n" }; kill ALRM => $$; printf "%.10f %s\n", atan2(1, 1) * 4, $^V ? 'v' : '';
"""

AWK = (
    "{ count[$2] += 1; sum += length($1); if (match($1, /[0-9]+/)) n += RLENGTH } "
    'END { for (k in count) print k, count[k] | "sort"; close("sort"); print sum, n; '
    'srand(5); x = rand(); "echo shell" | getline y; print y, sin(1) }'
)

PROGRAMS: tuple[Program, ...] = (
    Program("true", ["true"]),
    Program(
        "ls",
        ["ls", "-lR", "/usr/share/doc/gcc", "/usr/share/perl5"],
        ["ls", "-lR", "/usr/share/doc"],
    ),
    Program(
        "find",
        ["find", "/usr/lib", "-xdev", "-name", "*.so*"],
        ["find", "/", "-xdev", "-name", "*.so*"],
        # Elsewhere other programs make and remove files meanwhile.
        without=[(r"^(?!/usr/).*\n", "")],
    ),
    Program(
        "grep",
        ["grep", "-rn", "unsigned long", "/usr/include/linux"],
        ["grep", "-rn", "int", "/usr/include"],
    ),
    Program(
        "sort",
        ["sort", "lines"],
        prepare=_sized("lines", 100_000, 1_000_000, inputs.lines),
        variables={"LC_ALL": "C"},
    ),
    Program(
        "tar_gzip", _shell("tar cf - --mtime=@0 --sort=name tree | gzip -n | wc -c"), prepare=_tree
    ),
    Program(
        "tar_there_and_back",
        _shell(
            "tar czf t.tgz tree && mkdir back && tar xzf t.tgz -C back && diff -r tree back/tree && echo same"
        ),
        prepare=_tree,
    ),
    Program(
        "xz",
        ["xz", "-9", "-k", "text"],
        prepare=_sized("text", 1_500_000, 20_000_000, inputs.text),
        makes=["text.xz"],
        timeout=400,
    ),
    Program(
        "sha256sum",
        ["sha256sum", "text"],
        prepare=_sized(
            "text",
            8_000_000,
            200_000_000,
            lambda size: inputs.text(1_000_000) * (size // 1_000_000),
        ),
    ),
    Program(
        "openssl_speed",
        ["openssl", "speed", "-seconds", "1", "-bytes", "1024", "sha256"],
        ["openssl", "speed", "-seconds", "1", "sha256"],
        same=False,
        timeout=200,
    ),
    Program(
        "openssl_digests",
        _shell(
            "for d in sha1 sha512 blake2b512 md5; do openssl dgst -$d text; done; openssl rand -hex 8 | wc -c"
        ),
        prepare=_sized("text", 500_000, 20_000_000, inputs.text),
    ),
    Program(
        "bc",
        _shell("echo 'scale=300; 4*a(1); e(1); 2^2000' | bc -l"),
        _shell("echo 'scale=2500; 4*a(1)' | bc -l"),
    ),
    Program("perl", ["perl", "-e", PERL, "100000"], ["perl", "-e", PERL, "3000000"]),
    Program(
        "awk",
        ["awk", AWK, "lines"],
        prepare=_sized("lines", 50_000, 1_000_000, inputs.lines),
        variables={"LC_ALL": "C"},
    ),
    Program(
        "sed",
        _shell("sed -E 's/([a-f])([0-9])/\\2\\1/g; /time/d' lines | cksum"),
        prepare=_sized("lines", 30_000, 500_000, inputs.lines),
    ),
    Program(
        "gcc",
        ["gcc", "-O2", "-w", "-c", "big.c"],
        prepare=_source,
        makes=["big.o"],
        timeout=600,
    ),
    Program(
        "make",
        ["make", "-j2", "program"],
        prepare=_project,
        ordered=False,
        makes=["program"],
        timeout=400,
    ),
    Program("bash_pipes", ["bash", str(SCRIPTS / "pipes.sh")]),
    Program(
        "bash_traps",
        ["bash", str(SCRIPTS / "traps.sh")],
        without=[(r"line (\d+): +\d+", r"line \1:")],
    ),
    Program("bash_jobs", ["bash", str(SCRIPTS / "jobs.sh")]),
    Program("bash_documents", ["bash", str(SCRIPTS / "documents.sh")]),
    Program(
        "git",
        ["bash", str(SCRIPTS / "repository.sh"), "3"],
        ["bash", str(SCRIPTS / "repository.sh"), "100"],
        timeout=600,
    ),
    Program("sqlite3", _table_sql(20_000), _table_sql(200_000), timeout=400),
    Program("dash", ["dash", str(SCRIPTS / "plain.sh")]),
    Program("busybox", ["busybox", "sh", str(SCRIPTS / "plain.sh")]),
    Program(
        "busybox_applets",
        [
            "busybox",
            "sh",
            "-c",
            "busybox ls -l /usr/share/doc/gcc; busybox find /usr/share/perl5 | busybox wc; busybox seq 2000 | busybox md5sum",
        ],
    ),
    Program(
        "cp",
        _shell("cp -r tree copy && diff -r tree copy && echo same"),
        prepare=_tree,
        timeout=400,
    ),
    Program(
        "dd",
        ["dd", "if=/dev/zero", "of=/dev/null", "bs=512", "count=60000", "status=none"],
        ["dd", "if=/dev/zero", "of=/dev/null", "bs=512", "count=1000000", "status=none"],
        timeout=400,
    ),
    Program(
        "many_true",
        _shell("for ((i = 0; i < 60; i++)); do /bin/true; done; echo done"),
        _shell("for ((i = 0; i < 500; i++)); do /bin/true; done; echo done"),
        timeout=400,
    ),
    Program(
        "env_and_date",
        _shell("date +%s.%N; env | sort | head -3; hostname; id -u; uptime -p"),
        same=False,
    ),
    Program("gdb_version", ["gdb", "-nx", "-batch", "-ex", "print 6*7"]),
)


@functools.cache
def python_with_tests() -> str | None:
    """A CPython that has its own test suite at hand: Debian's, else the one running this."""
    candidates = ["/usr/bin/python3", os.path.realpath(sys.executable)]
    for candidate in candidates:
        if shutil.which(candidate) is None:
            continue
        found = subprocess.run(
            [candidate, "-c", "import test.test_json, test.test_grammar"],
            capture_output=True,
            check=False,
            timeout=60,
        )
        if found.returncode == 0:
            return candidate
    return None


#: Modules of CPython's own test suite that use no threads.
TEST_MODULES = (
    "test_abc",
    "test_abstract_numbers",
    "test_array",
    "test_augassign",
    "test_base64",
    "test_baseexception",
    "test_bigmem",
    "test_binascii",
    "test_binop",
    "test_bisect",
    "test_bool",
    "test_bufio",
    "test_call",
    "test_charmapcodec",
    "test_class",
    "test_cmath",
    "test_codeop",
    "test_colorsys",
    "test_compare",
    "test_complex",
    "test_contains",
    "test_copy",
    "test_csv",
    "test_datetime",
    "test_dbm_dumb",
    "test_decorators",
    "test_defaultdict",
    "test_deque",
    "test_dict",
    "test_dictcomps",
    "test_difflib",
    "test_dis",
    "test_dynamic",
    "test_enumerate",
    "test_exception_hierarchy",
    "test_exception_variations",
    "test_extcall",
    "test_filecmp",
    "test_fileinput",
    "test_float",
    "test_flufl",
    "test_fnmatch",
    "test_fractions",
    "test_fstring",
    "test_funcattrs",
    "test_genericpath",
    "test_genexps",
    "test_getopt",
    "test_glob",
    "test_global",
    "test_graphlib",
    "test_grammar",
    "test_hash",
    "test_heapq",
    "test_html",
    "test_htmlparser",
    "test_index",
    "test_int",
    "test_isinstance",
    "test_iter",
    "test_json",
    "test_keyword",
    "test_list",
    "test_listcomps",
    "test_long",
    "test_math",
    "test_named_expressions",
    "test_numeric_tower",
    "test_opcodes",
    "test_operator",
    "test_ordered_dict",
    "test_pprint",
    "test_print",
    "test_property",
    "test_range",
    "test_richcmp",
    "test_scope",
    "test_set",
    "test_shelve",
    "test_shlex",
    "test_slice",
    "test_sort",
    "test_string",
    "test_string_literals",
    "test_strftime",
    "test_struct",
    "test_structmembers",
    "test_textwrap",
    "test_time",
    "test_timeit",
    "test_tuple",
    "test_unary",
    "test_unpack",
    "test_userdict",
    "test_userlist",
    "test_userstring",
    "test_with",
    "test_yield_from",
    "test_zipapp",
)

#: Those run in the quick tier: the quickest, about a second of processor time each with all
#: replays.
QUICK_TEST_MODULES = frozenset(
    [
        "test_abc",
        "test_abstract_numbers",
        "test_array",
        "test_augassign",
        "test_baseexception",
        "test_bigmem",
        "test_binascii",
        "test_binop",
        "test_bisect",
        "test_call",
        "test_charmapcodec",
        "test_class",
        "test_cmath",
        "test_codeop",
        "test_colorsys",
        "test_compare",
        "test_contains",
        "test_copy",
        "test_dbm_dumb",
        "test_defaultdict",
        "test_dictcomps",
        "test_dynamic",
        "test_exception_hierarchy",
        "test_exception_variations",
        "test_extcall",
        "test_filecmp",
        "test_float",
        "test_flufl",
        "test_fnmatch",
        "test_fractions",
        "test_funcattrs",
        "test_genericpath",
        "test_getopt",
        "test_global",
        "test_grammar",
        "test_index",
        "test_isinstance",
        "test_iter",
        "test_keyword",
        "test_list",
        "test_listcomps",
        "test_named_expressions",
        "test_numeric_tower",
        "test_opcodes",
        "test_operator",
        "test_pprint",
        "test_print",
        "test_property",
        "test_range",
        "test_richcmp",
        "test_scope",
        "test_shlex",
        "test_sort",
        "test_strftime",
        "test_string",
        "test_struct",
        "test_structmembers",
        "test_textwrap",
        "test_timeit",
        "test_unary",
        "test_unpack",
        "test_userdict",
        "test_userlist",
        "test_with",
        "test_yield_from",
    ]
)
