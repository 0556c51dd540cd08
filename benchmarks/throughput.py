"""Labelled frames per second, beside a stock pyrender script that renders the same poses.

Both write to disk: JPEG, id masks, depth, COCO with visible and amodal masks. The poses are
drawn by this project first; the script gets them for nothing. What both wrote is compared before
any figure is printed.

    python -m benchmarks.throughput [--frames 100] [--objects 10] [--models-dir DIR]

Fifty objects are smaller, because they would not fit otherwise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from benchmarks.agreement import Agreement, agreement_of
from benchmarks.command import TEN_OBJECTS, environment, render
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


def stock(poses: dict[str, Any], folder: Path) -> tuple[float, float]:
    """Runs the stock script; seconds of the whole command, and of its frame loop alone."""
    path = folder / "poses.json"
    path.write_text(json.dumps(poses))
    command = [sys.executable, "-m", "benchmarks.stock_pyrender", str(path), str(folder / "stock")]
    began_s = time.perf_counter()
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    loop_s = json.loads(done.stdout.splitlines()[-1])["loop_s"]
    return time.perf_counter() - began_s, loop_s


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


def one_round(folder: Path, models_dir: Path, frames: int, n_objects: int) -> dict[str, float]:
    """Runs both into ``ours`` and ``stock`` of a folder; frames per second and their ratio."""
    size_px = "[uniform,90,160]" if n_objects <= 10 else "[uniform,60,100]"
    ours_s = render(
        folder / "ours", *TEN_OBJECTS, f"objects.count={n_objects}", f"scale.size_px={size_px}",
        f"n_frames={frames}", f"assets.models_dir={models_dir}",
    )  # fmt: skip
    stock_s, loop_s = stock(poses_of(folder / "ours", models_dir), folder)
    return {
        "ours_frames_per_s": frames / ours_s,
        "stock_frames_per_s": frames / stock_s,
        "stock_loop_frames_per_s": frames / loop_s,
        "ratio": stock_s / ours_s,
    }


def main() -> None:
    """Prints frames per second of both and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--objects", type=int, default=10)
    parser.add_argument("--models-dir", type=Path, default=None)
    args = parser.parse_args()
    models_dir = (args.models_dir or find_assets("models")).resolve()
    figures: list[dict[str, float]] = []
    # Alternating rounds, so that a busy neighbour slows both.
    for round_idx in range(args.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            figures.append(one_round(folder, models_dir, args.frames, args.objects))
            if round_idx == 0:
                same = agreement(folder / "ours", folder / "stock")
                dataset = yaml.safe_load((folder / "ours" / "dataset.yaml").read_text())
                print(f"{dataset['gl']['renderer']}, {args.frames} frames, "
                      f"{args.objects} objects, 640x480")  # fmt: skip
                print(f"ids {same.ids:.3%}, depth {same.depth:.3%} the same off outlines")
                if not same.is_good:
                    parser.error("the outputs disagree: no figure")
        row = figures[-1]
        print(
            f"round {round_idx + 1}: ours {row['ours_frames_per_s']:.2f} frames/s, "
            f"stock {row['stock_frames_per_s']:.2f} frames/s "
            f"(loop alone {row['stock_loop_frames_per_s']:.2f}), ratio {row['ratio']:.2f}"
        )
    ratio = float(np.median([row["ratio"] for row in figures]))
    print(f"median ratio, whole command to whole command: {ratio:.2f}")
    record("throughput", {"objects": args.objects, "rounds": figures, "median_ratio": ratio,
                          "ids_same": same.ids, "depth_same": same.depth},
           renderer=dataset["gl"]["renderer"])  # fmt: skip


if __name__ == "__main__":
    main()
