"""Poses of a real scene in BOP's form, to render it again.

``scene_gt.json`` holds ``{im_id: [{obj_id, cam_R_m2c, cam_t_m2c}, ...]}``, ``scene_camera.json`` of
the same folder ``{im_id: {cam_K, cam_R_w2c, cam_t_w2c}}``; lengths are in millimetres, cameras are
OpenCV's. See the BOP challenge's description of its format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.errors import ConfigError
from render.geometry.frames import inverse_rigid, rigid
from render.system.documents import DocumentError, read_json

__all__ = ["PosedImage", "Poses"]

_MM = 1e-3
_ORTHONORMAL = 1e-3
# World of an image that does not tell its own: the camera looks along Y, Z is up.
_LEVEL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True, eq=False, kw_only=True)
class PosedImage:
    """One image of a real scene: its camera, and its objects with their poses.

    Attributes:
        im_id: As in the file.
        K: ``(3, 3)`` pixels, centre coordinates.
        T_world_cam: ``(4, 4)``.
        models: Name of the model of each target.
        T_cam_obj: ``(4, 4)`` of each target, metres.

    """

    im_id: int
    K: NDArray[np.float64]
    T_world_cam: NDArray[np.float64]
    models: tuple[str, ...]
    T_cam_obj: tuple[NDArray[np.float64], ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Poses:
    """All images of a scene, in the order of their ids.

    Attributes:
        sha256: Of the bytes of both files (hex).

    """

    path: Path
    sha256: str
    images: tuple[PosedImage, ...]

    @classmethod
    def read(cls, path: Path, *, models: Mapping[int, str], names: Sequence[str]) -> Poses:
        """Reads a ``scene_gt.json`` and the ``scene_camera.json`` of the same folder.

        Args:
            path: The ``scene_gt.json``.
            models: Names of models by ``obj_id``; an object that is not named is the
                model whose stem is ``obj_<obj_id, six digits>``.
            names: Names of all models of the library.

        Raises:
            ConfigError: A file cannot be read, lacks something or names no model.

        """
        camera_path = path.with_name("scene_camera.json")
        poses, cameras = _json(path), _json(camera_path)
        digest = hashlib.sha256(path.read_bytes() + camera_path.read_bytes()).hexdigest()
        named = _Names(models, names)
        images = []
        try:
            for im_id in sorted(poses, key=int):
                images.append(_image(int(im_id), poses[im_id], cameras[im_id], named))
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"poses.file must be in BOP's form, got {path}: image {im_id} has no proper {error}"
            ) from error
        if not images:
            raise ConfigError(f"poses.file must hold at least one image, got {path}")
        return cls(path=path, sha256=digest, images=tuple(images))


@dataclass(frozen=True)
class _Names:
    by_id: Mapping[int, str]
    names: Sequence[str]

    def of(self, obj_id: int) -> str:
        wanted = self.by_id.get(obj_id, f"obj_{obj_id:06d}")
        found = [n for n in self.names if wanted in (n, Path(n).stem)]
        if len(found) != 1:
            raise ConfigError(
                f"poses.models must name one model for each obj_id, got {wanted!r} for obj_id "
                f"{obj_id}, which {'is none' if not found else 'are several'} of the models: "
                f"'poses.models=[{{obj_id:{obj_id},model:NAME}}]'"
            )
        return found[0]


def _image(
    im_id: int, poses: Sequence[Mapping[str, Any]], camera: Mapping[str, Any], names: _Names
) -> PosedImage:
    if not poses:
        raise ValueError("list of poses")
    T_world_cam = rigid(_LEVEL, np.zeros(3))
    if "cam_R_w2c" in camera:
        T_world_cam = inverse_rigid(_pose(camera["cam_R_w2c"], camera["cam_t_w2c"], "cam_R_w2c"))
    return PosedImage(
        im_id=im_id,
        K=np.array(camera["cam_K"], np.float64).reshape(3, 3),
        T_world_cam=T_world_cam,
        models=tuple(names.of(int(pose["obj_id"])) for pose in poses),
        T_cam_obj=tuple(_pose(p["cam_R_m2c"], p["cam_t_m2c"], "cam_R_m2c") for p in poses),
    )


def _pose(R: Sequence[float], t_mm: Sequence[float], name: str) -> NDArray[np.float64]:
    rotation = np.array(R, np.float64).reshape(3, 3)
    off = np.abs(rotation @ rotation.T - np.eye(3)).max()
    if off > _ORTHONORMAL or np.linalg.det(rotation) < 0:
        raise ValueError(f"{name} (it must be a rotation)")
    # Files hold six digits; poses are rigid to all of theirs.
    u, _, vt = np.linalg.svd(rotation)
    return rigid(u @ vt, np.array(t_mm, np.float64).reshape(3) * _MM)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except OSError as error:
        raise ConfigError(
            f"poses.file must be a scene_gt.json with its scene_camera.json, got {path}: "
            f"{error.strerror}"
        ) from error
    except DocumentError as error:
        raise ConfigError(f"{path} {error}") from error
    if not isinstance(content, dict) or not all(str(key).isdecimal() for key in content):
        raise ConfigError(f"{path} must hold an object of image ids")
    return content
