"""One entry for every model format: a file in, raw triangles or a readable refusal out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from render.errors import AssetError
from render.library.readers.cad import read_iges, read_step
from render.library.readers.gltf import read_gltf
from render.library.readers.obj import read_obj
from render.library.readers.off import read_off
from render.library.readers.ply import read_ply
from render.library.readers.raw import READ_ERRORS, RawMesh, RawModel, limited
from render.library.readers.source import Source
from render.library.readers.stl import read_stl
from render.scene import Material

__all__ = ["SUFFIXES", "read_raw"]


def _read_dae(source: Source) -> RawModel:
    # At use: its library takes long to import, and few models are such files.
    from render.library.readers.dae import read_dae

    return read_dae(source)


def _read_3mf(source: Source) -> RawModel:
    from render.library.readers.threemf import read_3mf  # likewise

    return read_3mf(source)


_READERS: Mapping[str, Callable[[Source], RawModel]] = {
    ".obj": read_obj,
    ".gltf": read_gltf,
    ".glb": read_gltf,
    ".stl": read_stl,
    ".ply": read_ply,
    ".off": read_off,
    ".dae": _read_dae,
    ".3mf": _read_3mf,
    ".step": read_step,
    ".stp": read_step,
    ".iges": read_iges,
    ".igs": read_iges,
}

SUFFIXES: frozenset[str] = frozenset(_READERS)
"""Suffixes of the formats that can be read, in lower case, with the dot."""


def read_raw(path: Path, root: Path | None = None) -> RawModel:
    """Reads one model file, by its suffix, in any case, and the files it names.

    Positions are those of ``trimesh.load(path, force="scene")`` with default arguments and
    node transforms applied (IGES: of cascadio, in metres), neither scaled nor rotated;
    `RawModel.unit_m` and `RawModel.up` speak of them. Vertices are never merged.

    Args:
        path: A regular file.
        root: The models folder: of the files that `path` names those in there are read, and those
            in the folder of `path`. None: the latter alone.

    Returns:
        At least one mesh, each with at least one face; indices and numbers not yet checked.

    Raises:
        AssetError: Not a known suffix, cannot be read, or holds no triangles or too many.

    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        known = " ".join(sorted(SUFFIXES))
        raise AssetError(path, f"suffix must be one of {known}, got {path.suffix!r}")
    try:
        with warnings.catch_warnings():
            # Libraries warn of files that are refused or repaired below with words of our own.
            warnings.simplefilter("ignore")
            source = Source.open(path, root)
            model = reader(source)
    except READ_ERRORS as error:
        raise AssetError(path, f"cannot be read: {_reason(error)}") from error
    meshes = tuple(_with_look(mesh) for mesh in limited(path, model.meshes) if len(mesh.faces))
    if not meshes:
        raise AssetError(path, "holds no triangles")
    return replace(
        model,
        meshes=meshes,
        warnings=source.notes.lines(),
        companions=tuple(source.companions.paths),
        is_whole=source.companions.is_whole,
    )


def _with_look(mesh: RawMesh) -> RawMesh:
    """Colours of vertices are a look: one for all is a material, several multiply a white one."""
    if mesh.colors is None or mesh.material is not None:
        return mesh
    first = mesh.colors[:1]
    if len(first) and bool((mesh.colors == first).all()):
        r, g, b = (float(v) for v in first[0, :3])
        return replace(mesh, material=Material(base_color=(r, g, b, 1.0)), colors=None)
    return replace(mesh, material=Material(name="vertex colors"))


def _reason(error: BaseException) -> str:
    """One line that says what a parser met, with the kind of the error."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    return f"{text:.200} ({type(error).__name__})" if text else type(error).__name__
