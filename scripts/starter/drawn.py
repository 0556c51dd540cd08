"""Pictures that are printed on models: labels, a mug's band, a cut-out."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["bottle_skin", "mug_skin", "perforation"]


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90, subsampling=0)
    return out.getvalue()


def _write(
    draw: ImageDraw.ImageDraw,
    xy: tuple[float, float],
    text: str,
    *,
    size: int,
    fill: str = "#303840",
    anchor: str = "la",
) -> None:
    draw.text(xy, text, fill=fill, font=ImageFont.load_default(size), anchor=anchor)


def _centred(
    draw: ImageDraw.ImageDraw, xy: tuple[float, float], text: str, size: int, fill: str
) -> None:
    _write(draw, xy, text, size=size, fill=fill, anchor="mm")


def perforation() -> bytes:
    """One cell of a perforated sheet: five round holes in staggered rows (PNG with alpha)."""
    n, over = 128, 4
    wide = Image.new("L", (n * over, n * over), 255)
    draw = ImageDraw.Draw(wide)
    radius, size = 0.27 * n * over, n * over
    for x, y in ((0.5, 0.5), (0, 0), (1, 0), (0, 1), (1, 1)):
        box = (x * size - radius, y * size - radius, x * size + radius, y * size + radius)
        draw.ellipse(box, fill=0)
    alpha = wide.resize((n, n), Image.Resampling.BOX)
    image = Image.merge("RGBA", [*[Image.new("L", (n, n), 235)] * 3, alpha])
    out = io.BytesIO()
    image.save(out, "PNG", optimize=False, compress_level=9)
    return out.getvalue()


def mug_skin(*, low: float, high: float) -> bytes:
    """A glaze with a dark band, waves and words between v = low and v = high."""
    n = 1024
    image = Image.new("RGB", (n, n), (228, 222, 208))
    draw = ImageDraw.Draw(image)
    top, bottom = round((1 - high) * n), round((1 - low) * n)
    height = bottom - top
    draw.rectangle((0, top + int(0.52 * height), n, bottom), fill=(24, 62, 92))
    x = np.arange(0, n + 1, 4)
    for i, tone in enumerate(((196, 92, 52), (222, 160, 70), (24, 62, 92))):
        level = top + height * (0.42 + 0.05 * i)
        wave = level + height * 0.045 * np.sin(2 * np.pi * (x / n * (6 + i) + 0.3 * i))
        points = [(float(a), float(b)) for a, b in zip(x, wave)]
        draw.polygon([*points, (n, top + 0.62 * height), (0, top + 0.62 * height)], fill=tone)
    for centre in (0.25 * n, 0.75 * n):
        _centred(draw, (centre, top + 0.2 * height), "good morning", 58, "#183e5c")
        draw.ellipse((centre - 250, top + 0.14 * height, centre - 214, top + 0.14 * height + 36),
                     fill=(222, 160, 70))  # fmt: skip
        _centred(draw, (centre, top + 0.82 * height), "coffee first", 40, "#e4dcc8")
    return _jpeg(image)


def bottle_skin(*, low: float, high: float) -> bytes:
    """White plastic with a wrap-round label between v = low and v = high."""
    n = 1024
    image = Image.new("RGB", (n, n), (233, 234, 230))
    top, bottom = round((1 - high) * n), round((1 - low) * n)
    image.paste(_label(n, bottom - top), (0, top))
    return _jpeg(image)


def _label(width: int, height: int) -> Image.Image:
    """Front (brand and picture) on one half, back (text, table, barcode) on the other."""
    image = Image.new("RGB", (width, height), (14, 92, 110))
    draw = ImageDraw.Draw(image)
    shade = np.linspace(0, 1, height)[:, None, None]
    rows = np.array([14, 92, 110]) * (1 - shade) + np.array([6, 48, 78]) * shade
    image.paste(Image.fromarray(np.repeat(rows, width, axis=1).round().astype(np.uint8)))
    draw.rectangle((0, 0, width, 10), fill=(240, 190, 40))
    draw.rectangle((0, height - 11, width, height), fill=(240, 190, 40))
    _front(draw, 0.25 * width, height)
    _back(draw, (0.54 * width, 0.98 * width), height)
    return image


def _front(draw: ImageDraw.ImageDraw, x: float, height: int) -> None:
    _centred(draw, (x, 0.15 * height), "AQUALIN", 84, "#ffffff")
    _centred(draw, (x, 0.27 * height), "CITRUS CLEANER", 36, "#f0be28")
    y, radius = 0.53 * height, 0.17 * height
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(250, 214, 70))
    draw.ellipse((x - 0.86 * radius, y - 0.86 * radius, x + 0.86 * radius, y + 0.86 * radius),
                 fill=(255, 246, 205))  # fmt: skip
    for i in range(8):
        box = (x - 0.78 * radius, y - 0.78 * radius, x + 0.78 * radius, y + 0.78 * radius)
        draw.pieslice(box, 45 * i + 4, 45 * i + 41, fill=(248, 200, 40))
    _centred(draw, (x, 0.78 * height), "removes grease and lime", 28, "#ffffff")
    _centred(draw, (x, 0.9 * height), "500 ml", 44, "#ffffff")


def _back(draw: ImageDraw.ImageDraw, across: tuple[float, float], height: int) -> None:
    left, right = across
    draw.rectangle((left, 0.06 * height, right, 0.94 * height), fill=(244, 244, 240))
    _write(draw, (left + 12, 0.09 * height), "Directions", size=26, fill="#102030")
    words = (
        "Spray from 20 cm, leave for two minutes, wipe with a damp cloth.",
        "Do not use on hot surfaces, marble or untreated wood.",
        "Keep out of reach of children. Avoid contact with eyes.",
        "Contains: water, citric acid, alcohol ethoxylate, perfume.",
    )
    for i, line in enumerate(words):
        _write(draw, (left + 12, (0.18 + 0.05 * i) * height), line, size=14)
    for i in range(2):  # warning signs
        x, y, r = right - 60 - 100 * i, 0.53 * height, 40
        rhomb = [(x, y - r), (x + r, y), (x, y + r), (x - r, y)]
        draw.polygon(rhomb, fill="#ffffff", outline="#c01818", width=6)
        _centred(draw, (x, y), "!", 44, "#101010")
    table = (("Floor", 20), ("Tiles", 25), ("Sink", 40), ("Hob", 60), ("Glass", 15))
    for i, (surface, dose) in enumerate(table):
        y = (0.43 + 0.04 * i) * height
        draw.line((left + 12, y, left + 190, y), fill="#808890", width=1)
        _write(draw, (left + 16, y + 3), surface, size=13)
        _write(draw, (left + 130, y + 3), f"{dose} ml", size=13)
    _barcode(draw, (left + 20, 0.68 * height), 0.2 * height)
    _centred(draw, (right - 90, 0.78 * height), "LOT 4471 C", 18, "#303840")
    _centred(draw, (right - 90, 0.84 * height), "07 / 2031", 18, "#303840")


_LEFT_ODD = ("0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111",
             "0111011", "0110111", "0001011")  # fmt: skip
_PARITY = ("OOOOOO", "OOEOEE", "OOEEOE", "OOEEEO", "OEOOEE", "OEEOOE", "OEEEOO", "OEOEOE",
           "OEOEEO", "OEEOEO")  # fmt: skip


def _barcode(draw: ImageDraw.ImageDraw, at: tuple[float, float], height: float) -> None:
    """EAN-13 of a number from the range for use inside a shop, which names no one's goods."""
    digits = [2, 0, 4, 4, 7, 1, 0, 0, 5, 0, 0, 8]
    digits.append(-sum(d * (3 if i % 2 else 1) for i, d in enumerate(digits)) % 10)
    right = ["".join("10"[int(b)] for b in code) for code in _LEFT_ODD]
    bars = "101"
    for digit, parity in zip(digits[1:7], _PARITY[digits[0]]):
        bars += _LEFT_ODD[digit] if parity == "O" else right[digit][::-1]
    bars += "01010" + "".join(right[d] for d in digits[7:]) + "101"
    x, y = at
    for i, bar in enumerate(bars):
        if bar == "1":
            draw.rectangle((x + 2 * i, y, x + 2 * i + 1, y + height), fill="#000000")
    text = "".join(map(str, digits))
    _write(draw, (x, y + height + 3), text, size=18, fill="#000000")
