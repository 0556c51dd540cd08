"""The least that the stages beside GL take: the bare library calls that they cannot do without.

The calls get the same pictures, masks and points as the frame did. What a stage works out in
its own arithmetic has no floor here.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as rle

from render.plan import Plan
from render.sample import Sample
from render.sampling.streams import uniform
from render.scene import Scene
from render.sensor.tone import display_of_radiance
from render.theta import theta_to_json

__all__ = ["floors_of"]

_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP)


def floors_of(
    plan: Plan, scene: Scene, sample: Sample, files: Mapping[str, bytes], folder: Path
) -> dict[str, float]:
    """Milliseconds of one core by stage.

    Args:
        plan: The plan of the run.
        scene: What the frame showed.
        sample: The finished frame.
        files: Its files as they were written, by path.
        folder: A place to write to.

    """
    masks = [
        mask.pixels().view(np.uint8)
        for found in sample.labels
        for mask in (found.mask, found.mask_visib)
    ]
    stages: dict[str, Callable[[], None]] = {
        "draw": lambda: _draw(sample),
        "place": lambda: _project(scene, times=1 + sample.attempt),
        "assemble": lambda: _assemble(plan, sample),
        "label": lambda: _label(scene, sample, masks),
        "develop": lambda: _develop(sample),
        "encode": lambda: _encode(plan, sample),
        "rows": lambda: _rows(sample, masks),
        "write": lambda: _write(files, folder),
    }
    return {name: _ms(work) for name, work in stages.items()}


def _ms(work: Callable[[], None]) -> float:
    began_s = time.process_time()
    work()
    return 1e3 * (time.process_time() - began_s)


def _draw(sample: Sample) -> None:
    """One number for each scalar of θ."""
    waiting: list[object] = [theta_to_json(sample.theta)]
    count = 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
        else:
            count += 1
    for i in range(count * (1 + sample.attempt)):
        uniform(0, 0, "leaf", i)


def _project(scene: Scene, *, times: int) -> None:
    """Every hull through pose and camera, once for each draw that was tried."""
    for _ in range(times):
        for instance in scene.instances:
            points = instance.model.hull_m @ instance.T_world_obj[:3, :3].T
            uvw = points @ scene.camera.K.T
            uvw[:, :2].min(axis=0)
            uvw[:, :2].max(axis=0)


def _assemble(plan: Plan, sample: Sample) -> None:
    """A photograph at the image's size, as radiance."""
    background = sample.theta.background
    if background.kind != "photo":
        return
    source, size_wh = plan.assets.background(background.photo), sample.placement.size_wh
    picture = np.asarray(cv2.resize(source, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    np.take(np.zeros(256, np.float32), picture)


def _label(scene: Scene, sample: Sample, masks: Sequence[NDArray[np.uint8]]) -> None:
    """Counts of ids, and of both masks of each instance; its box."""
    np.bincount(sample.buffers.instance_idx.ravel() + 1)
    _project(scene, times=1)
    for mask in masks:
        cv2.countNonZero(mask)


def _develop(sample: Sample) -> None:
    light, sensor = sample.buffers.radiance, sample.theta.sensor
    if sensor.noise > 0.0:
        np.random.Generator(np.random.SFC64(0)).standard_normal(light.shape, dtype=np.float32)
    if sensor.bayer:
        cv2.cvtColor(np.zeros(light.shape[:2], np.uint16), cv2.COLOR_BayerBG2RGB_EA)
    if sensor.blur_px > 0.0:
        cv2.GaussianBlur(light, (0, 0), sensor.blur_px)
    picture = display_of_radiance(light, sensor.tone)
    if sensor.sharpen > 0.0:
        cv2.addWeighted(picture, 1.2, cv2.GaussianBlur(picture, (0, 0), 1.0), -0.2, 0.0)


def _encode(plan: Plan, sample: Sample) -> None:
    cv2.imencode(".jpg", sample.rgb, [cv2.IMWRITE_JPEG_QUALITY, sample.theta.sensor.jpeg_quality])
    cv2.imencode(".png", sample.buffers.instance_idx.astype(np.uint16), _PNG)
    if "depth" in plan.writers.by_name:
        units = sample.buffers.depth_m / np.float32(plan.writers.depth_unit_m)
        cv2.imencode(".png", units.astype(np.uint16), _PNG)


def _rows(sample: Sample, masks: Sequence[NDArray[np.uint8]]) -> None:
    """Both masks of each instance as COCO's run lengths; θ as JSON."""
    for mask in masks:
        rle.encode(np.asfortranarray(mask))
    json.dumps(theta_to_json(sample.theta))


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    for i, data in enumerate(files.values()):
        hashlib.sha256(data).hexdigest()
        temporary = folder / f".{i}.part"
        temporary.write_bytes(data)
        temporary.replace(folder / str(i))
