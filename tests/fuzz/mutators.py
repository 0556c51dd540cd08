"""Damage to files: of their bytes, of the numbers and words in a text, of a tree of values.

All of it is drawn from one `random.Random`, so that a case is the same each time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import yaml

__all__ = ["ALIAS_BOMB", "HOSTILE", "as_json", "as_yaml", "damaged", "damaged_tree"]

NUMBERS = (
    "0", "-1", "1", "NaN", "nan", "inf", "-Infinity", "1e308", "7e102", "-1e308", "1e-320",
    "99999999999", "4294967295", "2147483648", "-2147483649", "18446744073709551616", "65536",
    "1" * 400, "1e99999", "0x10", "1,5", "1_000",
)  # fmt: skip
WORDS = (
    "", " ", "\t", "null", "true", "~", "../../../etc/passwd", "/dev/zero", ".", "%s%n", "{}", "[]",
    "äöü", "零件", "\u202e", "\x00", "a" * 5000, "file:///etc/passwd", "data:,", "data:;base64,!",
)  # fmt: skip
_INTS = (0, 1, 2, 3, 4, 7, 127, 128, 255, 256, 32767, 65535, 65536, 10**6, 2**31 - 1, 2**31,
         2**32 - 1)  # fmt: skip
_DEPTHS = (40, 1000, 100_000)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_QUOTED = re.compile(rb'"[^"\n]{0,200}"')
_WORD = re.compile(rb"[A-Za-z_#][A-Za-z_0-9]*")

# Nine levels of nine references each: 9**9 values, were they written out.
ALIAS_BOMB = (
    "[&a [x, x, x, x, x, x, x, x, x]"
    + "".join(
        f", &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi")
    )
    + "]"
)

HOSTILE: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 1.5, float("nan"), float("inf"), -float("inf"), 1e308, 7e102,
    99999999999, 99999998, 2**63, 10**400, [], {}, "", " ", "nan", "a", "../..", "/dev/zero", "é零",
    "\ud800", "a\nb", "x" * 3000, [None], [[]], [1, 2, 3], {"a": 1}, {1: 2}, {"": None}, b"\xff",
    ["uniform", 0, 1], ["choice"], [["uniform", 0, 1]],
)  # fmt: skip
"""Values that stand where others are expected."""


def damaged(data: bytes, rng: Random) -> bytes:
    """A file with one to three damages."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = rng.choice(_DAMAGES)(data, rng)[:4_000_000]
    return data


def damaged_tree(value: Any, rng: Random) -> Any:
    """Values of a JSON or YAML file with one or two of them replaced, doubled or taken away."""
    for _ in range(rng.choice((1, 1, 2))):
        value = _edited(value, rng)
    return value


def as_json(tree: Any) -> bytes:
    """The tree as JSON, with NaN and lone surrogates as they are; a deep one too."""
    try:
        return json.dumps(tree, default=repr).encode("utf-8", "surrogatepass")
    except (RecursionError, TypeError):
        return b"[" * 100_000


def as_yaml(tree: Any, rng: Random) -> bytes:
    """The tree as YAML, at times with an alias bomb or a deep list in place of a value."""
    try:
        text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    except (RecursionError, yaml.YAMLError):
        text = "[" * 100_000
    if rng.random() < 0.08:
        text = _in_place_of_a_value(text, rng.choice((ALIAS_BOMB, "[" * 3000, "!!python/name:os")))
    return text.encode("utf-8", "surrogatepass")


def _in_place_of_a_value(text: str, new: str) -> str:
    places = [m.start(1) for m in re.finditer(r": (\S.*)$", text, re.MULTILINE)]
    if not places:
        return new
    at = places[len(text) % len(places)]
    return text[:at] + new + "\n" + text[at:].partition("\n")[2]


def _edited(value: Any, rng: Random) -> Any:
    """The tree with one place in it changed; leaves and branches are equally likely."""
    paths = list(_paths(value, ()))
    path = rng.choice(paths) if paths else ()
    return _changed(value, path, rng)


def _paths(value: Any, path: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    found = [path]
    children: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))[:20]
    if len(path) < 12:
        for key, child in children:
            found += _paths(child, (*path, key))
    return found


def _changed(value: Any, path: tuple[Any, ...], rng: Random) -> Any:
    if not path:
        return _nested(rng) if rng.random() < 0.05 else rng.choice(HOSTILE)
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    key = path[0]
    if len(path) > 1:
        copy[key] = _changed(value[key], path[1:], rng)
        return copy
    what = rng.random()
    if what < 0.6:
        copy[key] = _nested(rng) if rng.random() < 0.03 else rng.choice(HOSTILE)
    elif what < 0.75:
        del copy[key]
    elif what < 0.85 and isinstance(copy, dict):
        copy[rng.choice(("new", "", 7, "é", "__class__", key[:-1] if key else 0))] = copy.pop(key)
    elif isinstance(copy, list):
        copy[key:key] = [copy[key]] * rng.choice((1, 3, 1000))
    else:
        copy[key] = [copy[key]]
    return copy


def _nested(rng: Random) -> Any:
    value: Any = 1
    for _ in range(rng.choice((30, 400))):
        value = [value] if rng.random() < 0.5 else {"a": value}
    return value


def _flip(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 32))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(data: bytes, rng: Random) -> bytes:
    """A number of a binary file set to one that is too large, or at an edge of its type."""
    width = rng.choice((1, 2, 4, 4, 8))
    if len(data) < width:
        return data
    # Counts and sizes stand in headers.
    last = len(data) - width
    at = rng.randint(0, min(last, 96) if rng.random() < 0.5 else last)
    number = rng.choice(_INTS) % 256**width
    return data[:at] + number.to_bytes(width, rng.choice(("little", "big"))) + data[at + width :]


def _truncate(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)] if data else data


def _span(data: bytes, rng: Random) -> tuple[int, int]:
    start = rng.randint(0, len(data))
    return start, min(len(data), start + rng.choice((1, 4, 16, 100, 1000)))


def _duplicate(data: bytes, rng: Random) -> bytes:
    a, b = _span(data, rng)
    return data[:b] + data[a:b] * rng.choice((1, 2, 300)) + data[b:]


def _remove(data: bytes, rng: Random) -> bytes:
    a, b = _span(data, rng)
    return data[:a] + data[b:]


def _swap(data: bytes, rng: Random) -> bytes:
    (a, b), (c, d) = sorted((_span(data, rng), _span(data, rng)))
    return data if b > c else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _insert(data: bytes, rng: Random) -> bytes:
    at = rng.randint(0, len(data))
    new = rng.choice((rng.randbytes(rng.choice((1, 8, 64))), b"\x00" * 64, b"\n", b"\r", b'"', b"<",
                      b"]]>", b"\xff\xfe", b"\x1a", b"#", b"\\", b"{", b" " * 10_000))  # fmt: skip
    return data[:at] + new + data[at:]


def _number(data: bytes, rng: Random) -> bytes:
    return _replaced(_NUMBER, data, rng, NUMBERS)


def _quoted(data: bytes, rng: Random) -> bytes:
    new = [f'"{word}"' for word in (*WORDS, *NUMBERS)]
    return _replaced(_QUOTED, data, rng, new)


def _word(data: bytes, rng: Random) -> bytes:
    return _replaced(_WORD, data, rng, WORDS)


def _replaced(pattern: re.Pattern[bytes], data: bytes, rng: Random, new: Sequence[str]) -> bytes:
    found = list(pattern.finditer(data))
    if not found:
        return data
    for match in sorted(rng.sample(found, min(len(found), rng.choice((1, 1, 3)))),
                        key=lambda m: -m.start()):  # fmt: skip
        data = data[: match.start()] + rng.choice(new).encode() + data[match.end() :]
    return data


def _line(data: bytes, rng: Random) -> bytes:
    """A line of a text once more, elsewhere: a key that comes twice, a part out of order."""
    lines = data.split(b"\n")
    lines.insert(rng.randint(0, len(lines)), rng.choice(lines))
    return b"\n".join(lines)


def _encoding(data: bytes, rng: Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return rng.choice(
        (
            b"\xef\xbb\xbf" + data,
            text.encode("utf-16"),
            text.encode("utf-16-be"),
            text.encode("utf-32"),
            data.replace(b"\n", b"\r\n"),
            data.replace(b"\n", b"\r"),
            data.replace(b"e", b"\xe9"),
        )
    )


def _deep(data: bytes, rng: Random) -> bytes:
    new = rng.choice((b"[", b'{"a":', b"<a>", b"(", b"- ")) * rng.choice(_DEPTHS)
    at = rng.choice((0, rng.randint(0, len(data)), len(data)))
    return data[:at] + new + data[at:]


_DAMAGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flip, _flip, _overwrite, _overwrite, _truncate, _duplicate, _remove, _swap, _insert, _number,
    _number, _number, _quoted, _word, _line, _encoding, _deep,
)  # fmt: skip
