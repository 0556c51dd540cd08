"""Smaller sizes of textures and samples between texels, beside plain NumPy."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from numpy.typing import NDArray

from render.engine.cpu.scratch import Scratch
from render.engine.cpu.textures import Textures
from render.kernels import chunks
from render.kernels.textures import add_samples
from render.scene import Texture, Wrap
from render.sensor.color import srgb_to_linear

WRAPS: tuple[Wrap, ...] = ("repeat", "clamp", "mirror")


def image_of(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 4)).astype(np.uint8)


def light_of(image: NDArray[np.uint8], *, srgb: bool) -> NDArray[np.float64]:
    light = image / 255.0
    if srgb:
        light[..., :3] = srgb_to_linear(light[..., :3])
    return light


def sampled(
    texture: Texture,
    uv: NDArray[np.float64],
    change: NDArray[np.float64],
    *,
    srgb: bool = False,
    is_sharp: bool = False,
) -> NDArray[np.float32]:
    """``(N, 4)`` at ``(N, 2)`` coordinates; `change` is ``(2, 2)``: of u and v along x, then y."""
    scratch, n = Scratch(), len(uv)
    rows = scratch.numbers.reshape(-1, chunks.CHUNK)

    def put(at: np.uint64, values: object) -> None:
        rows[int(at) // chunks.CHUNK, :n] = values

    for at, values in (
        (chunks.SU, uv[:, 0]), (chunks.SV, uv[:, 1]), (chunks.WEIGHT, 1.0),
        (chunks.SUX, change[0, 0]), (chunks.SVX, change[0, 1]),
        (chunks.SUY, change[1, 0]), (chunks.SVY, change[1, 1]),
    ):  # fmt: skip
        put(at, values)
    found = chunks.BASE_TEX
    add_samples(
        scratch.numbers, scratch.indices, n, Textures().find(texture, srgb=srgb), is_sharp, 4, found
    )
    first = int(found) // chunks.CHUNK
    return rows[first : first + 4, :n].T.copy()


def wrapped(index: NDArray[np.int64], size: int, wrap: Wrap) -> NDArray[np.int64]:
    if wrap == "repeat":
        return index % size
    if wrap == "clamp":
        return np.clip(index, 0, size - 1)
    folded = index % (2 * size)
    return np.where(folded < size, folded, 2 * size - 1 - folded)


def bilinear(
    light: NDArray[np.float64], uv: NDArray[np.float64], wrap_st: tuple[Wrap, Wrap]
) -> NDArray[np.float64]:
    height, width = light.shape[:2]
    x, y = uv[:, 0] * width - 0.5, uv[:, 1] * height - 0.5
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    total = np.zeros((len(uv), 4))
    for dy in (0, 1):
        for dx in (0, 1):
            weight = np.abs(1 - dx - (x - x0)) * np.abs(1 - dy - (y - y0))
            columns = wrapped(x0 + dx, width, wrap_st[0])
            rows = wrapped(y0 + dy, height, wrap_st[1])
            total += weight[:, None] * light[rows, columns]
    return total


@pytest.mark.parametrize("srgb", [False, True])
@pytest.mark.parametrize("wrap_s", WRAPS)
@pytest.mark.parametrize("wrap_t", WRAPS)
def test_large_image_is_bilinear_and_goes_on_as_it_is_told(
    wrap_s: Wrap, wrap_t: Wrap, srgb: bool
) -> None:
    image = image_of(5, 8)
    uv = np.random.default_rng(1).uniform(-2.5, 3.5, (200, 2))
    uv[:6] = [[0, 0], [1, 1], [-1, 2], [0.5 / 8, 0.5 / 5], [1 - 1e-7, -1e-7], [2.0, -2.0]]
    change = np.full((2, 2), 1e-4)
    texture = Texture(image=image, wrap_st=(wrap_s, wrap_t))

    seen = sampled(texture, uv, change, srgb=srgb)

    expected = bilinear(light_of(image, srgb=srgb), uv, (wrap_s, wrap_t))
    np.testing.assert_allclose(seen, expected, atol=6e-4 if srgb else 2e-5)


@pytest.mark.parametrize("srgb", [False, True])
def test_smaller_sizes_are_means_of_light(srgb: bool) -> None:
    image = image_of(16, 32)
    light = light_of(image, srgb=srgb)

    full, smaller, layout, _ = Textures().find(Texture(image=image), srgb=srgb)

    np.testing.assert_array_equal(full, image.view(np.uint32).ravel())
    assert layout[:-1, 1:].tolist() == [[32, 16], [16, 8], [8, 4], [4, 2], [2, 1], [1, 1]]
    for k in range(1, 5):
        offset, width, height = layout[k]
        got = smaller[offset : offset + width * height].view(np.uint8).reshape(height, width, 4)
        blocks = light.reshape(height, 2**k, width, 2**k, 4).mean(axis=(1, 3))
        # Each size is made from the rounded one before it; a code is at most 0.009 of light.
        np.testing.assert_allclose(light_of(got, srgb=srgb), blocks, atol=0.009)
        if k == 1:
            assert abs((light_of(got, srgb=srgb) - blocks).mean()) < 1e-3


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0, 1.75, 2.0, 9.0])
def test_size_that_is_read_follows_the_change(level: float) -> None:
    """An image whose sizes are each of one grey: 8, 4, 2 and 1 pixels a side."""
    texture = Texture(image=np.full((8, 8, 4), 0, np.uint8))
    textures = Textures()
    full, smaller, layout, to_light = textures.find(texture, srgb=False)
    greys = np.repeat([80, 160, 240], [16, 4, 1]).astype(np.uint32) * 0x01010101
    change = np.array([[2.0**level / 8, 0.0], [0.0, 2.0**level / 16]])
    scratch = Scratch()
    rows = scratch.numbers.reshape(-1, chunks.CHUNK)
    for at, value in (
        (chunks.SU, 0.3), (chunks.SV, 0.6), (chunks.WEIGHT, 1.0), (chunks.SUX, change[0, 0]),
        (chunks.SVY, change[1, 1]),
    ):  # fmt: skip
        rows[int(at) // chunks.CHUNK, 0] = value
    greys.flags.writeable = False

    with_greys = full, greys, layout, to_light
    add_samples(scratch.numbers, scratch.indices, 1, with_greys, False, 3, chunks.BASE_TEX)

    seen = rows[int(chunks.BASE_TEX) // chunks.CHUNK, 0] * 255
    assert len(smaller) == 21
    assert seen == pytest.approx(80 * min(level, 3.0), abs=1.0)


def test_slanted_image_is_read_along_its_long_way() -> None:
    """Stripes across the short way stay as sharp as where the image is seen from the front."""
    image = np.zeros((256, 256, 4), np.uint8)
    image[::2] = 255  # rows of one pixel: v tells them apart
    uv = np.column_stack([np.full(64, 0.4), (np.arange(64) + 0.5) / 256])
    change = np.array([[4.0 / 256, 0.0], [0.0, 1.0 / 256]])

    sharp = sampled(Texture(image=image), uv, change, is_sharp=True)[:, 0]
    plain = sampled(Texture(image=image), uv, change)[:, 0]

    np.testing.assert_allclose(np.abs(sharp - 0.5), 0.5, atol=0.02)
    np.testing.assert_allclose(plain, 0.5, atol=0.02)


def test_images_are_neither_copied_nor_held() -> None:
    textures = Textures()
    image = image_of(64, 64)
    spread = np.repeat(image, 2, axis=1)[:, ::2]  # its texels do not lie side by side

    full, *_ = textures.find(Texture(image=image), srgb=True)
    of_spread, *_ = textures.find(Texture(image=spread), srgb=True)

    assert np.shares_memory(full, image)
    np.testing.assert_array_equal(of_spread, full)
    is_there = weakref.ref(image)
    del image, full
    gc.collect()
    assert is_there() is None
