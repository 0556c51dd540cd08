"""A validated run: what `render.build` makes of a composed config."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from render.assembly.scene import assemble
from render.config.run_config import RunConfig, sha256_of
from render.dataset.frame_view import LabelNames
from render.dataset.rasters import depth_problem
from render.dataset.sharding import Sharding, sharding_of
from render.engine.base import AbstractEngine
from render.errors import ConfigError, RejectedTheta, UnrealisableError
from render.geometry.frames import inverse_rigid, transform_points
from render.geometry.states import WantedState
from render.labels.categories import Categories
from render.labels.labeller import LabelFilters
from render.labels.tasks import TaskLabeller
from render.library.assets import AssetLibrary
from render.placement.place import place_views
from render.sample import DEPTH_SENSOR
from render.sampling.groups import GROUPS
from render.sampling.space import ThetaSpace
from render.scene import Scene
from render.sensor.depth_sensor import depth_range
from render.system.blas import one_blas_thread
from render.theta import Placement, Theta, theta_to_json
from render.writers.chosen import Writers

__all__ = ["MAX_ATTEMPTS", "Plan"]

MAX_ATTEMPTS = 100
_LOG = logging.getLogger(__name__)

_Drawn = tuple[tuple[Theta, ...], tuple[Placement, ...], tuple[str, ...]]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Plan:
    """A validated run.

    Attributes:
        config: The resolved config, plain containers; `build(config)` gives this plan again.
        identity: What makes the dataset this dataset.
        writers: What is written of each frame, each shard and the whole dataset.
        target_categories: Which category each target has.
        names: Names of all categories and keypoints.
        start_engine: Starts the engine that the config names for a worker process, by the number
            of that process among those of the run: devices are dealt to them in turn.

    """

    config: Mapping[str, Any]
    identity: Mapping[str, Any]
    run: RunConfig
    space: ThetaSpace
    assets: AssetLibrary
    filters: LabelFilters
    tasks: TaskLabeller
    writers: Writers
    target_categories: Categories
    names: LabelNames
    start_engine: Callable[[Plan, int], AbstractEngine]

    def __repr__(self) -> str:
        models = len(self.assets.models.names)
        return f"Plan({self.run.n_frames} frames, {models} models, seed {self.run.seed})"

    @property
    def identity_sha256(self) -> str:
        """Hash of the canonical JSON of `identity`."""
        return sha256_of(self.identity)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What decides the frames' bytes beside the versions of libraries: config and assets."""
        assets = self.assets
        return {
            "config": self.identity,
            "models": {name: assets.models.sha256(name) for name in assets.models.names},
            "distractors": {m.name: m.sha256 for m in assets.distractor_models()},
            "fixtures": [f.model.sha256 for f in assets.fixtures],
            "poses": None if assets.poses is None else assets.poses.sha256,
            # A picture more or less shifts what all later frames draw.
            "pictures": {
                "environments": assets.environments.sha256,
                "backgrounds": assets.backgrounds.sha256,
                "textures": assets.textures.sha256,
            },
        }

    @property
    def sharding(self) -> Sharding:
        """How the frames of the dataset are divided into shards."""
        return sharding_of(self.config)

    @property
    def categories(self) -> tuple[str, ...]:
        """All; their ids count in this order."""
        return self.names.categories

    def draw(self, frame_idx: int) -> tuple[Theta, Placement, tuple[str, ...]]:
        """The first θ of a frame that can be realised, its placement, and why others could not.

        Raises:
            UnrealisableError: `MAX_ATTEMPTS` draws were rejected.

        """
        scene_id, view_idx = divmod(frame_idx, self.space.views)
        thetas, placements, reasons = self._drawn(scene_id)
        return thetas[view_idx], placements[view_idx], reasons

    @cached_property
    def _drawn(self) -> Callable[[int], _Drawn]:
        """All views of a scene; the last scene is kept, because its frames come one by one."""
        return lru_cache(maxsize=1)(self._draw_scene)

    def _draw_scene(self, scene_id: int) -> _Drawn:
        reasons: list[str] = []
        failed: dict[str, tuple[Theta, tuple[str, ...]]] = {}
        for attempt in range(MAX_ATTEMPTS):
            thetas = self.space.draw_views(scene_id, attempt)
            try:
                placements = place_views(
                    thetas, self.assets, seed=self.run.seed, scene_id=scene_id, attempt=attempt,
                    wanted=self._wanted(thetas[0], scene_id),
                )  # fmt: skip
            except RejectedTheta as rejected:
                reasons.append(rejected.reason)
                failed[rejected.reason] = thetas[0], rejected.leaves
                continue
            return thetas, placements, tuple(reasons)
        most_common = Counter(reasons).most_common()
        counts = ", ".join(f"{reason} ({n})" for reason, n in most_common)
        theta, leaves = failed[most_common[0][0]]
        first = scene_id * self.space.views
        raise UnrealisableError(
            f"frame {first} cannot be realised: {MAX_ATTEMPTS} draws of θ were rejected. "
            f"Most often: {counts}. Loosen {' or '.join(leaves) or 'that constraint'}. "
            f"One θ that fails: {_overrides(theta)}"
        )

    def _wanted(self, theta: Theta, frame_idx: int) -> dict[int, WantedState]:
        """The state that each target is to show for the sake of balance, by its index."""
        states, names = self.target_categories.states, self.space.states(theta, frame_idx)
        return {
            i: WantedState(states=states[model], name=name)
            for i, (model, name) in enumerate(zip(theta.objects.model, names, strict=True))
            if name
        }

    def try_first_frame(self) -> None:
        """Draws frame 0, so that what can never be made is told before any file is.

        Raises:
            UnrealisableError: Every draw of θ was rejected.
            ConfigError: All of its targets are farther than a depth file can hold.

        """
        theta, placement, _ = self.draw(0)
        if not {"depth", DEPTH_SENSOR} & {*self.writers.by_name}:
            return
        T_cam_world = inverse_rigid(np.array(placement.T_world_cam).reshape(4, 4))
        depths = []
        for placed in placement.instances:
            if placed.role == "target":
                T_cam_obj = T_cam_world @ np.array(placed.T_world_obj).reshape(4, 4)
                hull_m = placed.scale * self.assets.model(placed.model).hull_m
                depths.append(transform_points(T_cam_obj, hull_m)[:, 2])
        unit_m = self.writers.depth_unit_m
        nearest_m = min((float(z.min()) for z in depths), default=0.0)
        if DEPTH_SENSOR in self.writers.by_name and depths:
            near_m, far_m = depth_range(theta.sensor)
            farthest_m = max(float(z.max()) for z in depths)
            if nearest_m > far_m or farthest_m < near_m:
                _LOG.warning(
                    "sensor.depth=%s measures no target of frame 0: they are %.3g to %.3g m away, "
                    "and sensor.depth_range_m is %g to %g",
                    theta.sensor.depth, nearest_m, farthest_m, near_m, far_m,
                )  # fmt: skip
        if "depth" not in self.writers.by_name:
            return
        if depth_problem(nearest_m, unit_m=unit_m):
            farthest_m = max(float(z.max()) for z in depths)
            raise ConfigError(depth_problem(farthest_m, unit_m=unit_m))

    @one_blas_thread()
    def scene(self, frame_idx: int) -> Scene:
        """What a frame of this run shows, ready for an engine.

        Args:
            frame_idx: From 0 to below ``run.n_frames``.

        Raises:
            UnrealisableError: Every draw of θ was rejected.

        """
        theta, placement, _ = self.draw(frame_idx)
        return assemble(theta, placement, self.assets)

    def engine(self, *, slot: int = 0) -> AbstractEngine:
        """Starts the engine that the config names; use it as a context manager, in one thread.

        Args:
            slot: The number of the worker process that it is for; devices are dealt in turn.

        Raises:
            EngineError: No GL platform works, or not the device that is asked for.

        """
        return self.start_engine(self, slot)


def _overrides(theta: Theta) -> str:
    """What placement makes of θ's leaves that are drawn once a frame, as a command line."""
    data = theta_to_json(theta)
    leaves = (
        (group, f.name)
        for group in ("objects", "viewpoint", "scale", "occlusion", "truncation")
        for f in fields(GROUPS[group])
        if f.metadata["leaf"].scope == "frame"
    )
    values = ((f"{group}.{name}", data[group][name]) for group, name in leaves)
    return " ".join(f"{leaf}={'null' if v is None else v}" for leaf, v in values)
