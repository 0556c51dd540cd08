"""Ambient occlusion: what near surroundings keep of the light from all around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.engine.cpu.scratch import Scratch
from render.engine.cpu.visible import Visible
from render.engine.sky import occlusion_reach_m
from render.kernels.occlusion import average_open, open_shares
from render.scene import Scene

__all__ = ["OcclusionPass", "OpenShares"]


@dataclass(frozen=True, eq=False, kw_only=True)
class OpenShares:
    """What is open at every other pixel of every other row.

    Attributes:
        share: ``(ceil(H / 2), ceil(W / 2))`` float32: of the sky.
        depth_m: Likewise; 0 = nothing is there.

    """

    share: NDArray[np.float32]
    depth_m: NDArray[np.float32]


class OcclusionPass:
    """Works on depth alone; its memory serves many frames."""

    def __init__(self) -> None:
        self._pattern = self._depth_m = self._share = np.empty((0, 0), np.float32)
        self._listed = np.empty(0, np.int32)

    def render(
        self, scene: Scene, visible: Visible, lens: NDArray[np.float32], scratch: Scratch
    ) -> OpenShares:
        """The share of the sky that is open.

        Args:
            scene: Tells how far away surroundings count.
            visible: What its pixels show, see-through surfaces left out.
            lens: ``(4,)`` fx, fy, cx, cy; centre coordinates.
            scratch: Of the kernels.

        """
        height, width = visible.inverse_m.shape
        shape = (height + 1) // 2, (width + 1) // 2
        if self._share.shape != shape:
            self._pattern, self._depth_m, self._share = (
                np.empty(shape, np.float32) for _ in range(3)
            )
            self._listed = np.empty(shape[0] * shape[1] + 1, np.int32)
        count = open_shares(
            scratch.numbers, scratch.indices, visible.inverse_m, lens,
            np.float32(occlusion_reach_m(scene)), self._pattern, self._depth_m, self._listed,
        )  # fmt: skip
        self._share.fill(1.0)
        average_open(self._pattern, self._depth_m, self._listed, count, self._share)
        return OpenShares(share=self._share, depth_m=self._depth_m)
