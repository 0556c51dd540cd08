"""How a section of the run config declares its keys: once, as the fields of a frozen dataclass.

The declaration of a key gives its check, the message for a bad value, its row in the table of
docs/parameters.md, and whether it belongs to the identity of a dataset::

    @dataclass(frozen=True, kw_only=True)
    class Settings:
        prefix: str = setting(kind="text", doc="What names of files begin with.")

    settings = read(Settings, {"prefix": "cell_"}, "writer.mine")
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from render.errors import ConfigError
from render.system import values

__all__ = [
    "Section",
    "Setting",
    "identity_part",
    "read",
    "section",
    "setting",
    "settings_of",
    "unknown",
]

T = TypeVar("T")
Kind = Literal[
    "number", "integer", "flag", "choice", "text", "name", "names", "folder", "file", "mapping", ""
]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a key of the config may hold.

    Attributes:
        doc: One sentence for the table of keys.
        kind: ``number`` and ``integer`` lie in ``[lo, hi]``; ``flag`` is true or false;
            ``choice`` is one of `options`; ``text`` is any string, ``name`` one that is not
            empty; ``names`` is one name or a list of them, of `options` where there are some;
            ``folder`` and ``file`` are paths; ``mapping`` is not looked into.
        nullable: Null is allowed.
        parse: In place of `kind`, for what has a form of its own: makes the value of what the
            config holds. Raises ValueError where it breaks `form`, or ConfigError.
        form: What the value must be, where `parse` makes it, such as ``a list of names``.
        example: An override that can be copied, the value only.
        identity: Whether it decides what the frames are: two values, two datasets.
        formerly: Full name that the key had in earlier versions.
        hint: What to do about a value that is none of `options`.

    """

    doc: str
    kind: Kind = ""
    lo: float = float("-inf")
    hi: float = float("inf")
    options: Collection[str] = ()
    nullable: bool = False
    parse: Callable[[Any], Any] | None = None
    form: str = ""
    example: str = ""
    identity: bool = True
    formerly: str = ""
    hint: str = ""

    @property
    def rule(self) -> str:
        """What the value must be, as it follows ``must be``."""
        forms = {
            "number": f"a number from {self.lo:.10g} to {self.hi:.10g}",
            "integer": f"a whole number from {self.lo} to {self.hi}",
            "flag": "true or false",
            "choice": f"one of {', '.join(self.options)}",
            "text": "a text",
            "name": "a name",
            "names": "a list of one or more names",
            "folder": "the path of a folder",
            "file": "the path of a file",
            "mapping": "a mapping",
            "": self.form,
        }
        return forms[self.kind] + (", or null" if self.nullable else "")

    def checked(self, name: str, value: Any) -> Any:
        """The value as the code wants it.

        Args:
            name: Full name of the key, for messages.
            value: Plain containers, as YAML gives them.

        Raises:
            ConfigError: ``<name> must be <rule>, got <value>``.

        """
        if value is None and self.nullable:
            return None
        try:
            found = self._plain(value) if self.parse is None else self.parse(value)
        except ValueError:
            hint = self._quotes(name, value)
            raise ConfigError(f"{name} must be {self.rule}, got {value!r}{hint}") from None
        if self.kind == "names" and self.options:
            for one in found:
                if one not in self.options:
                    rule = f"be one of {', '.join(self.options)}"
                    raise ConfigError(f"{name} must {rule}, got {one!r}{self.hint}")
        return found

    def _quotes(self, name: str, value: Any) -> str:
        """How to write a name that reads as something else, as a number; empty for what is none."""
        listed = value if isinstance(value, list) and self.kind == "names" else [value]
        is_text = self.kind in ("text", "name", "names") or self.rule.startswith("the path")
        if not is_text or all(isinstance(one, str) for one in listed):
            return ""
        shown = '"NAME"' if listed is not value else '["NAME"]'
        return f": a name that reads as something else needs quotes of its own, '{name}={shown}'"

    def _plain(self, value: Any) -> Any:
        match self.kind:
            case "number":
                return values.number(value, self.lo, self.hi)
            case "integer":
                return values.whole(value, self.lo, self.hi)
            case "flag":
                return values.flag(value)
            case "choice":
                return values.option(value, self.options)
            case "names":
                return values.names(value)
            case "folder" | "file":
                return Path(values.name(value)).expanduser()
            case "mapping":
                if not isinstance(value, Mapping):
                    raise ValueError
                return value
            case "text" if value == "":
                return value
            case _:
                return values.name(value)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A key of the config that holds keys of its own.

    Attributes:
        kind: The dataclass that declares them.
        is_open: Whether it may hold other keys too, which are somebody else's to check.

    """

    kind: type[Any]
    is_open: bool = False


def setting(*, default: Any = MISSING, **spec: Any) -> Any:
    """A dataclass field that declares a key.

    Args:
        default: What the field is where the config does not have the key, as one that an older
            version stored; without it the key must be set.
        **spec: Of `Setting`.

    """
    return field(default=default, metadata={"setting": Setting(**spec)})


def section(kind: type[Any], *, is_open: bool = False, default: Any = MISSING) -> Any:
    """A dataclass field that declares a section; see `Section` and `setting` for the arguments."""
    return field(default=default, metadata={"section": Section(kind=kind, is_open=is_open)})


def settings_of(kind: type[Any], name: str = "") -> Iterator[tuple[str, Setting]]:
    """Full name and declaration of each key, those of sections in their place.

    Args:
        kind: A dataclass whose fields `setting` and `section` declare.
        name: The name of the section itself; empty for the whole config.

    """
    for f in fields(kind):
        full = f"{name}.{f.name}" if name else f.name
        if "section" in f.metadata:
            yield from settings_of(f.metadata["section"].kind, full)
        else:
            yield full, f.metadata["setting"]


def read(
    kind: type[T],
    node: Any,
    name: str = "",
    *,
    others: Sequence[str] = (),
    explain: Callable[[str], str] | None = None,
) -> T:
    """Checks a section of the config, with the sections in it.

    Args:
        kind: A dataclass whose fields `setting` and `section` declare.
        node: Plain containers, as YAML gives them.
        name: The name of the section, for messages; empty for the whole config.
        others: Further keys that must be there, and are somebody else's to read.
        explain: What to say of a key that nobody declares, by its full name.

    Raises:
        ConfigError: ``<key> must <rule>, got <value>``; a key is missing or unknown.

    """
    _check_keys(kind, node, name, explain or _of_section(kind, name), others=others)
    return _read(kind, node, name)


def identity_part(kind: type[Any], node: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a section that decides what the frames are, keys that nobody declares too."""
    declared = {f.name: f.metadata for f in fields(kind)}
    found = {}
    for key, value in node.items():
        spec: Mapping[str, Any] = declared.get(key, {})
        if "section" in spec:
            if part := identity_part(spec["section"].kind, value):
                found[key] = part
        elif "setting" not in spec or spec["setting"].identity:
            found[key] = value
    return found


def unknown(key: str, known: Mapping[str, Sequence[str]], formerly: Mapping[str, str]) -> str:
    """What to say of a key that the config does not have: what may have been meant.

    Args:
        key: With its section, such as ``viewpoint.elevation``.
        known: Keys of each section, those of none under an empty name.
        formerly: Full names of keys by the full names that they had.

    """
    if key in formerly:
        return f"{key} must be a key of the config; it is called {formerly[key]} now"
    full = {f"{name}.{k}" if name else k: k for name, keys in known.items() for k in keys}
    name, _, own = key.rpartition(".")
    meant = [other for other, last in full.items() if last == own and other != own]
    if not meant and name in known:
        # In its own section first; a key without one may have lost it.
        near = difflib.get_close_matches(own, known[name] if name else set(full.values()), n=1)
        there = [other for other in full if other.rpartition(".")[0] == name or not name]
        meant = [other for other in there if full[other] in near]
    if name not in known:
        meant = meant or difflib.get_close_matches(key, full, n=1, cutoff=0.75)
    if meant:
        return f"{key} must be a key of the config; did you mean {' or '.join(meant)}?"
    if name not in known:  # of the engine or the execution, say
        return f"{key} must be a key of the config, and there is no such key"
    some = ", ".join(f"{name}.{k}" if name else k for k in known[name])
    return f"{key} must be a key of the config; there are {some}"


def _of_section(kind: type[Any], name: str) -> Callable[[str], str]:
    keys = {name: [f.name for f in fields(kind)]}
    return lambda key: unknown(key, keys, {})


def _check_keys(
    kind: type[Any],
    node: Any,
    name: str,
    explain: Callable[[str], str],
    *,
    others: Sequence[str] = (),
    is_open: bool = False,
) -> None:
    """All keys, before any value: a key that is misspelt is one that is missing, too."""
    prefix = f"{name}." if name else ""
    if not isinstance(node, Mapping):
        raise ConfigError(f"{name or 'the config'} must be a mapping, got {node!r}")
    declared = {f.name: f for f in fields(kind)}
    for key in node:
        if key not in declared and key not in others and not is_open:
            raise ConfigError(explain(f"{prefix}{key}"))
    for key in (*declared, *others):
        is_optional = key in declared and declared[key].default is not MISSING
        if key not in node and not is_optional:
            raise ConfigError(f"{prefix}{key} must be set, and is missing")
    for key, f in declared.items():
        if "section" in f.metadata and key in node:
            inner: Section = f.metadata["section"]
            _check_keys(inner.kind, node[key], f"{prefix}{key}", explain, is_open=inner.is_open)


def _read(kind: type[T], node: Mapping[str, Any], name: str) -> T:
    found: dict[str, Any] = {}
    for f in fields(kind):  # type: ignore[arg-type]
        full = f"{name}.{f.name}" if name else f.name
        if f.name not in node:
            continue
        if "section" in f.metadata:
            found[f.name] = _read(f.metadata["section"].kind, node[f.name], full)
        else:
            found[f.name] = f.metadata["setting"].checked(full, node[f.name])
    return kind(**found)
