"""What people say in JSON and YAML beside models: side files, poses of a real scene."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import yaml

from render.api import compose
from render.library.models import ModelLibrary
from render.library.poses import Poses
from tests import model_files as small
from tests.fuzz.config_kind import small_assets
from tests.fuzz.kind import AbstractKind
from tests.fuzz.mutators import as_json, as_yaml, damaged, damaged_tree

__all__ = ["PosesKind", "SideFileKind"]

_SIDE: dict[str, Any] = {
    "category": "bolt",
    "unit": "mm",
    "up": "-y",
    "finish": "steel",
    "keypoints": {"tip": [1.0, 2.0, 3.0], "foot": [1, 4, 3]},
    "symmetries": {
        "discrete": [[-1, 0, 0, 2, 0, -1, 0, 4, 0, 0, 1, 0, 0, 0, 0, 1]],
        "continuous": [{"axis": [0, 0, 1], "offset": [1, 2, 3]}],
    },
}
_MODELS = {"part": {"unit": "cm"}, "*.stl": {"category": "all", "up": "z"}, "other.stl": _SIDE}
_R = [1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0]
_POSE = {"cam_R_m2c": _R, "cam_t_m2c": [10.0, -20.0, 700.0], "obj_id": 1}
_POSES = {"0": [_POSE, _POSE | {"obj_id": 2}], "7": [_POSE]}
_CAMERA = {
    "cam_K": [200, 0, 79.5, 0, 200, 59.5, 0, 0, 1],
    "cam_R_w2c": _R,
    "cam_t_w2c": [0, 0, 900],
    "depth_scale": 1.0,
}
_CAMERAS = {"0": _CAMERA, "7": {"cam_K": _CAMERA["cam_K"]}}


class SideFileKind(AbstractKind):
    """``part.yaml`` beside a model, or ``models.yaml`` for all of them."""

    name = "side files"

    def make(self, rng: Random, shared: Path, folder: Path) -> None:
        for name in ("part.stl", "other.stl"):
            (folder / name).write_bytes(small.stl())
        name, tree = rng.choice((("part.yaml", _SIDE), ("models.yaml", _MODELS)))
        data = as_yaml(damaged_tree(tree, rng), rng)
        if rng.random() < 0.3:
            data = damaged(yaml.safe_dump(tree, sort_keys=False).encode(), rng)
        (folder / name).write_bytes(data)

    def use(self, folder: Path) -> str:
        library = ModelLibrary(folder)
        library.check_all()
        for name in library.names:
            built = library.inspect(name)
            json.dumps([library.category(name), library.keypoint_names(name)], allow_nan=False)
            assert np.isfinite(built.model.unit_m)
        return "accepted"


class PosesKind(AbstractKind):
    """A ``scene_gt.json`` with its ``scene_camera.json``: read, and a scene placed by it."""

    name = "poses"

    def prepare(self, shared: Path) -> None:
        small_assets(shared)

    def make(self, rng: Random, shared: Path, folder: Path) -> None:
        (folder / "assets.txt").write_text(str(shared / "assets"))
        trees = {"scene_gt.json": _POSES, "scene_camera.json": _CAMERAS}
        chosen = rng.choice(sorted(trees))
        for name, tree in trees.items():
            data = json.dumps(tree, indent=1).encode()
            if name == chosen:
                if rng.random() < 0.3:
                    data = damaged(data, rng)
                else:
                    data = as_json(damaged_tree(tree, rng))
            (folder / name).write_bytes(data)

    def use(self, folder: Path) -> str:
        path, assets = folder / "scene_gt.json", Path((folder / "assets.txt").read_text())
        named = {1: "a/cone.ply", 2: "b/tip.glb"}
        poses = Poses.read(path, models=named, names=sorted(named.values()))
        for image in poses.images:
            assert np.isfinite(image.K).all()
            assert np.isfinite(image.T_world_cam).all()
            assert all(np.isfinite(T).all() for T in image.T_cam_obj)
        plan = compose(
            *(f"assets.{kind}_dir='{assets / kind}'" for kind in
              ("models", "backgrounds", "textures", "environments")),
            "objects=poses", "n_frames=1", f"poses.file='{path}'", "lighting=studio",
            "poses.models=[{obj_id:1,model:cone},{obj_id:2,model:tip}]", "occlusion=none",
            "background=color",
        )  # fmt: skip
        plan.scene(0)
        return "accepted"

    def names(self, message: str, folder: Path) -> bool:
        # Where a pose is sound and cannot be drawn, what stands in the config is named.
        return "poses" in message or "camera." in message or super().names(message, folder)
