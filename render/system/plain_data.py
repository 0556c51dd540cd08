"""Files that anybody may have made, read to plain values: bounded, and nothing is run.

What is read here is what JSON can hold: mappings, lists, texts, finite numbers, true, false and
null. A key that stands twice in a mapping is an error, because readers differ in which one counts.
"""

from __future__ import annotations

import errno
import io
import json
import math
import os
import stat
from collections import Counter
from typing import Any, NoReturn, cast

import yaml

from render.system.stores import Folder, StorePath

__all__ = [
    "DEEPEST",
    "MOST_BYTES",
    "json_decoder",
    "json_of",
    "open_regular",
    "read_regular",
    "yaml_of",
]

MOST_BYTES = 1 << 26
"""The largest file that is read as a whole unless its reader knows better."""

DEEPEST = 64
"""Levels of a value."""
# A node of YAML takes about a kilobyte while it is read, and an alias counts what it stands for.
_MOST_NODES = 400_000
_NODE_CHARS = 64
_DIGITS = 300  # of a number that a float can hold
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_YAML_KINDS = ("null", "bool", "int", "float", "str", "seq", "map")


def open_regular(path: Folder) -> io.BufferedIOBase:
    """Opens a file to read bytes; never waits, as opening a named pipe would.

    Raises:
        OSError: It cannot be opened, or is a folder, a device or a pipe.

    """
    if isinstance(path, StorePath):
        if path.local is None:
            return path.open()
        path = path.local
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_regular(path: Folder, *, most: int = MOST_BYTES) -> bytes:
    """All bytes of a file.

    Args:
        most: How many it may have.

    Raises:
        OSError: It cannot be read, is no regular file, or is larger.

    """
    if isinstance(path, StorePath) and path.local is None:
        data = path.read(most=most)
        if len(data) > most:
            raise OSError(errno.EFBIG, f"it has more than {most} bytes", str(path))
        return data
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        # Room is made for as much as is asked for.
        data = file.read(size + 1) if size <= most else b""
        if max(size, len(data)) > most:
            raise OSError(errno.EFBIG, f"it has more than {most} bytes", str(path))
        return data


def json_of(data: bytes | str) -> Any:
    """The value that a JSON text holds.

    Raises:
        ValueError: It is not JSON, nests too deep, or has a number that is not finite or a key
            that stands twice.

    """
    try:
        value = json_decoder().decode(data if isinstance(data, str) else data.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("it nests too deep") from None
    level = [value]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner.extend(one.values())
            elif isinstance(one, list):
                inner.extend(one)
            elif isinstance(one, float):
                _check_finite(one)
        if not inner:
            return value
        level = inner
    raise ValueError("it nests too deep")


def json_decoder() -> json.JSONDecoder:
    """A decoder for parts of a large file; of the rules of `json_of` it leaves out some.

    It raises RecursionError for what nests too deep, and takes 1e999 for infinity.
    """
    return json.JSONDecoder(
        object_pairs_hook=_mapping, parse_constant=_refuse_constant, parse_int=_whole
    )


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)
        raise ValueError(f"the key {twice!r} stands twice in a mapping")
    return found


def _check_finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"numbers must be finite, got {value}")
    return value


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"numbers must be finite, got {word}")


def _whole(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"whole numbers must have at most {_DIGITS} digits, got {text:.20}...")
    return int(text)


def yaml_of(data: bytes, *, most_values: int = _MOST_NODES) -> Any:
    """The value that a YAML text holds; dates are texts, and keys ``<<`` are followed.

    Args:
        most_values: How many it may have; an alias counts for all that it stands for.

    Raises:
        ValueError: It is not YAML in UTF-8, nests too deep, has too many values, or holds what JSON
            cannot hold.

    """
    try:
        return _Loader(data.decode(), most_values).get_single_data()
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{error.problem or error.context}{line}") from None
    except (yaml.YAMLError, ArithmeticError) as error:
        raise ValueError(" ".join(str(error).split())) from None


def _error(at: Any, problem: str) -> yaml.MarkedYAMLError:
    """An error at an event or a node."""
    return yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark)


class _Loader(yaml.SafeLoader):
    """A safe loader for plain values that stops at bounds."""

    def __init__(self, text: str, most_values: int) -> None:
        super().__init__(text)
        self._most = most_values
        self._depth = 0
        self._nodes = 0
        self._nodes_of: dict[str, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        anchor, began = event.anchor, self._nodes
        self._depth += 1
        if self._depth > DEEPEST:
            raise _error(event, f"it nests too deep, more than {DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent):
            # Of an anchor that is not there, the base class speaks.
            if anchor in self.anchors and anchor not in self._nodes_of:
                raise _error(event, "a value must not hold itself")
            self._nodes += self._nodes_of.get(anchor, 0)
        else:
            self._nodes += 1 + len(getattr(event, "value", "")) // _NODE_CHARS
        if self._nodes > self._most:
            raise _error(event, f"it has too many values, more than {self._most} with aliases")
        node = super().compose_node(parent, index)
        if node is not None and node.tag not in (*self.yaml_constructors, _MERGE):
            tag = node.tag.replace(_TAG, "!!")
            raise _error(event, f"it must hold plain values, because a tag can run code, got {tag}")
        if anchor is not None and not isinstance(event, yaml.AliasEvent):
            self._nodes_of[anchor] = self._nodes - began
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        # What ``<<`` brings may stand twice, and is bounded: it consists of counted aliases.
        own = [key for key, _ in node.value if key.tag != _MERGE]
        keys = Counter((key.tag, key.value) for key in own if isinstance(key, yaml.ScalarNode))
        if twice := [key for (_, key), n in keys.items() if n > 1]:
            raise _error(node, f"the key {twice[0]!r} stands twice in a mapping")
        return cast("dict[Any, Any]", super().construct_mapping(node, deep=deep))

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        # Before it is computed, because numbers to the base 60 take long.
        if node.tag.endswith((":int", ":float")) and len(node.value) > _DIGITS:
            raise _error(node, f"numbers must have at most {_DIGITS} digits")
        return super().construct_scalar(node)

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        value = float(super().construct_yaml_float(node))
        if not math.isfinite(value):
            raise _error(node, f"numbers must be finite, got {value}")
        return value


# Also of what a plug-in may have added to the loader of the library.
_Loader.yaml_constructors = {
    tag: yaml.SafeLoader.yaml_constructors[tag]
    for tag in (*(f"{_TAG}{kind}" for kind in _YAML_KINDS), None)
}
_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if not pair[0].endswith(":timestamp")]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor(f"{_TAG}float", _Loader.construct_yaml_float)
