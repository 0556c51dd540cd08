"""All checks of a dataset, shard by shard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from render.report.verify.coco import CocoFile
from render.report.verify.description import Description, check_description, read_description
from render.report.verify.findings import Findings
from render.report.verify.images import check_files
from render.report.verify.instances import check_instances
from render.report.verify.layout import check_layout, check_manifest
from render.report.verify.records import Row, Shard, Tally, read_shards
from render.report.verify.yolo import check_data_yaml, check_yolo

__all__ = ["Verdict", "verify"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Verdict:
    """What was found.

    Attributes:
        instances: Labelled targets.
        has_manifest: Also the hashes in `.manifest` were compared.

    """

    frames: int
    instances: int
    has_manifest: bool
    findings: Findings


def verify(folder: Path) -> Verdict:
    """Reads a dataset back from disk and checks it against its records and itself.

    Neither the models nor the machine that made it are needed. Memory holds one shard of
    records, one frame of pixels, and a few bytes for each COCO entry.

    Raises:
        DatasetError: The folder is no dataset, or dataset.yaml is missing or torn.

    """
    description = read_description(folder)
    findings = Findings()
    check_description(description, folder, findings)
    check_layout(folder, description, findings)
    if "yolo" in description.formats:
        check_data_yaml(folder, description, findings)
    splits = ("train", "val") if "coco" in description.formats else ()
    coco = {split: CocoFile(folder, split, description, findings) for split in splits}
    tally = Tally(description)
    has_manifest = True
    with tqdm(total=description.n_frames, unit="frame", desc="verify", disable=None) as bar:
        for shard in read_shards(folder, findings):
            has_manifest &= check_manifest(folder, shard, findings)
            frames = [
                frame
                for frame in shard.frames
                if tally.add(
                    frame, shard.instances[frame["frame_idx"]], shard.file_frames, findings
                )
            ]
            for frame in frames:
                _check_frame(folder, frame, shard, description, findings)
                bar.update()
            for split, file in coco.items():
                of_split = [f for f in frames if description.split_of(f["frame_idx"]) == split]
                file.check(of_split, shard.instances)
    tally.check(findings)
    return Verdict(
        frames=tally.frames.total(),
        instances=tally.instances.total(),
        has_manifest=has_manifest,
        findings=findings,
    )


def _check_frame(
    folder: Path, frame: Row, shard: Shard, description: Description, findings: Findings
) -> None:
    idx = frame["frame_idx"]
    file = shard.file_frames
    split, name = description.split_of(idx), f"{idx:08d}.{description.image}"

    def require(holds: object, message: str) -> None:
        findings.require(holds, message, file=file, frame_idx=idx)

    require(frame["split"] == split, f"split must be {split}, got {frame['split']}")
    require(frame["file_name"] == name, f"file_name must be {name}, got {frame['file_name']}")
    require(
        frame["attempt"] == len(frame["rejections"]), "attempt must be the number of rejections"
    )
    if frame["width"] < 1 or frame["height"] < 1:
        require(False, "size must be at least 1 px")
        return
    rows = shard.instances[idx]
    drawn = check_instances(frame, shard, description=description, findings=findings)
    text = check_files(folder, frame, drawn, description=description, file=file, findings=findings)
    if text is not None:
        check_yolo(text, frame, rows, description=description, findings=findings)
