"""Names of types as C writes them in a cast: `unsigned long`, `struct node *`, `node **`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reenact.errors import UsageError
from reenact.symbols.made_types import PointerTo
from reenact.symbols.types import Type

if TYPE_CHECKING:
    from reenact.symbols.variables import FrameVariables

_QUALIFIERS = ("const", "volatile", "restrict")
_TAGS = ("struct", "union", "enum", "class")
_WORDS = ("unsigned", "signed", "long", "short", "int", "char", "float", "double", "_Bool", "bool")


@dataclass(frozen=True)
class TypeName:
    """A type that is named among the tokens of an expression.

    Arguments:
        name: as debug information has it; "void" for none.
        pointers: number of stars behind it.
        end: number of the token behind it.
        is_certain: it cannot be a variable in parentheses.
    """

    name: str
    pointers: int
    end: int
    is_certain: bool

    def find(self, variables: FrameVariables) -> Type:
        """The type. Errors: `UsageError` when no module of the program describes it."""
        if self.name == "void" and not self.pointers:
            raise UsageError("nothing can be converted to void")
        found = variables.void() if self.name == "void" else variables.type_named(self.name)
        for _ in range(self.pointers):
            found = PointerTo(found)
        return found


def type_name(tokens: Sequence[str], begin: int) -> TypeName | None:
    """The name of a type that begins at a token; None: it is something else."""
    words: list[str] = []
    is_certain = False
    at = begin
    while at < len(tokens):
        token = tokens[at]
        if token in (*_QUALIFIERS, *_TAGS):
            is_certain = True
        elif token in (*_WORDS, "void"):
            words.append(token)
            is_certain = True
        elif not words and (token[0].isalpha() or token[0] == "_"):
            words.append(token)
        else:
            break
        at += 1
    stars = 0
    while at < len(tokens) and tokens[at] in ("*", *_QUALIFIERS):
        stars += tokens[at] == "*"
        at += 1
    if not words:
        return None
    # `(a * b)` is a product, `(a *)` is a type: the caller looks for the parenthesis.
    return TypeName(_usual(words), stars, at, is_certain or stars > 0)


def _usual(words: list[str]) -> str:
    """The name compilers give a base type in debug information."""
    if words[0] not in _WORDS:
        return words[0]
    if "float" in words or "double" in words:
        return " ".join(sorted(words, reverse=True))
    if "bool" in words or "_Bool" in words:
        return words[0]
    sign = "unsigned" if "unsigned" in words else ""
    if "char" in words:
        return f"{sign} char".strip() if "signed" not in words else "signed char"
    length = ["long"] * words.count("long") + ["short"] * words.count("short")
    return " ".join(filter(None, [*length, sign, "int"]))
