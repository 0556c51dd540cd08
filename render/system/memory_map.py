"""Values of arrays as files that are mapped into memory.

The arrays of a mapped value are the file's pages: all processes of a machine share them, and the
system takes them back when it needs memory.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import mmap
import zlib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_mapped", "mapped_value", "parts_of"]

_MAGIC = b"render mapped 1\n"
_ALIGNED = 64
_PACKAGE = "render."


def is_mapped(array: NDArray[Any]) -> bool:
    """Whether an array lies in the pages of a mapped file."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, memoryview | mmap.mmap)


def parts_of(value: Any) -> list[bytes | memoryview]:
    """The parts of a value's file: magic, length and SHA-256 of a JSON head, the head, arrays.

    Args:
        value: A dataclass of this package, an array, bytes, a number, a text, None, or a tuple of
            such ones; the fields of dataclasses are of these as well. An array that occurs
            twice is written once.

    Raises:
        TypeError: It holds something else.

    """
    arrays: list[NDArray[Any]] = []
    tree = _tree(value, arrays, {})
    table: list[list[Any]] = []
    bodies: list[bytes | memoryview] = []
    offset = 0
    for array in arrays:
        data = np.ascontiguousarray(array)
        body = memoryview(cast(Any, data.reshape(-1).view(np.uint8)))
        table.append([data.dtype.str, list(data.shape), offset, zlib.crc32(body)])
        gap = -len(body) % _ALIGNED
        bodies += [body, bytes(gap)]
        offset += len(body) + gap
    head = json.dumps({"value": tree, "arrays": table, "n_bytes": offset}).encode()
    front = _MAGIC + len(head).to_bytes(8, "little") + hashlib.sha256(head).digest() + head
    return [front, bytes(-len(front) % _ALIGNED), *bodies]


def _tree(value: Any, arrays: list[NDArray[Any]], index_of: dict[int, int]) -> Any:
    """The value in JSON's types, its arrays by their index in `arrays`, to which they are added.

    `index_of` has the indices of those that are there, by their ids.
    """
    if isinstance(value, np.ndarray):
        if id(value) not in index_of:
            index_of[id(value)] = len(arrays)
            arrays.append(value)
        return {"array": index_of[id(value)]}
    if isinstance(value, bytes):
        arrays.append(np.frombuffer(value, np.uint8))
        return {"bytes": len(arrays) - 1}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple):
        return [_tree(x, arrays, index_of) for x in value]
    is_ours = type(value).__module__.startswith(_PACKAGE)
    if is_ours and is_dataclass(value) and not isinstance(value, type):
        return {
            "class": f"{type(value).__module__}:{type(value).__qualname__}",
            "fields": {
                f.name: _tree(getattr(value, f.name), arrays, index_of)
                for f in fields(value)
                if f.init
            },
        }
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} cannot be mapped")


def mapped_value(path: Path) -> Any:
    """The value of a file, its arrays mapped and read-only.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not whole, not what was written, or has classes that are not of this
            package as it is now.

    """
    with path.open("rb") as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    at = len(_MAGIC)
    if data[:at] != _MAGIC:
        raise ValueError(f"{path} is no mapped value")
    length = int.from_bytes(data[at : at + 8], "little")
    digest, head = data[at + 8 : at + 40], bytes(data[at + 40 : at + 40 + length])
    if hashlib.sha256(head).digest() != digest:
        raise ValueError(f"{path} is damaged")
    known = json.loads(head)
    begin = at + 40 + length
    begin += -begin % _ALIGNED
    if len(data) != begin + known["n_bytes"]:
        raise ValueError(f"{path} is not whole")
    arrays = [
        _array(data[begin:], np.dtype(kind), shape, offset, crc)
        for kind, shape, offset, crc in known["arrays"]
    ]
    return _value(known["value"], arrays)


def _array(
    data: memoryview, dtype: np.dtype[Any], shape: list[int], offset: int, crc: int
) -> NDArray[Any]:
    count = int(np.prod(shape, dtype=np.int64))
    body = data[offset : offset + count * dtype.itemsize]
    if zlib.crc32(body) != crc:
        raise ValueError("an array is damaged")
    return np.frombuffer(body, dtype=dtype).reshape(shape)


def _value(tree: Any, arrays: list[NDArray[Any]]) -> Any:
    if isinstance(tree, list):
        return tuple(_value(x, arrays) for x in tree)
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return arrays[tree["array"]]
    if "bytes" in tree:
        return arrays[tree["bytes"]].tobytes()
    module, _, name = tree["class"].partition(":")
    if not module.startswith(_PACKAGE):
        raise ValueError(f"{module} is not of this package")
    values = {key: _value(x, arrays) for key, x in tree["fields"].items()}
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        if not is_dataclass(found):
            raise ValueError(f"{name} is no dataclass")
        return cast(Any, found)(**values)
    except (ImportError, AttributeError, TypeError) as error:
        raise ValueError(f"{module}.{name} is not what was written: {error}") from error
