"""On a machine with a GPU: frames per second of engine=pyrender and engine=cuda.

    python -m benchmarks.cuda [--objects 10 50] [--frames 8] [--rounds 3] [--on-disk 100]

640x480; engine=cuda is experimental. In memory: the display picture under three lamps with shadows,
depth, ids and amodal outlines, in one process, by the clock; both engines draw in turn. To disk:
`workers=auto`, amodal masks and depth; the seconds of a run of three times as many frames less
those of the shorter one, so that starting and compiling do not count.

It refuses to print a figure where there is no GPU, where a buffer of engine=cuda is not that of
engine=cpu to the last bit, and where ids, depth or outlines of engine=pyrender differ in more than
0.5 % of the pixels off edges.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks.agreement import Agreement, agreement_of, inside
from benchmarks.command import TEN_OBJECTS, render
from benchmarks.engine_scenes import draw_frames, lit_by
from benchmarks.record import record
from render.engine.base import AbstractEngine
from render.engine.cpu.engine import CpuEngine
from render.engine.cuda.engine import CudaEngine
from render.engine.pyrender.engine import PyrenderEngine
from render.errors import EngineError
from render.scene import Scene
from render.sensor.tone import display_of_radiance

_LONGER = 3  # times as many frames as the shorter run


def main() -> None:
    """Prints frames per second of both, and records them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--frames", type=int, default=8, help="scenes of each number of objects")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--on-disk", type=int, default=100, help="frames of the shorter run")
    args = parser.parse_args()
    rows = []
    try:
        with PyrenderEngine() as gl, CudaEngine() as cuda, CpuEngine() as cpu:
            if not gl.info.is_gpu:
                sys.exit(f"no figure: OpenGL draws in software here ({gl.info.renderer})")
            renderer = f"{gl.info.renderer}; {cuda.info.renderer}"
            print(renderer)
            for n in args.objects:
                scenes = [
                    lit_by(frame.scene, "directional", shadows=True)
                    for frame in draw_frames(args.frames, n)
                ]
                rows.append(in_memory(gl, cuda, cpu, scenes, args.rounds) | {"objects": n})
                print_row("in memory", rows[-1])
    except EngineError as error:
        sys.exit(f"no figure: {error}")
    for n in args.objects:
        rows.append(to_disk(("engine=pyrender",), ("engine=cuda",), n, args.on_disk))
        print_row("to disk", rows[-1])
    record("cuda", rows, renderer=renderer)


def in_memory(
    gl: AbstractEngine, cuda: AbstractEngine, cpu: AbstractEngine, scenes: Sequence[Scene],
    rounds: int,
) -> dict[str, float]:  # fmt: skip
    """Frames per second of the first two, by the median frame."""
    for scene in scenes[:2]:
        require_same(cuda, cpu, scene)
        require_good(agreement(cuda, gl, scene))
    took: dict[str, list[float]] = {"pyrender": [], "cuda": []}
    for round_idx in range(rounds + 1):
        for scene in scenes:
            for name, engine in (("pyrender", gl), ("cuda", cuda)):
                began_s = time.perf_counter()
                display_of_radiance(engine.render(scene).radiance, "linear")
                engine.silhouettes(scene, scene.instances)
                if round_idx > 0:  # the first round compiles and uploads
                    took[name].append(time.perf_counter() - began_s)
    return {name: 1.0 / float(np.median(seconds)) for name, seconds in took.items()}


def to_disk(
    gl_words: tuple[str, ...], cuda_words: tuple[str, ...], n_objects: int, frames: int
) -> dict[str, float]:
    """Frames per second of both runs once they are under way.

    Args:
        gl_words: What the command is told of the first engine.
        cuda_words: Likewise.
        n_objects: In a frame.
        frames: Of the shorter run.

    """
    size_px = "[uniform,90,160]" if n_objects <= 10 else "[uniform,60,100]"
    words = (*TEN_OBJECTS, f"objects.count={n_objects}", f"scale.size_px={size_px}",
             "objects.size_ratio=[uniform,0.7,1.4]")  # fmt: skip
    row: dict[str, float] = {"objects": n_objects}
    with tempfile.TemporaryDirectory() as name:
        folders = {"pyrender": gl_words, "cuda": cuda_words}
        for engine, engine_words in folders.items():
            run = partial(render, Path(name) / engine, *words, *engine_words)
            short_s = run(f"n_frames={frames}", "overwrite=true")
            long_s = run(f"n_frames={_LONGER * frames}", "overwrite=true")
            row[engine] = (_LONGER - 1) * frames / (long_s - short_s)
        require_good(agreement_on_disk(Path(name) / "cuda", Path(name) / "pyrender"))
    return row


def require_same(cuda: AbstractEngine, cpu: AbstractEngine, scene: Scene) -> None:
    """Ends the process where a bit differs."""
    one, other = cuda.render(scene), cpu.render(scene)
    outlines = zip(
        cuda.silhouettes(scene, scene.instances), cpu.silhouettes(scene, scene.instances),
        strict=True,
    )  # fmt: skip
    names = "instance_idx", "depth_m", "radiance"
    if not (
        all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
        and all(
            (a.x0, a.y0) == (b.x0, b.y0) and np.array_equal(a.mask, b.mask) for a, b in outlines
        )
    ):
        sys.exit("no figure: engine=cuda does not draw what engine=cpu draws")


def require_good(found: Agreement) -> None:
    """Ends the process where two engines disagree."""
    if not found.is_good:
        sys.exit(f"no figure: engine=cuda and engine=pyrender disagree: {found}")


def agreement(cuda: AbstractEngine, gl: AbstractEngine, scene: Scene) -> Agreement:
    """Of one scene in memory."""
    one, other = cuda.render(scene), gl.render(scene)
    masks = tuple(
        (inside(a, scene.camera.size_wh), inside(b, scene.camera.size_wh))
        for a, b in zip(
            cuda.silhouettes(scene, scene.instances), gl.silhouettes(scene, scene.instances),
            strict=True,
        )
    )  # fmt: skip
    return agreement_of(one.instance_idx, one.depth_m, other.instance_idx, other.depth_m, masks)


def agreement_on_disk(one: Path, other: Path) -> Agreement:
    """Of all frames of two folders, the worst."""
    found = []
    for path in sorted(one.glob("ids/*/*.png")):
        files = [
            folder / kind / path.parent.name / path.name
            for folder in (one, other)
            for kind in ("ids", "depth")
        ]
        ids, depth, other_ids, other_depth = (
            cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in files
        )
        found.append(
            agreement_of(
                ids.astype(np.int32) - 1, depth.astype(np.float32),
                other_ids.astype(np.int32) - 1, other_depth.astype(np.float32),
            )
        )  # fmt: skip
    return Agreement(ids=min(f.ids for f in found), depth=min(f.depth for f in found))


def print_row(where: str, row: dict[str, float]) -> None:
    """A line of frames per second."""
    print(f"{where}, {row['objects']:.0f} objects: engine=pyrender {row['pyrender']:.1f} frames/s, "
          f"engine=cuda {row['cuda']:.1f}, {row['cuda'] / row['pyrender']:.2f} times",
          flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
