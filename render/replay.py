"""`python -m render.replay DIR FRAME`: renders a frame again from its record and compares.

Nothing is drawn and nothing is searched: θ and the placement come from the record. The
frame equals the stored one when all of its files and records are the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from render.build import Plan, build, build_engine
from render.console import say
from render.engine.base import DeviceInfo
from render.errors import DatasetError, RenderError
from render.pipeline import encode, key_of, realise
from render.sample import Sample
from render.sampling.codec import placement_from_json, theta_from_json
from render.writers.records import frame_row, instance_rows, read_frames, read_instances

__all__ = ["main", "replay"]


def replay(folder: Path, frame_idx: int, *, out: Path | None = None) -> list[str]:
    """Renders one stored frame again.

    Args:
        folder: A dataset.
        out: Folder to put the new files into, or None.

    Returns:
        What differs, a line each; empty when the frame equals the stored one.

    Raises:
        DatasetError: There is no such frame, or the models are not the ones it shows.
        EngineError: No GL platform works.

    """
    dataset = _read_dataset_yaml(folder)
    plan = _plan(folder, dataset)
    stored = _row(folder, frame_idx)
    engine = build_engine(plan.config)
    try:
        sample = realise(
            plan,
            engine,
            key_of(frame_idx, plan.run.val_fraction),
            theta=theta_from_json(json.loads(stored["theta"])),
            placement=placement_from_json(json.loads(stored["placement"])),
            rejections=tuple(stored["rejections"]),
        )
        gl_note = _gl_note(engine.info, dataset["gl"])
    finally:
        engine.close()
    differences = _differences(folder, plan, sample, stored, out)
    return [*differences, *gl_note] if differences else []


def main(argv: list[str] | None = None) -> None:
    """Entry point; exits with 1 if the frame differs or cannot be rendered."""
    parser = argparse.ArgumentParser(prog="python -m render.replay", description=__doc__)
    parser.add_argument("dir", type=Path, help="a dataset")
    parser.add_argument("frame", type=int, help="frame_idx")
    parser.add_argument("-o", "--out", type=Path, help="folder for the new files")
    args = parser.parse_args(argv)
    try:
        differences = replay(args.dir, args.frame, out=args.out)
    except RenderError as error:
        sys.exit(f"error: {error}")
    if differences:
        sys.exit("\n".join([f"frame {args.frame} differs:", *differences]))
    say(f"frame {args.frame} equals the stored one, byte for byte")


def _read_dataset_yaml(folder: Path) -> dict[str, Any]:
    path = folder / "dataset.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(
            f"{folder} must hold a complete dataset, but has no dataset.yaml"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} is torn: {error}") from error
    if not isinstance(content, dict):
        raise DatasetError(f"{path} is torn: it holds no mapping")
    return content


def _plan(folder: Path, dataset: Mapping[str, Any]) -> Plan:
    """The plan of a stored dataset, on the asset folders it was made from."""
    config = dict(dataset["config"], output_dir=str(folder))
    # A relative or default folder meant something where the dataset was made.
    config["assets"] = {**config["assets"], **dataset["asset_dirs"]}
    plan = build(config, check_assets=False)
    for entry in dataset["models"]:
        name = entry["name"]
        if name not in plan.assets.models.names:
            raise DatasetError(f"the model {name} is not in {config['assets']['models_dir']}")
        if plan.assets.models.sha256(name) != entry["sha256"]:
            raise DatasetError(f"the model {name} is not the one this dataset was made from")
    return plan


def _row(folder: Path, frame_idx: int) -> Mapping[str, Any]:
    for row in read_frames(folder / "records"):
        if row["frame_idx"] == frame_idx:
            return row
    raise DatasetError(f"{folder} holds no frame {frame_idx}")


def _differences(
    folder: Path, plan: Plan, sample: Sample, stored: Mapping[str, Any], out: Path | None
) -> list[str]:
    rows = instance_rows(sample)
    files = encode(plan, sample, rows)
    found: list[str] = []
    hashes: dict[str, str] = {}
    for name, data in files.items():
        path = folder / name
        old = path.read_bytes() if path.is_file() else None
        if old != data:
            found.append(f"  {name}: {_difference(old, data)}")
        if out is not None:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(data)
        hashes[name] = hashlib.sha256(data).hexdigest()
    if frame_row(sample, image=plan.run.image, hashes=hashes) != dict(stored):
        found.append("  its frame record")
    old_rows = [
        r for r in read_instances(folder / "records") if r["frame_idx"] == sample.key.frame_idx
    ]
    if rows != old_rows:
        found.append("  its instance records")
    return found


def _difference(old: bytes | None, new: bytes) -> str:
    if old is None:
        return "is missing in the dataset"
    images = [cv2.imdecode(np.frombuffer(b, np.uint8), cv2.IMREAD_UNCHANGED) for b in (old, new)]
    if any(i is None for i in images) or images[0].shape != images[1].shape:
        return f"{len(old)} bytes stored, {len(new)} now"
    delta = np.abs(images[0].astype(np.int64) - images[1].astype(np.int64))
    return f"{np.count_nonzero(delta)} of {delta.size} values differ, by at most {delta.max()}"


def _gl_note(info: DeviceInfo, stored: Mapping[str, Any]) -> list[str]:
    if (info.renderer, info.version) == (stored["renderer"], stored["version"]):
        return []
    return [
        f"  (stored by {stored['renderer']}, {stored['version']}; this is {info.renderer}, "
        f"{info.version}: bytes are promised for one renderer only)"
    ]


if __name__ == "__main__":
    main()
