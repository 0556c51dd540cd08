"""Files that anybody may have made, against the libraries that read them without bounds."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from render.dataset.pictures import decoded_picture, picture_size
from render.system.plain_data import json_of, open_regular, read_regular, yaml_of

PLAIN = {"Größe": [1, -2.5, None, True, "Ω\n", {"螺栓": []}], "empty": {}, "large": 2**63}


def test_plain_values_are_read_as_the_libraries_read_them() -> None:
    assert json_of(json.dumps(PLAIN).encode()) == PLAIN
    assert json_of(json.dumps(PLAIN, ensure_ascii=False)) == PLAIN
    assert yaml_of(yaml.safe_dump(PLAIN, allow_unicode=True).encode()) == PLAIN
    shared = [1, 2]  # which the library writes with an alias
    assert yaml_of(yaml.safe_dump({"a": shared, "b": shared}).encode()) == {
        "a": [1, 2],
        "b": [1, 2],
    }
    assert yaml_of(b"a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: 2020-99-99") == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 3},
        "c": "2020-99-99",
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[NaN]", "must be finite, got NaN"), ("[1e999]", "must be finite"),
        ("[-Infinity]", "must be finite"), ('{"a": 1, "b": {"c": 1, "c": 2}}', "'c' stands twice"),
        ("[" * 65 + "]" * 65, "nests too deep"), ("[" * 200_000, "nests too deep"),
        ("9" * 5000, "at most 300 digits"), ("{", "Expecting"), ("", "Expecting"),
    ],
)  # fmt: skip
def test_json_that_is_not_plain_is_an_error(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        json_of(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: .nan", "must be finite"), ("a: [-.inf]", "must be finite"),
        ("a: 1\nb: 2\na: 3", "stands twice"), ("&a [*a]", "must not hold itself"),
        ("[" * 65 + "]" * 65, "nests too deep"), ("- " * 5000, "nests too deep"),
        ("!!python/name:os.system", "python/name"),
        ("? [1]\n: 2", "unhashable"), ("a: " + "9" * 400, "at most 300 digits"),
        ("a: 1: 2", "not allowed here"), ("\0", "not allowed"), ("!!int abc", "invalid literal"),
        ("a: " + ":".join(["59"] * 9000), "at most 300 digits"), ("!!set {a}", "plain values"),
        ("a: &a [x, x, x, x, x, x, x, x]\n" + "\n".join(
            f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefg", "bcdefgh")
        ), "too many values"),
    ],
)  # fmt: skip
def test_yaml_that_is_not_plain_is_an_error(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        yaml_of(text.encode())


def test_bytes_that_are_no_text_are_an_error() -> None:
    for read in (json_of, yaml_of):
        with pytest.raises(ValueError, match="utf-8"):
            read(b"\xff\xfe")


def test_regular_files_alone_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")

    assert read_regular(tmp_path / "file", most=5) == read_regular(tmp_path / "link") == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        read_regular(tmp_path / "file", most=4)
    for name in ("pipe", "endless", "."):
        with pytest.raises(OSError, match="no regular file"):
            open_regular(tmp_path / name)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("shape", [(7, 9, 3), (300, 20, 3), (40, 41)])
def test_sizes_are_those_that_opencv_decodes(suffix: str, shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    for flags in ([], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1] if suffix == ".jpg" else []):
        data = cv2.imencode(suffix, image, flags)[1].tobytes()

        assert picture_size(data, suffix) == (shape[1], shape[0])
        assert decoded_picture(data, suffix, size_wh=(shape[1], shape[0])).shape == shape
        with pytest.raises(ValueError, match=f"must be of 1 x 1, got {shape[1]} x {shape[0]}"):
            decoded_picture(data, suffix, size_wh=(1, 1))


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (b"", ".png"), (b"", ".jpg"), (b"\xff\xd8\xff\xd9", ".jpg"), (b"x" * 99, ".png"),
        (b"\xff\xd8" + b"\xff\xe0\x00\x02" * 2000 + b"\xff\xd9", ".jpg"),
        (cv2.imencode(".png", np.zeros((4, 4)))[1].tobytes(), ".jpg"),
        (cv2.imencode(".png", np.zeros((4, 4)))[1].tobytes()[:-1], ".png"),
    ],
)  # fmt: skip
def test_what_is_no_picture_of_its_kind_is_an_error(data: bytes, suffix: str) -> None:
    with pytest.raises(ValueError, match=r"torn|decoded"):
        decoded_picture(data, suffix)
