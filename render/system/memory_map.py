"""Large values of arrays, kept on disk from one run to the next and mapped into memory.

In the folder of `render.system.cache_folder`. The arrays of a value that is mapped are
the file's pages: all processes of a machine share them, and the system takes them back when it
needs memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import json
import mmap
import zlib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from render.errors import DatasetError
from render.system.cache_folder import MOST_BYTES, folder_of_kept, trim_kept
from render.system.files import write_parts

__all__ = ["is_mapped", "mapped", "source_digest"]

T = TypeVar("T")

_MAGIC = b"render mapped 1\n"
_ALIGNED = 64
_PACKAGE = "render."


def mapped(key: str, make: Callable[[], T], *, holds: Callable[[T], bool] = lambda _: True) -> T:
    """What `make` gives, or gave in an earlier run; its arrays are not to be written to.

    Args:
        key: Names input and method: equal keys mean equal values.
        make: Does the work. The value is a dataclass of this package, or a tuple of such, of
            arrays, numbers, texts and further such ones.
        holds: Whether a value of an earlier run still does, where the key cannot tell.

    """
    path = _path_of(key)
    if path is None:
        return make()
    with contextlib.suppress(OSError, ValueError):
        kept = cast(T, _read(path))
        with contextlib.suppress(OSError):  # a folder that may only be read
            path.touch()
        if holds(kept):
            return kept
    value = make()
    parts = _parts(value)
    if sum(map(len, parts)) > MOST_BYTES // 2:
        return value
    with contextlib.suppress(OSError, ValueError, DatasetError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_parts(path, parts)
        trim_kept(path.parent)
        return cast(T, _read(path))
    return value


def _path_of(key: str) -> Path | None:
    folder = folder_of_kept()
    return folder and folder / f"{hashlib.sha256(key.encode()).hexdigest()}.mapped"


def is_mapped(array: NDArray[Any]) -> bool:
    """Whether an array lies in a file's pages."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, memoryview | mmap.mmap)


@cache
def source_digest() -> str:
    """Of this package's code and of the versions of all that is installed: what others made is not
    taken for theirs.
    """
    root = Path(__file__).parent
    installed = sorted((d.name, d.version) for d in importlib.metadata.distributions())
    digest = hashlib.sha256(repr(installed).encode())
    for path in sorted(root.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _parts(value: Any) -> list[bytes | memoryview]:
    """The file: magic, length and hash of a JSON head, the head, arrays."""
    arrays: list[NDArray[Any]] = []
    places: dict[int, int] = {}
    tree = _tree(value, arrays, places)
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


def _tree(value: Any, arrays: list[NDArray[Any]], places: dict[int, int]) -> Any:
    if isinstance(value, np.ndarray):
        if id(value) not in places:
            places[id(value)] = len(arrays)
            arrays.append(value)
        return {"array": places[id(value)]}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple):
        return [_tree(x, arrays, places) for x in value]
    is_ours = type(value).__module__.startswith(_PACKAGE)
    if is_ours and is_dataclass(value) and not isinstance(value, type):
        return {
            "class": f"{type(value).__module__}:{type(value).__qualname__}",
            "fields": {
                f.name: _tree(getattr(value, f.name), arrays, places)
                for f in fields(value)
                if f.init
            },
        }
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} cannot be mapped")


def _read(path: Path) -> Any:
    """The value of a file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not whole, or not what was written.

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
    module, _, name = tree["class"].partition(":")
    if not module.startswith(_PACKAGE):
        raise ValueError(f"{module} is not of this package")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if not is_dataclass(found):
        raise ValueError(f"{name} is no dataclass")
    values = {key: _value(x, arrays) for key, x in tree["fields"].items()}
    return cast(Any, found)(**values)
