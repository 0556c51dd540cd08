"""Milliseconds of one core from buffers and silhouettes to labels, their checks and their RLE.

    python -m benchmarks.labels [--engine cpu] [--objects 1 10 50 200] [--frames 4] [--rounds 15]

The scenes of `benchmarks.engine`, 640x480, are drawn once. Then each frame is labelled (boxes,
areas, fractions, both masks of every instance), checked, and its masks are written as COCO's RLE;
beside it the plain way to the same labels: one instance after another, masks of the whole frame,
pycocotools' encoder, no check. Times are those of the process, median of the rounds, mean of the
frames.

No figure is printed where RLE, boxes, counts or fractions of one instance are not equal in both, to
the last bit.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from benchmarks.record import one_core, record

one_core()

from benchmarks.engine_scenes import draw_frames
from benchmarks.engines import add_engine_argument, name_of, start
from render.buffers import Buffers, Silhouette
from render.geometry.frames import inverse_rigid, transform_points
from render.geometry.pixels import Box, box_of_points
from render.geometry.projection import project
from render.geometry.rle import encode_rles
from render.labels.boxes import boxes_obj
from render.labels.invariants import check_invariants
from render.labels.labeller import LabelFilters, label
from render.sample import ObjectLabel
from render.scene import Scene
from render.system.heap import keep_freed_memory

GOALS_MS = {50: 3.0}
FILTERS = LabelFilters(min_visib_fract=0.0, min_px=1)

Values = list[dict[str, Any]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Drawn:
    """One scene, and what an engine made of it."""

    scene: Scene
    buffers: Buffers
    silhouettes: Sequence[Silhouette]


def main() -> None:
    """Prints a row for each number of objects and records them."""
    keep_freed_memory()  # as a run does
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_engine_argument(parser)
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 10, 50, 200])
    parser.add_argument("--frames", type=int, default=4, help="scenes of each number of objects")
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    figures = {}
    with start(args.engine) as engine:
        renderer = name_of(engine.info)
        print(f"{renderer}; one core, {args.frames} scenes, {args.rounds} rounds; ms a frame")
        print(f"{'objects':>8}{'label':>8}{'(boxes)':>9}{'check':>8}{'rle':>8}{'all':>8}"
              f"{'plain':>9}{'ratio':>7}")  # fmt: skip
        for n_objects in args.objects:
            frames = [
                Drawn(
                    scene=frame.scene,
                    buffers=engine.render(frame.scene),
                    silhouettes=engine.silhouettes(frame.scene, frame.scene.instances),
                )
                for frame in draw_frames(args.frames, n_objects)
            ]
            found = [fault for frame in frames for fault in faults(ours(frame), plain(frame))]
            if found:
                print(f"{n_objects:8}  no figure: {len(found)} labels differ, first: {found[0]}")
                continue
            took = [timed(frame, args.rounds) for frame in frames]
            row = {name: float(np.mean([ms[name] for ms in took])) for name in took[0]}
            figures[str(n_objects)] = row
            show(n_objects, row)
    record("labels", figures, renderer=renderer)


def ours(frame: Drawn) -> Values:
    """What the pipeline says of every instance, checked."""
    labels = label(frame.scene, frame.buffers, frame.silhouettes, filters=FILTERS)
    check_invariants(labels, frame.buffers, frame.scene)
    texts = iter(rles_of(frame, labels))
    return [
        {
            "rle": next(texts), "rle_visib": next(texts),
            "bbox_obj": x.bbox_obj, "bbox_visib": x.bbox_visib,
            "all": x.px_count_all, "visib": x.px_count_visib, "visib_fract": x.visib_fract,
            "truncated_fract": x.truncated_fract, "occluded_fract": x.occluded_fract,
        }
        for x in labels
    ]  # fmt: skip


def rles_of(frame: Drawn, labels: Sequence[ObjectLabel]) -> list[str]:
    """Both masks of each instance in turn."""
    masks = [mask for x in labels for mask in (x.mask, x.mask_visib)]
    return encode_rles(masks, size_wh=frame.scene.camera.size_wh)


def plain(frame: Drawn) -> Values:
    """The same, the plain way."""
    return [values | {k: plain_rle(values.pop(k)) for k in ("rle", "rle_visib")}
            for values in plain_labels(frame)]  # fmt: skip


def plain_labels(frame: Drawn) -> Values:
    """All but the RLE, which are masks yet."""
    scene, ids = frame.scene, frame.buffers.instance_idx
    height, width = ids.shape
    found = []
    for instance, outline in zip(scene.instances, frame.silhouettes, strict=True):
        mask, visible = np.zeros(ids.shape, np.bool_), ids == instance.instance_idx
        h, w = outline.mask.shape
        x0, x1 = max(outline.x0, 0), min(outline.x0 + w, width)
        y0, y1 = max(outline.y0, 0), min(outline.y0 + h, height)
        if x0 < x1 and y0 < y1:
            mask[y0:y1, x0:x1] = outline.mask[
                y0 - outline.y0 : y1 - outline.y0, x0 - outline.x0 : x1 - outline.x0
            ]
        n_all, n_in, n_seen = (int(np.count_nonzero(m)) for m in (outline.mask, mask, visible))
        rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
        box = None
        if n_seen:
            sides = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
            box = Box(*(float(side) for side in sides))
        T_cam_obj = inverse_rigid(scene.camera.T_world_cam) @ instance.T_world_obj
        hull = transform_points(T_cam_obj, instance.scale * instance.model.hull_m)
        found.append(
            {
                "rle": mask, "rle_visib": visible,
                "bbox_obj": box_of_points(project(hull, scene.camera.K)), "bbox_visib": box,
                "all": n_all, "visib": n_seen,
                "visib_fract": n_seen / n_all if n_all else None,
                "truncated_fract": (n_all - n_in) / n_all if n_all else None,
                "occluded_fract": (n_in - n_seen) / n_in if n_in else None,
            }
        )  # fmt: skip
    return found


def plain_rle(mask: Any) -> str:
    """By pycocotools."""
    counts: bytes = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"]
    return counts.decode("ascii")


def faults(found: Values, expected: Values) -> list[str]:
    """Which labels are not just the same in both."""
    faults = [] if len(found) == len(expected) else [f"{len(found)} and {len(expected)} labels"]
    for i, (a, b) in enumerate(zip(found, expected, strict=False)):
        faults += [f"{name} of {i}: {a[name]} and {b[name]}" for name in b if a[name] != b[name]]
    return faults


def timed(frame: Drawn, rounds: int) -> dict[str, float]:
    """Median milliseconds of each part."""
    scene, buffers = frame.scene, frame.buffers
    labels = label(scene, buffers, frame.silhouettes, filters=FILTERS)
    parts: dict[str, Callable[[], object]] = {
        "label": lambda: label(scene, buffers, frame.silhouettes, filters=FILTERS),
        "boxes": lambda: boxes_obj(scene.instances, scene.camera),
        "check": lambda: check_invariants(labels, buffers, scene),
        "rle": lambda: rles_of(frame, labels),
        "plain": lambda: plain(frame),
    }
    took = {
        name: float(np.median([_ms(work) for _ in range(rounds)])) for name, work in parts.items()
    }
    return took | {"all": took["label"] + took["check"] + took["rle"]}


def _ms(work: Callable[[], object]) -> float:
    began_s = time.process_time()
    work()
    return 1e3 * (time.process_time() - began_s)


def show(n_objects: int, row: dict[str, float]) -> None:
    """Prints one row, beside the goal where there is one."""
    goal = f"  goal: {GOALS_MS[n_objects]:g}" if n_objects in GOALS_MS else ""
    print(
        f"{n_objects:8}{row['label']:8.2f}{row['boxes']:9.2f}{row['check']:8.2f}{row['rle']:8.2f}"
        f"{row['all']:8.2f}{row['plain']:9.2f}{row['plain'] / row['all']:7.1f}{goal}",
        flush=True,
    )


if __name__ == "__main__":
    main()
