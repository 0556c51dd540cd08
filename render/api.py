"""What ``import render`` offers: compose a run, take its frames, write it, open a dataset."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import hydra
import yaml
from hydra import version
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from render.assembly.textures import TextureCache
from render.build import build, resolve
from render.config.hydra_errors import message_of
from render.config.sources import preset_dirs
from render.dataset.reader import Dataset, open_dataset
from render.errors import ConfigError
from render.execute.local import thread_limits
from render.execute.pool import Draw, Pool
from render.job.run_job import run_job
from render.pipeline import render_frame
from render.plan import Plan
from render.sample import Sample
from render.sampling import values
from render.system.cores import usable_cores
from render.system.paths import CONF_DIR

__all__ = ["compose", "frames", "open", "write"]

_VERSION_BASE: Final = "1.3"
# Where a run that names no folder would write: `write` always names one.
_NO_FOLDER: Final = "."


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
    for word in overrides:
        if not isinstance(word, str):
            raise ConfigError(
                f"overrides must be strings such as 'n_frames=10', one for each word, got {word!r}"
            )
    try:
        cfg = _composed(list(overrides), _folder(config_dir))
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        raise ConfigError(message_of(error)) from error
    folders = preset_dirs(cfg.hydra.runtime.config_sources)
    with open_dict(cfg):
        del cfg["hydra"]
    if _is_of_hydra(cfg):
        cfg["output_dir"] = _NO_FOLDER
    config = resolve(cfg, folders)
    if config.get("top_up") is not None:
        raise ConfigError(
            "top_up must not be set here, because it adds to a dataset on disk: run "
            f"python -m render.run top_up={config['top_up']}"
        )
    return build(config)


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
        workers: Processes to render in; 0 for this one. They are spawned: a script that asks for
            some keeps its own work under ``if __name__ == "__main__":``.

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
    return _frames_spawned(plan, range(start, stop), workers)


def write(plan: Plan, output_dir: Path | str) -> Dataset:
    """Renders what a dataset lacks of a run and completes it, as ``python -m render.run`` does.

    Args:
        plan: From `compose`; its ``workers`` says how many processes render.
        output_dir: Folder of the dataset: new, empty, or begun with the same plan.

    Returns:
        The finished dataset, opened.

    Raises:
        DatasetError: The folder holds something else, or cannot be written.
        RenderError: A frame or the engine failed; the same call continues the dataset.

    """
    summary = run_job({**plan.config, "output_dir": os.fspath(output_dir)})
    return open_dataset(summary.output_dir)


def open(folder: Path | str) -> Dataset:
    """Opens a finished dataset for reading; pictures and records are read when asked for.

    Raises:
        DatasetError: The folder is missing, holds no finished dataset, or its dataset.yaml or
            records are torn.

    """
    return open_dataset(Path(folder))


def _composed(words: list[str], config_dir: Path | None) -> DictConfig:
    """What Hydra makes of the words, with its own section ``hydra``."""
    if config_dir is not None:
        quoted = f"file://{config_dir}".replace("\\", "\\\\").replace("'", "\\'")
        words = [f"hydra.searchpath=['{quoted}']", *words]
    with _fresh_hydra(), hydra.initialize_config_dir(str(CONF_DIR), version_base=_VERSION_BASE):
        return hydra.compose("config", overrides=words, return_hydra_config=True)


@contextlib.contextmanager
def _fresh_hydra() -> Iterator[None]:
    """Lets Hydra be initialized meanwhile, whether it is already or not."""
    running, base = GlobalHydra.instance().hydra, version.VersionBase.instance().version_base
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        # Asked again: what is left of initialize_config_dir is another instance.
        GlobalHydra.instance().hydra = running
        version.VersionBase.instance().version_base = base


def _folder(config_dir: Path | str | None) -> Path | None:
    if config_dir is None:
        return None
    folder = Path(config_dir).expanduser()
    if not folder.is_dir():
        raise ConfigError(f"config_dir must be a folder that is there, got {config_dir}")
    return folder.resolve()


def _is_of_hydra(cfg: DictConfig) -> bool:
    """Whether ``output_dir`` is the folder that Hydra makes for a command, which there is not."""
    raw: Any = OmegaConf.to_container(cfg, resolve=False)
    return "${hydra:" in str(raw["output_dir"])


def _check_whole(name: str, value: Any, lo: int, hi: int, what: str) -> None:
    try:
        values.whole(value, lo, hi)
    except ValueError:
        rule = f"be a whole number from {lo} to {hi} ({what})"
        raise ConfigError(f"{name} must {rule}, got {value!r}") from None


def _frames_here(plan: Plan, indices: range) -> Iterator[Sample]:
    textures = TextureCache()
    with plan.engine() as engine:
        for frame_idx in indices:
            yield render_frame(plan, engine, frame_idx, textures=textures)


def _frames_spawned(plan: Plan, indices: range, workers: int) -> Iterator[Sample]:
    """Frames of processes that finish them in any order, put back into order."""
    limits = thread_limits(max(1, usable_cores() // workers))
    start = partial(_start, dict(plan.config))
    early: dict[int, Sample] = {}
    expected = iter(indices)
    with Pool(start, workers=workers, environment=limits) as pool:
        wanted = next(expected, None)
        for sample in pool.run(indices):
            early[sample.key.frame_idx] = sample
            while wanted in early:
                yield early.pop(wanted)
                wanted = next(expected, None)


def _start(config: Mapping[str, Any], slot: int) -> Draw:
    """What a process of the pool begins with: builds the plan, starts the engine."""
    cv2.setNumThreads(1)
    # The parent has checked the assets.
    plan = build(config, check_assets=False)
    return partial(render_frame, plan, plan.engine(slot=slot), textures=TextureCache())
