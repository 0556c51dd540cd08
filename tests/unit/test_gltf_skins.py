"""Skinned glTF against the formula of glTF 2.0, 3.7.3.3, vertex by vertex on the file's numbers."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from render.errors import AssetError
from render.library.readers import read_raw
from render.library.readers.raw import RawModel

POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]], np.float64)
NORMALS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.8, 0]], np.float64)
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
JOINTS = np.array([[0, 1, 2, 0], [1, 0, 0, 0], [2, 1, 0, 0], [0, 2, 1, 0]])
WEIGHTS = np.array([[0.5, 0.25, 0.25, 0], [1, 0, 0, 0], [0.75, 0.25, 0, 0], [0.2, 0.3, 0.5, 0]])
# Node 0 has the mesh, 1 is above it; 2 is above the joints, which are 5, 3 and 4 (below 3).
NODES: list[dict[str, Any]] = [
    {"mesh": 0, "skin": 0, "scale": [2, 3, 4], "translation": [50, 0, 0]},
    {"children": [0], "rotation": [0, 1, 0, 0], "translation": [0, 70, 0]},
    {"children": [3, 5], "rotation": [0, 0, 0.6, 0.8], "scale": [1, 2, 1]},
    {"children": [4], "translation": [1, 2, 3], "rotation": [0.6, 0, 0, 0.8]},
    {"translation": [0, 0.5, 0], "scale": [1.5, 1, 1]},
    {"matrix": [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 7, 8, 9, 1]},  # columns, one by one
]
BINDS = np.array(
    [np.eye(4), [[1, 0, 0, -1], [0, 1, 0, -2], [0, 0, 1, -3], [0, 0, 0, 1]], np.diag([2, 2, 2, 1])]
)


def read(folder: Path, arrays: dict[str, np.ndarray], nodes: Any = NODES, **skin: Any) -> RawModel:
    """Reads a model of one primitive whose attributes are given; indices and BINDS too."""
    stored: list[np.ndarray] = [*arrays.values(), FACES.astype("<u2").reshape(-1, 1),
              BINDS.transpose(0, 2, 1).astype("<f4").reshape(-1, 16)]  # fmt: skip
    kinds = {"<f4": 5126, "<u2": 5123, "|u1": 5121}
    shapes = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
    data, views, accessors = b"", [], []
    for number, array in enumerate(stored):
        kind = array.dtype.str
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": array.nbytes})
        accessors.append({"bufferView": number, "componentType": kinds[kind], "count": len(array),
                          "type": shapes[array.shape[1]],
                          "normalized": kind != "<f4" and number < len(arrays) - 1})  # fmt: skip
        data += array.tobytes() + b"\0" * (-array.nbytes % 4)
    for name, number in zip(arrays, range(len(arrays))):
        if name.startswith("JOINTS"):
            accessors[number]["normalized"] = False
    accessors[len(arrays)]["normalized"] = False
    attributes = {name: number for number, name in enumerate(arrays)}
    bind = {"inverseBindMatrices": len(arrays) + 1}
    root = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [1, 2]}],
        "nodes": nodes,
        "skins": [{"joints": [5, 3, 4], **bind, **skin}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": len(arrays)}]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(data), "uri": "data:;base64,"
                     + base64.b64encode(data).decode()}],
    }  # fmt: skip
    for key in [k for k, v in root["skins"][0].items() if v is None]:  # type: ignore[index]
        del root["skins"][0][key]  # type: ignore[index]
    (folder / "a.gltf").write_text(json.dumps(root))
    return read_raw(folder / "a.gltf")


def skin_arrays(**more: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "POSITION": POINTS.astype("<f4"), "NORMAL": NORMALS.astype("<f4"),
        "JOINTS_0": JOINTS.astype("<u1"), "WEIGHTS_0": WEIGHTS.astype("<f4"), **more,
    }  # fmt: skip


def local(node: dict[str, Any]) -> np.ndarray:
    if "matrix" in node:
        return np.array(node["matrix"], float).reshape(4, 4, order="F")
    out = np.eye(4)
    turn = Rotation.from_quat(node.get("rotation", [0, 0, 0, 1])).as_matrix()
    out[:3, :3] = turn * np.array(node.get("scale", [1, 1, 1]))
    out[:3, 3] = node.get("translation", [0, 0, 0])
    return out


def expected(binds: np.ndarray = BINDS, weights: np.ndarray = WEIGHTS) -> np.ndarray:
    world = [
        local(NODES[2]) @ local(NODES[5]),
        local(NODES[2]) @ local(NODES[3]),
        local(NODES[2]) @ local(NODES[3]) @ local(NODES[4]),
    ]
    out = []
    for point, joints, shares in zip(POINTS, JOINTS, weights):
        at = np.zeros(4)
        for joint, share in zip(joints, shares):
            at += share * (world[joint] @ binds[joint] @ [*point, 1])
        out.append(at[:3])
    return np.array(out)


def test_a_skinned_mesh_lies_where_its_joints_put_it(tmp_path: Path) -> None:
    model = read(tmp_path, skin_arrays())

    np.testing.assert_allclose(model.meshes[0].positions, expected(), atol=1e-5)
    np.testing.assert_array_equal(model.meshes[0].faces, FACES)
    assert ("it is skinned: shown in the pose of its nodes",) == model.warnings


def test_without_inverse_bind_matrices_they_are_one(tmp_path: Path) -> None:
    model = read(tmp_path, skin_arrays(), inverseBindMatrices=None)
    ones = np.array([np.eye(4)] * 3)

    np.testing.assert_allclose(model.meshes[0].positions, expected(ones), atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_eight_joints_and_weights_of_any_sum(tmp_path: Path, scale: float) -> None:
    half = (WEIGHTS * scale / 2).astype("<f4")
    more = {"JOINTS_1": JOINTS.astype("<u2"), "WEIGHTS_0": half, "WEIGHTS_1": half}
    model = read(tmp_path, skin_arrays(**more))

    np.testing.assert_allclose(model.meshes[0].positions, expected(), atol=1e-5)


def test_weights_as_bytes(tmp_path: Path) -> None:
    weights = np.round(WEIGHTS * 255).astype("<u1")
    model = read(tmp_path, skin_arrays(WEIGHTS_0=weights))
    shares = weights / weights.sum(axis=1, keepdims=True)

    np.testing.assert_allclose(model.meshes[0].positions, expected(weights=shares), atol=1e-5)


def test_normals_turn_with_the_joints_and_mirrors_turn_faces(tmp_path: Path) -> None:
    nodes = json.loads(json.dumps(NODES))
    for node, entry in ((2, {"scale": [-1, 2, 1]}), (5, {}), (3, {})):
        nodes[node] |= entry
    mirrored = read(tmp_path, skin_arrays(), nodes).meshes[0]
    plain = read(tmp_path, skin_arrays()).meshes[0]
    linear = local(NODES[2]) @ local(NODES[3])  # of vertex 1, on joint 1 alone
    normal = np.linalg.inv(linear[:3, :3]).T @ NORMALS[1]

    assert plain.normals is not None
    assert mirrored.normals is not None
    np.testing.assert_allclose(
        plain.normals[1] / np.linalg.norm(plain.normals[1]), normal / np.linalg.norm(normal),
        atol=1e-6,
    )  # fmt: skip
    np.testing.assert_array_equal(mirrored.faces, FACES[:, ::-1])


@pytest.mark.parametrize(
    ("arrays", "skin", "reason"),
    [
        ({"JOINTS_0": np.full((4, 4), 3, "<u1")}, {}, "names joint 3 of 3"),
        ({"JOINTS_0": JOINTS[:, :3].astype("<u1")}, {}, "must be as many"),
        ({}, {"joints": [5, 3, 9]}, "names nodes"),
        ({}, {"inverseBindMatrices": 0}, "one of each joint"),
    ],
)
def test_broken_skins_are_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], skin: dict[str, Any], reason: str
) -> None:
    with pytest.raises(AssetError, match=reason):
        read(tmp_path, skin_arrays(**arrays), **skin)


def test_joints_that_hang_on_each_other_are_refused(tmp_path: Path) -> None:
    nodes = json.loads(json.dumps(NODES))
    nodes[4]["children"] = [3]
    nodes[2]["children"] = [5]
    with pytest.raises(AssetError, match="tree"):
        read(tmp_path, skin_arrays(), nodes)
