"""Poses of a real scene in BOP's form, to render it again.

``scene_gt.json`` holds ``{im_id: [{obj_id, cam_R_m2c, cam_t_m2c}, ...]}``, ``scene_camera.json`` of
the same folder ``{im_id: {cam_K, cam_R_w2c, cam_t_w2c}}``, and ``camera.json`` of the data set
``{width, height, fx, fy, cx, cy}``; lengths are in millimetres, cameras are OpenCV's. See the BOP
challenge's description of its format (bop_toolkit, docs/bop_datasets_format.md).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from render.errors import ConfigError
from render.geometry.frames import NearRotation, inverse_rigid, nearest_rotation, rigid
from render.geometry.pixels import K_of_centres
from render.system import values
from render.system.plain_data import json_of, read_regular

__all__ = ["Convention", "PosedImage", "Poses"]

Convention = Literal["bop", "opencv"]

_MM = 1e-3
# How far rows may be from orthonormal: what few digits make of a rotation, and what is still taken
# for one. Those of LM-O are off by up to 9.6e-3, most of it a scale.
_DIGITS, _NEAR = 1e-3, 2e-2
# camera.json lies in the folder of the data set: DATA_SET/SPLIT/SCENE/scene_gt.json.
_FOLDERS_UP = 3
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
        scales: How many times each target is as large as its model.
        off: How far the rotation of each target, as in the file, was from one.
        camera_off: Likewise, the rotation of the camera.

    """

    im_id: int
    K: NDArray[np.float64]
    T_world_cam: NDArray[np.float64]
    models: tuple[str, ...]
    T_cam_obj: tuple[NDArray[np.float64], ...]
    scales: tuple[float, ...]
    off: tuple[float, ...]
    camera_off: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Poses:
    """All images of a scene, in the order of their ids.

    Attributes:
        sha256: Of the bytes of all files (hex).
        size_wh: Size of the images, pixels; None where no camera.json tells it.
        n_empty: Images of the file that hold no object, which are left out.

    """

    path: Path
    sha256: str
    size_wh: tuple[int, int] | None
    images: tuple[PosedImage, ...]
    n_empty: int

    @classmethod
    def read(
        cls,
        path: Path,
        *,
        models: Mapping[int, str],
        names: Sequence[str],
        convention: Convention = "bop",
    ) -> Poses:
        """Reads a ``scene_gt.json`` and the ``scene_camera.json`` of the same folder.

        A ``camera.json`` in that folder, or in one of the two above it, gives the size of the
        images, and K of those that have none of their own.

        Args:
            path: The ``scene_gt.json``.
            models: Names of models by ``obj_id``; an object that is not named is the
                model whose stem is ``obj_<obj_id, six digits>``.
            names: Names of all models of the library.
            convention: Where the centre of the top left pixel is by the K of the files: at
                (0.5, 0.5) with ``bop``, at (0, 0) with ``opencv``.

        Raises:
            ConfigError: A file cannot be read, lacks something or names no model.

        """
        files = [path, path.with_name("scene_camera.json")]
        poses, cameras = (_of_images(file) for file in files)
        shared = None
        folders = path.absolute().parents[:_FOLDERS_UP]
        if found := [f / "camera.json" for f in folders if (f / "camera.json").is_file()]:
            files.append(found[0])
            shared = _Camera.read(found[0])
        named = _Names(models, names)
        images = []
        try:
            for im_id in sorted(poses, key=int):
                if not poses[im_id]:
                    continue
                if not shared and im_id not in cameras:
                    raise ValueError("entry in scene_camera.json")
                camera = cameras.get(im_id, {})
                K = shared.K if shared and "cam_K" not in camera else _K(camera["cam_K"])
                K = K_of_centres(K) if convention == "bop" else K
                images.append(_image(int(im_id), poses[im_id], camera, K, named))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(
                f"poses.file must be in BOP's form, got {path}: image {im_id} has no proper {error}"
            ) from error
        if not images:
            raise ConfigError(f"poses.file must hold at least one image, got {path}")
        return cls(
            path=path,
            sha256=hashlib.sha256(b"".join(map(read_regular, files))).hexdigest(),
            size_wh=None if shared is None else shared.size_wh,
            images=tuple(images),
            n_empty=len(poses) - len(images),
        )

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """What was taken otherwise than the file has it, a line each."""
        n = self.n_empty
        empty = (f"{self.path}: images without an object are left out, {n} of them",) if n else ()
        return (*empty, *self._not_rotations, *self._no_cameras)

    @property
    def _no_cameras(self) -> tuple[str, ...]:
        off = [image.camera_off for image in self.images if image.camera_off > _DIGITS]
        if not off:
            return ()
        return (
            f"{self.path.with_name('scene_camera.json')}: {len(off)} of {len(self.images)} "
            f"rotations of the camera (cam_R_w2c) are off orthonormal by up to {max(off):.2g}; "
            "the nearest rotation is taken",
        )

    @property
    def _not_rotations(self) -> tuple[str, ...]:
        off = [off for image in self.images for off in image.off]
        n_off = sum(o > _DIGITS for o in off)
        if not n_off:
            return ()
        scales = [s for image in self.images for s in image.scales if s != 1.0]
        kept = "; none is a uniform scale, which model_scale would hold"
        if scales:
            kept = (
                f"; {len(scales)} of them are a uniform scale of {min(scales):.5g} to "
                f"{max(scales):.5g}, which model_scale holds"
            )
        return (
            f"{self.path}: {n_off} of {len(off)} rotations are off orthonormal by up to "
            f"{max(off):.2g}; the nearest rotation is taken{kept}",
        )


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


@dataclass(frozen=True, eq=False, kw_only=True)
class _Camera:
    """What the camera.json of a data set says of all its images."""

    size_wh: tuple[int, int]
    K: NDArray[np.float64]

    @classmethod
    def read(cls, path: Path) -> _Camera:
        held = _json(path)
        try:
            size_wh = _whole(held["width"], "width", 1), _whole(held["height"], "height", 1)
            fx, fy, cx, cy = (held[key] for key in ("fx", "fy", "cx", "cy"))
            return cls(size_wh=size_wh, K=_K([fx, 0, cx, 0, fy, cy, 0, 0, 1]))
        except (KeyError, ValueError) as error:
            raise ConfigError(
                f"{path} must hold the width, height, fx, fy, cx and cy of the images of "
                f"poses.file, and has no proper {error}"
            ) from error


def _image(
    im_id: int,
    poses: Sequence[Mapping[str, Any]],
    camera: Mapping[str, Any],
    K: NDArray[np.float64],
    names: _Names,
) -> PosedImage:
    T_world_cam, camera_off = rigid(_LEVEL, np.zeros(3)), 0.0
    if "cam_R_w2c" in camera:
        turned = _rotation(camera["cam_R_w2c"], "cam_R_w2c")
        camera_off = turned.off
        T_world_cam = inverse_rigid(rigid(turned.R, _millimetres(camera["cam_t_w2c"], "cam_t_w2c")))
    rotations = [_rotation(pose["cam_R_m2c"], "cam_R_m2c") for pose in poses]
    places = [_millimetres(pose["cam_t_m2c"], "cam_t_m2c") for pose in poses]
    return PosedImage(
        im_id=im_id,
        K=K,
        T_world_cam=T_world_cam,
        models=tuple(names.of(_whole(pose["obj_id"], "obj_id")) for pose in poses),
        T_cam_obj=tuple(rigid(near.R, t_m) for near, t_m in zip(rotations, places, strict=True)),
        scales=tuple(_scale(near) for near in rotations),
        off=tuple(near.off for near in rotations),
        camera_off=camera_off,
    )


def _whole(value: Any, name: str, least: float = -math.inf) -> int:
    try:
        return values.whole(value, least)
    except ValueError as error:
        raise ValueError(f"{name} (it must {error}, got {value!r:.60})") from None


def _K(value: Any) -> NDArray[np.float64]:
    K = np.array(_numbers(value, 9, "cam_K")).reshape(3, 3)
    others = K[[0, 1, 2, 2, 2], [1, 0, 0, 1, 2]].tolist()
    if not (K[0, 0] > 0 and K[1, 1] > 0 and others == [0, 0, 0, 0, 1]):
        raise ValueError(
            "cam_K (it must be [fx, 0, cx, 0, fy, cy, 0, 0, 1] with fx and fy above 0)"
        )
    return K


def _rotation(value: Any, name: str) -> NearRotation:
    near = nearest_rotation(np.array(_numbers(value, 9, name)).reshape(3, 3))
    if near.off > _NEAR:
        raise ValueError(f"{name} (it must be a rotation, to {_NEAR:g} of orthonormal)")
    return near


def _scale(near: NearRotation) -> float:
    """That of the object; 1 where it is rounding, or no scale would explain what is off."""
    return near.scale if near.off > _DIGITS and near.uneven <= _DIGITS else 1.0


def _millimetres(value: Any, name: str) -> NDArray[np.float64]:
    return np.array(_numbers(value, 3, name)) * _MM


def _numbers(value: Any, count: int, name: str) -> tuple[float, ...]:
    try:
        return values.numbers(value, (count,))
    except ValueError as error:
        raise ValueError(f"{name} (it must {error})") from None


def _of_images(path: Path) -> dict[str, Any]:
    content = _json(path)
    if not all(key.isascii() and key.isdecimal() for key in content):
        raise ConfigError(f"{path} must hold an object of image ids")
    if len({int(key) for key in content}) < len(content):
        raise ConfigError(f"{path} must hold each image id once")
    return content


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json_of(read_regular(path))
    except OSError as error:
        raise ConfigError(
            f"poses.file must be a scene_gt.json with its scene_camera.json, got {path}: "
            f"{error.strerror}"
        ) from error
    except ValueError as error:
        raise ConfigError(f"{path} must be JSON: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold an object, got {type(content).__name__}")
    return content
