"""Inputs of real programs and benchmarks, made from a seed: the same bytes in every run."""

from __future__ import annotations

import random
from pathlib import Path

WORDS = [
    "time",
    "travel",
    "record",
    "replay",
    "trace",
    "event",
    "signal",
    "memory",
    "page",
    "thread",
    "process",
    "fork",
    "handler",
    "kernel",
    "register",
    "branch",
    "block",
    "cache",
    "chunk",
    "digest",
    "offset",
    "length",
    "value",
    "pointer",
    "string",
    "buffer",
    "module",
]


def text(size: int, seed: int = 1) -> bytes:
    """About `size` bytes of words, numbers and repetition: compresses like source text does."""
    generator = random.Random(seed)
    lines: list[str] = []
    have = 0
    while have < size:
        if lines and generator.random() < 0.2:
            line = lines[generator.randrange(max(0, len(lines) - 2000), len(lines))]
        else:
            line = " ".join(generator.choices(WORDS, k=generator.randrange(3, 12)))
            line += f" {generator.getrandbits(generator.choice((4, 12, 40)))}"
        lines.append(line)
        have += len(line) + 1
    return ("\n".join(lines) + "\n").encode()[:size]


def lines(count: int, seed: int = 2) -> bytes:
    """`count` lines to sort."""
    generator = random.Random(seed)
    return "".join(
        f"{generator.getrandbits(48):x} {generator.choice(WORDS)}\n" for _ in range(count)
    ).encode()


def c_source(line_count: int, seed: int = 3) -> str:
    """A C file of at least `line_count` lines: functions with loops, branches, tables and calls."""
    generator = random.Random(seed)
    out = ["#include <stdint.h>", "#include <string.h>", "typedef struct { int a; long b; } pair;"]
    number = 0
    while len(out) < line_count:
        a, b, c = (generator.randrange(1, 1000) for _ in range(3))
        previous = generator.randrange(number) if number else 0
        call = f"function_{previous}(x + {a}, y)" if number else "x"
        out += [
            f"static const int table_{number}[8] = {{{a}, {b}, {c}, 4, 5, 6, 7, 8}};",
            f"long function_{number}(long x, long y) {{",
            f"    pair p = {{(int)x * {a}, y ^ {b}}};",
            f"    for (int i = 0; i < {b % 50 + 3}; i++) {{",
            f"        if ((x >> i) & 1) p.b += table_{number}[i & 7] * y;",
            f"        else p.a ^= (int)(x / (i + {c % 9 + 1}));",
            f"        switch (p.a & 3) {{ case 0: p.b -= {c}; break; case 1: p.a++; break;",
            f"        default: p.b = p.b * {a} + (p.a % {b % 90 + 2}); }}",
            "    }",
            f"    if (p.b % {c % 13 + 2} == 0) p.b += {call};",
            "    return p.b + p.a;",
            "}",
            "",
        ]
        number += 1
    return "\n".join(out) + "\n"


def c_project(folder: Path, files: int, seed: int = 4) -> None:
    """A project of `files` C files, a header and a Makefile."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = random.Random(seed)
    names = [f"part_{i:02}" for i in range(files)]
    declarations = "\n".join(f"long {name}(long x);" for name in names)
    (folder / "parts.h").write_text(f"#include <stdio.h>\n#include <stdlib.h>\n{declarations}\n")
    for index, name in enumerate(names):
        body = "\n".join(
            f"    for (long i = 0; i < x % {generator.randrange(5, 60)}; i++) "
            f"x = x * {generator.randrange(3, 99)} + i;"
            for _ in range(20)
        )
        after = f"    return x < 0 ? {names[index - 1]}(x / 2) : x;" if index else "    return x;"
        (folder / f"{name}.c").write_text(
            f'#include "parts.h"\nlong {name}(long x) {{\n{body}\n{after}\n}}\n'
        )
    calls = "\n".join(f"    sum += {name}({index});" for index, name in enumerate(names))
    (folder / "main.c").write_text(
        f'#include "parts.h"\nint main(void) {{\n    long sum = 0;\n{calls}\n'
        '    printf("%ld\\n", sum);\n    return 0;\n}\n'
    )
    objects = " ".join(f"{name}.o" for name in (*names, "main"))
    (folder / "Makefile").write_text(
        f"CFLAGS = -O1 -fwrapv\nprogram: {objects}\n\t$(CC) -o $@ $^\n%.o: %.c parts.h\n"
        "\t$(CC) $(CFLAGS) -c -o $@ $<\n"
    )


def tree(folder: Path, files: int, seed: int = 5) -> None:
    """A tree of `files` small files in folders of 50."""
    generator = random.Random(seed)
    for i in range(files):
        place = folder / f"folder-{i // 50:03}" / f"file-{i:05}.txt"
        if i % 50 == 0:
            place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(generator.randbytes(generator.choice((0, 100, 1000, 5000))))
