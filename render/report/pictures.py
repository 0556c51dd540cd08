"""Stored pictures, read back."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from render.errors import DatasetError
from render.system.plain_data import read_regular
from render.system.stores import Folder

__all__ = ["read_picture"]

_MOST_BYTES = 1 << 30


def read_picture(path: Folder) -> NDArray[np.uint8]:
    """A JPEG or PNG as ``(H, W, 3)`` RGB.

    Raises:
        DatasetError: It cannot be read, or is no picture.

    """
    try:
        data = read_regular(path, most=_MOST_BYTES)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if len(data) else None
    if bgr is None:
        raise DatasetError(f"{path} must be an image, got {len(data)} bytes that are none")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
