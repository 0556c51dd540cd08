"""`top_up=DIR`: what a run must do to add frames to a dataset for its thin bins.

The dataset's own config is taken, so that the new frames are like the others in all but view
direction, size and occlusion.
"""

from __future__ import annotations

import contextlib
import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from render.config.run_config import RunConfig, checked_key
from render.dataset.description import Description, read_description
from render.dataset.layout import EARLIER
from render.dataset.manifest import Manifest
from render.errors import ConfigError, DatasetError
from render.report.coverage import Coverage, read_coverage
from render.sampling.top_up import TopUp, TopUpBin, top_ups_of
from render.system.stores import Folder

__all__ = ["TopUpJob", "entries_of", "fill", "folder_of", "prepare", "shared_out"]

_HALVINGS = 64
# How frames are rendered is the machine's matter, and may differ from before.
_HOW = ("workers", "frame_timeout_s", "skip_failed_frames", "log")
_ALLOWED = ("top_up", "n_frames", "plugins", *_HOW)


@dataclass(frozen=True, eq=False, kw_only=True)
class TopUpJob:
    """A run that adds frames.

    Attributes:
        config: Resolved, of the whole dataset with the new frames.
        added: The new frames; None: there are none, or the dataset holds them already, though
            not all may be rendered.
        text: A line for the person who waits.

    """

    config: Mapping[str, Any]
    added: TopUp | None
    text: str


def prepare(
    config: Mapping[str, Any], overrides: Sequence[str], *, plugins: Sequence[str] = ()
) -> TopUpJob:
    """Finds out which frames are to be added, or that an interrupted top-up is to be ended.

    The same command twice adds its frames once: where the dataset ends with a top-up of just so
    many, there is nothing to add.

    Args:
        config: Resolved, with ``top_up``; of the rest ``n_frames`` and how to render count.
        overrides: As they were typed.
        plugins: Packages that were imported because the user named them.

    Raises:
        ConfigError: An override that would have no meaning.
        DatasetError: The folder holds no complete dataset.

    """
    folder = folder_of(config, overrides)
    n_frames = checked_key("n_frames", config["n_frames"])
    names = _names(overrides)
    asked = {name: config[name] for name in _HOW if name in names}
    return _resumed(folder, n_frames, asked) or _begun(folder, n_frames, asked, plugins)


def folder_of(config: Mapping[str, Any], overrides: Sequence[str]) -> Folder:
    """The dataset that is to be topped up.

    Args:
        config: Resolved, with ``top_up``.
        overrides: As they were typed.

    Raises:
        ConfigError: It is no folder, or an override would have no meaning.

    """
    names = _names(overrides)
    if others := [name for name in names if name not in _ALLOWED]:
        raise ConfigError(
            f"top_up must stand with {', '.join(_ALLOWED[1:])} alone, because all else is as in "
            f"the dataset, got {', '.join(others)}"
        )
    if not isinstance(config["top_up"], str):
        raise ConfigError(f"top_up must be the folder of a dataset, got {config['top_up']!r}")
    folder: Folder = checked_key("top_up", config["top_up"])
    checked_key("n_frames", config["n_frames"])
    if not folder.is_dir():
        raise ConfigError(f"top_up must be the folder of a dataset, got {folder}")
    return folder


def entries_of(config: Mapping[str, Any], added: TopUp | None) -> list[Any]:
    """Entries of all frames that were or are to be added to the dataset of a config.

    Args:
        config: Resolved.
        added: What is to be added now.

    Raises:
        ConfigError: The config itself has some.
        DatasetError: Those that the folder holds are torn.

    """
    if "top_ups" in config:
        raise ConfigError(
            "top_ups must not be set: it is what a dataset holds; top_up=DIR adds frames"
        )
    run = RunConfig.of(config)
    there = [] if run.overwrite else _entries_in(run.output_dir)
    return [*there, *([] if added is None else [added.as_dict()])]


def _names(overrides: Sequence[str]) -> list[str]:
    return [override.split("=")[0].lstrip("+~") for override in overrides]


def _entries_in(folder: Folder) -> list[Any]:
    """Those that a folder holds; of a complete dataset its description knows them, too."""
    try:
        return Manifest(folder).top_ups()
    except NotADirectoryError:
        return []  # `claim` tells that
    except OSError as error:
        raise DatasetError(f"{folder} cannot be read: {error.strerror}") from error
    except DatasetError as error:
        with contextlib.suppress(DatasetError):
            return [entry.as_dict() for entry in read_description(folder).top_ups]
        raise DatasetError(
            f"{error}. Which frames a top-up adds is not known any more: overwrite=true throws the "
            "dataset away and begins anew"
        ) from error


def fill(coverage: Coverage, *, first_frame: int, n_frames: int, seed: int) -> TopUp:
    """Shares frames out among thin bins.

    Each goes to the bin that holds the smallest share of what is expected, by then.

    Args:
        coverage: With at least one thin bin.
        first_frame: Index of the first new frame.
        n_frames: How many, at least one.
        seed: What u within the bins is drawn with.

    """
    thin = coverage.thin()
    held = [int(coverage.counts[b]) for b in thin]
    added = shared_out(held, [float(coverage.expected[b]) for b in thin], n_frames)
    bins = tuple(
        TopUpBin(
            frames=n,
            u=tuple((a.u_edges[i], a.u_edges[i + 1]) for a, i in zip(coverage.axes, b)),
        )
        for b, n in zip(thin, added, strict=True)
        if n
    )
    leaves = tuple(axis.leaf for axis in coverage.axes)
    return TopUp(first_frame=first_frame, seed=seed, leaves=leaves, bins=bins)


def shared_out(held: Sequence[int], expected: Sequence[float], n_frames: int) -> list[int]:
    """How many frames each bin gets where each goes to the one with the smallest share by then.

    Args:
        held: Frames that each bin holds before.
        expected: What a bin's share is a share of.
        n_frames: How many are shared out; costs no time for each.

    """

    def steps(share: float) -> list[int]:
        return [max(0, math.floor(share * e - h)) for h, e in zip(held, expected, strict=True)]

    # Below a share that all bins come to reach, every step is taken, in whatever order.
    lo, hi = 0.0, (n_frames + sum(held)) / min(expected)
    for _ in range(_HALVINGS):
        share = (lo + hi) / 2
        lo, hi = (share, hi) if sum(steps(share)) <= n_frames - 2 * len(held) else (lo, share)
    added = steps(lo)
    queue = [((held[i] + added[i]) / e, i) for i, e in enumerate(expected)]
    heapq.heapify(queue)
    for _ in range(n_frames - sum(added)):
        _, i = queue[0]
        added[i] += 1
        heapq.heapreplace(queue, ((held[i] + added[i]) / expected[i], i))
    return added


def _resumed(folder: Folder, n_frames: int, asked: Mapping[str, Any]) -> TopUpJob | None:
    """The job that ends the last top-up, or finds that it has ended; None to begin another one."""
    manifest = Manifest(folder)
    entries = top_ups_of(_entries_in(folder))
    if not entries:
        return None
    last, described = entries[-1], _described(folder)
    earlier = described or read_description((folder / EARLIER).parent)
    frames = f"frames {last.first_frame} to {last.end - 1}"
    if earlier.n_frames >= last.end:
        if described is None or earlier.n_frames > last.end or n_frames != last.n_frames:
            return None
        text = (
            f"nothing to add: {frames} are the {n_frames} of this command already; another "
            "n_frames adds further ones"
        )
    elif manifest.n_frames() > last.end:
        return None
    elif n_frames != last.n_frames:
        raise ConfigError(
            f"n_frames must be {last.n_frames}, those of the top-up of {folder} that was "
            f"interrupted and is to be ended first, got {n_frames}"
        )
    else:
        text = f"of {frames} continues"
    return TopUpJob(
        config=_whole_config(earlier.config, folder, last.end, asked),
        added=None,
        text=f"top-up      {text}",
    )


def _described(folder: Folder) -> Description | None:
    """The description of a dataset; None while frames are added to it, or where it is torn."""
    try:
        return read_description(folder)
    except DatasetError:
        if (folder / EARLIER).is_file():
            return None
        raise


def _begun(
    folder: Folder, n_frames: int, asked: Mapping[str, Any], plugins: Sequence[str]
) -> TopUpJob:
    description = read_description(folder)
    if description.views > 1:
        raise ConfigError(
            f"top_up must name a dataset whose viewpoint.views is 1, got {folder}, whose scenes "
            f"have {description.views}: bins count first views alone"
        )
    coverage = read_coverage(folder, plugins=plugins)
    thin, first = coverage.thin(), description.n_frames
    if not thin:
        return TopUpJob(
            config=_whole_config(description.config, folder, first, asked),
            added=None,
            text="top-up      nothing to add: no bin is thin",
        )
    added = fill(coverage, first_frame=first, n_frames=n_frames, seed=int(description.raw["seed"]))
    return TopUpJob(
        config=_whole_config(description.config, folder, added.end, asked),
        added=added,
        text=f"top-up      {n_frames} frames from {first} on, in {len(added.bins)} of "
        f"{len(thin)} thin bins",
    )


def _whole_config(
    config: Mapping[str, Any], folder: Folder, n_frames: int, asked: Mapping[str, Any]
) -> dict[str, Any]:
    """The config of the dataset as it will be."""
    return {
        **config,
        "output_dir": str(folder),
        "n_frames": n_frames,
        "overwrite": False,
        "top_up": None,
        **asked,
    }
