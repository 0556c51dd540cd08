"""A page to draw on: smooth lines at exact places, and text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["Canvas", "Rgb"]

Rgb = tuple[int, int, int]

_SHIFT = 4  # cv2 takes sixteenths of a pixel


@dataclass(eq=False)
class Canvas:
    """A picture; points are `uv` (0, 0 is the centre of the top left pixel).

    Attributes:
        rgb: ``(H, W, 3)`` uint8, drawn on in place.

    """

    rgb: NDArray[np.uint8]
    _texts: list[_Label] = field(default_factory=list)

    def line(self, uv: NDArray[np.float64], color: Rgb, *, width: int = 1) -> None:
        """Draws a line through ``(N, 2)`` points."""
        cv2.polylines(self.rgb, [_fixed(uv)], False, color, width, cv2.LINE_AA, _SHIFT)

    def fill(self, uv: NDArray[np.float64], color: Rgb) -> None:
        """Fills a convex polygon of ``(N, 2)`` corners."""
        cv2.fillConvexPoly(self.rgb, _fixed(uv), color, cv2.LINE_AA, _SHIFT)

    def shade(self, uv: NDArray[np.float64], color: Rgb, *, opacity: float) -> None:
        """Fills any polygon of ``(N, 2)`` corners; what lies below shines through."""
        cover = np.zeros(self.rgb.shape[:2], np.uint8)
        cv2.fillPoly(cover, [_fixed(uv)], 255, cv2.LINE_AA, _SHIFT)
        alpha = (opacity / 255) * cover[..., None].astype(np.float64)
        self.rgb[:] = np.rint(self.rgb * (1 - alpha) + np.array(color) * alpha)

    def dot(self, uv: tuple[float, float], color: Rgb, *, radius: float) -> None:
        """Draws a disc; its radius is in pixels."""
        u, v, r = (round(x * (1 << _SHIFT)) for x in (*uv, radius))
        cv2.circle(self.rgb, (u, v), r, color, -1, cv2.LINE_AA, _SHIFT)

    def text(
        self,
        uv: tuple[float, float],
        text: str,
        *,
        size: int,
        color: Rgb,
        anchor: str = "la",
        halo: Rgb | None = None,
        upwards: bool = False,
    ) -> None:
        """Adds text, which `picture` writes on top of all lines.

        Args:
            uv: Where its anchor lies.
            text: One line.
            size: Pixels.
            color: RGB.
            anchor: As Pillow has it; of `upwards` text it is always the middle.
            halo: Colour of a rim around the letters.
            upwards: Runs from below to above.

        """
        kind: Literal["up", "flat"] = "up" if upwards else "flat"
        self._texts.append(_Label(uv, text, size, color, anchor, halo, kind))

    def text_width(self, text: str, size: int) -> float:
        """Width of a text, pixels."""
        return float(ImageFont.load_default(size=size).getlength(text))

    def picture(self) -> NDArray[np.uint8]:
        """The picture with all text, ``(H, W, 3)`` uint8."""
        image = Image.fromarray(self.rgb)
        draw = ImageDraw.Draw(image)
        for text in self._texts:
            font = ImageFont.load_default(size=text.size)
            if text.kind == "up":
                _draw_upwards(image, text, font)
                continue
            draw.text(
                text.uv, text.text, fill=text.color, font=font, anchor=text.anchor,
                stroke_width=0 if text.halo is None else 2, stroke_fill=text.halo,
            )  # fmt: skip
        return np.asarray(image)


@dataclass(frozen=True)
class _Label:
    uv: tuple[float, float]
    text: str
    size: int
    color: Rgb
    anchor: str
    halo: Rgb | None
    kind: Literal["up", "flat"]


def _draw_upwards(
    image: Image.Image, text: _Label, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> None:
    left, top, right, bottom = font.getbbox(text.text)
    stamp = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    ImageDraw.Draw(stamp).text((1 - left, 1 - top), text.text, fill=255, font=font)
    stamp = stamp.transpose(Image.Transpose.ROTATE_90)
    at = round(text.uv[0] - stamp.width / 2), round(text.uv[1] - stamp.height / 2)
    image.paste(Image.new("RGB", stamp.size, text.color), at, stamp)


def _fixed(uv: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.rint(np.asarray(uv, np.float64) * (1 << _SHIFT)).astype(np.int32)
