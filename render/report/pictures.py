"""Stored pictures, read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from render.dataset.frame_files import FrameFiles
from render.dataset.layout import image_path
from render.dataset.sharding import Sharding
from render.errors import DatasetError
from render.system.stores import Folder

__all__ = ["read_picture"]


def read_picture(folder: Folder, frame: Mapping[str, Any], sharding: Sharding) -> NDArray[np.uint8]:
    """The picture of a frame of a dataset as ``(H, W, 3)`` RGB.

    Args:
        folder: The dataset.
        frame: Its record.
        sharding: That of the dataset.

    Raises:
        DatasetError: It cannot be read, or is no picture.

    """
    path = image_path(frame)
    try:
        data = FrameFiles(folder, frame, sharding).read(path)
    except OSError as error:
        raise DatasetError(f"{folder / path} cannot be read: {error.strerror}") from error
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if bgr is None:
        raise DatasetError(f"{folder / path} must be an image, got {len(data)} bytes that are none")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
