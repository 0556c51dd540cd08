"""Ten dense models at 100 pixels: frames with shadows of simplified meshes, and of whole ones.

    python -m benchmarks.detail [--triangles 500000]

Rings of a shallow and of a deep pattern, one core, one lamp and three, `engine=cpu`. Frames are
drawn both ways in turn; seconds are those of the process. Before anything is printed, ids and depth
are found equal, to the last bit.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines import name_of, start
from benchmarks.large import SIZE_WH, assert_equal, scene_of, write_ring
from benchmarks.record import one_core, record

HEIGHTS_MM = (0.05, 0.6)
DIRECTIONS = ((0.4, 0.5, 0.7), (-0.4, 0.5, 0.7), (0.0, -0.5, 0.7))
LONGEST_PX, APART_PX, COLUMNS, COUNT = 100.0, 140.0, 4, 10
N_FRAMES = 6


def main() -> None:
    """Prints the figures of each ring and number of lamps, and records them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--triangles", type=int, default=500_000)
    args = parser.parse_args()
    one_core()
    from render.library.models import ModelLibrary

    figures: dict[str, Any] = {"triangles": args.triangles}
    with tempfile.TemporaryDirectory() as name, start("cpu") as engine:
        for height_mm in HEIGHTS_MM:
            path = Path(name) / f"ring{height_mm}.stl"
            write_ring(path, args.triangles, height_mm)
            model = ModelLibrary(Path(name)).load(path.name)
            for n_lights in (1, 3):
                simple_ms, whole_ms, off = measured(engine, model, n_lights)
                figures[f"{height_mm} mm, {n_lights}"] = [simple_ms, whole_ms, off]
                print(f"pattern of {height_mm} mm, lamps {n_lights}: {simple_ms:.0f} ms a frame, "
                      f"whole meshes {whole_ms:.0f}; pictures differ by {off:.1e} of the "
                      "brightest on average")  # fmt: skip
        renderer = name_of(engine.info)
    record("detail", figures, renderer=renderer)


def measured(engine: Any, model: Any, n_lights: int) -> tuple[float, float, float]:
    """Milliseconds a frame with simplified meshes and without, and the mean difference."""
    import render.engine.cpu.shadows as shadows

    level_of, took, off = shadows.level_of, ([], []), []  # type: ignore[var-annotated]
    for k in range(N_FRAMES + 1):
        pictures = []
        for way, choose in enumerate((level_of, lambda *_: None)):
            vars(shadows)["level_of"] = choose
            scene = scene_of_many(model, k, n_lights)
            began_s = time.process_time()
            pictures.append(engine.render(scene))
            engine.silhouettes(scene, scene.instances)
            took[way].append(1e3 * (time.process_time() - began_s))
        vars(shadows)["level_of"] = level_of
        one, other = pictures
        assert_equal(one.instance_idx, other.instance_idx)
        assert_equal(one.depth_m, other.depth_m)
        off.append(np.abs(one.radiance - other.radiance).mean() / other.radiance.max())
    # The first frame makes the levels.
    return float(np.median(took[0][1:])), float(np.median(took[1][1:])), float(np.mean(off))


def scene_of_many(model: Any, turn: int, n_lights: int) -> Any:
    """Rings beside each other, each turned another way."""
    from scipy.spatial.transform import Rotation

    from render.geometry.frames import rigid

    alone = scene_of(model, 0.0)
    (ring,), (lamp,) = alone.instances, alone.lights
    focal = float(alone.camera.K[0, 0])
    depth_m = focal * model.extent_m / LONGEST_PX
    instances = []
    for k in range(COUNT):
        R = Rotation.from_euler("xyz", [37 * k + 11 * turn, 53 * k, 20], degrees=True).as_matrix()
        column, row = k % COLUMNS - (COLUMNS - 1) / 2, k // COLUMNS - 1
        at = np.array([column * APART_PX / focal, row * APART_PX / focal, 1.0]) * depth_m
        instances.append(replace(ring, instance_idx=k, T_world_obj=rigid(R, at)))
    return replace(
        alone,
        camera=replace(alone.camera, near_m=0.1 * depth_m, far_m=3 * depth_m),
        instances=tuple(instances),
        lights=tuple(replace(lamp, direction_world=d) for d in DIRECTIONS[:n_lights]),
        backdrop=np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.float32),
    )


if __name__ == "__main__":
    main()
