"""A model of millions of triangles: seconds to load, the first time and then; frames; memory.

    python -m benchmarks.large [--triangles 5000000] [--engine auto]

A knurled ring is written as binary STL. Two processes, one after the other, load it from an
empty and from a filled cache and draw it on one core, 300 pixels wide, with one lamp and its
shadow. Before anything is printed, ids, depth and outline are found equal, to the last bit, with
and without leaving out faces that look away.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import environment
from benchmarks.engines import add_engine_argument, name_of, start
from benchmarks.record import one_core, record
from render.system.heap import keep_freed_memory

SIZE_WH = (640, 480)
LONGEST_PX = 300.0
ANGLES_DEG = (0.0, 35.0, 70.0, 110.0)


def main() -> None:
    """Prints both processes' figures and records them; with ``--folder`` it is one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_engine_argument(parser)
    parser.add_argument("--triangles", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.folder:
        print(json.dumps(drawn(args.folder, args.engine)))
        return
    figures: dict[str, Any] = {"triangles": args.triangles}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_ring(folder / "ring.stl", args.triangles)
        there = environment() | {"XDG_CACHE_HOME": str(folder / "cache")}
        # Kernels are kept there as well, and compiled before anything counts.
        code = f"from benchmarks.engines import start; start({args.engine!r}).close()"
        subprocess.run([sys.executable, "-c", code], env=there, check=True, capture_output=True)
        for cache in ("empty", "filled"):
            command = [
                sys.executable, "-m", "benchmarks.large", "--folder", str(folder),
                "--engine", args.engine,
            ]  # fmt: skip
            done = subprocess.run(command, env=there, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(done.stderr)
            found = figures[cache] = json.loads(done.stdout)
            print(f"{cache + ' cache':13} load {found['load_s']:.1f} s, first frame "
                  f"{found['first_frame_s']:.1f} s, then {found['frame_s']:.2f} s a frame; "
                  f"at most {found['peak_mib']:.0f} MiB")  # fmt: skip
    print(figures["filled"]["renderer"])
    record("large", figures, renderer=figures["filled"]["renderer"])


def write_ring(path: Path, n_triangles: int, height_mm: float = 0.6) -> None:
    """A closed ring with a fine pattern of that height, millimetres, as binary STL."""
    n_along = int(np.sqrt(1.25 * n_triangles))
    n_around = n_triangles // (2 * n_along)
    u, v = np.meshgrid(
        np.linspace(0.0, 2 * np.pi, n_along, endpoint=False),
        np.linspace(0.0, 2 * np.pi, n_around, endpoint=False),
        indexing="ij",
    )
    radius = 12.0 + height_mm * np.sin(40 * u) * np.sin(24 * v)
    x, y = ((30.0 + radius * np.cos(v)) * f(u) for f in (np.cos, np.sin))
    points = np.stack([x, y, radius * np.sin(v)], axis=-1).astype("<f4").reshape(-1, 3)
    i, j = np.indices((n_along, n_around))
    a, b, c, d = (
        (i + di) % n_along * n_around + (j + dj) % n_around
        for di, dj in ((0, 0), (1, 0), (1, 1), (0, 1))
    )
    faces = np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3)
    rows = np.zeros(len(faces), [("normal", "<3f4"), ("corners", "<9f4"), ("attribute", "<u2")])
    rows["corners"] = points[faces].reshape(-1, 9)
    path.write_bytes(bytes(80) + np.uint32(len(faces)).tobytes() + rows.tobytes())


def drawn(folder: Path, name: str) -> dict[str, float | str]:
    """Loads the ring and draws it from some sides."""
    one_core()
    from render.library.models import ModelLibrary

    keep_freed_memory()  # as a run does
    began_s = time.perf_counter()
    model = ModelLibrary(folder).load("ring.stl")
    load_s = time.perf_counter() - began_s
    took = []
    with start(name) as engine:
        for angle_deg in ANGLES_DEG:
            scene = scene_of(model, angle_deg)
            began_s = time.perf_counter()
            buffers, (outline,) = engine.render(scene), engine.silhouettes(scene, scene.instances)
            took.append(time.perf_counter() - began_s)
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        with all_faces():
            scene = scene_of(model, ANGLES_DEG[-1])
            plain = engine.render(scene)
            (plain_outline,) = engine.silhouettes(scene, scene.instances)
        for one, other in (
            (buffers.instance_idx, plain.instance_idx),
            (buffers.depth_m, plain.depth_m),
            (outline.mask, plain_outline.mask),
        ):
            assert_equal(one, other)
        renderer = name_of(engine.info)
    return {
        "load_s": load_s, "first_frame_s": took[0], "frame_s": float(np.median(took[1:])),
        "peak_mib": peak_mib, "renderer": renderer,
    }  # fmt: skip


@contextmanager
def all_faces() -> Iterator[None]:
    """Leaves out no face, whichever engine draws: neither on the CPU nor before GL."""
    import render.engine.cpu.engine as cpu_engine
    import render.engine.pyrender.passes.drawn_bodies as drawn_bodies

    margin, bodies_of = drawn_bodies._MARGIN, cpu_engine.bodies_of

    def whole(scene: Any) -> Any:
        bodies = bodies_of(scene)
        return replace(bodies, all=tuple(replace(body, culls=False) for body in bodies.all))

    drawn_bodies._MARGIN = np.float32(np.inf)  # of angles: below it nothing is left out
    vars(cpu_engine)["bodies_of"] = whole
    try:
        yield
    finally:
        drawn_bodies._MARGIN = margin
        vars(cpu_engine)["bodies_of"] = bodies_of


def assert_equal(one: NDArray[Any], other: NDArray[Any]) -> None:
    """Stops the benchmark where two arrays differ."""
    if not np.array_equal(one, other):
        raise RuntimeError("what is drawn depends on the faces that are left out: no figure")


def scene_of(model: Any, angle_deg: float) -> Any:
    """The ring before a camera, turned, in the light of one lamp."""
    from scipy.spatial.transform import Rotation

    from render.geometry.frames import rigid
    from render.geometry.projection import fov_to_K
    from render.lights.light import Light
    from render.scene import Camera, Instance, Scene

    K = fov_to_K(50.0, SIZE_WH)
    depth_m = float(K[0, 0]) * model.extent_m / LONGEST_PX
    R = Rotation.from_euler("xy", [angle_deg, 20.0], degrees=True).as_matrix()
    return Scene(
        camera=Camera(
            K=K, size_wh=SIZE_WH, T_world_cam=np.eye(4), near_m=0.1 * depth_m, far_m=3 * depth_m
        ),
        instances=(
            Instance(
                instance_idx=0, role="target", model=model,
                materials=tuple(p.material for p in model.primitives),
                T_world_obj=rigid(R, np.array([0.0, 0.0, depth_m])), scale=1.0,
            ),
        ),
        lights=(
            Light(
                color=(1.0, 1.0, 1.0), intensity=1.0,
                direction_world=(0.4, 0.5, 0.7), casts_shadow=True,
            ),
        ),
        backdrop=np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.float32),
    )  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
