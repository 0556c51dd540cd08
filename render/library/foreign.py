"""Files that cannot be read, and what to do with them: they are passed over, and not in silence."""

from __future__ import annotations

import importlib.util
from pathlib import Path, PurePosixPath

from render.library.files import find_files, some_of

__all__ = [
    "HEIF_SUFFIXES",
    "foreign_environments",
    "foreign_models",
    "foreign_pictures",
    "has_heif",
]

_CAD = (
    ".sldprt", ".sldasm", ".slddrw", ".ipt", ".iam", ".catpart", ".catproduct", ".catshape",
    ".cgr", ".3dxml", ".x_t", ".x_b", ".xmt_txt", ".xmt_bin", ".jt", ".plmxml", ".dwg", ".dxf",
    ".dgn", ".f3d", ".f3z", ".fcstd", ".3dm", ".skp", ".rvt", ".rfa", ".prt", ".asm", ".par",
    ".psm", ".neu", ".sat", ".sab", ".smt", ".smb", ".ifc", ".brep", ".scad", ".vda", ".stpx",
)  # fmt: skip
_MESH = (
    ".fbx", ".blend", ".max", ".ma", ".mb", ".c4d", ".usd", ".usda", ".usdc", ".usdz", ".x3d",
    ".x3db", ".x3dv", ".wrl", ".vrml", ".iv", ".3ds", ".lwo", ".lws", ".abc", ".ase", ".ctm",
    ".amf", ".vrm", ".u3d", ".pmx", ".ms3d", ".b3d", ".vtk", ".vtp", ".vtu", ".msh", ".nas", ".bdf",
)  # fmt: skip
_POINTS = (".pcd", ".xyz", ".pts", ".ptx", ".las", ".laz", ".e57")
_PACKED = (".zip", ".7z", ".rar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".tar", ".stpz")
_PICTURES = (
    ".gif", ".avif", ".jxl", ".jp2", ".j2k", ".psd", ".kra", ".xcf", ".svg", ".tga", ".ppm",
    ".pgm", ".jfif", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2", ".pef",
    ".srw", ".x3f", ".exr", ".hdr", ".mp4", ".mov", ".avi", ".mkv",
)  # fmt: skip
_OF_PACKED = dict.fromkeys(_PACKED, "unpack them")
_MODEL_HINTS = {
    **dict.fromkeys(_CAD, "export STEP from the program that made them"),
    **dict.fromkeys(_MESH, "export GLB, such as from Blender"),
    **dict.fromkeys(_POINTS, "they hold points: make a mesh of them, such as with MeshLab"),
    **_OF_PACKED,
    ".p21": "they are STEP: give them the suffix .step",
}
_PICTURE_HINTS = dict.fromkeys(_PICTURES, "save them as JPEG or PNG") | _OF_PACKED
_ENVIRONMENT_HINTS = {
    **dict.fromkeys(
        (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".pfm", ".heic", ".avif"),
        "light needs a wider range of values: take the .hdr or .exr of the same map",
    ),
    **_OF_PACKED,
}
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


def foreign_environments(folder: Path) -> list[str]:
    """A sentence on the pictures of each kind that are no environment maps."""
    return _foreign(folder, _ENVIRONMENT_HINTS)


def _foreign(folder: Path, hints: dict[str, str]) -> list[str]:
    found: dict[str, list[str]] = {}
    for name in sorted(find_files(folder, frozenset(hints))):
        found.setdefault(PurePosixPath(name).suffix.lower(), []).append(name)
    return [
        f"{len(names)} file{'' if len(names) == 1 else 's'} of a kind that is not read "
        f"({suffix}): {some_of(names)}; {hints[suffix]}"
        for suffix, names in sorted(found.items())
    ]
