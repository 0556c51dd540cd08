"""Labels drawn over a picture: masks, boxes, names.

* visible mask: tinted, with a line around it;
* amodal mask: a dotted line, where it goes beyond the visible mask;
* visible box: solid;
* amodal box (`bbox_obj`): dashed, cut off at the picture's edges;
* oriented box of the visible mask, where there is one: a thin line;
* keypoints in the picture, where there are some: a dot where visible, a ring where hidden;
* name: on a plate at the visible box.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from render.geometry.rle import decode_rle

__all__ = ["DrawnLabel", "category_colors", "draw_caption", "draw_labels", "drawn_label"]

Rgb = tuple[int, int, int]
_Picture = NDArray[np.uint8]
_Rect = tuple[int, int, int, int]  # x0, y0, x1, y1; half open

_TINT = 0.28  # how much of a mask's colour lies over the picture
_PLATE_OPACITY = 0.92
_SHIFT = 4  # bits of a fraction of a pixel
_DARK: Rgb = (22, 24, 28)
_WHITE: Rgb = (255, 255, 255)
_GOLDEN_TURN = 0.6180339887498949  # hues by golden section: any few in a row are far apart
_HUES = 12  # this many with one tone, then the next tone
_TONES = ((0.75, 1.0), (1.0, 0.7), (0.4, 1.0), (1.0, 0.45), (0.5, 0.75))  # saturation, value


@dataclass(frozen=True, eq=False, kw_only=True)
class DrawnLabel:
    """What is drawn of one instance, in pixels of the picture.

    Attributes:
        text: What the plate says.
        color: RGB.
        mask: ``(H, W)`` bool, amodal, inside the frame.
        mask_visib: ``(H, W)`` bool.
        bbox_obj: Amodal box as x, y, width, height in edge coordinates; None if there is none.
        bbox_visib: The same of the visible box.
        obb_visib: x and y of four corners in turn, edge coordinates; None if there is none.
        keypoints: x, y, centre coordinates, and whether it is visible, of those in the picture.

    """

    text: str
    color: Rgb
    mask: NDArray[np.bool_]
    mask_visib: NDArray[np.bool_]
    bbox_obj: Sequence[float] | None
    bbox_visib: Sequence[float] | None
    obb_visib: Sequence[float] | None = None
    keypoints: Sequence[tuple[float, float, bool]] = ()


def drawn_label(row: Mapping[str, Any], *, text: str, color: Rgb) -> DrawnLabel:
    """An instance record (`render.dataset.records`) as a label to draw."""
    size_wh = row["width"], row["height"]
    return DrawnLabel(
        text=text,
        color=color,
        mask=decode_rle(row["mask"], size_wh=size_wh),
        mask_visib=decode_rle(row["mask_visib"], size_wh=size_wh),
        bbox_obj=row["bbox_obj"],
        bbox_visib=row["bbox_visib"],
        obb_visib=row["obb_visib"],
        keypoints=[
            (*row["keypoints_uv"][2 * k : 2 * k + 2], sight == "visible")
            for k, sight in enumerate(row["keypoints_sight"] or ())
            if sight != "outside"
        ],
    )


def category_colors(categories: Sequence[str]) -> dict[str, Rgb]:
    """A colour for each category, no two alike; the first ones differ most."""
    colors: dict[str, Rgb] = {}
    for i, name in enumerate(categories):
        saturation, value = _TONES[(i // _HUES) % len(_TONES)]
        hue = (0.58 + i * _GOLDEN_TURN) % 1.0
        r, g, b = (round(255 * c) for c in colorsys.hsv_to_rgb(hue, saturation, value))
        colors[name] = (r, g, b)
    return colors


def draw_labels(rgb: _Picture, labels: Sequence[DrawnLabel], *, scale: float = 1.0) -> _Picture:
    """A copy of a picture with labels drawn over it, the farthest down the list on top.

    Args:
        rgb: ``(H, W, 3)``, not changed.
        labels: In pixels of `rgb`.
        scale: The picture is made this many times as large before lines and text are drawn,
            so that they are as sharp and as thick in a thumbnail as in a poster.

    Returns:
        ``(round(scale * H), round(scale * W), 3)``.

    """
    picture = _resized(rgb, scale)
    line = _line_width(picture)
    for label in labels:
        _draw_mask(picture, label, line)
    for label in labels:
        _draw_boxes(picture, label, scale, line)
    for label in labels:
        _draw_points(picture, label, scale, line)
    taken: list[_Rect] = []
    for label in labels:
        if label.text and label.bbox_visib is not None:
            _draw_name(picture, label, scale, taken)
    return picture


def draw_caption(picture: _Picture, text: str) -> None:
    """Writes on a dark plate in the picture's lower left corner, in place."""
    font = _font(picture)
    width, height = _plate_wh(font, text)
    bottom = picture.shape[0]
    _draw_plate(picture, (0, bottom - height, width, bottom), text, color=_DARK)


def _resized(rgb: _Picture, scale: float) -> _Picture:
    height, width = rgb.shape[:2]
    size_wh = max(1, round(scale * width)), max(1, round(scale * height))
    if size_wh == (width, height):
        return rgb.copy()
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, size_wh, interpolation=how), np.uint8)


def _line_width(picture: _Picture) -> int:
    return max(1, round(int(max(picture.shape[:2])) / 640))


def _draw_mask(picture: _Picture, label: DrawnLabel, line: int) -> None:
    visible = _coverage(label.mask_visib, picture)
    covered = visible > 0
    alpha = _TINT * visible[covered, None]
    picture[covered] = np.rint(picture[covered] * (1 - alpha) + np.array(label.color) * alpha)
    hidden = _coverage(label.mask & ~label.mask_visib, picture) > 0.5
    shown = visible > 0.5
    for contour in _contours(shown):
        cv2.polylines(picture, [contour], True, label.color, line, cv2.LINE_AA)
    # The rim of the silhouette, where it is not the rim of the visible mask as well.
    near_visible = cv2.dilate(shown.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    for contour in _contours(shown | hidden):
        for i, (x, y) in enumerate(contour[:, 0]):
            if (i // (3 * line)) % 2 == 0 and not near_visible[y, x]:
                cv2.circle(picture, (int(x), int(y)), line // 2, label.color, -1, cv2.LINE_AA)


def _coverage(mask: NDArray[np.bool_], picture: _Picture) -> NDArray[np.float32]:
    """How much of each pixel of the picture a mask covers, 0 to 1."""
    height, width = picture.shape[:2]
    how = cv2.INTER_AREA if width < mask.shape[1] else cv2.INTER_LINEAR
    return np.asarray(
        cv2.resize(mask.astype(np.float32), (width, height), interpolation=how), np.float32
    )


def _contours(mask: NDArray[np.bool_]) -> Sequence[NDArray[np.int32]]:
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return [np.asarray(contour, np.int32) for contour in found]


def _draw_boxes(picture: _Picture, label: DrawnLabel, scale: float, line: int) -> None:
    if label.bbox_obj is not None:
        _draw_box(picture, _rect(label.bbox_obj, scale), label.color, line=line, dash=4 * line)
    if label.bbox_visib is not None:
        _draw_box(picture, _rect(label.bbox_visib, scale), label.color, line=2 * line, dash=0)


def _draw_points(picture: _Picture, label: DrawnLabel, scale: float, line: int) -> None:
    if label.obb_visib is not None:
        corners = _subpixels(np.array(label.obb_visib).reshape(4, 2), scale)
        cv2.polylines(picture, [corners], True, _WHITE, line, cv2.LINE_AA, _SHIFT)
    for x, y, is_visible in label.keypoints:
        at = _subpixels(np.array([x + 0.5, y + 0.5]), scale).tolist()
        for color, radius in ((_WHITE, 4 * line), (label.color, 3 * line)):
            thickness = -1 if is_visible else line
            cv2.circle(picture, at, radius << _SHIFT, color, thickness, cv2.LINE_AA, _SHIFT)


def _subpixels(points: NDArray[np.float64], scale: float) -> NDArray[np.int32]:
    """Edge coordinates as OpenCV's drawing takes them: pixel centres, in fractions of a pixel."""
    return np.rint((points * scale - 0.5) * (1 << _SHIFT)).astype(np.int32)


def _rect(xywh: Sequence[float], scale: float) -> _Rect:
    x, y, w, h = xywh
    x0, y0, x1, y1 = (round(v * scale) for v in (x, y, x + w, y + h))
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def _draw_box(picture: _Picture, rect: _Rect, color: Rgb, *, line: int, dash: int) -> None:
    """A frame just inside `rect`; `dash` is the length of dashes and gaps, 0 for none."""
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = rect
    on_x, on_y = np.ones(width, np.bool_), np.ones(height, np.bool_)
    if dash:
        on_x = (np.arange(width) - x0) // dash % 2 == 0
        on_y = (np.arange(height) - y0) // dash % 2 == 0
    columns, rows = _span(x0, x1, width), _span(y0, y1, height)
    for y in (_span(y0, min(y0 + line, y1), height), _span(max(y1 - line, y0), y1, height)):
        picture[y, columns][:, on_x[columns]] = color
    for x in (_span(x0, min(x0 + line, x1), width), _span(max(x1 - line, x0), x1, width)):
        picture[rows, x][on_y[rows]] = color


def _span(start: int, stop: int, size: int) -> slice:
    """The slice from start to stop, cut to the picture."""
    return slice(min(max(start, 0), size), min(max(stop, 0), size))


def _font(picture: _Picture) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=max(12.0, round(max(picture.shape[:2]) / 44)))


def _plate_wh(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str) -> tuple[int, int]:
    """Size of a plate that holds a text; as high for all texts."""
    height = font.getbbox("Åg")[3]
    pad = max(2, round(height / 5))
    return round(font.getbbox(text)[2]) + 2 * pad + 1, round(height) + 2 * (pad // 2)


def _draw_name(picture: _Picture, label: DrawnLabel, scale: float, taken: list[_Rect]) -> None:
    """Puts the plate where it covers no other: above the box, below it, or inside."""
    height, width = picture.shape[:2]
    w, h = _plate_wh(_font(picture), label.text)
    x0, y0, x1, y1 = _rect(label.bbox_visib or (0, 0, 0, 0), scale)
    places = [(x, y) for y in (y0 - h, y1, y0, y1 - h) for x in (x0, x1 - w)]
    rects = []
    for x, y in places:
        x, y = min(max(x, 0), max(width - w, 0)), min(max(y, 0), max(height - h, 0))
        rects.append((x, y, x + w, y + h))
    free = (r for r in rects if not any(_overlap(r, t) for t in taken))
    rect = next(free, rects[0])
    taken.append(rect)
    _draw_plate(picture, rect, label.text, color=label.color)


def _overlap(a: _Rect, b: _Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _draw_plate(picture: _Picture, rect: _Rect, text: str, *, color: Rgb) -> None:
    x0, y0, x1, y1 = rect
    height, width = picture.shape[:2]
    rows, columns = _span(y0, y1, height), _span(x0, x1, width)
    under = picture[rows, columns].astype(np.float64)
    plate = Image.fromarray(
        np.rint(under * (1 - _PLATE_OPACITY) + np.array(color) * _PLATE_OPACITY).astype(np.uint8)
    )
    font = _font(picture)
    pad = (x1 - x0 - 1 - round(font.getbbox(text)[2])) // 2
    middle = (y1 - y0) / 2 - (font.getbbox("Åg")[3]) / 2
    luminance = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    ImageDraw.Draw(plate).text(
        (pad, middle), text, font=font, fill=_DARK if luminance > 120 else _WHITE
    )
    picture[rows, columns] = np.asarray(plate)
