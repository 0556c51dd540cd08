"""How near the rasterizer's pictures come to path-traced ones, beside stock pyrender's.

Twenty scenes of starter assets at 320x240. The reference is the mean of two path-traced
pictures of different noise; how far those two are apart is the noise floor. Needs Mitsuba; with
LLVM 17 or newer it takes minutes, without it hours.

    python -m benchmarks.realism [--frames 20] [--samples 256] [--keep DIR]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.command import ROOT
from benchmarks.likeness import flip_map, psnr, ssim_map
from benchmarks.realism_scenes import draw_scenes
from render.engine.base import AbstractEngine
from render.engine.mitsuba.engine import MitsubaEngine
from render.engine.pyrender.engine import PyrenderEngine
from render.scene import Scene
from render.sensor.color import srgb_to_linear
from render.sensor.tone import display_of_radiance

Picture = NDArray[np.float32]

SHEET = ROOT / "benchmarks" / "realism.jpg"
TONE = "filmic"
LEAST_SSIM, LEAST_PSNR, MOST_ERROR, MOST_TIME = 0.92, 27.0, 0.5, 2.0


def main() -> None:
    """Prints a table, whether the goals are met, and writes the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--samples", type=int, default=256, help="of each of the two references")
    parser.add_argument("--keep", type=Path, help="folder where references are kept for next time")
    args = parser.parse_args()
    scenes = draw_scenes(args.frames)
    first, second = (references(scenes, args.samples, seed, args.keep) for seed in (0, 1))
    with PyrenderEngine() as engine:
        print(f"{engine.info.renderer}, {len(scenes)} scenes, 2 x {args.samples} samples")
        ours = [engine.render(scene) for scene in scenes]
        backdrops = [
            engine.render(replace(s, instances=(), surfaces=(), lights=(), environment=None))
            for s in scenes
        ]
        ratio = time_ratio(engine, scenes)
    stock = stock_pictures(scenes, [b.radiance for b in backdrops])
    truth = [(a + b) / 2 for a, b in zip(first, second)]
    masks = [b.instance_idx >= 0 for b in ours]
    pictures = {
        "stock": list(zip(stock, truth)),
        "ours": list(zip([b.radiance for b in ours], truth)),
        "noise floor": list(zip(first, second)),
    }
    judge({name: table(pairs, masks) for name, pairs in pictures.items()}, ratio)
    write_sheet(stock, [b.radiance for b in ours], truth)


def references(scenes: list[Scene], samples: int, seed: int, keep: Path | None) -> list[Picture]:
    """Path-traced pictures; read where they were kept."""
    pictures = []
    engine: MitsubaEngine | None = None
    began_s = time.perf_counter()
    for i, scene in enumerate(scenes):
        path = keep / f"{i:02d}_{samples}_{seed}.npy" if keep else None
        if path is not None and path.is_file():
            pictures.append(np.load(path))
            continue
        engine = engine or MitsubaEngine(samples=samples, seed=seed)
        pictures.append(engine.render(scene).radiance)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, pictures[-1])
    if engine is not None:
        print(f"{engine.info.renderer}: {time.perf_counter() - began_s:.0f} s", flush=True)
        engine.close()
    return pictures


def stock_pictures(scenes: list[Scene], backdrops: list[Picture]) -> list[Picture]:
    """By pyrender alone; imported once the engine has chosen the GL platform."""
    import pyrender

    from benchmarks.stock_picture import stock_picture

    renderer = pyrender.OffscreenRenderer(*scenes[0].camera.size_wh)
    pictures = [stock_picture(renderer, s, b) for s, b in zip(scenes, backdrops)]
    renderer.delete()
    return pictures


def time_ratio(engine: AbstractEngine, scenes: list[Scene]) -> float:
    """Median over scenes of frame time over that without environment light and shadows."""
    ratios = []
    for scene in scenes:
        plain = replace(
            scene,
            environment=None,
            lights=tuple(
                replace(light, casts_shadow=False) for light in scene.lights
            ),
        )  # fmt: skip
        ratios.append(frame_s(engine, scene) / frame_s(engine, plain))
    return float(np.median(ratios))


def frame_s(engine: AbstractEngine, scene: Scene, rounds: int = 5) -> float:
    """Seconds of a frame whose models are on the GPU; shadows are drawn anew each time."""
    times = []
    for _ in range(rounds):
        # Equal content, another object: nothing is kept from the frame before.
        scene = replace(scene, instances=tuple(replace(i) for i in scene.instances))
        began_s = time.perf_counter()
        engine.render(scene)
        times.append(time.perf_counter() - began_s)
    return min(times)


def table(
    pairs: list[tuple[Picture, Picture]], masks: list[NDArray[np.bool_]]
) -> dict[str, dict[str, list[float]]]:
    """Figures by name, then by picture: of the objects' pixels, and of whole frames."""
    found: dict[str, dict[str, list[float]]] = {}
    for (picture, truth), mask in zip(pairs, masks):
        spaces = {"linear": (np.clip(picture, 0, 1), np.clip(truth, 0, 1))}
        spaces["display"] = (display(picture), display(truth))
        for space, (a, b) in spaces.items():
            ssim = ssim_map(a, b)
            for region, part in (("objects", mask), ("frame", np.ones_like(mask))):
                rows = found.setdefault(f"{region}, {space}", {})
                rows.setdefault("PSNR", []).append(psnr(a, b, part))
                rows.setdefault("SSIM", []).append(float(ssim[part].mean()))
                rows.setdefault("RMSE", []).append(float(np.sqrt(((a - b)[part] ** 2).mean())))
        shown = [srgb_to_linear(x).astype(np.float32) for x in spaces["display"]]
        flip = flip_map(*shown)
        for region, part in (("objects", mask), ("frame", np.ones_like(mask))):
            found[f"{region}, display"].setdefault("FLIP", []).append(float(flip[part].mean()))
    return found


def display(radiance: Picture) -> Picture:
    """Display sRGB, 0 to 1."""
    return (display_of_radiance(radiance, TONE) / np.float32(255.0)).astype(np.float32)


def judge(tables: dict[str, dict[str, dict[str, list[float]]]], ratio: float) -> None:
    """Prints means over all scenes, and each goal with what came out."""
    for where in tables["ours"]:
        print(f"\n{where}")
        for name, found in tables.items():
            figures = ", ".join(f"{k} {np.mean(v):.3f}" for k, v in found[where].items())
            print(f"  {name:12s} {figures}")
    print("\nscene by scene, objects, display: SSIM, PSNR")
    ours, stock = (tables[name]["objects, display"] for name in ("ours", "stock"))
    for i, (s, p) in enumerate(zip(ours["SSIM"], ours["PSNR"])):
        print(
            f"  {i:2d}  ours {s:.3f} {p:.1f}   stock {stock['SSIM'][i]:.3f} {stock['PSNR'][i]:.1f}"
        )
    error = float(np.mean(ours["RMSE"]) / np.mean(stock["RMSE"]))
    print()
    for text, value, is_met in (
        (f"SSIM at least {LEAST_SSIM}", np.mean(ours["SSIM"]), np.mean(ours["SSIM"]) >= LEAST_SSIM),
        (f"PSNR at least {LEAST_PSNR}", np.mean(ours["PSNR"]), np.mean(ours["PSNR"]) >= LEAST_PSNR),
        (f"RMSE over stock's at most {MOST_ERROR}", error, error <= MOST_ERROR),
        (f"time over plain at most {MOST_TIME}", ratio, ratio <= MOST_TIME),
    ):
        print(f"{'met ' if is_met else 'MISS'} {text}: {value:.3f}")


def write_sheet(stock: list[Picture], ours: list[Picture], truth: list[Picture]) -> None:
    """Stock, ours and path-traced side by side, two scenes a row."""
    triples = [
        np.concatenate([display_of_radiance(x, TONE) for x in three], axis=1)
        for three in zip(stock, ours, truth)
    ]
    if len(triples) % 2:
        triples.append(np.zeros_like(triples[0]))
    rows = [np.concatenate(triples[i : i + 2], axis=1) for i in range(0, len(triples), 2)]
    sheet = np.concatenate(rows, axis=0)
    cv2.imwrite(str(SHEET), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"stock, ours, path-traced: {SHEET}")


if __name__ == "__main__":
    main()
