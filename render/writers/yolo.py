"""YOLO: a label file of each frame and the ``data.yaml`` that ultralytics opens.

A label file has a row for each instance, of its box, outline, keypoints or oriented box.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final, get_args

import yaml

from render.config.settings import setting
from render.dataset.findings import Findings
from render.dataset.frame_view import FrameView, LabelNames, is_labelled
from render.dataset.layout import IMAGES, SPLITS
from render.errors import ConfigError
from render.geometry.rle import decode_rle
from render.labels.oriented import oriented_box
from render.writers.base import WRITERS, AbstractWriter, Row, StoredFrame
from render.writers.coco import coco_keypoints
from render.writers.fragments import lost_fragments
from render.writers.outline import outline
from render.writers.yolo_check import check_yolo

if TYPE_CHECKING:
    from render.dataset.reader import Dataset

__all__ = ["YoloKind", "YoloSettings", "YoloWriter", "data_yaml", "yolo_text"]

YoloKind = Literal["detect", "segment", "pose", "obb"]

# 1e-10 of an image's width: boxes equal COCO's to a millionth of a pixel.
_BOX_DECIMALS = 10
# The outline keeps 1/256 px from the edges of pixels; 1e-8 of any image is far less.
_POLYGON_DECIMALS = 8
# Of the names of ultralytics' models, by what label files hold.
_MODEL_SUFFIXES = {"detect": "", "segment": "-seg", "pose": "-pose", "obb": "-obb"}


@dataclass(frozen=True, kw_only=True)
class YoloSettings:
    """Keys of ``output`` that are YOLO's."""

    yolo: YoloKind = setting(
        kind="choice",
        options=get_args(YoloKind),
        doc="What the label files of YOLO hold.",
        example="segment",
    )


@final
@WRITERS.register("yolo")
class YoloWriter(AbstractWriter[YoloSettings]):
    """A label file of each frame, and ``data.yaml`` when all are there."""

    Settings = YoloSettings

    @classmethod
    def paths(cls) -> tuple[str, ...]:
        return ("labels/{split}/{stem}.txt", "data.yaml")

    @classmethod
    def leftovers(cls) -> tuple[str, ...]:
        return ("labels/{split}.cache", IMAGES + "/{stem}.npy")

    def accept(self, names: LabelNames) -> None:
        if self.settings.yolo == "pose" and not names.keypoints:
            raise ConfigError(
                "output.yolo=pose needs models with keypoints, and there is none: declare them in "
                "side files, or labels.keypoints=8 chooses some on every model"
            )

    def frame_files(self, view: FrameView) -> dict[str, bytes]:
        text = yolo_text(
            view.instances, names=view.names, size_wh=view.size_wh, kind=self.settings.yolo
        )
        return {f"labels/{view.split}/{view.stem}.txt": text.encode()}

    def finish_files(self, dataset: Dataset) -> dict[str, Iterator[bytes]]:
        return {"data.yaml": iter([data_yaml(dataset.names, kind=self.settings.yolo)])}

    def left_out(self, row: Row) -> dict[str, int]:
        if self.settings.yolo != "segment":
            return {}
        size_wh = row["width"], row["height"]
        pieces, px = lost_fragments(decode_rle(row["mask_visib"], size_wh=size_wh))
        return {"pieces of masks": pieces, "px of masks": px}

    def check(self, dataset: Dataset, findings: Findings) -> Callable[[StoredFrame], None]:
        return check_yolo(dataset, self.settings.yolo, findings)

    def train_command(self, folder: Path) -> str:
        kind = self.settings.yolo
        data = shlex.quote(f"data={folder / 'data.yaml'}")
        return f"yolo {kind} train {data} model=yolo11n{_MODEL_SUFFIXES[kind]}.pt"


def data_yaml(names: LabelNames, *, kind: YoloKind) -> bytes:
    """``data.yaml``, which names both splits and the categories, ids from 0.

    It has no `path` key: ultralytics then starts from the file's own folder, and the
    dataset can be moved. With the kind ``pose`` it also names the keypoints.
    """
    content: dict[str, Any] = {
        **{split: IMAGES.format(split=split) for split in SPLITS},
        "nc": len(names.categories),
        "names": dict(enumerate(names.categories)),
    }
    if kind == "pose":
        content["kpt_shape"] = [max(map(len, names.keypoints.values())), 3]
        content["kpt_names"] = {
            i: list(names.keypoints.get(name, ())) for i, name in enumerate(names.categories)
        }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode()


def yolo_text(
    rows: Iterable[Mapping[str, Any]],
    *,
    names: LabelNames,
    size_wh: tuple[int, int],
    kind: YoloKind,
) -> str:
    """The label file of one frame: a line per target that is not filtered, in order.

    Args:
        rows: Instance records of the frame.
        names: Categories in the order of their ids, from 0; every row of ``pose`` has as many
            keypoints as the category that has most, those that an instance lacks as 0.
        size_wh: Image size, pixels.
        kind: ``detect`` writes ``class cx cy w h`` of the visible box; ``segment`` writes
            ``class x y x y ...`` of the outline of the visible mask, without the pieces that
            `lost_fragments` counts. Both as shares of the
            image's width and height. ``pose`` writes the row of ``detect`` and ``px py v`` of
            each keypoint: v is 2 where it is visible, 1 where it is hidden, else all three are 0.
            ``obb`` writes the four corners of the least rectangle, at any angle, that holds the
            visible mask, so a part that the image cuts off has no share in it. Corners may lie
            outside of the image; ultralytics drops an image with a rectangle that is wider or
            higher than it or has its centre outside, and then the least that is not is taken.

    """
    ids = {name: i for i, name in enumerate(names.categories)}
    n_keypoints = max(map(len, names.keypoints.values()), default=0)

    def numbers_of(row: Mapping[str, Any]) -> str:
        if kind == "detect":
            return _box(row, size_wh)
        if kind == "pose":
            return f"{_box(row, size_wh)}{_keypoints(row, size_wh, n_keypoints)}"
        return (_polygon if kind == "segment" else _oriented)(row, size_wh)

    lines = (
        f"{ids[row['category']]} {numbers_of(row)}\n"
        for row in rows
        if is_labelled(row) and row["px_count_visib"]
    )
    return "".join(lines)


def _box(row: Mapping[str, Any], size_wh: tuple[int, int]) -> str:
    (x, y, w, h), (width, height) = row["bbox_visib"], size_wh
    numbers = (x + w / 2) / width, (y + h / 2) / height, w / width, h / height
    return " ".join(f"{n:.{_BOX_DECIMALS}f}" for n in numbers)


def _polygon(row: Mapping[str, Any], size_wh: tuple[int, int]) -> str:
    points = outline(decode_rle(row["mask_visib"], size_wh=size_wh)) / size_wh
    return " ".join(f"{n:.{_POLYGON_DECIMALS}f}" for n in points.ravel().tolist())


def _keypoints(row: Mapping[str, Any], size_wh: tuple[int, int], count: int) -> str:
    triples = [] if row["keypoints_sight"] is None else coco_keypoints(row)["keypoints"]
    text = ""
    for k in range(count):
        u, v, seen = triples[3 * k : 3 * k + 3] or (0, 0, 0)
        # From centre coordinates to shares of the image.
        x, y = ((u + 0.5) / size_wh[0], (v + 0.5) / size_wh[1]) if seen else (0.0, 0.0)
        text += f" {x:.{_BOX_DECIMALS}f} {y:.{_BOX_DECIMALS}f} {seen}"
    return text


def _oriented(row: Mapping[str, Any], size_wh: tuple[int, int]) -> str:
    corners = oriented_box(decode_rle(row["mask_visib"], size_wh=size_wh), fits=True)
    assert corners is not None  # of a visible instance
    return " ".join(f"{n:.{_BOX_DECIMALS}f}" for n in (corners / size_wh).ravel().tolist())
