"""What ``import render`` offers: compose a run, take its frames, write it, open a dataset."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from render.assembly.textures import TextureCache
from render.build import build
from render.config.words import config_of
from render.dataset.reader import Dataset, open_dataset
from render.errors import ConfigError
from render.execute.local import frame_limit_s, thread_limits
from render.execute.pool import Pool, RenderFrame
from render.execute.worker import worker_plan
from render.job.part import is_of_part
from render.job.run_job import run_job
from render.job.stream import Stream, stream_of
from render.pipeline import render_frame
from render.plan import Plan
from render.sample import Sample
from render.system import values
from render.system.blas import one_blas_thread
from render.system.cores import usable_cores
from render.system.stores import Folder, folder_of
from render.writers.chosen import unknown_key

__all__ = ["compose", "frames", "open", "stream", "write"]


def compose(*overrides: str, config_dir: Path | str | None = None) -> Plan:
    """The run that a command line describes, validated, its asset folders opened.

    Args:
        overrides: The words of the command line, one string each: ``"models=[bolt,nut]"``,
            ``"scale.size_frac=[uniform,0.1,0.5]"``, ``"+experiment=example_occlusion"``.
            ``output_dir`` may be left out: nothing is written before `write` names a folder.
        config_dir: A folder of further presets and experiments, as ``--config-dir`` names it.

    Returns:
        The plan. What Hydra keeps for the whole process is afterwards as it was before, so this
        works any number of times, and within an application of Hydra too.

    Raises:
        ConfigError: A word cannot be read, or a value breaks its rule.
        AssetError: A model, background or texture cannot be used.

    """
    config = config_of(overrides, config_dir=config_dir, explain=unknown_key)
    if config.get("top_up") is not None:
        raise ConfigError(
            "top_up must not be set here, because it adds to a dataset on disk: run "
            f"python -m render.run top_up={config['top_up']}"
        )
    return build(config, plugins=config["plugins"])


def frames(
    plan: Plan, start: int = 0, stop: int | None = None, workers: int = 0
) -> Iterator[Sample]:
    """Renders frames of a run in the order of their index; nothing is written to disk.

    A frame is the same whatever `start` and `workers` are, and the same as in the dataset that
    `write` makes of the plan on the same renderer.

    Args:
        plan: From `compose`.
        start: Index of the first frame, from 0.
        stop: Index after the last frame; None for all ``n_frames`` of the plan.
        workers: Processes to render in; 0 for this one. Each imports the script that asks for
            it, which keeps its own work under ``if __name__ == "__main__":``.

    Returns:
        An iterator of finished frames. An engine or processes live while it is in use, and end
        with it; ``close()`` ends them earlier.

    Raises:
        ConfigError: An index lies outside of the run, or `workers` is no whole number from 0.
        RenderError: While iterating: a frame or the engine failed.

    """
    n_frames = plan.run.n_frames
    stop = n_frames if stop is None else stop
    _check_whole("stop", stop, 0, n_frames, "the n_frames of the plan")
    _check_whole("start", start, 0, stop, "stop")
    _check_whole("workers", workers, 0, 1024, "which is plenty")
    if workers == 0:
        return _frames_here(plan, range(start, stop))
    return _frames_elsewhere(plan, range(start, stop), workers)


def stream(plan: Plan, rank: int = 0, world: int = 1) -> Stream:
    """Frames without end for training: those of the plan, and after its ``n_frames`` new ones.

    Args:
        plan: From `compose`.
        rank: Which of several training processes this is, from 0.
        world: How many there are; each frame goes to one of them.

    Returns:
        What can be iterated over, with `state_dict` and `load_state_dict`; a
        ``torch.utils.data.IterableDataset`` where torch is installed. See
        `render.job.stream.training_pair` for what it gives.

    Raises:
        ConfigError: There is no such rank, or the plan's frames are those of a file.

    """
    _check_whole("world", world, 1, 2**31 - 1, "which is plenty")
    _check_whole("rank", rank, 0, world - 1, "below world")
    return stream_of(plan, rank=rank, world=world)


def write(plan: Plan, output_dir: Path | str) -> Dataset:
    """Renders what a dataset lacks of a run and completes it, as ``python -m render.run`` does.

    Args:
        plan: From `compose`; its ``workers`` says how many processes render.
        output_dir: Folder of the dataset, or its URL in a store: new, empty, or begun with the
            same plan.

    Returns:
        The finished dataset, opened.

    Raises:
        ConfigError: The plan is of a part.
        DatasetError: The folder holds something else, or cannot be written.
        RenderError: A frame or the engine failed; the same call continues the dataset.

    """
    if is_of_part(plan.config):
        raise ConfigError(
            "frames and shard must not be set here, because a part is no dataset yet: run "
            "python -m render.run"
        )
    config = {**plan.config, "output_dir": os.fspath(output_dir)}
    summary = run_job(config, plugins=plan.run.plugins)
    return open_dataset(summary.output_dir)


def open(folder: Folder | str) -> Dataset:
    """Opens a finished dataset for reading; pictures and records are read when asked for.

    Args:
        folder: Its folder, or its URL in a store, such as ``s3://bucket/name``.

    Raises:
        DatasetError: The folder is missing, holds no finished dataset, or its dataset.yaml or
            records are torn.

    """
    return open_dataset(folder_of(folder) if isinstance(folder, str) else folder)


def _check_whole(name: str, value: Any, lo: int, hi: int, what: str) -> None:
    try:
        values.whole(value, lo, hi)
    except ValueError:
        rule = f"be a whole number from {lo} to {hi} ({what})"
        raise ConfigError(f"{name} must {rule}, got {value!r}") from None


def _frames_here(plan: Plan, indices: range) -> Iterator[Sample]:
    textures = TextureCache()
    with one_blas_thread(), plan.engine() as engine:
        for frame_idx in indices:
            yield render_frame(plan, engine, frame_idx, textures=textures)


def _frames_elsewhere(plan: Plan, indices: range, workers: int) -> Iterator[Sample]:
    """Frames of processes that finish them in any order, put back into order."""
    limits = thread_limits(max(1, usable_cores() // workers))
    start = partial(_start, dict(plan.config))
    early: dict[int, Sample] = {}
    expected = iter(indices)
    limit_s = frame_limit_s(plan.run)
    with Pool(
        start,
        workers=workers,
        environment=limits,
        frame_timeout_s=limit_s,
        on_thread=usable_cores() > workers,
    ) as pool:
        wanted = next(expected, None)
        for sample in pool.run(indices):
            early[sample.key.frame_idx] = sample
            while wanted in early:
                yield early.pop(wanted)
                wanted = next(expected, None)


def _start(config: Mapping[str, Any], slot: int) -> RenderFrame:
    """What a process of the pool begins with: builds the plan, starts the engine."""
    plan, textures = worker_plan(config), TextureCache()
    engine = plan.engine(slot=slot)

    def draw(frame_idx: int) -> Callable[[], Sample]:
        sample = render_frame(plan, engine, frame_idx, textures=textures)
        return lambda: sample

    return draw
