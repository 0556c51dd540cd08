"""Parts of verify that read formats by themselves, against the libraries they do not use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import render.writers.json_lists as json_lists
from render.dataset.findings import LINES_PER_KIND, Findings
from render.dataset.frame import Frame
from render.dataset.frame_view import LabelNames
from render.dataset.sharding import Sharding
from render.geometry.rle_definition import decoded
from render.writers.base import StoredFrame
from render.writers.coco_check import _polygon_problem
from render.writers.json_lists import elements
from render.writers.outline import outlines
from render.writers.yolo import yolo_text
from render.writers.yolo_check import check_labels
from tests.polygon_readers import bridges, rle_by_pycocotools


@settings(max_examples=200, deadline=None)
@given(
    mask=arrays(
        np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.booleans()
    ),
    by=st.sampled_from([(1, 1), (9, 1), (1, 30), (60, 50)]),
)
def test_rle_is_read_as_pycocotools_writes_it(mask: np.ndarray[Any, Any], by: Any) -> None:
    mask = np.kron(mask, np.ones(by, np.bool_))  # long runs as well as short ones

    found = decoded(rle_by_pycocotools(mask), mask.shape)

    assert found is not None
    np.testing.assert_array_equal(mask, found)


@settings(max_examples=300, deadline=None)
@given(
    text=st.text(st.characters(max_codepoint=130), max_size=12)
    # Four runs that add up to six pixels, some of them below nothing.
    | st.tuples(*[st.integers(-7, 7)] * 3).map(
        lambda r: "".join(chr(48 + (x & 0x1F)) for x in (*r, 6 - sum(r) - r[1]))
    )
)
def test_torn_rle_gives_what_the_letters_say_or_none(text: str) -> None:
    runs = runs_by_the_letter(text)
    found = decoded(text, (2, 3))

    if runs is None or min(runs) < 0 or sum(runs) != 6:
        assert found is None
    else:
        expected = [i % 2 == 1 for i, run in enumerate(runs) for _ in range(run)]
        np.testing.assert_array_equal(np.reshape(expected, (3, 2)).T, found)


def runs_by_the_letter(text: str) -> list[int] | None:
    """`rleFrString` of COCO's maskApi.c; None where it reads beyond the end or is none of its."""
    runs: list[int] = []
    at = 0
    while at < len(text):
        value, k, more = 0, 0, True
        while more:
            if at == len(text) or not 0 <= ord(text[at]) - 48 <= 0x3F:
                return None
            bits = ord(text[at]) - 48
            value |= (bits & 0x1F) << 5 * k
            more, at, k = bool(bits & 0x20), at + 1, k + 1
        if bits & 0x10:
            value -= 1 << 5 * k
        runs.append(value + runs[-2] if len(runs) > 2 else value)
    return runs or None


@pytest.mark.parametrize(
    "counts", ["", None, 7, [3, 4], "é", rle_by_pycocotools(np.ones((5, 6))), "PPPPPPPP1"]
)
def test_what_is_no_rle_of_this_size_is_none(counts: Any) -> None:
    assert decoded(counts, (6, 7)) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    content=st.dictionaries(st.text("abc", max_size=3), json_values, max_size=4),
    indent=st.sampled_from([None, 0, 3]),
    ascii_only=st.booleans(),
    chunk=st.integers(1, 40),
)
def test_elements_are_those_that_json_reads(
    content: dict[str, Any],
    indent: int | None,
    ascii_only: bool,
    chunk: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "lists.json"
    path.write_bytes(json.dumps(content, indent=indent, ensure_ascii=ascii_only).encode())
    data = path.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lists, "_CHUNK", chunk)  # as small as a file is large
        read = [*elements(path, keys=content)]
    found = [(e.key, e.value) for e in read]
    assert found == [(e.key, json.loads(data[e.start : e.end])) for e in read]

    wanted = [(key, v) for key, values in content.items() if type(values) is list for v in values]
    assert found == wanted


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a": [1, 2}', '{"a": [1, 2', '{"a": [1 2]}', '{"a": [NaN]}', '{"a": []} x',
     '{"a": [{"b": "c]}', '{"a" []}', '{"a": [1], "a": [2]}', '{"a": [{"b": 1, "b": 2}]}',
     '{"a": ' + "[" * 100_000],
)  # fmt: skip
def test_torn_json_is_an_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "torn.json"
    path.write_text(text)

    with pytest.raises(ValueError):
        list(elements(path, keys="ab"))


def test_findings_keep_the_first_of_each_kind_and_count_all() -> None:
    findings = Findings()
    for i in range(25):
        assert not findings.require(False, "is\nwrong", file=f"ids/{i}.png", frame_idx=i)
    assert not findings.require(0, "too", file="data.yaml")
    assert findings.require([1], "fine", file="data.yaml")

    lines = findings.lines()
    assert lines[0] == "ids/0.png: frame 0: is wrong"
    assert len(lines) == LINES_PER_KIND + 2
    assert lines[-2:] == ["ids: and 15 more", "data.yaml: too"]
    assert (findings.problems, findings.checks) == (26, 27)


def test_rectangles_must_be_the_least_that_ultralytics_takes() -> None:
    y, x = np.mgrid[:90, :120]
    mask = np.abs(x - y - 55) < 5  # a bar from edge to edge, at 45 degrees
    ys, xs = np.nonzero(mask)
    row = {
        "role": "target", "filtered": "", "category": "nut", "px_count_visib": len(xs),
        "bbox_visib": [float(v) for v in (xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1)],
        "mask_visib": rle_by_pycocotools(mask),
    }  # fmt: skip
    names = LabelNames(categories=("nut",), keypoints={})

    def problems(text: str) -> str:
        findings = Findings()
        check_labels(stored_frame(row, f"{text.rstrip()}\n"), "obb", findings)
        return "".join(findings.lines())

    x0, y0, w, h = row["bbox_visib"]
    upright = np.array([[x0, y0], [x0 + w, y0], [x0 + w, y0 + h], [x0, y0 + h]]) / (120, 90)
    shares = " ".join(f"{v:.10f}" for v in upright.ravel())
    right = yolo_text([row], names=names, size_wh=(120, 90), kind="obb")
    assert problems(right) == ""
    assert "must be the least rectangle, and is " in problems(f"0 {shares}")
    moved = np.array(right.split()[1:], float) + 0.02
    assert "must hold the visible mask" in problems("0 " + " ".join(map(str, moved)))
    away = upright * 2 - 0.5
    assert "no larger than the image" in problems("0 " + " ".join(map(str, away.ravel())))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rings: rings, ""),
        (lambda rings: rings[:1], "segmentation: 4 px differ from the record"),
        (lambda rings: [[v + 1 for v in ring] for ring in rings], "px differ from the record"),
        (lambda rings: [], "must be a list of polygons"),
        (lambda rings: [rings[0][:5]], "must be a list of polygons"),
        (lambda rings: [[*rings[0][:-1], float("nan")], *rings[1:]], "must be a list of polygons"),
        (lambda rings: [[*rings[0][:-1], "7"]], "must be a list of polygons"),
        (lambda rings: [[*rings[0][:-1], 1e9]], "must be a list of polygons"),
        (lambda rings: {"size": [9, 12], "counts": ""}, "must be a list of polygons"),
        (lambda rings: None, "must be a list of polygons"),
    ],
)
def test_polygons_of_coco_must_fill_the_mask_of_the_record(change: Any, says: str) -> None:
    mask = np.zeros((9, 12), np.bool_)
    mask[1:6, 1:7] = mask[7:9, 9:11] = True
    mask[3, 3] = False
    rings = [ring.ravel().round(3).tolist() for ring in outlines(mask)]
    found = _polygon_problem("segmentation", change(rings), rle_by_pycocotools(mask), (9, 12))

    assert says in found if says else found == ""


def stored_frame(row: dict[str, Any], text: str) -> StoredFrame:
    """A frame of 120 x 90 with one instance and a label file."""
    frame = {"frame_idx": 0, "split": "train", "file_name": "00000000.jpg", "width": 120,
             "height": 90}  # fmt: skip
    view = Frame(
        folder=Path(), row=frame, instances=(row,), depth_unit_m=1e-4,
        names=LabelNames(categories=("nut",), keypoints={}), sharding=Sharding(),
    )  # fmt: skip
    files = {"labels/train/00000000.txt": text.encode()}
    return StoredFrame(row=frame, view=view, files=files, recorded=None)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 9999), count=st.integers(1, 12), radius=st.integers(1, 9))
def test_polygons_of_fragments_pass_and_moved_ones_do_not(
    seed: int, count: int, radius: int
) -> None:
    """Bridges between far fragments cost more than 2 %; that is no fault of the file."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((90, 120), np.bool_)
    y, x = np.mgrid[:90, :120]
    for cy, cx in rng.uniform((15, 15), (75, 105), (count, 2)):
        mask |= (x - cx) ** 2 + (y - cy) ** 2 <= radius**2
    if bridges(mask)[0] > np.count_nonzero(mask) / 2:
        mask = (x - 60) ** 2 + (y - 45) ** 2 <= radius**2
    ys, xs = np.nonzero(mask)
    box = [float(v) for v in (xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1)]
    row = {
        "role": "target", "filtered": "", "category": "nut", "px_count_visib": len(xs),
        "bbox_visib": box, "mask_visib": rle_by_pycocotools(mask),
    }  # fmt: skip
    names = LabelNames(categories=("nut",), keypoints={})
    text = yolo_text([row], names=names, size_wh=(120, 90), kind="segment")
    numbers = [float(v) for v in text.split()[1:]]
    numbers[0::2] = [v + 2 / 120 for v in numbers[0::2]]
    moved = " ".join(["0", *(f"{v:.8f}" for v in numbers)]) + "\n"

    right, wrong = Findings(), Findings()
    for told, findings in ((text, right), (moved, wrong)):
        check_labels(stored_frame(row, told), "segment", findings)
    assert right.lines() == []
    assert wrong.problems == 1
