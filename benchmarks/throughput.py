"""Labelled frames per second, beside a stock pyrender script that renders the same poses.

Both write to disk: JPEG, id masks, depth, COCO with visible and amodal masks. The poses are
drawn by this project first; the script gets them for nothing. What both wrote is compared before
any figure is printed.

    python -m benchmarks.throughput [--frames 116] [--objects 10 50] [--engine auto]

All cores work. The time of a short command is taken off that of a long one, so that starting
counts for nothing; the script counts its loop alone, and from the same frame on. Fifty objects are
smaller, because they would not fit otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.agreement import Agreement, agreement_of
from benchmarks.command import TEN_OBJECTS, environment, render
from benchmarks.engines import add_engine_argument, drew
from benchmarks.record import record
from render.dataset.records import read_frames, read_instances
from render.system.paths import find_assets


def poses_of(dataset_dir: Path, models_dir: Path) -> dict[str, Any]:
    """What the stock script needs of each frame: camera, models, poses."""
    objects: dict[int, list[dict[str, Any]]] = {}
    for row in read_instances(dataset_dir):
        objects.setdefault(row["frame_idx"], []).append(
            {
                "path": str(models_dir / row["model"]),
                "R": row["cam_R_m2c"],
                "t": row["cam_t_m2c"],
                "scale": row["model_scale"],
                "category_id": 1,
            }
        )
    frames = []
    size_wh = (0, 0)
    for row in read_frames(dataset_dir):
        placement = json.loads(row["placement"])
        size_wh = (row["width"], row["height"])
        frames.append(
            {
                "frame_idx": row["frame_idx"],
                "K": row["cam_K"],
                "near_m": placement["near_m"],
                "far_m": placement["far_m"],
                "objects": objects[row["frame_idx"]],
            }
        )
    categories = [{"id": 1, "name": "object"}]
    return {"size_wh": size_wh, "frames": frames, "categories": categories}


def stock_frame_s(poses: dict[str, Any], folder: Path, warm: int) -> float:
    """Runs the stock script; seconds of its loop for each frame after the first ones."""
    path = folder / "poses.json"
    path.write_text(json.dumps(poses))
    command = [
        sys.executable, "-m", "benchmarks.stock_pyrender", str(path), str(folder / "stock"),
        str(warm),
    ]  # fmt: skip
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    found = json.loads(done.stdout.splitlines()[-1])
    return float(found["loop_s"]) / int(found["frames"])


def agreement(ours: Path, stock: Path) -> Agreement:
    """Agreement of the masks and depths of all frames of two folders, taken together."""
    found = []
    for path in sorted(ours.glob("ids/*/*.png")):
        ids, other_ids, depth, other_depth = (
            cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
            for file in (
                path,
                stock / "ids" / path.name,
                ours / "depth" / path.parent.name / path.name,
                stock / "depth" / path.name,
            )
        )
        found.append(
            agreement_of(
                ids.astype(np.int32) - 1,
                depth.astype(np.float32),
                other_ids.astype(np.int32) - 1,
                other_depth.astype(np.float32),
            )
        )
    return Agreement(
        ids=float(np.mean([f.ids for f in found])), depth=float(np.mean([f.depth for f in found]))
    )


def one_round(
    folder: Path, models_dir: Path, frames: int, n_objects: int, engine: str
) -> dict[str, float]:
    """Runs both into ``ours`` and ``stock`` of a folder; frames per second and their ratio."""
    size_px = "[uniform,90,160]" if n_objects <= 10 else "[uniform,60,100]"
    words = (
        *TEN_OBJECTS, f"objects.count={n_objects}", f"scale.size_px={size_px}",
        f"engine={engine}", f"assets.models_dir={models_dir}",
    )  # fmt: skip
    warm = warm_frames()
    start_s = render(folder / "start", *words, f"n_frames={warm}")
    whole_s = render(folder / "ours", *words, f"n_frames={frames}")
    if whole_s <= start_s:
        raise SystemExit(f"{frames} frames took less time than {warm}: the machine is too busy")
    ours_s = (whole_s - start_s) / (frames - warm)
    stock_s = stock_frame_s(poses_of(folder / "ours", models_dir), folder, warm)
    return {
        "ours_frames_per_s": 1.0 / ours_s,
        "ours_whole_frames_per_s": frames / whole_s,
        "stock_frames_per_s": 1.0 / stock_s,
        "ratio": stock_s / ours_s,
    }


def warm_frames() -> int:
    """The fewest for which a run starts all of its workers."""
    return 8 * len(os.sched_getaffinity(0))


def of_objects(n_objects: int, args: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Figures of some rounds, and what drew ours."""
    models_dir = (args.models_dir or find_assets("models")).resolve()
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as name:  # compiles what was never called on this machine
        render(Path(name) / "first", *TEN_OBJECTS, f"engine={args.engine}", "n_frames=1")
    # Alternating, so that a busy neighbour slows both.
    for round_idx in range(args.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            row = one_round(folder, models_dir, args.frames, n_objects, args.engine)
            if round_idx == 0:
                same = agreement(folder / "ours", folder / "stock")
                renderer = drew(folder / "ours")
                print(f"{renderer}; {args.frames} frames, {n_objects} objects, 640x480")
                print(f"ids {same.ids:.3%}, depth {same.depth:.3%} the same off outlines")
                if not same.is_good:
                    raise SystemExit("the outputs disagree: no figure")
        rounds.append(row)
        print(
            f"round {round_idx + 1}: ours {row['ours_frames_per_s']:.2f} frames/s "
            f"({row['ours_whole_frames_per_s']:.2f} with the start), "
            f"stock {row['stock_frames_per_s']:.2f} frames/s, ratio {row['ratio']:.2f}"
        )
    ratio = float(np.median([row["ratio"] for row in rounds]))
    print(f"median ratio of {n_objects} objects, without starts: {ratio:.2f}", flush=True)
    figures = {
        "rounds": rounds, "median_ratio": ratio, "ids_same": same.ids, "depth_same": same.depth,
    }  # fmt: skip
    return figures, renderer


def main() -> None:
    """Prints frames per second of both and their ratio, and records them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_engine_argument(parser)
    parser.add_argument("--frames", type=int, default=116)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--objects", type=int, nargs="+", default=[10])
    parser.add_argument("--models-dir", type=Path, default=None)
    args = parser.parse_args()
    if args.frames <= warm_frames():
        parser.error(f"--frames must be more than {warm_frames()}, 8 for each core")
    figures = {}
    for n_objects in args.objects:
        figures[str(n_objects)], renderer = of_objects(n_objects, args)
    record("throughput", figures, renderer=renderer)


if __name__ == "__main__":
    main()
