"""Ids, depth, silhouettes and boxes beside an independent float64 ray caster, scene by scene.

    python -m benchmarks.exactness [--platform egl] [--only NAME] [--shared-dir DIR]

Both rasterizers draw every scene: `cpu`, the compiled kernels, and GL's.
`differ` counts pixels whose instance is another than the caster's, `same` is the share of the
others, `edge same` that among the pixels at silhouettes. `off px` is the largest distance from
a differing pixel's centre to where the caster sees what the engine shows; surfaces of one depth
(within 1e-5) are counted under `tie` in its place. `depth rel` is the largest relative error of
depth where ids agree, `inner` counts pixels left out of it because an inner edge passes within
1/64 px, `box px` is the largest error of a side of bbox_obj. Amodal pixels are those of every
instance alone, on all of the canvas that it may reach.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from benchmarks.engines import name_of
from render.engine.cpu.engine import CpuEngine
from render.engine.pyrender.engine import PyrenderEngine
from render.system.paths import find_assets
from tests.conftest import SHARED
from tests.oracle.compare import Figures, Pixels, compare
from tests.oracle.flatten import rays_of
from tests.oracle.scenes import hand_made_cases, library_cases

_HEAD = (
    f"{'scene':38}{'engine':8}{'pixels':>10}{'differ':>7}{'same %':>10}{'edge same %':>12}"
    f"{'off px':>8}{'tie':>5} |{'pixels':>11}{'differ':>7}{'edge same %':>12}{'off px':>8}"
    f" |{'depth rel':>10}{'inner':>6}{'box px':>9}{'s':>7}"
)


def main() -> None:
    """Prints a line of each engine for each scene, and for all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--platform", default="auto", choices=("auto", "egl", "osmesa"))
    parser.add_argument("--only", default="", help="part of the names of the scenes to take")
    parser.add_argument("--shared-dir", type=Path, default=SHARED / "models")
    args = parser.parse_args()
    cases = [*hand_made_cases(), *library_cases("starter", find_assets("models"))]
    if args.shared_dir.is_dir():
        cases += library_cases("shared", args.shared_dir)
    else:
        print(f"without the shared models, which are not at {args.shared_dir}")
    n_scenes = 0
    with CpuEngine() as cpu, PyrenderEngine(platform=args.platform) as gl:
        engines = {engine.info.platform: engine for engine in (cpu, gl)}
        total, seconds = dict.fromkeys(engines, Figures()), dict.fromkeys(engines, 0.0)
        for engine in engines.values():
            print(name_of(engine.info))
        print(f"{'':46}{'visible':>21}{'':31} |{'amodal':>11}")
        print(_HEAD)
        for case in cases:
            if args.only not in case.name:
                continue
            n_scenes += 1
            scene = case.build()
            rays = rays_of(scene)
            for name, engine in engines.items():
                began_s = time.perf_counter()
                figures = compare(scene, rays, engine)
                took_s = time.perf_counter() - began_s
                print(_line(case.name, name, figures, took_s), flush=True)
                total[name] += figures
                seconds[name] += took_s
    for name in engines:
        print(_line(f"all {n_scenes} scenes", name, total[name], seconds[name]))


def _line(name: str, engine: str, f: Figures, seconds: float) -> str:
    v, a = f.visible, f.amodal
    wrong = f"  bbox_visib off: {f.n_box_visib_off}" if f.n_box_visib_off else ""
    wrong += f"  px_count_all off: {f.n_count_off}" if f.n_count_off else ""
    return (
        f"{name:38}{engine:8}{v.n:10}{v.n_differ:7}{100 * v.agree:10.5f}{_edge(v):12.5f}"
        f"{v.farthest_px:8.4f}{v.n_tie:5} |{a.n:11}{a.n_differ:7}{_edge(a):12.5f}"
        f"{a.farthest_px:8.4f} |{f.depth_rel:10.1e}{f.n_depth_edge:6}{f.box_obj_px:9.1e}"
        f"{seconds:7.2f}{wrong}"
    )


def _edge(pixels: Pixels) -> float:
    return 100 * pixels.edge_agree


if __name__ == "__main__":
    main()
