"""Small model files of every format, byte by byte: a tetrahedron, three sides of a cube."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

# Tetrahedron with its right-angled corner at (1, 2, 3) and legs of 1, 2 and 4.
POINTS = np.array([[1, 2, 3], [2, 2, 3], [1, 4, 3], [1, 2, 7]], dtype=np.float64)
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def stl(extra: list[int] | None = None, header: bytes = b"") -> bytes:
    extra = extra or [0] * len(FACES)
    rows = [
        struct.pack("<12fH", 0, 0, 0, *POINTS[face].reshape(-1), attribute)
        for face, attribute in zip(FACES, extra, strict=True)
    ]
    return header.ljust(80, b" ") + struct.pack("<I", len(FACES)) + b"".join(rows)


def stl_text() -> bytes:
    lines = ["solid two parts"]
    for face in FACES:
        lines += ["facet normal 0 0 0", "outer loop"]
        lines += [f"  VERTEX {x:e} {y:g} {z}" for x, y, z in POINTS[face]]
        lines += ["endloop", "endfacet"]
    return "\n".join([*lines, "endsolid"]).encode()


def off() -> bytes:
    lines = ["COFF # comment", "4 4 6", ""]
    lines += [f"{x} {y} {z} 255 0 0 255" for x, y, z in POINTS]
    lines += [f"3 {a} {b} {c}" for a, b, c in FACES]
    return "\n".join(lines).encode()


def ply(form: str) -> bytes:
    head = (
        f"ply\nformat {form} 1.0\ncomment made here\nelement vertex 4\nproperty float x\n"
        "property double y\nproperty float z\nelement face 4\n"
        "property list uchar int vertex_indices\nproperty uchar red\nproperty uchar green\n"
        "property uchar blue\nend_header\n"
    ).encode()
    if form == "ascii":
        rows = [f"{x} {y} {z}" for x, y, z in POINTS]
        rows += [f"3 {a} {b} {c} 255 0 {10 * a}" for a, b, c in FACES]
        return head + "\n".join(rows).encode()
    order = ">" if "big" in form else "<"
    body = b"".join(struct.pack(f"{order}fdf", *p) for p in POINTS)
    body += b"".join(struct.pack(f"{order}B3i3B", 3, *f, 255, 0, 10 * f[0]) for f in FACES)
    return head + body


def dae(unit: str = '<unit name="inch" meter="0.0254"/>', up: str = "Z_UP") -> bytes:
    floats = " ".join(str(v) for v in POINTS.reshape(-1))
    index = " ".join(str(v) for v in FACES.reshape(-1))
    return f"""<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
 <asset>{unit}<up_axis>{up}</up_axis></asset>
 <library_effects><effect id="e"><profile_COMMON><technique sid="common"><lambert>
  <diffuse><color>1 0.5 0 1</color></diffuse></lambert></technique></profile_COMMON></effect>
 </library_effects>
 <library_materials><material id="m" name="paint"><instance_effect url="#e"/></material>
 </library_materials>
 <library_geometries><geometry id="g"><mesh>
  <source id="p"><float_array id="pa" count="12">{floats}</float_array><technique_common>
   <accessor source="#pa" count="4" stride="3"><param name="X" type="float"/>
   <param name="Y" type="float"/><param name="Z" type="float"/></accessor></technique_common>
  </source>
  <vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
  <triangles count="4" material="s"><input semantic="VERTEX" source="#v" offset="0"/>
   <p>{index}</p></triangles>
 </mesh></geometry></library_geometries>
 <library_visual_scenes><visual_scene id="sc"><node id="n">
  <translate>10 0 0</translate><scale>-1 1 1</scale>
  <instance_geometry url="#g"><bind_material><technique_common>
   <instance_material symbol="s" target="#m"/></technique_common></bind_material>
  </instance_geometry></node></visual_scene></library_visual_scenes>
 <scene><instance_visual_scene url="#sc"/></scene>
</COLLADA>""".encode()


def three_mf(
    build: str = '<item objectid="2" transform="0 1 0 -1 0 0 0 0 1 5 0 0"/>',
    unit: str = "centimeter",
    head: str = '<?xml version="1.0"?>',
) -> bytes:
    vertices = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in POINTS)
    triangles = "".join(
        f'<triangle v1="{a}" v2="{b}" v3="{c}" p1="{i % 2}"/>' for i, (a, b, c) in enumerate(FACES)
    )
    model = f"""{head}
<model unit="{unit}" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">
<resources><basematerials id="7"><base name="a" displaycolor="#FF0000"/>
<base name="b" displaycolor="#0000FFFF"/></basematerials>
<object id="1" pid="7" pindex="0"><mesh><vertices>{vertices}</vertices>
<triangles>{triangles}</triangles></mesh></object>
<object id="2"><components><component objectid="1" transform="1 0 0 0 1 0 0 0 1 0 0 9"/>
</components></object></resources><build>{build}</build></model>"""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("3D/3dmodel.model", model)
    return out.getvalue()


def glb(change: Callable[[dict[str, Any]], None] = lambda root: None) -> bytes:
    """A GLB whose JSON is changed before it is written."""
    index = FACES.astype("<u2").tobytes()
    points = POINTS.astype("<f4").tobytes()
    root: dict[str, Any] = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 1}, "indices": 0}]}],
        "buffers": [{"byteLength": len(index + points)}],
        "bufferViews": [
            {"buffer": 0, "byteLength": len(index)},
            {"buffer": 0, "byteOffset": len(index), "byteLength": len(points)},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5123, "count": 12, "type": "SCALAR"},
            {"bufferView": 1, "componentType": 5126, "count": 4, "type": "VEC3"},
        ],
    }
    change(root)
    text = json.dumps(root).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(index + points), b"BIN\0") + index + points
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def obj() -> bytes:
    lines = [f"v {x} {y} {z}" for x, y, z in POINTS]
    lines += ["vt 0 0", "vn 0 0 1"]
    lines += [f"f {a - 4}/1/1 {b - 4}/1/-1 {c - 4}/1/1" for a, b, c in FACES]
    return "\n".join(lines).encode()


def iges(flag: int) -> bytes:
    """Three sides of a cube of 25.4 units: patches of degree 1 (entity 128)."""
    s = 25.4
    patches = [
        [(0, 0, 0), (0, s, 0), (s, 0, 0), (s, s, 0)],
        [(0, 0, s), (s, 0, s), (0, s, s), (s, s, s)],
        [(0, 0, 0), (s, 0, 0), (0, 0, s), (s, 0, s)],
    ]
    head = [128, 1, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1]
    name = {1: "4HINCH", 2: "2HMM"}[flag]
    stamp = "15H20240101.000000"
    start = (
        f"1H,,1H;,4Hcube,8Hcube.igs,4Htest,4Htest,32,38,6,308,15,4Hcube,1.0,{flag},{name},1,0.01,"
        f"{stamp},1E-6,100.0,4Hnone,4Hnone,11,0,{stamp};"
    )
    sections: dict[str, list[str]] = {"S": ["a cube"], "G": [], "D": [], "P": []}
    sections["G"] = [start[i : i + 72] for i in range(0, len(start), 72)]
    for number, patch in enumerate(patches):
        words = [*head, *(float(v) for p in patch for v in p), 0, 1, 0, 1]
        text = ",".join(str(word) for word in words) + ";"
        rows, row = [], ""
        for word in text.replace(",", ", ").split():
            if len(row) + len(word) > 64:
                rows.append(row)
                row = ""
            row += word
        rows.append(row)
        first = len(sections["P"]) + 1
        sections["P"] += [f"{r:<64}{2 * number + 1:8d}" for r in rows]
        for fields in (
            (128, first, 0, 0, 0, 0, 0, 0, "00000000"),
            (128, 0, 0, len(rows), 0, "", "", "", 0),
        ):
            sections["D"].append("".join(f"{v:>8}" for v in fields))
    lines = [
        f"{text:<72}{letter}{i:7d}" for letter, rows in sections.items()
        for i, text in enumerate(rows, 1)
    ]  # fmt: skip
    counts = "".join(f"{letter}{len(rows):7d}" for letter, rows in sections.items())
    return "\n".join([*lines, f"{counts:<72}T{1:7d}", ""]).encode()
