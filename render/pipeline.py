"""One frame: assemble, render, label, develop, encode; nothing is written here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.assembly.scene import assemble
from render.assembly.textures import TextureCache
from render.buffers import Buffers
from render.dataset.frame_view import SampleView
from render.engine.base import AbstractEngine
from render.errors import EngineError, InvariantError, RenderError, failure_of
from render.geometry.frames import inverse_rigid, transform_points
from render.labels.depth_view import depth_view
from render.labels.invariants import check_invariants
from render.labels.labeller import label
from render.labels.surface_maps import nocs_map, normal_map, part_map
from render.plan import Plan
from render.sample import DEPTH_SENSOR, MAPS, Sample, SampleKey
from render.scene import Scene
from render.sensor.depth_sensor import is_exact, sensor_depth
from render.sensor.develop import develop
from render.sensor.metering import metered
from render.sensor.optics import expose
from render.theta import Placement, Theta, theta_to_json

__all__ = ["encode", "realise", "render_frame"]


def render_frame(
    plan: Plan,
    engine: AbstractEngine,
    frame_idx: int,
    *,
    textures: TextureCache | None = None,
) -> Sample:
    """One frame of a run: draws θ, places, renders and labels; a function of plan and index.

    Args:
        textures: As for `realise`.

    Raises:
        UnrealisableError: Every draw of θ was rejected.
        InvariantError: The labels contradict each other; the message holds θ.

    """
    theta, placement, rejections = plan.draw(frame_idx)
    return realise(
        plan,
        engine,
        SampleKey.of(frame_idx, plan.run.val_fraction, plan.space.views),
        theta=theta,
        placement=placement,
        rejections=rejections,
        textures=textures,
    )


def realise(
    plan: Plan,
    engine: AbstractEngine,
    key: SampleKey,
    *,
    theta: Theta,
    placement: Placement,
    rejections: tuple[str, ...],
    textures: TextureCache | None = None,
) -> Sample:
    """Renders and labels what was placed; a pure function of its arguments.

    Args:
        textures: Keeps what assembly made for earlier frames; it changes time alone.

    Raises:
        EngineError: The engine fails.
        InvariantError: The labels contradict each other; the message holds θ.

    """
    scene = assemble(theta, placement, plan.assets, textures=textures)
    try:
        buffers = engine.render(scene, with_faces=bool(set(plan.writers.maps) - {"nocs"}))
        silhouettes = engine.silhouettes(scene, scene.labelled_instances)
    except RenderError:
        raise
    # What an engine of the user raises can be anything.
    except Exception as error:
        raise EngineError(
            f"engine must draw every frame, and {type(engine).__name__} failed in frame "
            f"{key.frame_idx}: {failure_of(error)}"
        ) from error
    labels = label(
        scene, buffers, silhouettes, filters=plan.filters, categories=plan.target_categories
    )
    try:
        check_invariants(labels, buffers, scene)
    except InvariantError as error:
        raise InvariantError(
            f"frame {key.frame_idx}: {error}; θ = {json.dumps(theta_to_json(theta))}"
        ) from error
    maps = _maps(plan, scene, buffers)
    return Sample(
        key=key,
        theta=theta,
        placement=placement,
        buffers=buffers,
        rgb=_photographed(scene, buffers, theta, placement),
        labels=plan.tasks.add(labels, scene, silhouettes),
        maps=maps,
        depth_sensor_m=_measured(plan, scene, buffers, theta, maps),
        attempt=len(rejections),
        rejections=rejections,
    )


def _maps(plan: Plan, scene: Scene, buffers: Buffers) -> dict[str, NDArray[np.uint16]]:
    """The per-pixel labels that are asked for."""
    known = plan.tasks.annotations
    makers = {
        "normals": lambda: normal_map(scene, buffers),
        "nocs": lambda: nocs_map(scene, buffers, known),
        "parts": lambda: part_map(scene, buffers, known),
    }
    return {name: makers[name]() for name in plan.writers.maps if name in MAPS}


def _measured(
    plan: Plan, scene: Scene, buffers: Buffers, theta: Theta, maps: Mapping[str, NDArray[np.uint16]]
) -> NDArray[np.float32] | None:
    """The depth that the frame's sensor measures, where a writer needs it."""
    if DEPTH_SENSOR not in plan.writers.maps:
        return None
    if is_exact(theta.sensor):
        return buffers.depth_m
    normals = maps["normals"] if "normals" in maps else normal_map(scene, buffers)
    return sensor_depth(depth_view(scene, buffers, normals), theta.sensor)


def _photographed(
    scene: Scene, buffers: Buffers, theta: Theta, placement: Placement
) -> NDArray[np.uint8]:
    """What lens and sensor make of the radiance of a scene."""
    T_cam_world = inverse_rigid(scene.camera.T_world_cam)
    principal = transform_points(T_cam_world, np.array([placement.center_m]))[0]
    light = expose(
        buffers.radiance,
        buffers.depth_m,
        theta.camera,
        principal_depth_m=float(principal[2]),
        steps=theta.steps,
    )
    return develop(metered(light, buffers.depth_m, theta.sensor), theta.sensor, theta.steps)


def encode(plan: Plan, sample: Sample, rows: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """The files of one frame, by path relative to the dataset.

    Args:
        rows: Its instance records.

    Raises:
        DatasetError: A writer failed.

    """
    view = SampleView(
        sample=sample, instances=rows, names=plan.names, depth_unit_m=plan.writers.depth_unit_m
    )
    return plan.writers.frame_files(view)
