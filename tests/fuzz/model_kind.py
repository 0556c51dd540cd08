"""Model files of every format with their companions, through the library as doctor and runs go."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from render.library.diagnose import diagnose
from render.library.models import ModelLibrary
from render.system.paths import find_assets
from tests import model_files as small
from tests.fuzz.kind import AbstractKind
from tests.fuzz.mutators import as_json, damaged, damaged_tree
from tests.fuzz.picture_kind import picture

_MTL = b"""newmtl paint
Ka 0.1 0.1 0.1
Kd 0.8 0.2 0.1
Ks 0.5 0.5 0.5
Ns 90
d 0.9
map_Kd -s 2 2 1 grain.png
newmtl other
Kd 0 0 1
"""


def _damaged_within(name: str, data: bytes, rng: Random) -> bytes:
    """Damages a file, mostly what its container holds, so that the container stays sound."""
    if rng.random() < 0.7:
        if name.endswith(".glb"):
            return _damaged_glb(data, rng)
        if name.endswith(".gltf"):
            return as_json(damaged_tree(json.loads(data), rng))
        if name.endswith(".3mf"):
            return _damaged_zip(data, rng)
    return damaged(data, rng)


def _damaged_glb(data: bytes, rng: Random) -> bytes:
    (length,) = struct.unpack_from("<I", data, 12)
    text, binary = data[20 : 20 + length], data[28 + length :]
    what = rng.random()
    if what < 0.6:
        text = as_json(damaged_tree(json.loads(text), rng))
    elif what < 0.8:
        text = damaged(text, rng)
    else:
        binary = damaged(binary, rng)
    return _glb(text, binary)


def _glb(text: bytes, binary: bytes) -> bytes:
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _damaged_zip(data: bytes, rng: Random) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            held = damaged(old.read(name), rng)
            to = name if rng.random() < 0.9 else "../" + name
            # A small file that is large when it is unpacked.
            n_blanks = 300 if rng.random() < 0.04 else 0
            with new.open(to, "w") as file:
                file.write(held)
                for _ in range(n_blanks):
                    file.write(b" " * 2**20)
    return out.getvalue()


def _obj() -> dict[str, bytes]:
    head = b"mtllib part.mtl\no body\nusemtl paint\ns 1\n"
    return {"part.obj": head + small.obj(), "part.mtl": _MTL, "grain.png": picture("png")}


def _textured(root: dict[str, Any]) -> None:
    root["materials"] = [
        {
            "name": "paint",
            "pbrMetallicRoughness": {
                "baseColorFactor": [1, 0.5, 0.2, 1],
                "baseColorTexture": {"index": 0, "texCoord": 0},
                "metallicFactor": 0.3,
            },
            "alphaMode": "MASK",
            "alphaCutoff": 0.5,
            "doubleSided": True,
        }
    ]
    root["textures"] = [{"source": 0, "sampler": 0}]
    root["samplers"] = [{"wrapS": 10497, "wrapT": 33071}]
    root["images"] = [{"uri": "grain.png"}]
    root["meshes"][0]["primitives"][0] |= {"material": 0, "mode": 4}
    root["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_0"] = 2
    root["accessors"].append(
        {"bufferView": 2, "componentType": 5126, "count": 4, "type": "VEC2",
         "sparse": {"count": 1, "indices": {"bufferView": 0, "componentType": 5123},
                    "values": {"bufferView": 1}}}
    )  # fmt: skip
    root["bufferViews"].append({"buffer": 0, "byteOffset": 24, "byteLength": 48, "byteStride": 12})
    root["nodes"] = [
        {"children": [1, 2], "rotation": [0, 0, 0.7071, 0.7071], "name": "root"},
        {"mesh": 0, "translation": [0.1, 0, 0]},
        {"mesh": 0, "matrix": [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 5, 0, 0, 1], "skin": 0},
        *({"translation": [0, i, 0]} for i in range(4)),
    ]
    root["skins"] = [{"joints": [3, 4, 5, 6]}]
    attributes = root["meshes"][0]["primitives"][0]["attributes"]
    attributes["JOINTS_0"], attributes["WEIGHTS_0"] = 3, 4
    root["bufferViews"].append({"buffer": 0, "byteOffset": 0, "byteLength": 16})
    root["accessors"] += [
        {"bufferView": 3, "componentType": 5121, "count": 4, "type": "VEC4"},
        {"bufferView": 3, "componentType": 5121, "normalized": True, "count": 4, "type": "VEC4"},
    ]


def _gltf() -> dict[str, bytes]:
    data = small.glb(_textured)
    (length,) = struct.unpack_from("<I", data, 12)
    root = json.loads(data[20 : 20 + length])
    root["buffers"][0]["uri"] = "part.bin"
    binary = data[28 + length :]
    return {
        "part.gltf": json.dumps(root, indent=1).encode(),
        "part.bin": binary,
        "grain.png": picture("png"),
    }


def _step() -> dict[str, bytes]:
    return {"part.step": (find_assets("models") / "flange.step").read_bytes()}


_SEEDS: dict[str, Callable[[], dict[str, bytes]]] = {
    "obj": _obj,
    "stl text": lambda: {"part.stl": small.stl_text()},
    "stl binary": lambda: {"part.stl": small.stl()},
    "ply text": lambda: {"part.ply": small.ply("ascii")},
    "ply little": lambda: {"part.ply": small.ply("binary_little_endian")},
    "ply big": lambda: {"part.ply": small.ply("binary_big_endian")},
    "off": lambda: {"part.off": small.off()},
    "glb": lambda: {"part.glb": small.glb(_textured), "grain.png": picture("png")},
    "gltf": _gltf,
    "dae": lambda: {"part.dae": small.dae()},
    "3mf": lambda: {"part.3mf": small.three_mf()},
}
_CAD = {"step": _step, "iges": lambda: {"part.iges": small.iges(1)}}


class ModelKind(AbstractKind):
    """One model in a folder, some of whose bytes are damaged: within its container as well."""

    name = "models"
    seeds: Mapping[str, Callable[[], dict[str, bytes]]] = _SEEDS

    def make(self, rng: Random, shared: Path, folder: Path) -> None:
        files = self.seeds[rng.choice(sorted(self.seeds))]()
        name = rng.choice([n for n in files for _ in range(1 if n.endswith(".png") else 3)])
        files[name] = _damaged_within(name, files[name], rng)
        for other, data in files.items():
            (folder / other).write_bytes(data)

    def use(self, folder: Path) -> str:
        library = ModelLibrary(folder)
        library.check_all()
        assert not any(report.error for report in diagnose(library))
        for name in library.names:
            model = library.load(name)
            for primitive in model.primitives:
                assert np.isfinite(primitive.positions_m).all()
                assert np.isfinite(primitive.normals).all()
                assert primitive.faces.min() >= 0
                assert primitive.faces.max() < len(primitive.positions_m)
        return "accepted"


class CadKind(ModelKind):
    """STEP and IGES, each in a process of its own, which takes a second."""

    name = "cad models"
    cpu_s = 60.0
    seeds: Mapping[str, Callable[[], dict[str, bytes]]] = _CAD
