"""Ten programs and the ways they are built, for comparing what gdb and we say of them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import skips
from debugger_session import SOURCES

TRUTH = SOURCES.parent / "truth"


@dataclass(frozen=True)
class Program:
    """A program, and what is asked about it beside what is in scope.

    Arguments:
        sources: the first one has most of what is asked.
        expressions: those that a generator would not think of.
        globals: names outside of functions that a generator begins with.
        language: what gdb is told to read expressions as.
    """

    name: str
    sources: tuple[Path, ...]
    globals: tuple[str, ...]
    expressions: tuple[str, ...] = ()
    language: str = "auto"
    options: tuple[str, ...] = ()

    @property
    def compiler(self) -> str:
        """Kind of compiler by the name of the first source."""
        return self.sources[0].suffix


@dataclass(frozen=True)
class Build:
    """How a program is built; `after`: commands that change it then.

    `hides_places`: gdb does not find the lists of places, and takes variables for optimized out.
    """

    name: str
    compiler: str
    options: tuple[str, ...]
    after: tuple[tuple[str, ...], ...] = ()
    needs: tuple[str, ...] = field(default=())
    hides_places: bool = False


#: The eight of the full comparison, and ways that are rarer.
BUILDS = (
    Build("gcc", "gcc", ("-O0",)),
    Build("gcc-O2", "gcc", ("-O2",)),
    Build("gcc-O2-dwarf4", "gcc", ("-O2", "-gdwarf-4")),
    Build("gcc-split", "gcc", ("-O1", "-gsplit-dwarf")),
    Build("clang", "clang", ("-O0",)),
    Build("clang-O2", "clang", ("-O2",)),
    Build("clang-dwarf4", "clang", ("-O0", "-gdwarf-4")),
    # In split DWARF 5 gdb 13 does not find clang's lists of places.
    Build("clang-split", "clang", ("-O2", "-gsplit-dwarf", "-gdwarf-4")),
)
RARE = (
    Build("gcc-dwarf3", "gcc", ("-O1", "-gdwarf-3", "-gstrict-dwarf")),
    Build("gcc-package", "gcc", ("-O0", "-gsplit-dwarf", "-gdwarf-4"), (("dwp", "-e", "PROGRAM"),)),
    Build("gcc-types", "gcc", ("-O0", "-fdebug-types-section")),
    Build("gcc-types4", "gcc", ("-O2", "-fdebug-types-section", "-gdwarf-4")),
    Build("gcc-dwz", "gcc", ("-O0", "-gdwarf-4"), (("dwz", "PROGRAM"),)),
    Build("gcc-dwz5", "gcc", ("-O2",), (("dwz", "PROGRAM"),)),
    Build(
        "gcc-dwz-shared",
        "gcc",
        ("-O1",),
        (("cp", "PROGRAM", "other"), ("dwz", "-m", "shared.debug", "-r", "PROGRAM", "other")),
        ("dwz",),
    ),
    Build("clang-split5", "clang", ("-O0", "-gsplit-dwarf"), hides_places=True),
    Build("gcc-lto", "gcc", ("-O2", "-flto")),
    Build("clang-lto", "clang", ("-O2", "-flto", "-fuse-ld=lld"), (), ("ld.lld",)),
    Build("clang-types", "clang", ("-O1", "-fdebug-types-section")),
    Build(
        "clang-package",
        "clang",
        ("-O1", "-gsplit-dwarf", "-gdwarf-4"),
        (("llvm-dwp", "-e", "PROGRAM", "-o", "PROGRAM.dwp"),),
    ),
)


def _truth(*names: str) -> tuple[Path, ...]:
    return tuple(TRUTH / name for name in names)


PROGRAMS = (
    Program(
        "shapes",
        (SOURCES / "shapes.c",),
        ("counter", "grid", "words", "fields", "wide", "huge", "is_ready", "chosen", "first", "at"),
        (
            "first->next->key", "sizeof(struct node)", "counter * 3 + 1", "grid[2][1] << 3",
            "(char)counter", "counter > 10 && is_ready", "$pc", "$sp", "$eax", "words[0][1]",
            "'a' + 1", "fields.flag ? 7 : 9", "(enum color)2", "(enum color)8", "RED", "BLUE",
            "sizeof words", "*words@2", "twice", "&twice", "*twice", "$xmm0", "$ax", "$eflags",
            "(list *)0", "(long)first", "first == at", "!first", "wide + 1", "-wide",
        ),
    ),
    Program(
        "ledger",
        _truth("ledger.c"),
        ("currencies", "statistics", "rows", "limit", "opaque", "cursor", "account", "entry",
         "bank", "client"),
        (
            "is_large::asked", "is_odd::asked", "account->rules[0]", "*account->row",
            "account->label", "account->digest", "OPEN | FROZEN", "(enum flags)3",
            "(enum flags)12", "HIGHEST", "sizeof(struct entry)", "sizeof(enum wide)",
            "account->trail[0]", "account->trail", "(unsigned char)-1", "*(struct account *)client",
            "(rule)is_odd", "&account->entries[1].amount", "&account->parent",
            "*cursor", "cursor[1][0]", "&rows[1]", "*rows", "(char)65", "(short)0x12345",
        ),
    ),
    Program(
        "numbers",
        _truth("numbers.c"),
        ("all", "product", "halves", "specials", "singles", "root", "into", "grown", "negative"),
        (
            "all.ld * 2", "all.f + 1", "all.f / 3", "all.d / 3", "(float)all.d", "(int)all.d",
            "(long double)all.f", "all.big + 1", "all.big * all.big", "all.ubig >> 70",
            "(__int128)-1", "(unsigned __int128)-1", "-all.uc", "~all.us", "all.i / 7",
            "all.i % 7", "all.ul / 3", "all.l >> 3", "all.u << 4", "1.5f", "1e3", "10 / 4.0",
            "3.0L", "1 / 3.0f", "0x7fffffff + 1", "0xffffffff", "4294967296", "'a'", "'\\n'",
            "010", "1L", "1u - 2", "2147483648", "1.0 == 1", "specials[2] > 1e21",
            "all.fc", "all.vector[1]", "(_Bool)5", "(char)200", "(unsigned short)70000",
            "sizeof(long double)", "sizeof all", "5 > 3 ? 1.5 : 2", "1 ? 2 : 3L", "-5 / 2",
            "-5 % 3", "5 == 5.0", "1 << 31", "1 << 3L", "!0.5", "all.b + 1", "all.c * 2",
        ),
    ),
    Program(
        "kernel",
        _truth("kernel.c", "kernel_sum.c"),
        ("picture", "histogram", "level", "image", "line", "value", "row", "plain", "hooked",
         "weight", "both", "raised", "low", "from", "to"),
        (
            "'kernel.c'::level", "'kernel_sum.c'::level", "'kernel_sum.c'::histogram",
            "chosen", "quick", "*quick", "hooked", "&picture", "picture.pixels[1]",
            "picture.pixels[1].depth", "*picture.pixels@2", "picture.name[0]", "$rip", "$rsp",
            "'kernel_sum.c'::plain", "sizeof(struct pixel)", "&clamped",
        ),
    ),
    Program(
        "search",
        _truth("search.c"),
        ("table", "pool", "next_tree", "noise", "into", "place", "made", "sorted", "shares", "at",
         "node", "values"),
        (
            "table->slots[0]", "**table->slots[1]", "table->order", "*table->numbers@3",
            "table->root->child[0]->key", "*pool[0]", "(shade)10", "(tree *)table->root",
            "sizeof(tree)", "(shade)3", "sizeof sorted", "&shares[1]", "*at + 1", "at[1]",
            "table->state.bits[1].off", "sizeof(struct table)", "values + 1", "pool[0] == pool[1]",
            "table->root->value.short_text[2]", "&*table", "&table->root", "*&noise",
        ),
    ),
    Program(
        "classes",
        (SOURCES / "classes.cc",),
        ("store::count", "Box<double>::made", "whole", "base", "color", "box", "array", "first",
         "at", "numbers", "second", "member", "found"),
        (
            "whole->own", "base.second", "box.value", "array[1]", "first.number", "found * 2",
            "numbers._M_impl._M_start[1]", "sizeof(Both)", "sizeof(store::Item)", "Color::red",
            "(Color)2", "(store::Item *)at", "&Both::own", "&Base::second", "*whole", "this",
            "*this", "member", "whole->*member",
        ),
    ),
    Program(
        "market",
        _truth("market.cc"),
        ("market::hidden", "market::shelf", "market::Shop::open_", "shop", "shared", "pair", "sum",
         "price", "this", "at", "made", "found", "closure", "side"),
        (
            "hidden", "shelf", "shelf.sizes", "*this", "this->name_", "name_", "prices_",
            "market::Level<int, 3>::levels", "market::Level<int, 3>::depth", "open_", "Shop::open_",
            "sizeof(market::Order)", "market::Side::buy", "Side::sell", "(market::Side)'b'",
            "(market::Side)3", "first_._M_t._M_t._M_head_impl", "prices_._M_impl._M_start",
            "*prices_._M_impl._M_start@2", "sizeof(market::Level<int, 3>)", "best", "pair.first",
            "shop.name_._M_dataplus._M_p", "*shared._M_ptr", "(anonymous namespace)::hidden",
            "market::traded", "&market::shelf", "at->price", "price + 1", "sum % 3",
        ),
        options=("-std=c++17",),
    ),
    Program(
        "family",
        _truth("family.cc"),
        ("Named::made", "secret", "nameless", "outer::inner::deep", "outer::inner::simple",
         "outer::width", "parcel", "named", "axis", "rule", "reader", "here", "alias", "first",
         "other", "counter", "this"),
        (
            "parcel.label", "parcel.label.where", "parcel.rule", "parcel.stamp", "parcel.state",
            "parcel.counter", "parcel.is_fragile", "outer::inner::simple.axis", "&Plain::y",
            "&Parcel::stamp", "&Named::plain", "&Named::value", "here.*axis", "Parcel::open",
            "outer::deep", "(Parcel::State)7", "sizeof(Parcel)", "sizeof(Empty)", "*named",
            "named->name", "nameless.plain.y", "sizeof(Parcel::Label)", "price", "id", "name",
            "read_id", "*reader", "&alias", "alias + 1", "&parcel", "side.weight",
        ),
    ),
    Program(
        "machine",
        _truth("machine.cc"),
        ("running", "marks", "Machine::actions_", "machine", "code", "rows", "corner", "text", "at",
         "end", "this", "which", "sum", "row"),
        (
            "stack_", "stack_[0]", "stack_[0].bytes", "depth_", "counts_", "*this", "steps_",
            "Machine::most", "most", "is_done_", "Kind::list", "(Kind)9", "(Kind)4", "halt",
            "push", "(Operation)2", "(Operation)3", "at->operation", "end - at", "at + 1",
            "corner[1]", "*corner", "rows._M_impl", "text._M_string_length", "sizeof(Cell)",
            "sizeof(Machine)", "sizeof corner", "Machine::actions_[0]", "actions_[1]", "&marks",
            "at < end", "at == code", "(Cell *)this", "code[1]", "sizeof(Instruction) * 2",
        ),
        options=("-std=c++17",),
    ),
    Program(
        "engine",
        _truth("engine.rs"),
        ("world", "area", "slice", "sum", "first", "tree", "branch", "key", "self", "pair", "round",
         "total", "shape", "radius", "side", "engine::COUNT", "engine::TABLE"),
        (
            "world.limits", "world.grid", "world.grid[1]", "world.grid[0][2]", "world.is_open",
            "world.huge", "world.flag", "world.maybe", "world.name", "world.best", "first + 1",
            "*world", "branch.key", "round * 2", "sum / 2", "pair.__0", "world.limits.__1",
        ),
        language="c++",
    ),
)  # fmt: skip

_COMPILERS = {
    ("gcc", ".c"): "gcc", ("gcc", ".cc"): "g++", ("clang", ".c"): "clang",
    ("clang", ".cc"): "clang++",
}  # fmt: skip
#: What rustc is told for what compilers of C are.
_RUST = {
    "-O0": ("-Copt-level=0",), "-O1": ("-Copt-level=1",), "-O2": ("-Copt-level=2",),
    "-gdwarf-4": ("-Cdwarf-version=4",), "-gsplit-dwarf": ("-Csplit-debuginfo=unpacked",),
    "-flto": ("-Clto=fat",),
}  # fmt: skip


def compiled(program: Program, build: Build, folder: Path) -> Path:
    """Build a program. Skips the running test where something needed is missing."""
    made = folder / program.name
    is_rust = program.compiler == ".rs"
    compiler = "rustc" if is_rust else _COMPILERS[build.compiler, program.compiler]
    for needed in (compiler, *build.needs, *(words[0] for words in build.after)):
        if shutil.which(needed) is None:
            skips.skip(skips.Reason.NO_PROGRAM, needed)
    if is_rust:
        words = [word for option in build.options for word in _RUST.get(option, ())]
        words = [compiler, "-g", "--edition", "2021", *words]
    else:
        words = [compiler, "-g", "-w", *build.options, *program.options, "-lm"]
    subprocess.run(
        [*words, "-o", made, *program.sources], check=True, cwd=folder, capture_output=True
    )
    for step in build.after:
        replaced = [word.replace("PROGRAM", str(made)) for word in step]
        subprocess.run(replaced, check=True, cwd=folder)
    if (folder / "shared.debug").exists():
        _by_build_id(folder / "shared.debug", folder / "debug")
    return made


def _by_build_id(file: Path, root: Path) -> None:
    """Put a file where debuggers look for it by its build id: gdb has the program elsewhere."""
    said = subprocess.run(["readelf", "-n", file], check=True, capture_output=True, text=True)
    identity = said.stdout.split("Build ID: ")[1].split()[0]
    place = root / ".build-id" / identity[:2] / f"{identity[2:]}.debug"
    place.parent.mkdir(parents=True)
    shutil.copy(file, place)
