"""The contact sheet, read back as a picture; and labels drawn on a picture."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from render.dataset.records import read_instances
from render.errors import DatasetError
from render.report.drawing import DrawnLabel, category_colors, draw_caption, draw_labels
from render.report.preview import preview
from render.sample import Sample
from tests.small_dataset import Shape, sample_of, some_samples, write_dataset

Picture = NDArray[np.uint8]
RED = (230, 40, 30)
GREY = 100


def categories_of(folder: Path) -> list[str]:
    """Categories of its targets, sorted."""
    return sorted({row["category"] for row in read_instances(folder) if row["role"] == "target"})


def sheet_of(folder: Path) -> Picture:
    """The sheet of a dataset, RGB."""
    bgr = cv2.imdecode(
        np.frombuffer(preview(folder, categories_of(folder)), np.uint8), cv2.IMREAD_COLOR
    )
    assert bgr is not None
    return np.asarray(bgr[..., ::-1], np.uint8)


def label_of(
    *, text: str = "", mask: NDArray[np.bool_] | None = None, visible_columns: int = 100
) -> DrawnLabel:
    """An object of 40 x 30 pixels at (20, 10) of a 100 x 80 picture; its left part is visible."""
    if mask is None:
        mask = np.zeros((80, 100), np.bool_)
        mask[10:40, 20:60] = True
    visible = mask.copy()
    visible[:, visible_columns:] = False
    return DrawnLabel(
        text=text,
        color=RED,
        mask=mask,
        mask_visib=visible,
        bbox_obj=(20.0, 10.0, 40.0, 30.0),
        bbox_visib=(20.0, 10.0, min(visible_columns, 60) - 20.0, 30.0),
    )


def grey(height: int = 80, width: int = 100) -> Picture:
    """A picture without any colour."""
    return np.full((height, width, 3), GREY, np.uint8)


def is_red(picture: Picture) -> NDArray[np.bool_]:
    """Pixels of the label's own colour."""
    return (picture == RED).all(axis=2)


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_visible_box_lies_on_the_edges_of_its_pixels(scale: int) -> None:
    label = label_of(mask=np.zeros((80, 100), np.bool_))
    drawn = is_red(draw_labels(grey(), [label], scale=scale))
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))

    assert (10 * scale, 40 * scale - 1) == (rows[0], rows[-1])
    assert (20 * scale, 60 * scale - 1) == (columns[0], columns[-1])
    assert drawn[rows[0], columns].all()
    assert drawn[rows, columns[-1]].all()


def test_mask_is_tinted_and_nothing_else_is_touched() -> None:
    before = grey()
    drawn = draw_labels(before, [label_of()])
    outside = np.ones((80, 100), np.bool_)
    outside[9:41, 19:61] = False

    assert (before == GREY).all()
    assert (drawn[outside] == GREY).all()
    inner = drawn[15:35, 25:55].astype(int)
    assert (inner[..., 0] > GREY).all()
    assert (inner[..., 2] < GREY).all()
    assert not is_red(drawn)[15:35, 25:55].any()


def test_hidden_part_is_dotted_around_and_not_tinted() -> None:
    drawn = draw_labels(grey(), [label_of(visible_columns=40)], scale=4)
    hidden_inside = drawn[60:140, 180:220]
    right_rim = (drawn[60:140, 234:244] != GREY).any(axis=(1, 2))

    assert (hidden_inside == GREY).all()
    assert 0.2 < right_rim.mean() < 0.95


def test_amodal_box_is_dashed() -> None:
    empty = np.zeros((80, 100), np.bool_)
    label = DrawnLabel(
        text="", color=RED, mask=empty, mask_visib=empty,
        bbox_obj=(-30.0, 20.0, 90.0, 200.0), bbox_visib=None,
    )  # fmt: skip
    drawn = is_red(draw_labels(grey(), [label]))

    assert 0.3 < drawn[20, :60].mean() < 0.7
    assert 0.3 < drawn[20:, 59].mean() < 0.7
    assert not drawn[:20].any()
    assert not drawn[:, 60:].any()
    assert not drawn[21:, :59].any()


def test_names_of_objects_in_one_place_do_not_cover_each_other() -> None:
    """Each plate is drawn in a colour of its own and stays as large as it is alone."""
    empty = np.zeros((160, 200), np.bool_)
    colors = [(230, 40, 30), (30, 200, 40), (40, 60, 220), (200, 190, 20)]
    labels = [
        DrawnLabel(
            text="name", color=color, mask=empty, mask_visib=empty, bbox_obj=None,
            bbox_visib=(60.0, 60.0, 90.0, 40.0),
        )
        for color in colors
    ]  # fmt: skip
    drawn = draw_labels(grey(160, 200), labels).astype(int)
    areas = [(np.abs(drawn - color).sum(axis=2) < 60).sum() for color in colors]

    assert min(areas) > 250
    assert max(areas[:3]) - min(areas[:3]) < 80


def test_name_lies_above_its_box_and_does_not_cover_it() -> None:
    mask = np.zeros((160, 200), np.bool_)
    mask[60:100, 60:150] = True
    box = (60.0, 60.0, 90.0, 40.0)
    label = DrawnLabel(
        text="name", color=RED, mask=mask, mask_visib=mask, bbox_obj=box, bbox_visib=box
    )
    rows = np.flatnonzero((draw_labels(grey(160, 200), [label])[:59] != GREY).any(axis=(1, 2)))

    assert 58 == rows[-1]
    assert 12 < len(rows) < 22


@pytest.mark.parametrize("at", [(0, 0), (95, 0), (0, 75), (95, 75)])
def test_names_stay_inside_the_picture(at: tuple[int, int]) -> None:
    mask = np.zeros((160, 200), np.bool_)
    mask[2 * at[1], 2 * at[0]] = True
    box = (2.0 * at[0], 2.0 * at[1], 1.0, 1.0)
    label = DrawnLabel(
        text="name", color=RED, mask=mask, mask_visib=mask, bbox_obj=box, bbox_visib=box
    )
    drawn = draw_labels(grey(160, 200), [label])
    plate = (drawn != GREY).any(axis=2)

    assert plate.sum() > 300


def test_very_long_name_in_a_very_small_picture_is_cut() -> None:
    mask = np.ones((5, 3), np.bool_)
    box = (0.0, 0.0, 3.0, 5.0)
    label = DrawnLabel(
        text="a very long name", color=RED, mask=mask, mask_visib=mask, bbox_obj=box,
        bbox_visib=box,
    )  # fmt: skip
    picture = draw_labels(grey(5, 3), [label])
    draw_caption(picture, "frame 12345678, train")

    assert (5, 3, 3) == picture.shape


@pytest.mark.parametrize("count", [2, 8, 60])
def test_colors_of_categories_differ(count: int) -> None:
    colors = list(category_colors([f"c{i}" for i in range(count)]).values())
    nearest = min(np.abs(np.subtract(a, b, dtype=int)).sum() for a, b in combinations(colors, 2))

    assert nearest >= {2: 200, 8: 80, 60: 25}[count]


def levels_off(cell: Picture, sample: Sample) -> float:
    """Mean difference between a cell and a frame, away from drawn labels and the caption."""
    height, width = sample.rgb.shape[:2]
    small = cv2.resize(cell, (width, height), interpolation=cv2.INTER_AREA).astype(float)
    drawn = np.zeros((height, width), np.uint8)
    for label in sample.labels:
        if label.role == "target" and not label.filtered:
            drawn |= label.mask.pixels()
    free = cv2.dilate(drawn, np.ones((25, 25))) == 0
    free[: height // 6] = free[-height // 6 :] = False
    return float(np.abs(small - sample.rgb)[free].mean())


@pytest.mark.parametrize("image", ["png", "jpg"])
def test_sheet_shows_every_frame_of_a_small_dataset(tmp_path: Path, image: str) -> None:
    samples = some_samples(5)
    write_dataset(tmp_path, samples, image=image)
    sheet = sheet_of(tmp_path)

    assert 1850 < sheet.shape[1] < 1950
    cell_w, cell_h = (sheet.shape[1] - 6) / 3, (sheet.shape[0] - 6) / 2
    for i in range(5):
        y, x = round(6 + i // 3 * cell_h), round(6 + i % 3 * cell_w)
        cell = sheet[y : y + round(cell_h) - 6, x : x + round(cell_w) - 6]
        off = [levels_off(cell, sample) for sample in samples]
        assert int(np.argmin(off)) == i
        assert off[i] < 4.0  # grain, and JPEG twice
    assert (sheet[int(cell_h) + 10 :, int(2 * cell_w) + 10 :] > 240).all()


def test_sheet_spreads_over_a_long_dataset_and_does_not_read_the_rest(tmp_path: Path) -> None:
    shapes = [Shape(category="nut", at=(20, 20), radius=9)]
    samples = [sample_of(shapes, frame_idx=i, size_wh=(40, 40)) for i in range(40)]
    write_dataset(tmp_path, samples)
    shown = {0, 3, 5, 8, 10, 13, 16, 18, 21, 23, 26, 29, 31, 34, 36, 39}
    for i in set(range(40)) - shown:
        (tmp_path / "images" / "train" / f"{i:08d}.png").unlink()

    sheet_of(tmp_path)
    (tmp_path / "images" / "train" / "00000021.png").unlink()
    with pytest.raises(DatasetError, match=re.escape("00000021.png")):
        sheet_of(tmp_path)


@pytest.mark.parametrize("size_wh", [(1, 1), (17, 33), (641, 123), (1300, 900)])
def test_one_frame_of_any_size(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    shapes = [Shape(category="nut", at=(size_wh[0] / 2, size_wh[1] / 2), radius=6)]
    write_dataset(tmp_path, [sample_of(shapes, size_wh=size_wh)])
    sheet = sheet_of(tmp_path)

    assert 960 == max(sheet.shape) - 12
    assert size_wh[0] / size_wh[1] == pytest.approx(
        (sheet.shape[1] - 12) / (sheet.shape[0] - 12), rel=0.01
    )


def test_frames_of_different_sizes_and_no_instances(tmp_path: Path) -> None:
    sizes = [(60, 90), (120, 40), (64, 64)]
    samples = [sample_of([], frame_idx=i, size_wh=size) for i, size in enumerate(sizes)]
    write_dataset(tmp_path, samples)
    sheet = sheet_of(tmp_path)

    side = (sheet.shape[1] - 6) // 2 - 6
    assert sheet.shape == (12 + 2 * side + 6, 12 + 2 * side + 6, 3)
    for i, (sample, size_wh) in enumerate(zip(samples, sizes, strict=True)):
        width, height = np.rint(side * np.array(size_wh) / max(size_wh)).astype(int)
        y = 6 + i // 2 * (side + 6) + (side - height) // 2
        x = 6 + i % 2 * (side + 6) + (side - width) // 2
        assert levels_off(sheet[y : y + height, x : x + width], sample) < 4.0


def test_sixty_categories(tmp_path: Path) -> None:
    names = [f"part {i:02d}" for i in range(60)]
    shapes = [
        Shape(category=name, at=(30 + 60 * (i % 10), 30 + 60 * (i // 10)), radius=25)
        for i, name in enumerate(names)
    ]
    write_dataset(tmp_path, [sample_of(shapes, size_wh=(600, 360))], categories=names)
    sheet = sheet_of(tmp_path)

    assert len(np.unique(sheet.reshape(-1, 3) // 16, axis=0)) > 300


def test_filtered_instances_and_distractors_are_not_drawn(tmp_path: Path) -> None:
    def sheet(name: str, **changes: str) -> Picture:
        shape = Shape(category="nut", at=(50, 50), radius=30, **changes)  # type: ignore[arg-type]
        write_dataset(tmp_path / name, [sample_of([shape], size_wh=(100, 100))])
        return sheet_of(tmp_path / name)

    for name in ("plain", "filtered", "distractor"):
        (tmp_path / name).mkdir()
    plain = sheet("plain")
    filtered = sheet("filtered", filtered="below labels.min_px")
    distractor = sheet("distractor", role="distractor")

    np.testing.assert_array_equal(filtered, distractor)
    assert (plain != filtered).any()


def test_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    write_dataset(tmp_path, some_samples(5))

    names = categories_of(tmp_path)
    assert preview(tmp_path, names) == preview(tmp_path, names)


def test_torn_image_is_named(tmp_path: Path) -> None:
    write_dataset(tmp_path, some_samples(1))
    image = tmp_path / "images" / "train" / "00000000.png"
    image.write_bytes(image.read_bytes()[:9])

    with pytest.raises(DatasetError, match=re.escape(str(image))):
        preview(tmp_path, categories_of(tmp_path))


def test_dataset_without_frames_is_refused(tmp_path: Path) -> None:
    write_dataset(tmp_path, [])

    with pytest.raises(DatasetError, match="must hold at least one frame"):
        preview(tmp_path, categories_of(tmp_path))
