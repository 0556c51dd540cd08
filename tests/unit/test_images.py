"""Pictures of every kind come out as 8-bit sRGB, upright, on white."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from render.errors import AssetError, ConfigError
from render.library.images import IMAGE_SUFFIXES, ImageLibrary

RAMP = np.dstack(
    [np.tile(np.arange(0, 240, 10, dtype=np.uint8), (16, 1)) + k for k in range(3)]
)  # (16, 24, 3), no two columns alike


def library(folder: Path) -> ImageLibrary:
    return ImageLibrary(folder, what="backgrounds")


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_every_format_is_read(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(RAMP).save(tmp_path / f"a{suffix.upper()}")
    image = library(tmp_path).load(f"a{suffix.upper()}")
    lossy = suffix in (".jpg", ".jpeg", ".webp")

    assert ((16, 24, 3), np.uint8, False) == (image.shape, image.dtype, image.flags.writeable)
    assert np.abs(image.astype(int) - RAMP).max() <= (12 if lossy else 0)


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "LA", "RGBA", "I;16"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    grey = Image.fromarray(RAMP).convert("L")
    if mode == "I;16":
        Image.fromarray(np.asarray(grey).astype(np.uint16) * 257).save(tmp_path / "a.tif")
    else:
        first = grey if mode == "P" else grey.convert("RGB")  # a palette of greys
        first.convert(mode).save(tmp_path / "a.tif")
    image = library(tmp_path).load("a.tif")
    expected = np.asarray(grey.convert("1").convert("L") if mode == "1" else grey)

    assert (16, 24, 3) == image.shape
    assert np.abs(image.astype(int) - expected[..., None]).max() <= 3


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path, suffix: str, channels: int) -> None:
    deep = np.full((4, 5, channels), 65535, np.uint16)
    deep[..., :3] = [[[25700, 38550, 51400][:channels]]]
    cv2.imwrite(str(tmp_path / f"a{suffix}"), deep)  # blue first
    image = library(tmp_path).load(f"a{suffix}")
    expected = [100, 100, 100] if channels == 1 else [200, 150, 100]

    assert np.abs(image.astype(int) - expected).max() <= 1


def test_transparent_parts_lie_on_white(tmp_path: Path) -> None:
    pixels = np.array([[[200, 0, 0, 255], [200, 0, 0, 0], [200, 0, 0, 102]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")

    assert [[200, 0, 0], [255, 255, 255], [233, 153, 153]] == library(tmp_path).load("a.png")[
        0
    ].tolist()


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter to the left: the viewer turns it right
    Image.fromarray(RAMP).save(tmp_path / "a.png", exif=exif)
    image = library(tmp_path).load("a.png")

    np.testing.assert_array_equal(np.rot90(RAMP, -1), image)


def test_names_are_paths_and_images_stay_the_same_objects(tmp_path: Path) -> None:
    for name in ("b.png", "deep/a.JPG", ".hidden.png", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(RAMP).save(path, format="PNG")
    images = library(tmp_path)

    assert ("b.png", "deep/a.JPG") == images.names
    assert images.load("b.png") is images.load("b.png")


def test_broken_pictures_are_told_with_their_path(tmp_path: Path) -> None:
    Image.fromarray(RAMP).save(tmp_path / "good.png")
    whole = (tmp_path / "good.png").read_bytes()
    for name, data in (
        ("cut.png", whole[: len(whole) // 2]),
        ("none.jpg", b""),
        ("text.bmp", b"x"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(AssetError, match="not a picture") as told:
            library(tmp_path).check_all()
        assert path == told.value.path
        path.unlink()
    library(tmp_path).check_all()


def test_names_of_other_encodings_are_told(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    Image.fromarray(RAMP).save(tmp_path / "good.png")
    path.write_bytes((tmp_path / "good.png").read_bytes())

    with pytest.raises(AssetError, match="must have a name in UTF-8") as told:
        library(tmp_path).check_all()

    assert told.value.path == path


def test_hash_tells_every_picture_and_its_name(tmp_path: Path) -> None:
    def sha256() -> str | None:
        images = library(tmp_path)
        assert images.sha256 is None
        images.check_all()
        return images.sha256

    Image.fromarray(RAMP).save(tmp_path / "a.png")
    found = [sha256()]
    Image.fromarray(RAMP[:, ::-1].copy()).save(tmp_path / "b.png")
    found.append(sha256())
    (tmp_path / "b.png").rename(tmp_path / "c.png")
    found.append(sha256())
    Image.fromarray(RAMP).save(tmp_path / "c.png")
    found.append(sha256())

    assert 4 == len(set(found))
    (tmp_path / "notes.txt").write_text("no picture")
    assert found[-1] == sha256()


def test_an_empty_folder_is_an_error_once_pictures_are_needed(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        images = library(folder)
        assert () == images.names
        with pytest.raises(ConfigError, match=r"assets\.backgrounds_dir must be .*got .*"):
            images.check_all()
