"""The container of PLY: header, then the rows of its elements, ASCII or binary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError
from render.library.readers.text import MARKED, is_marked, parsed, row_indices, utf8_of

__all__ = ["Element", "PlyFile"]

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "int64": "i8", "uint64": "u8", "float16": "f2", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_ENDIANS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
_MAX_HEADER_LINES = 10_000


@dataclass(eq=False)
class Element:
    """One kind of rows, as vertex or face.

    Attributes:
        count: Number of rows.
        scalars: By property, one number a row.
        lists: By property, the length of each row's list and all values one after the other.

    """

    count: int
    scalars: dict[str, NDArray[Any]] = field(default_factory=dict)
    lists: dict[str, tuple[NDArray[np.int64], NDArray[Any]]] = field(default_factory=dict)


@dataclass(eq=False)
class _Spec:
    """An element as the header tells it; `counts` is the type of a list's length, or ""."""

    name: str
    count: int
    names: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    counts: list[str] = field(default_factory=list)


class PlyFile:
    """A PLY file, read whole.

    Attributes:
        elements: By name.
        textures: Files named by ``comment TextureFile``.

    """

    def __init__(self, path: Path, data: bytes) -> None:
        self.elements: dict[str, Element] = {}
        self.textures: list[str] = []
        self._path = path
        self._specs: list[_Spec] = []
        self._format = ""
        text = utf8_of(data)
        at = self._header(text)
        if self._format == "ascii":
            # Read on as if the rows were binary, of doubles alone, lengths of lists too.
            values = parsed(text[at:], np.float64)
            self._rows(values.tobytes(), 0, lambda kind: "f8")
        elif is_marked(data):
            raise self._fail(MARKED)
        else:
            endian = _ENDIANS[self._format]
            self._rows(data, at, lambda kind: endian + kind)

    def _fail(self, reason: str) -> AssetError:
        return AssetError(self._path, reason)

    def _header(self, data: bytes) -> int:
        """Fills `_specs`; returns where the rows begin.

        Lines end as the first one does; words of the format may be in any case.
        """
        at = 0
        first = data[: data.find(b"\r") + 2]
        ending = b"\r" if first[-2:-1] == b"\r" and b"\n" not in first else b"\n"
        for number in range(_MAX_HEADER_LINES):
            end = data.find(ending, at)
            line = data[at : end if end >= 0 else len(data)].decode("latin-1").strip()
            at = end + 1
            words = line.split()
            if number == 0 and line.lower() != "ply":
                raise self._fail("is not PLY: it does not begin with ply")
            if line.lower() == "end_header":
                if self._format not in _ENDIANS:
                    raise self._fail(f"format must be one of {', '.join(_ENDIANS)}")
                return at if end >= 0 else len(data)
            if end < 0:
                break
            self._line(line, words)
        raise self._fail("its header has no end_header")

    def _line(self, line: str, words: list[str]) -> None:
        if words and words[0].lower() in ("comment", "obj_info"):
            if len(words) > 2 and words[1].lower() == "texturefile":
                self.textures.append(line.split(None, 2)[2])
            return
        words = [word.lower() for word in words]
        kind = words[0] if words else ""
        if kind == "format" and len(words) > 1:
            self._format = words[1]
        elif kind == "element":
            if len(words) != 3 or not words[2].isdigit():
                raise self._fail(f"has a broken header line: {line:.60}")
            self._specs.append(_Spec(words[1], int(words[2])))
        elif kind == "property":
            types = words[2:4] if words[1:2] == ["list"] else words[1:2]
            if not self._specs or not types or any(t not in _TYPES for t in types):
                raise self._fail(f"has a broken header line: {line:.60}")
            spec = self._specs[-1]
            spec.names.append(words[-1])
            spec.types.append(_TYPES[types[-1]])
            spec.counts.append(_TYPES[types[0]] if len(types) == 2 else "")

    def _cut_off(self, spec: _Spec) -> AssetError:
        return self._fail(f"is cut off: not all {spec.count} rows of {spec.name} are there")

    def _rows(self, data: bytes, at: int, stored: Callable[[str], str]) -> None:
        """Reads all elements.

        Args:
            data: Rows of all elements from byte `at` on.
            stored: The type in which a type of the header is stored.

        """
        for spec in self._specs:
            if not spec.names:
                continue
            if spec.count > len(data) - at:
                raise self._cut_off(spec)
            layout = [(n and stored(n), stored(v)) for n, v in zip(spec.counts, spec.types)]
            done = self._even_rows(data, at, layout, spec)
            at = self._uneven_rows(data, at, layout, spec) if done is None else done

    def _even_rows(
        self, data: bytes, at: int, layout: list[tuple[str, str]], spec: _Spec
    ) -> int | None:
        """All rows at once, where their lists are as long as those of the first row."""
        dtype: list[tuple[str, str, tuple[int, ...]]] = []
        inside = at
        for column, (counts, kind) in enumerate(layout):
            size: tuple[int, ...] = ()
            if counts and spec.count:
                size = (self._length(data, inside, counts, spec),)
                inside += np.dtype(counts).itemsize
                dtype.append((f"n{column}", counts, ()))
            inside += np.dtype(kind).itemsize * (size[0] if size else 1)
            dtype.append((f"v{column}", kind, size))
        row = np.dtype(dtype)
        if spec.count * row.itemsize > len(data) - at:
            if any(spec.counts):
                return None
            raise self._cut_off(spec)
        rows = np.frombuffer(data, row, spec.count, at)
        lengths = []
        for column, counts in enumerate(spec.counts):
            n = rows[f"n{column}"] if counts and spec.count else np.zeros(0)
            if len(n) and (n != n[0]).any():
                return None
            lengths.append(n.astype(np.int64))
        self._add(spec, [rows[f"v{column}"].reshape(-1) for column in range(len(layout))], lengths)
        return at + spec.count * row.itemsize

    def _uneven_rows(self, data: bytes, at: int, layout: list[tuple[str, str]], spec: _Spec) -> int:
        """Walks from list to list, then takes the values of each property at once."""
        starts: list[list[int]] = [[] for _ in layout]
        lengths: list[list[int]] = [[] for _ in layout]
        sizes = [(np.dtype(n).itemsize if n else 0, np.dtype(v).itemsize) for n, v in layout]
        for _ in range(spec.count):
            for column, (counts, _) in enumerate(layout):
                n = self._length(data, at, counts, spec) if counts else 1
                at += sizes[column][0]
                starts[column].append(at)
                lengths[column].append(n)
                at += n * sizes[column][1]
        if at > len(data):
            raise self._cut_off(spec)
        codes = np.frombuffer(data, np.uint8)
        columns, counted = [], [np.array(n, np.int64) for n in lengths]
        for start, count, (_, kind), (_, size) in zip(starts, counted, layout, sizes):
            columns.append(codes[row_indices(np.array(start, np.int64), count * size)].view(kind))
        self._add(spec, columns, counted)
        return at

    def _length(self, data: bytes, at: int, kind: str, spec: _Spec) -> int:
        """The length of a list."""
        if at + np.dtype(kind).itemsize > len(data):
            raise self._cut_off(spec)
        number = float(np.frombuffer(data, kind, 1, at)[0])
        if not (number.is_integer() and 0 <= number <= len(data) - at):
            reason = f"is cut off or broken: a list of {spec.name} says it has {number:g} items"
            raise self._fail(reason)
        return int(number)

    def _add(
        self, spec: _Spec, columns: list[NDArray[Any]], lengths: list[NDArray[np.int64]]
    ) -> None:
        element = Element(spec.count)
        for name, kind, counts, stored, n in zip(
            spec.names, spec.types, spec.counts, columns, lengths
        ):
            # Bytes of text may be declared as char, and floats beyond a type have no defined cast.
            values = (stored.astype("i8") if kind == "i1" else stored).astype(kind)
            if counts:
                element.lists[name] = (n, values)
            else:
                element.scalars[name] = values
        self.elements[spec.name] = element
