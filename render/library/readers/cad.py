"""STEP and IGES through cascadio (OpenCASCADE), in a process of its own.

OpenCASCADE writes to the terminal, can end the whole process on broken files, and cannot be
interrupted from Python; a child process can be read, outlived and ended.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from render.errors import AssetError
from render.library.readers.gltf import read_gltf
from render.library.readers.raw import RawMesh, RawModel
from render.library.readers.source import Source
from render.system.disk_cache import cached

__all__ = ["read_iges", "read_step"]

_TIMEOUT_S = 900
# Bounds of the child, of which broken files make use: OpenCASCADE may search for ever. A sound file
# takes a few seconds of a processor and some ten times its size for each MB.
_CPU_S, _CPU_S_PER_MB = 20, 60
_MEMORY_MB, _MEMORY_PER_BYTE = 2048, 100
# OpenCASCADE turns every unit into millimetres; its glTF writer makes metres of them where the
# document tells its unit, which the IGES reader leaves out.
_METRES = {"step": 1.0, "iges": 1e-3}
_ONE_FILE = "export it as one file"
_MOST_NAMES = 5
# Characters outside of ASCII in strings: sixteen bits each, thirty-two, or one of eight.
_CODED = re.compile(
    r"\\X2\\(?P<x2>([0-9A-F]{4})+)\\X0\\|\\X4\\(?P<x4>([0-9A-F]{8})+)\\X0\\|"
    r"\\X\\(?P<x>[0-9A-F]{2})"
)
_CAD = {
    ".step", ".stp", ".p21", ".stpz", ".stpx", ".iges", ".igs", ".catpart", ".catproduct", ".prt",
    ".asm", ".sldprt", ".sldasm", ".ipt", ".iam", ".par", ".psm", ".jt", ".x_t", ".x_b", ".3dxml",
    ".model", ".sat", ".brep",
}  # fmt: skip
# cascadio's default tolerances, as trimesh.load uses them: the same vertices.
_CHILD = """
import resource, sys
source, kind, target, cpu_s, n_bytes = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s), int(cpu_s) + 5))
resource.setrlimit(resource.RLIMIT_AS, (int(n_bytes), int(n_bytes)))
with open(source, "rb") as file:
    import cascadio  # takes a moment to import

    data = cascadio.load(file.read(), file_type=kind)
with open(target, "wb") as file:
    file.write(data)
"""


def read_step(source: Source) -> RawModel:
    """Tessellates a STEP file; positions arrive in metres, whatever unit the file has.

    Parts in other files, to which assemblies may point, are not read: noted where there are shapes
    beside them.

    Raises:
        AssetError: Not STEP, no shapes in it, or conversion crashed or took too long.

    """
    model, names = _read(source, "step"), _external_names(source.data)
    if names and not any(len(mesh.faces) for mesh in model.meshes):
        told = ", ".join(names[:_MOST_NAMES]) + " ..." * (len(names) > _MOST_NAMES)
        raise AssetError(source.path, f"names its parts in other files ({told}): {_ONE_FILE}")
    for name in names:
        if Path(name).suffix.lower() in _CAD:  # documents beside shapes may be of any kind
            source.notes.add(
                f"parts of it lie in other files, which are not read ({_ONE_FILE})", name
            )
    return model


def _external_names(data: bytes) -> list[str]:
    """Files to which a STEP file points by the recommended practices for external references
    (CAx-IF): the ids of its external identifications, else of its document files.
    """
    for entity in (b"APPLIED_EXTERNAL_IDENTIFICATION_ASSIGNMENT", b"DOCUMENT_FILE"):
        found = re.findall(entity + rb"\s*\(\s*'((?:[^']|'')*)'", data)
        names = [_string(name).strip() for name in found]
        if any(names):
            return [name for name in dict.fromkeys(names) if name]
    return []


def _string(data: bytes) -> str:
    """A string of a STEP file as people read it (ISO 10303-21, 6.4.3)."""
    text = data.decode(errors="replace").replace("''", "'").replace("\\\\", "\\")
    return _CODED.sub(_decoded, text)


def _decoded(found: re.Match[str]) -> str:
    codes = bytes.fromhex(found["x2"] or found["x4"] or found["x"])
    encoding = "utf-16-be" if found["x2"] else "utf-32-be" if found["x4"] else "latin-1"
    return codes.decode(encoding, errors="replace")


def read_iges(source: Source) -> RawModel:
    """As `read_step`, of an IGES file; positions in metres too (cascadio gives millimetres)."""
    return _read(source, "iges")


def _read(source: Source, kind: str) -> RawModel:
    digest = hashlib.sha256(source.data).hexdigest()
    version = importlib.metadata.version("cascadio")
    glb = cached(f"cascadio {version} {kind} {digest}", lambda: _glb(source.path, kind))
    model = read_gltf(replace(source, data=glb))
    return replace(
        model,
        meshes=tuple(_plain(mesh, _METRES[kind]) for mesh in model.meshes),
        unit_m=1.0,
        unit_source=f"{kind.upper()} (converted to metres)",
        up=None,
    )


def _glb(path: Path, kind: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "model.glb"
        size = path.stat().st_size
        cpu_s = _CPU_S + _CPU_S_PER_MB * size // 2**20
        n_bytes = _MEMORY_MB * 2**20 + _MEMORY_PER_BYTE * size
        command = [sys.executable, "-P", "-c", _CHILD, str(path), kind, str(target)]
        command += [str(cpu_s), str(n_bytes)]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=_TIMEOUT_S, check=False, text=True,
                errors="replace", stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise AssetError(path, f"took more than {_TIMEOUT_S} s to convert") from error
        data = target.read_bytes() if target.is_file() else b""
    if done.returncode == -signal.SIGXCPU:
        raise AssetError(
            path, f"took more than {cpu_s} s of a processor to convert: export it anew"
        )
    if not data:
        raise AssetError(path, f"is not {kind.upper()} that can be converted{_why(done)}")
    return data


def _why(done: subprocess.CompletedProcess[str]) -> str:
    """What the converter said last, without colour codes and the file of ours it names."""
    if done.returncode < 0:
        return f": the converter crashed (signal {-done.returncode})"
    lines = [line.strip(" *") for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    told = [line for line in lines if "Error" in line or "ERR" in line]
    return f": {told[-1]}" if told else ""


def _plain(mesh: RawMesh, metres: float) -> RawMesh:
    """CAD files store colours alone: what glTF would take for metal is not said by the file."""
    look = mesh.material
    if look is not None:
        look = replace(look, metallic=0.0, roughness=0.5)
    return replace(mesh, positions=mesh.positions * metres, material=look)
