"""How evenly a dataset covers view direction, size and occlusion, from what is on disk."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.config.trust import plugins_hint
from render.dataset.description import read_description
from render.dataset.layout import DESCRIPTION
from render.dataset.records import read_frames, read_instances
from render.errors import ConfigError, DatasetError
from render.sampling.axes import DIRECTION, OCCLUSION, Axis, axes_of, finder
from render.system.plain_data import json_of
from render.system.stores import Folder

__all__ = ["THIN", "Coverage", "coverage_of", "read_coverage"]

# A bin is thin that holds fewer frames than this share of what is expected of it, or none.
THIN = 0.5
_ROWS = 20
_GOLDEN = 0.6180339887498949

Bin = tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Coverage:
    """Numbers of frames, binned by what the labels of their principal target say.

    Attributes:
        axes: At least one.
        counts: ``(n_bins of each axis)`` frames.
        n_left_out: Frames that are in no bin: they show no target.

    """

    axes: tuple[Axis, ...]
    counts: NDArray[np.int64]
    n_left_out: int

    @property
    def expected(self) -> NDArray[np.float64]:
        """Frames of each bin if all were drawn as the config says; shaped as `counts`."""
        shares = [np.array([axis.share(i) for i in range(axis.n_bins)]) for axis in self.axes]
        return np.asarray(reduce(np.multiply.outer, shares) * self.counts.sum())

    @property
    def enough(self) -> NDArray[np.float64]:
        """Frames with which a bin is not thin; shaped as `counts`.

        Whole ones: where two are expected, a bin with one is not thin because a few frames more
        make it 2.1.
        """
        return np.maximum(np.floor(THIN * self.expected), 1.0)

    def ranked(self) -> list[Bin]:
        """All bins, that with the smallest share of what is expected first."""
        filled = np.round(self.counts / self.expected, 9)
        bins = list(itertools.product(*(range(axis.n_bins) for axis in self.axes)))
        # Bins that are alike come in steps of the golden section, so that any first few of them
        # lie far apart.
        spread = {b: (i * _GOLDEN) % 1.0 for i, b in enumerate(bins)}
        return sorted(bins, key=lambda b: (filled[b], spread[b]))

    def thin(self) -> list[Bin]:
        """Bins with less than `enough`, the worst first."""
        enough = self.enough
        return [b for b in self.ranked() if self.counts[b] < enough[b]]

    def text(self, *, all_bins: bool = False) -> str:
        """The coverage as a table for people.

        Args:
            all_bins: Also bins that are not thin, and thin ones beyond the first 20.

        """
        n_bins, thin = self.counts.size, self.thin()
        axes = " x ".join(f"{axis.leaf} ({axis.n_bins})" for axis in self.axes)
        n = int(self.counts.sum())
        out = f" ({self.n_left_out} more show no target)" if self.n_left_out else ""
        lines = [
            f"bins        {n_bins}: {axes}",
            f"frames      {n}{out}, {n / n_bins:.3g} a bin",
            f"empty       {int((self.counts == 0).sum())} bins",
            f"thin        {len(thin)} bins hold less than {THIN:.0%} of what is expected",
        ]
        bins = self.ranked() if all_bins else thin[:_ROWS]
        if bins:
            lines += ["", *self._table(bins)]
        if len(thin) > len(bins):
            lines.append(f"... and {len(thin) - len(bins)} more thin ones (--all)")
        return "\n".join(lines)

    def _table(self, bins: list[Bin]) -> list[str]:
        """Lines of a table of bins, in columns below a head."""
        expected = self.expected
        rows = [["frames", "expected", *(axis.leaf for axis in self.axes)]]
        for b in bins:
            values = (axis.text(i) for axis, i in zip(self.axes, b, strict=True))
            rows.append([str(self.counts[b]), f"{expected[b]:.3g}", *values])
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        return [
            "  ".join(
                cell.rjust(width) if i < 2 else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]


def coverage_of(
    axes: tuple[Axis, ...],
    frames: Iterable[Mapping[str, Any]],
    instances: Iterable[Mapping[str, Any]],
) -> Coverage:
    """Counts frames by what their labels say.

    Args:
        axes: The axes that `render.sampling.axes` finds in the dataset's config.
        frames: Rows of frames. Of a scene with several views the first one counts.
        instances: Rows of instances, of the same frames.

    Raises:
        DatasetError: A record is torn.

    """
    achieved, further = {}, set()
    for row in frames:
        if row.get("view_idx"):
            further.add(row["frame_idx"])
        else:
            achieved[row["frame_idx"]] = _of_frame(row)
    counts = np.zeros([axis.n_bins for axis in axes], np.int64)
    for row in instances:
        if row["frame_idx"] in further:
            continue
        if row["role"] == "target" and row["instance_idx"] == 0:
            if row["frame_idx"] not in achieved:
                raise DatasetError(f"the record of frame {row['frame_idx']} is missing")
            values = {**achieved[row["frame_idx"]], **_of_principal(row)}
            found = [(axis, values[axis.leaf]) for axis in axes]
            at = tuple(axis.bin_of(value) for axis, value in found if value is not None)
            if len(at) == len(axes):
                counts[at] += 1
    return Coverage(axes=axes, counts=counts, n_left_out=len(achieved) - int(counts.sum()))


def read_coverage(folder: Folder, *, plugins: Sequence[str] = ()) -> Coverage:
    """Counts the frames of a dataset; its models are not needed.

    Args:
        folder: A dataset.
        plugins: Packages that were imported because the user named them; an error tells of those
            that the dataset was made with and that are missing.

    Raises:
        DatasetError: The folder is no dataset, a record is torn, its config draws neither view
            direction nor size nor occlusion from a distribution, or no frame shows a target.

    """
    description = read_description(folder)
    try:
        axes = axes_of(finder(description.config))
    except (ConfigError, KeyError, TypeError, AttributeError) as error:
        what = "must have a config that can be read here"
        hint = plugins_hint(description.raw["config"], plugins)
        raise DatasetError(f"{folder / DESCRIPTION} {what}: {error}{hint}") from error
    if not axes:
        raise DatasetError(
            f"{folder} must vary in view direction, size or occlusion to have bins, but draws "
            "none of them from one distribution in all frames"
        )
    coverage = coverage_of(axes, read_frames(folder), read_instances(folder))
    if not coverage.counts.any():
        raise DatasetError(
            f"{folder} must show a target in some frame to have bins, and shows none"
        )
    return coverage


def _of_frame(frame: Mapping[str, Any]) -> dict[str, float | None]:
    try:
        theta, placement = json_of(frame["theta"]), json_of(frame["placement"])
        camera_m = np.array(placement["T_world_cam"], np.float64).reshape(4, 4)[:3, 3]
        # The camera stands just where the viewpoint says, so its angles are what was achieved.
        angles = {name: theta["viewpoint"][name.partition(".")[2]] for name in DIRECTION}
        on_plane = theta["viewpoint"].get("look_at") == "plane"  # not known to earlier versions
        looked_at = np.zeros(3) if on_plane else np.array(placement["center_m"])
        distance_m = float(np.linalg.norm(camera_m - looked_at))
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"the record of frame {frame['frame_idx']} is torn: {error}") from error
    return {**angles, "scale.distance_m": distance_m}


def _of_principal(row: Mapping[str, Any]) -> dict[str, float | None]:
    box = row["bbox_obj"]
    side_px = None if box is None else max(box[2:])
    longer = max(row["width"], row["height"])
    return {
        "scale.size_px": side_px,
        "scale.size_frac": None if side_px is None else side_px / longer,
        OCCLUSION: row["occluded_fract"],
    }
