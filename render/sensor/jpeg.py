"""JPEG compression, the last step of the sensor."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["encode_jpeg"]


def encode_jpeg(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """Baseline JPEG with 4:2:0 chroma, as cameras write it: equal input, equal bytes.

    Args:
        rgb: ``(H, W, 3)`` display sRGB.
        quality: 1 to 100, as libjpeg has it.

    Raises:
        ValueError: If the quality is out of range.

    """
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must be from 1 to 100, got {quality}")
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        int(quality),
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    ]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    return bytes(data)
