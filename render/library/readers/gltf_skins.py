"""Skinned meshes of glTF 2.0 (3.7.3), in the pose of the file's nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.library.readers.gltf_file import GltfFile
from render.library.readers.raw import RawMesh, cofactors

__all__ = ["GltfSkins", "is_of_skin"]


def is_of_skin(attribute: str) -> bool:
    """Whether an attribute of a primitive says how its vertices hang on joints."""
    return attribute.startswith(("JOINTS_", "WEIGHTS_"))


class GltfSkins:
    """Places meshes by their joints: the transforms of their own nodes do not count."""

    def __init__(self, file: GltfFile) -> None:
        self._file = file
        self._parents: dict[int, int] = {}
        self._worlds: dict[int, NDArray[np.float64]] = {}
        for index, node in enumerate(file.items("nodes")):
            for child in node.get("children") or [] if isinstance(node, dict) else []:
                if isinstance(child, int):
                    self._parents[child] = index

    def posed(self, raw: RawMesh, skin: Any, values: Mapping[str, NDArray[Any]]) -> RawMesh:
        """A mesh at the place that its joints give it: each vertex by the mean of their matrices.

        Args:
            raw: In its own coordinates.
            skin: Index of the skin.
            values: Attributes of its primitive; joints and weights among them.

        """
        sets = sorted(name.removeprefix("JOINTS_") for name in values if name.startswith("JOINTS_"))
        if not sets or any(f"WEIGHTS_{n}" not in values for n in sets):
            raise self._file.fail("a skinned mesh must have JOINTS_0 and WEIGHTS_0")
        joints = np.concatenate([values[f"JOINTS_{n}"] for n in sets], axis=1).astype(np.int64)
        weights = np.concatenate([values[f"WEIGHTS_{n}"] for n in sets], axis=1).astype(np.float64)
        matrices = self._matrices(skin)
        if joints.shape != weights.shape:
            raise self._file.fail("joints and weights of a skinned mesh must be as many")
        if joints.size and not 0 <= joints.min() <= joints.max() < len(matrices):
            raise self._file.fail(f"a vertex names joint {joints.max()} of {len(matrices)}")
        total = weights.sum(axis=1)
        # Weights should sum to 1; a vertex without any stays with its first joint.
        weights[total == 0, 0] = total[total == 0] = 1.0
        blended = np.zeros((len(joints), 3, 4))
        for joint, weight in zip(joints.T, (weights / total[:, None]).T):
            blended += weight[:, None, None] * matrices[joint, :3]
        linear = blended[:, :, :3]
        normals = raw.normals
        turned = cofactors(linear)
        is_mirrored = np.einsum("ni,ni->n", linear[:, 0], turned[:, 0]).sum() < 0
        if normals is not None:
            normals = np.einsum("nij,nj->ni", turned, normals) * (-1.0 if is_mirrored else 1.0)
        return replace(
            raw,
            positions=np.einsum("nij,nj->ni", linear, raw.positions) + blended[:, :, 3],
            normals=normals,
            faces=raw.faces[:, ::-1] if is_mirrored else raw.faces,
        )

    def _matrices(self, skin: Any) -> NDArray[np.float64]:
        """``(J, 4, 4)``: world matrix of each joint times its inverse bind matrix."""
        spec = self._file.item("skins", skin, "a node")
        joints = self._file.array(spec, "joints", f"skins[{skin}]")
        world = np.array([self._world(joint) for joint in joints]).reshape(-1, 4, 4)
        if "inverseBindMatrices" not in spec:
            return world
        inverse = self._file.accessor(spec["inverseBindMatrices"])
        if inverse.shape[1] != 16 or len(inverse) < len(joints):
            raise self._file.fail(f"inverseBindMatrices of skins[{skin}] must be one of each joint")
        columns = inverse[: len(joints)].astype(np.float64).reshape(-1, 4, 4)
        return np.asarray(world @ columns.transpose(0, 2, 1))

    def _world(self, index: Any) -> NDArray[np.float64]:
        """World matrix of a node; those of all that it hangs on are kept."""
        below: dict[Any, dict[str, Any]] = {}
        while index is not None and index not in self._worlds:
            node = self._file.item("nodes", index, "a skin")
            if index in below:
                raise self._file.fail(f"nodes[{index}] is reached twice: nodes must form a tree")
            below[index] = node
            index = self._parents.get(index)
        matrix = self._worlds.get(index, np.eye(4))
        for inner, node in reversed(below.items()):
            matrix = self._worlds[inner] = matrix @ self._file.local_matrix(node)
        return matrix
