"""What stands in the config at a leaf, read value by value, and how it is shown in messages."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from render.errors import ConfigError
from render.sampling.schema import Leaf, Value
from render.system import values
from render.system.registry import PLUGIN_HINT, Registry

__all__ = ["Arguments", "fail", "near", "show"]


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What follows the name of a distribution, which reads it with these methods.

    Attributes:
        word: Name of the distribution.
        given: Plain containers, as YAML gives them.
        leaf: What may be drawn.
        name: ``group.leaf``, for messages.

    """

    word: str
    given: tuple[Any, ...]
    leaf: Leaf
    name: str

    def numbers(self, names: Sequence[str]) -> tuple[float, ...]:
        """Finite numbers, one for each name.

        Raises:
            ConfigError: There are more or fewer, or one is no number.

        """
        if len(self.given) != len(names):
            self.fail(f"be written [{self.word}, {', '.join(names)}]")
        if not all(values.is_number(number) for number in self.given):
            self.fail(f"have finite numbers after {self.word}")
        return self.given

    def item(self, value: Any) -> Value:
        """One value that the leaf may have.

        Raises:
            ConfigError: It may not.

        """
        if value is None and self.leaf.nullable:
            return None
        try:
            return _plain(value, self.leaf)
        except ValueError as error:
            rule = "not be null" if value is None else str(error)
        close = difflib.get_close_matches(str(value), self.leaf.options, n=1) if value else ()
        own = PLUGIN_HINT if isinstance(self.leaf.options, Registry) else ""
        self.fail(rule, f"; did you mean {close[0]}?" if close else own if value else "")

    def key(self, key: Any) -> Value:
        """As `item`, of a key of a mapping; YAML and JSON may have made a string of it."""
        return self.item(_key(key, self.leaf))

    def fail(self, rule: str, hint: str = "") -> NoReturn:
        """Raises a ConfigError: ``<name> must <rule>, got [<word>, ...]``."""
        shown = [self.word, *self.given] if self.word else self.given[0]
        fail(self.name, rule, shown, hint)


def near(word: object, known: Sequence[str], n_listed: int = 8) -> str:
    """The tail of a message: the name that was probably meant, or the first that exist."""
    matches = difflib.get_close_matches(str(word), known, n=3)
    if matches:
        return f"; did you mean {' or '.join(matches)}?"
    some = ", ".join(known[:n_listed]) + (", ..." if len(known) > n_listed else "")
    return f"; there are: {some}" if known and n_listed else ""


def show(value: Any) -> str:
    """A config value as one would write it in YAML."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(show(v) for v in value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{show(k)}: {show(v)}" for k, v in value.items()) + "}"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value) if value != "" else "''"


def fail(name: str, rule: str, value: Any, hint: str = "") -> NoReturn:
    """Raises a ConfigError.

    Args:
        name: The name of the leaf, or of a part of it, for messages.
        rule: What follows ``must``.
        value: As the config holds it.
        hint: What to do, behind the value.

    """
    raise ConfigError(f"{name} must {rule}, got {show(value)}{hint}")


def _key(key: Any, leaf: Leaf) -> Any:
    """A key of a mapping of weights; YAML and JSON may have made a string of it."""
    if leaf.kind == "pattern":
        return key if isinstance(key, str) else str(key)
    if not isinstance(key, str):
        return key
    if (key == "null" and leaf.nullable) or leaf.kind in ("number", "integer", "flag"):
        try:
            return json.loads(key.lower())
        except json.JSONDecodeError:
            return key
    return key


def _plain(value: Any, leaf: Leaf) -> Value:
    if leaf.kind == "vector":
        return values.numbers(value, leaf.length, leaf.lo, leaf.hi)
    if leaf.kind == "number":
        return values.number(value, leaf.lo, leaf.hi)
    if leaf.kind == "integer":
        return values.whole(value, leaf.lo, leaf.hi)
    if leaf.kind == "flag":
        return values.flag(value)
    return values.option(value, leaf.options) if leaf.options else values.name(value)
