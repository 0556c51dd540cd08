"""In memory, in one process on one core: this engine beside stock pyrender's own calls.

    python -m benchmarks.engine [--engine cpu] [--objects 1 10 50 200] [--frames 6] [--rounds 2]

The same models at the same poses, 640x480, three directional lamps and ambient light, or an
environment map, which stock pyrender does not have. A frame of this engine is colour (four
samples an edge), its display picture in 8 bits, depth and ids; one of stock pyrender is a call
for colour and depth and one with SEG. Amodal masks are `silhouettes` here, a SEG call for each
object there. Frames alternate between both; times are the median of one core's. Then a frame of
this engine with shadows and amodal masks by stage, with GL made to finish between its passes.

First both are compared: nothing is timed where ids, depth or amodal masks differ in more than
0.5 % of the pixels off the edges of silhouettes. Then each one's smoothing is: pictures against
its own with 16 times as many pixels.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain, product
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.record import one_core, record

one_core()

from benchmarks.agreement import Agreement, agreement_of, edges_of, inside
from benchmarks.clock import Clock
from benchmarks.engine_scenes import Frame, draw_frames, lit_by, scaled
from benchmarks.engines import add_engine_argument, name_of, start
from benchmarks.likeness import psnr
from render.buffers import Silhouette
from render.engine.base import AbstractEngine
from render.scene import Scene
from render.sensor.tone import display_of_radiance
from render.system.heap import keep_freed_memory

if TYPE_CHECKING:
    from benchmarks.engine_stock import Stock

GOALS = {10: 5.0, 50: 10.0}  # times as fast as colour + SEG, without shadows
# Of 200 objects none is so large that ambient occlusion reaches farther than it may in the larger
# picture, so that shading is the same in both; of 10 it is not.
SMOOTHED = (10, 200)
_TIMES = 4  # the reference of smoothing has that many pixels along each side of one

Row = dict[str, float | int | str | bool | None]


def main() -> None:
    """Prints agreement, smoothing and a row for each kind of frame; records them."""
    keep_freed_memory()  # as a run does
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_engine_argument(parser)
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 10, 50, 200])
    parser.add_argument("--frames", type=int, default=6, help="scenes of each number of objects")
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    if args.frames < 2:
        parser.error("--frames must be at least 2: one scene alone stays on the GPU")
    cv2.setNumThreads(1)
    rows: list[Row] = []
    smooth: dict[str, dict[str, float]] = {}
    clock = Clock()
    clock.watch_context()
    with start(args.engine) as engine:
        # Its import fixes PyOpenGL's platform, so that an engine of GL must have chosen before.
        from benchmarks.engine_stock import Stock

        print(f"{name_of(engine.info)}; one core, {args.frames} scenes, {args.rounds} rounds")
        frames_of = {n: draw_frames(args.frames, n) for n in args.objects}
        stock = Stock([*chain.from_iterable(frames_of.values())])
        for n_objects, frames in frames_of.items():
            rows += of_size(engine, stock, frames, n_objects, args.rounds)
            if n_objects in SMOOTHED:
                for light in ("directional", "ambient"):
                    smooth[f"{n_objects} {light}"] = smoothing(engine, stock, frames[:2], light)
        clock.watch_passes()
        stages = {str(n): by_stage(clock, engine, frames) for n, frames in frames_of.items()}
        judge(rows, smooth)
        figures = {"rows": rows, "psnr_db": smooth, "stages_ms": stages}
        record("engine", figures, renderer=name_of(engine.info))


def of_size(
    engine: AbstractEngine, stock: Stock, frames: Sequence[Frame], n_objects: int, rounds: int
) -> list[Row]:
    """Rows of one number of objects; none where the outputs disagree."""
    found = agreement(engine, stock, frames)
    words = f"ids {found.ids:.3%}, depth {found.depth:.3%}, amodal {found.amodal:.3%} the same"
    print(f"\n{n_objects} objects: {words}")
    if not found.is_good:
        print("  the outputs disagree: no figure")
        return []
    print(f"  {'light':12}{'shadows':>8}{'amodal':>7}{'ours ms':>9}{'frames/s':>9}"
          f"{'stock ms':>9}{'frames/s':>9}{'ratio':>7}")  # fmt: skip
    rows: list[Row] = []
    for light, shadows, amodal in product(
        ("directional", "environment"), (False, True), (False, True)
    ):
        scenes = [lit_by(f.scene, light, shadows=shadows) for f in frames]
        beside = frames if light == "directional" else ()
        ours, theirs = timed(
            [partial(draw, engine, scene, amodal=amodal) for scene in scenes],
            [partial(stock.render, f, amodal=amodal, shadows=shadows) for f in beside],
            rounds,
        )
        rows.append(
            {
                "objects": n_objects, "light": light, "shadows": shadows, "amodal": amodal,
                "ours_ms": ours, "stock_ms": theirs, "ratio": theirs and theirs / ours,
                "ids_same": found.ids, "depth_same": found.depth, "amodal_same": found.amodal,
            }
        )  # fmt: skip
        line = f"  {light:12}{_yes(shadows):>8}{_yes(amodal):>7}{ours:9.1f}{1e3 / ours:9.1f}"
        if theirs:
            line += f"{theirs:9.1f}{1e3 / theirs:9.1f}{theirs / ours:7.2f}"
        print(line, flush=True)
    return rows


def draw(
    engine: AbstractEngine, scene: Scene, *, amodal: bool
) -> tuple[NDArray[np.uint8], tuple[Silhouette, ...]]:
    """All of a frame: display picture, depth, ids, and amodal outlines."""
    buffers = engine.render(scene)
    rgb = display_of_radiance(buffers.radiance, "linear")
    return rgb, engine.silhouettes(scene, scene.instances) if amodal else ()


def agreement(engine: AbstractEngine, stock: Stock, frames: Sequence[Frame]) -> Agreement:
    """The worst of each kind over the first frames."""
    found = []
    for frame in frames[:2]:
        scene = lit_by(frame.scene, "directional", shadows=False)
        ours, theirs = engine.render(scene), stock.render(frame, amodal=True, shadows=False)
        outlines = engine.silhouettes(scene, scene.instances)
        found.append(
            agreement_of(
                ours.instance_idx,
                ours.depth_m,
                theirs.ids.astype(np.int32) - 1,
                theirs.depth_m,
                tuple(
                    (inside(s, scene.camera.size_wh), m) for s, m in zip(outlines, theirs.amodal)
                ),
            )
        )
    return Agreement(
        ids=min(f.ids for f in found),
        depth=min(f.depth for f in found),
        amodal=min(f.amodal for f in found),
    )


def timed(
    ours: Sequence[Callable[[], object]], theirs: Sequence[Callable[[], object]], rounds: int
) -> tuple[float, float | None]:
    """Median milliseconds of one core of both, which alternate; None where there is nothing."""
    took: tuple[list[float], list[float]] = [], []
    for round_idx in range(rounds + 1):
        for i, work in enumerate(ours):
            for side, each in ((0, work), *(((1, theirs[i]),) if theirs else ())):
                began_s = time.process_time()
                each()
                # The first round compiles and uploads; two of its frames do that.
                if round_idx > 0:
                    took[side].append(1e3 * (time.process_time() - began_s))
            if round_idx == 0 and i == 1:
                break
    return float(np.median(took[0])), float(np.median(took[1])) if took[1] else None


def by_stage(clock: Clock, engine: AbstractEngine, frames: Sequence[Frame]) -> dict[str, float]:
    """Mean milliseconds of one core of the engine's passes, with shadows and amodal masks."""
    took = []
    for frame in frames:
        scene = lit_by(frame.scene, "directional", shadows=True)
        clock.reset()
        draw(engine, scene, amodal=True)
        clock.stop()
        took.append(dict(clock.ms))
    means = {stage: float(np.mean([t[stage] for t in took])) for stage in took[0]}
    print(f"{len(frames[0].objects)} objects by stage: "
          + ", ".join(f"{stage} {ms:.1f}" for stage, ms in means.items()))  # fmt: skip
    return means


def smoothing(
    engine: AbstractEngine, stock: Stock, frames: Sequence[Frame], light: str
) -> dict[str, float]:
    """Decibel against each one's own larger picture, in display values.

    At outlines before the background, at edges of all instances, and on all of the objects.
    Under ambient light both shade alike; under lamps the highlights of this engine are brighter
    than white, and stock pyrender cuts them off before it averages.
    """
    figures: dict[str, list[float]] = {}
    stock.light(light)
    for frame in frames:
        scene = lit_by(frame.scene, light, shadows=False)
        buffers = engine.render(scene)
        large = engine.render(scaled(scene, _TIMES)).radiance
        # Light is averaged where it is light, and by pyrender where it is display values.
        pairs = {
            "ours": (
                display_of_radiance(buffers.radiance, "linear"),
                display_of_radiance(_shrunk(large), "linear"),
            ),
            "stock": (
                stock.render(frame, amodal=False, shadows=False).rgb,
                _shrunk(stock.picture(frame, times=_TIMES).astype(np.float32)),
            ),
        }
        ids = buffers.instance_idx
        edges = edges_of(ids)
        around = cv2.erode(ids.astype(np.float32), np.ones((3, 3), np.uint8))
        regions = {"outlines": edges & (around < 0), "edges": edges, "objects": edges | (ids >= 0)}
        for name, (picture, reference) in pairs.items():
            a, b = (np.asarray(x, np.float32) / np.float32(255.0) for x in (picture, reference))
            for where, region in regions.items():
                figures.setdefault(f"{name} {where}", []).append(psnr(a, b, region))
    stock.light("directional")
    return {name: float(np.mean(values)) for name, values in figures.items()}


def _shrunk(large: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of squares of `_TIMES` pixels a side."""
    h, w = large.shape[0] // _TIMES, large.shape[1] // _TIMES
    tiles = large.reshape(h, _TIMES, w, _TIMES, 3)
    return np.asarray(tiles.mean(axis=(1, 3)), dtype=np.float32)


def judge(rows: Sequence[Row], smooth: Mapping[str, Mapping[str, float]]) -> None:
    """Prints each goal with what came out."""
    print()
    for row in rows:
        goal = GOALS.get(int(row["objects"] or 0))
        if goal and row["light"] == "directional" and not row["shadows"] and not row["amodal"]:
            ratio = float(row["ratio"] or 0.0)
            met = "met " if ratio >= goal else "MISS"
            print(f"{met} {row['objects']} objects, {goal:.0f} times stock: {ratio:.2f}")
    for case, found in smooth.items():
        for where in ("outlines", "edges", "objects"):
            ours, stock = found[f"ours {where}"], found[f"stock {where}"]
            met = "met " if ours >= stock else "MISS"
            print(f"{met} {case}: {where} as smooth as stock's: "
                  f"{ours:.1f} dB, stock {stock:.1f} dB")  # fmt: skip


def _yes(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    main()
