"""Stored pictures, read back."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from render.errors import DatasetError

__all__ = ["read_picture"]


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A JPEG or PNG as ``(H, W, 3)`` RGB.

    Raises:
        DatasetError: It cannot be read, or is no picture.

    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if bgr is None:
        raise DatasetError(f"{path} must be an image, got {len(data)} bytes that are none")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
