"""Files that cannot be read, and what to do with them: they are passed over, and not in silence."""

from __future__ import annotations

import importlib.util
from pathlib import Path, PurePosixPath

from render.library.files import find_files, some_of

__all__ = ["HEIF_SUFFIXES", "foreign_models", "foreign_pictures", "has_heif"]

_CAD = (
    ".sldprt", ".sldasm", ".ipt", ".iam", ".catpart", ".catproduct", ".cgr", ".3dxml", ".x_t",
    ".x_b", ".xmt_txt", ".jt", ".dwg", ".dxf", ".f3d", ".f3z", ".fcstd", ".3dm", ".skp", ".prt",
    ".asm", ".par", ".psm", ".sat", ".sab", ".ifc", ".brep", ".scad",
)  # fmt: skip
_MESH = (
    ".fbx", ".blend", ".max", ".ma", ".mb", ".c4d", ".usd", ".usda", ".usdc", ".usdz", ".x3d",
    ".wrl", ".3ds", ".lwo", ".abc", ".ase", ".ctm", ".amf",
)  # fmt: skip
_PICTURES = (
    ".gif", ".avif", ".jxl", ".jp2", ".psd", ".svg", ".dng", ".cr2", ".cr3", ".nef", ".arw",
    ".orf", ".raf", ".rw2", ".exr",
)  # fmt: skip
_MODEL_HINTS = {
    **dict.fromkeys(_CAD, "export STEP from the program that made them"),
    **dict.fromkeys(_MESH, "export GLB, such as from Blender"),
}
_PICTURE_HINTS = dict.fromkeys(_PICTURES, "save them as JPEG or PNG")
HEIF_SUFFIXES = frozenset({".heic", ".heif"})


def has_heif() -> bool:
    """Whether HEIC can be read: pillow-heif is installed."""
    return importlib.util.find_spec("pillow_heif") is not None


def foreign_models(folder: Path) -> list[str]:
    """A sentence on the model files of each kind that no reader knows."""
    return _foreign(folder, _MODEL_HINTS)


def foreign_pictures(folder: Path) -> list[str]:
    """A sentence on the pictures of each kind that cannot be read."""
    hint = "they are read where pillow-heif is installed: pip install pillow-heif"
    heif = {} if has_heif() else dict.fromkeys(HEIF_SUFFIXES, hint)
    return _foreign(folder, _PICTURE_HINTS | heif)


def _foreign(folder: Path, hints: dict[str, str]) -> list[str]:
    found: dict[str, list[str]] = {}
    for name in sorted(find_files(folder, frozenset(hints))):
        found.setdefault(PurePosixPath(name).suffix.lower(), []).append(name)
    return [
        f"{len(names)} file{'' if len(names) == 1 else 's'} of a kind that is not read "
        f"({suffix}): {some_of(names)}; {hints[suffix]}"
        for suffix, names in sorted(found.items())
    ]
