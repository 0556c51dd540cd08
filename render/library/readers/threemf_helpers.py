"""What a 3MF holds beside the object: helpers of slicers, and extensions that are not read.

Slicers keep what a volume is for in files of their own: Bambu Studio and Orca by object and part,
PrusaSlicer and its kin by object and range of triangles, Cura in metadata of the object.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from lxml import etree

from render.errors import AssetError

__all__ = ["Helpers", "check_required", "cura_kind", "is_side_file", "unread_extensions"]

_SIDE_FILE = re.compile(r"metadata/([^/]*_model|model_settings)\.config")
_SOLID = ("normal_part", "ModelPart")
_CORE = "http://schemas.microsoft.com/3dmanufacturing/core/"
# Read, or without influence on the shape.
_KNOWN = {"core", "material", "production", "trianglesets"}
_EXTENSION = re.compile(r"/3dmanufacturing/([^/]+)")
# Below what elements of extensions stand, so that not all are looked at.
_OBJECT = "{*}resources/{*}object"
_STRUCTURE = ("{*}resources", _OBJECT, f"{_OBJECT}/{{*}}mesh", "{*}build")
_CURA = re.compile(r"cura:(anti_overhang|cutting|infill|support)_mesh")


@dataclass(eq=False)
class Helpers:
    """Volumes that are no part of the object: modifiers, negative volumes, blockers, enforcers.

    Attributes:
        parts: Kind by object and the object that is its component.
        ranges: By object: first triangle, the one behind the last, and kind.

    """

    parts: dict[tuple[str, str], str] = field(default_factory=dict)
    ranges: dict[str, list[tuple[int, int, str]]] = field(default_factory=dict)

    def add(self, root: Any) -> None:
        """Takes up the content of a side file."""
        for owner in root.iter("{*}object"):
            key = owner.get("id", "")
            for part in owner.iter("{*}part"):
                kind = part.get("subtype", _SOLID[0])
                if kind not in _SOLID:
                    self.parts[key, part.get("id", "")] = _told(kind)
            for volume in owner.iter("{*}volume"):
                kind = _volume_kind(volume)
                first, last = volume.get("firstid", ""), volume.get("lastid", "")
                if kind not in _SOLID and first.isdecimal() and last.isdecimal():
                    self.ranges.setdefault(key, []).append((int(first), int(last) + 1, _told(kind)))


def _told(kind: str) -> str:
    return f"{kind}, not cut out" if "negative" in kind.lower() else kind


def _volume_kind(volume: Any) -> str:
    said = {m.get("key"): m.get("value", "") for m in volume.iter("{*}metadata")}
    old = "ParameterModifier" if said.get("modifier") == "1" else _SOLID[1]
    return str(said.get("volume_type", old))


def is_side_file(name: str) -> bool:
    """Whether a slicer keeps in a file of that name what volumes are for."""
    return _SIDE_FILE.fullmatch(name.lower()) is not None


def cura_kind(owner: Any) -> str:
    """What Cura uses an object for, where it is no part of the model; else ""."""
    for entry in owner.iterfind("{*}metadatagroup/{*}metadata"):
        found = _CURA.fullmatch(entry.get("name", ""))
        if found is not None and (entry.text or "").strip().lower() == "true":
            return f"{found[1]}_mesh"
    return ""


def check_required(path: Path, root: Any) -> None:
    """AssetError where a part requires an extension that is not read (core specification, 2.4)."""
    for prefix in root.get("requiredextensions", "").split():
        name = _extension(root.nsmap.get(prefix, prefix))
        if name not in _KNOWN:
            raise AssetError(path, f"needs the extension {name}, which is not supported")


def unread_extensions(root: Any) -> list[str]:
    """Names of the extensions that are not read, and of which a part holds elements."""
    within = chain([root], *(root.iterfind(path) for path in _STRUCTURE))
    children = (child for one in within for child in one.iterchildren("*"))
    spaces = {etree.QName(child).namespace or _CORE for child in children}
    return sorted({_extension(space) for space in spaces} - _KNOWN)


def _extension(space: str) -> str:
    found = _EXTENSION.search(space)
    return found[1] if found else space
