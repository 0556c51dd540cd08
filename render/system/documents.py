"""YAML and JSON that a user gives, read within bounds: what a file costs is decided by its size.

A few hundred bytes of YAML can stand for terabytes, because an alias repeats what it names, and
a few thousand brackets end the interpreter's stack. So a document has at most `MAX_BYTES`, one of
YAML at most `MAX_VALUES` values, where an alias counts as much as what it stands for, and nothing
lies more than `MAX_DEPTH` levels deep. A value of YAML takes up to 1 kB while it is read, a byte
of JSON up to 40.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, cast, final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from render.system.files import read_regular

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_VALUES",
    "DocumentError",
    "check_yaml",
    "json_of",
    "read_json",
    "read_yaml",
    "yaml_of",
]

MAX_BYTES = 64 * 2**20
MAX_VALUES = 500_000
MAX_DEPTH = 64
_MOST_DIGITS = 400  # of a number; a float has 309 before its point
_MERGE = "tag:yaml.org,2002:merge"
_CORE = ("null", "bool", "int", "float", "str", "seq", "map")


class DocumentError(ValueError):
    """A document cannot be read; the message says why, without the file's name."""


def read_yaml(path: Path) -> Any:
    """Plain containers of the YAML file.

    Raises:
        DocumentError: It is not YAML, or beyond the bounds.
        OSError: It cannot be read.

    """
    return yaml_of(_text(path))


def yaml_of(text: str) -> Any:
    """Plain containers of YAML: mappings, lists, texts, numbers, true, false and null.

    Dates stay texts. A key that is written twice in one mapping is an error, where YAML 1.1 as it
    is commonly read drops the first in silence.

    Raises:
        DocumentError: It is not such YAML, or beyond the bounds.

    """
    return _guarded(text, "get_single_data")


def check_yaml(path: Path) -> None:
    """Checks that a YAML file is within the bounds, for those who read it in another way.

    Raises:
        DocumentError: It is not YAML, or beyond the bounds.
        OSError: It cannot be read.

    """
    _guarded(_text(path), "get_single_node")


def read_json(path: Path) -> Any:
    """Plain containers of the JSON file.

    Raises:
        DocumentError: It is not JSON, or beyond the bounds.
        OSError: It cannot be read.

    """
    return json_of(_text(path))


def json_of(text: str) -> Any:
    """Plain containers of JSON.

    Raises:
        DocumentError: It is not JSON, or nested too deeply for the stack.

    """
    try:
        return json.loads(text)
    except RecursionError:
        raise DocumentError("must not be nested so deeply") from None
    except ValueError as error:
        raise DocumentError(f"must be JSON ({error})") from error


def _text(path: Path) -> str:
    try:
        return read_regular(path, most_bytes=MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(f"must be UTF-8 ({error})") from error
    except ValueError as error:
        raise DocumentError(str(error)) from error


def _guarded(text: str, what: str) -> Any:
    loader = _BoundedLoader(text)
    try:
        return getattr(loader, what)()
    except DocumentError:
        raise
    except (yaml.YAMLError, ValueError, ArithmeticError) as error:
        raise _unreadable(error) from error
    finally:
        loader.dispose()


def _unreadable(error: Exception) -> DocumentError:
    return DocumentError(f"cannot be read as YAML: {' '.join(str(error).split())}")


@final
class _BoundedLoader(yaml.SafeLoader):
    """Counts values while it composes them, before anything is made of them."""

    yaml_constructors: ClassVar[dict[Any, Any]] = {
        f"tag:yaml.org,2002:{tag}": yaml.SafeLoader.yaml_constructors[f"tag:yaml.org,2002:{tag}"]
        for tag in _CORE
    } | {None: yaml.SafeLoader.yaml_constructors[None]}
    yaml_implicit_resolvers = {  # noqa: RUF012  (as the base class declares it)
        first: [pair for pair in pairs if not pair[0].endswith(":timestamp")]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        try:
            super().__init__(text)
        except yaml.YAMLError as error:  # a character that YAML does not allow
            raise _unreadable(error) from error
        self._n_values = 0
        self._depth = 0
        # How many values each node stands for, once it is whole.
        self._sizes: dict[Node, int] = {}

    def compose_node(self, parent: Node | None, index: int) -> Node:
        is_alias = self.check_event(yaml.AliasEvent)
        before = self._n_values
        self._depth += 1
        self._count(1)
        if self._depth > MAX_DEPTH:
            raise DocumentError(f"must be nested at most {MAX_DEPTH} levels deep")
        node = cast(Node, super().compose_node(parent, index))
        self._depth -= 1
        if node.tag not in self.yaml_constructors and node.tag != _MERGE:
            raise DocumentError(f"must hold plain values, got the tag {node.tag}")
        if not is_alias:
            self._sizes[node] = self._n_values - before
        elif node not in self._sizes:
            raise DocumentError("must hold no value that holds itself")
        else:
            self._count(self._sizes[node])
        return node

    def _count(self, more: int) -> None:
        self._n_values += more
        if self._n_values > MAX_VALUES:
            raise DocumentError(
                f"must hold at most {MAX_VALUES} values, where an alias counts as what it names"
            )

    def construct_scalar(self, node: ScalarNode | MappingNode) -> Any:
        if node.tag.endswith((":int", ":float")) and len(node.value) > _MOST_DIGITS:
            raise DocumentError(f"must hold numbers of at most {_MOST_DIGITS} digits")
        return super().construct_scalar(node)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value if isinstance(node, MappingNode) else ():
            named = (key.tag, key.value) if isinstance(key, ScalarNode) else None
            if named in seen:
                raise DocumentError(
                    f"must hold each key once, got {key.value!r:.60} again in line "
                    f"{key.start_mark.line + 1}"
                )
            if named is not None:
                seen.add(named)
        return super().construct_mapping(node, deep=deep)
