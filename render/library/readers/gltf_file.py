"""The container of glTF 2.0: GLB chunks, JSON, buffers and accessors, every index checked."""

from __future__ import annotations

import base64
import binascii
import json
import struct
import urllib.parse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError
from render.library.readers.companion_files import Fault
from render.library.readers.source import Source
from render.system import values as plain

__all__ = ["GltfFile"]

_MAX_JSON_BYTES = 128 * 2**20
_MAX_ITEMS = 2**27
_FREE_ITEMS = 2**20  # that need no data
_DTYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}


class GltfFile:
    """One .gltf or .glb file, opened: JSON with typed access, buffers read on demand.

    Every method raises AssetError on data that breaks the specification (glTF 2.0, 3.6 and 5).

    Attributes:
        path: The path of the file, for messages.
        json: The root object.
        companions: The files beside it.

    """

    def __init__(self, source: Source) -> None:
        self.path = source.path
        self.companions = source.companions
        self._notes = source.notes
        self._bin: memoryview | None = None
        self._buffers: dict[int, memoryview] = {}
        self._n_bytes = len(source.data)
        self.json = self._parse(source.data)

    def fail(self, reason: str) -> AssetError:
        """An error that names this file."""
        return AssetError(self.path, reason)

    def warn(self, kind: str, name: str = "") -> None:
        """Notes what was left out, as `Notes.add`."""
        self._notes.add(kind, name)

    def items(self, key: str) -> list[Any]:
        """The root array `key`, empty where absent."""
        return self.array(self.json, key, "the file")

    def item(self, key: str, index: Any, where: str) -> dict[str, Any]:
        """Element `index` of the root array `key`."""
        found = self.items(key)
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(found):
            raise self.fail(f"{where} names {key}[{index!r}], and there are {len(found)}")
        value = found[index]
        if not isinstance(value, dict):
            raise self.fail(f"{key}[{index}] must be an object, got {value!r:.60}")
        return value

    def array(self, owner: dict[str, Any], key: str, where: str) -> list[Any]:
        """``owner[key]`` as a list, empty where absent."""
        value = owner.get(key, [])
        if not isinstance(value, list):
            raise self.fail(f"{key} of {where} must be an array, got {value!r:.60}")
        return value

    def object(self, owner: dict[str, Any], key: str, where: str) -> dict[str, Any]:
        """``owner[key]`` as an object, empty where absent."""
        value = owner.get(key, {})
        if not isinstance(value, dict):
            raise self.fail(f"{key} of {where} must be an object, got {value!r:.60}")
        return value

    def number(self, owner: dict[str, Any], key: str, default: float) -> float:
        """``owner[key]`` as a finite number."""
        value = owner.get(key, default)
        try:
            return plain.number(value)
        except ValueError:
            raise self.fail(f"{key} must be a number, got {value!r:.60}") from None

    def whole(self, owner: dict[str, Any], key: str, default: int | None = None) -> int:
        """``owner[key]`` as a whole number of at least 0."""
        value = owner.get(key, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        try:
            return plain.whole(value, lo=0)
        except ValueError:
            rule = "be a whole number of at least 0"
            raise self.fail(f"{key} must {rule}, got {value!r:.60}") from None

    def numbers(self, owner: dict[str, Any], key: str, default: list[float]) -> NDArray[np.float64]:
        """``owner[key]`` as a vector of finite numbers, as long as `default`."""
        value = owner.get(key, default)
        try:
            return np.array(plain.numbers(value, (len(default),)), dtype=np.float64)
        except ValueError:
            raise self.fail(f"{key} must be {len(default)} numbers, got {value!r:.60}") from None

    def local_matrix(self, node: dict[str, Any]) -> NDArray[np.float64]:
        """``(4, 4)``: from the coordinates of a node to those of its parent."""
        if "matrix" in node:
            return self.numbers(node, "matrix", [0.0] * 16).reshape(4, 4).T
        matrix = np.eye(4)
        x, y, z, w = self.numbers(node, "rotation", [0, 0, 0, 1])
        norm = x * x + y * y + z * z + w * w
        if norm < 1e-12:
            raise self.fail("rotation of a node must be a unit quaternion, got zero")
        s = 2.0 / norm
        matrix[:3, :3] = [
            [1 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)],
            [s * (x * y + z * w), 1 - s * (x * x + z * z), s * (y * z - x * w)],
            [s * (x * z - y * w), s * (y * z + x * w), 1 - s * (x * x + y * y)],
        ]
        matrix[:3, :3] *= self.numbers(node, "scale", [1, 1, 1])
        matrix[:3, 3] = self.numbers(node, "translation", [0, 0, 0])
        return matrix

    def uri(self, uri: Any) -> bytes:
        """Bytes behind a data URI or a relative path.

        Raises:
            AssetError: Another scheme, a broken data URI, or no such file.

        """
        if not isinstance(uri, str):
            raise self.fail(f"uri must be a string, got {uri!r:.60}")
        if uri.startswith("data:"):
            head, _, body = uri.partition(",")
            try:
                if head.endswith(";base64"):
                    return base64.b64decode(body)
                return urllib.parse.unquote_to_bytes(body)
            except (binascii.Error, ValueError) as error:
                raise self.fail(f"a data URI is broken: {error}") from error
        relative = urllib.parse.unquote(uri)
        if "://" in relative or Path(relative).is_absolute():
            raise self.fail(f"uri must be a relative path, got {uri!r:.120}")
        data = self.companions.read(relative)
        if isinstance(data, Fault):
            raise self.fail(f"names files that {data.value}: {relative}")
        return data

    def view(self, index: Any) -> tuple[memoryview, int]:
        """Bytes of a buffer view and its stride (0 = tightly packed)."""
        view = self.item("bufferViews", index, "an accessor or image")
        buffer = self._buffer(view.get("buffer"))
        start, length = self.whole(view, "byteOffset", 0), self.whole(view, "byteLength")
        if start + length > len(buffer):
            raise self.fail(
                f"bufferViews[{index}] ends at byte {start + length} of a buffer of {len(buffer)}"
            )
        return buffer[start : start + length], self.whole(view, "byteStride", 0)

    def accessor(self, index: Any) -> NDArray[Any]:
        """``(count, width)`` values of an accessor; normalised integers as float64."""
        spec = self.item("accessors", index, "a primitive")
        kind, component = spec.get("type"), spec.get("componentType")
        if kind not in _WIDTHS or component not in _DTYPES:
            raise self.fail(f"accessors[{index}] has type {kind!r} of {component!r}")
        width, dtype = _WIDTHS[kind], np.dtype(_DTYPES[component])
        count = self.whole(spec, "count")
        if count > _MAX_ITEMS:
            raise self.fail(f"accessors[{index}] has {count} items, more than {_MAX_ITEMS}")
        if "bufferView" in spec:
            offset = self.whole(spec, "byteOffset", 0)
            values = self._read(spec["bufferView"], offset, count, width, dtype)
        elif "sparse" in spec:
            if count > max(_FREE_ITEMS, self._n_bytes):
                raise self.fail(
                    f"accessors[{index}] has {count} items without data, more than the bytes of "
                    "the file"
                )
            values = np.zeros((count, width), dtype)
        else:
            raise self.fail(f"accessors[{index}] has no data")
        if "sparse" in spec:
            values = self._sparse(self.object(spec, "sparse", f"accessors[{index}]"), values)
        if spec.get("normalized") is True and dtype.kind in "iu":
            return np.maximum(values / np.iinfo(dtype).max, -1.0)
        return values

    def _read(
        self, view_index: Any, offset: int, count: int, width: int, dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        data, stride = self.view(view_index)
        row = width * dtype.itemsize
        stride = stride or row
        if stride < row:
            raise self.fail(f"bufferViews[{view_index}] has a stride of {stride} under {row} bytes")
        end = offset + (count - 1) * stride + row if count else offset
        if end > len(data):
            raise self.fail(
                f"an accessor of {count} items ends at byte {end} of bufferViews[{view_index}], "
                f"which has {len(data)}"
            )
        if stride == row:
            return np.frombuffer(data, dtype, count * width, offset).reshape(count, width)
        rows = np.lib.stride_tricks.as_strided(
            np.frombuffer(data, np.uint8, end - offset, offset), (count, row), (stride, 1)
        )
        return np.ascontiguousarray(rows).view(dtype).reshape(count, width)

    def _sparse(self, sparse: dict[str, Any], values: NDArray[Any]) -> NDArray[Any]:
        count = self.whole(sparse, "count")
        where = self.object(sparse, "indices", "sparse")
        what = self.object(sparse, "values", "sparse")
        if where.get("componentType") not in (5121, 5123, 5125):
            raise self.fail("sparse indices must be unsigned integers")
        dtype = np.dtype(_DTYPES[where["componentType"]])
        offset = self.whole(where, "byteOffset", 0)
        rows = self._read(where.get("bufferView"), offset, count, 1, dtype)
        offset = self.whole(what, "byteOffset", 0)
        new = self._read(what.get("bufferView"), offset, count, values.shape[1], values.dtype)
        if count and int(rows.max()) >= len(values):
            raise self.fail("a sparse accessor writes outside itself")
        out = values.copy()
        out[rows[:, 0]] = new
        return out

    def _buffer(self, index: Any) -> memoryview:
        spec = self.item("buffers", index, "a buffer view")
        if index not in self._buffers:
            if "uri" in spec:
                data = memoryview(self.uri(spec["uri"]))
            elif index == 0 and self._bin is not None:
                data = self._bin
            else:
                raise self.fail(f"buffers[{index}] has no data")
            length = self.whole(spec, "byteLength")
            if len(data) < length:
                raise self.fail(f"buffers[{index}] has {len(data)} bytes, not {length}")
            self._buffers[index] = data
        return self._buffers[index]

    def _parse(self, data: bytes) -> dict[str, Any]:
        text = self._chunks(memoryview(data)) if data[:4] == b"glTF" else data
        if len(text) > _MAX_JSON_BYTES:
            raise self.fail(f"has {len(text)} bytes of JSON, more than {_MAX_JSON_BYTES}")
        try:
            root = json.loads(bytes(text).decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise self.fail(f"is not glTF: its JSON is broken ({error})") from error
        if not isinstance(root, dict):
            raise self.fail("is not glTF: its JSON is not an object")
        version = self.object(root, "asset", "the file").get("version", "2.0")
        if not str(version).startswith("2"):
            raise self.fail(f"is glTF {version}; only 2.0 can be read: export it again")
        return root

    def _chunks(self, data: memoryview) -> memoryview:
        if len(data) < 20:
            raise self.fail("is a GLB file without content")
        version, length = struct.unpack_from("<II", data, 4)
        if version != 2:
            raise self.fail(f"is GLB version {version}; only 2 can be read: export it again")
        if length > len(data):
            raise self.fail(f"is cut off: {len(data)} of {length} bytes are there")
        text, at = memoryview(b""), 12
        while at + 8 <= length:
            size, kind = struct.unpack_from("<I4s", data, at)
            if at + 8 + size > len(data):
                raise self.fail("is cut off inside a GLB chunk")
            chunk = data[at + 8 : at + 8 + size]
            if kind == b"JSON" and not text:
                text = chunk
            elif kind == b"BIN\0" and self._bin is None:
                self._bin = chunk
            at += 8 + size
        return text
