"""What Hydra hands over of `render.run`: jobs, alone or in a sweep, whose errors are printed here.

Errors are caught inside the task function and printed in one paragraph, and how the jobs ended is
known after Hydra returns: no traceback, no lost sibling job. ``HYDRA_FULL_ERROR=1`` shows
tracebacks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from render.config.composition import Sweep, guarded
from render.config.hydra_errors import COMPOSITION_ERRORS, message_of
from render.config.quoting import readable, typed
from render.config.sources import preset_dirs
from render.config.trust import import_plugins
from render.config.words import VERSION_BASE, resolve
from render.dataset.description import Description, read_description
from render.dataset.folder import held
from render.dataset.store import Store, held_store
from render.errors import ConfigError, DatasetError, RenderError
from render.job.finished import finished
from render.job.part import PartSummary, is_of_part
from render.job.run_job import make_dataset, run_job
from render.job.summary import Summary
from render.job.sweep import INDEX, SweepIndex, SweepRow, ended
from render.job.top_up import folder_of, prepare
from render.report.measures import Spread, measure
from render.system.console import complain, say
from render.system.environment_variables import environment_variables
from render.system.files import refusal_of, remove_empty
from render.system.heap import keep_freed_memory
from render.system.lock import WriteLock
from render.system.paths import CONF_DIR
from render.system.stores import Folder, StorePath
from render.writers.chosen import unknown_key

__all__ = ["run_words"]

_FULL_ERROR = "HYDRA_FULL_ERROR"


def run_words(words: Sequence[str], options: Sequence[str] = ()) -> bool:
    """Runs the jobs that a command line describes; whether all of them ended well.

    Args:
        words: ``KEY=VALUE`` each.
        options: Those of Hydra.

    Raises:
        KeyboardInterrupt: A signal came, which has been told; a dataset that was begun can be
            continued.

    """
    keep_freed_memory()
    outcomes: list[bool] = []
    tell = _ErrorPrinter(traceback=os.environ.get(_FULL_ERROR) == "1")
    task = hydra.main(version_base=VERSION_BASE, config_path=str(CONF_DIR), config_name="config")
    sweep = Sweep()
    try:
        # Hydra itself reads them from there, and wants all values together, behind the options.
        sys.argv[1:] = [*options, *(readable(word) for word in words)]
        # Hydra prints the errors of composition itself, unless this makes it raise them.
        with environment_variables({_FULL_ERROR: "1"}), guarded() as sweep:
            task(_task(outcomes, tell))()
        if sweep.folder is None:
            return all(outcomes)
        table, has_succeeded = ended(sweep, sweep.folder)
        say(table)
        return has_succeeded
    except KeyboardInterrupt:
        there = sweep.folder
        folder = "this output_dir" if there is None else typed("hydra.sweep.dir", str(there))
        complain(f"error: interrupted; the same command with {folder} continues")
        raise
    except RenderError as error:
        tell(str(error), error)
        return False
    except BrokenPipeError:  # of Hydra's own print, whose reader has gone away
        raise
    except COMPOSITION_ERRORS as error:
        tell(message_of(error, unknown_key), error)
        return False


@dataclass(frozen=True)
class _ErrorPrinter:
    """Writes an error as one paragraph, after its traceback where that is asked for."""

    traceback: bool

    def __call__(self, message: str, error: Exception) -> str:
        if self.traceback:
            sys.excepthook(type(error), error, error.__traceback__)
        complain(f"error: {message}")
        return message


def _task(outcomes: list[bool], tell: _ErrorPrinter) -> Callable[[DictConfig], None]:
    def run(cfg: DictConfig) -> None:
        error = _guarded(cfg, tell)
        outcomes.append(error is None)

    return run


def _guarded(cfg: DictConfig, tell: _ErrorPrinter) -> str | None:
    """Runs one job; returns its error message, which has been printed, or None."""
    message = None
    try:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            made, spreads = _swept_job(cfg)
            _index(made, spreads, error=None)
        else:
            _alone(cfg)
    except KeyboardInterrupt:
        message = "interrupted"
        raise
    except RenderError as error:
        message = tell(str(error), error)
    except Exception as error:  # noqa: BLE001  a job's bug must not take its siblings down
        reason = refusal_of(error) if isinstance(error, OSError) else None
        message = tell(reason or f"internal error: {type(error).__name__}: {error}", error)
    finally:
        if message is not None and HydraConfig.get().mode == RunMode.MULTIRUN:
            _index(None, {}, error=message)
        # Hydra makes its folder, in that of the day, even when output_dir names another one.
        remove_empty(Path(HydraConfig.get().runtime.output_dir))
    return message


def _alone(cfg: DictConfig) -> None:
    config = _resolved(cfg)
    summary: Summary | PartSummary
    if config.get("top_up") is None:
        say(f"dataset     {config['output_dir']}")
        summary = run_job(config, plugins=config["plugins"])
    else:
        summary = _top_up(config)
    say(summary.text())


def _swept_job(cfg: DictConfig) -> tuple[Description, Mapping[str, Spread]]:
    """Makes the dataset of a job, unless it is there; what it says of itself, and its measures."""
    config = _resolved(cfg)
    own = Path(HydraConfig.get().runtime.output_dir).absolute()
    if str(Path(config["output_dir"]).absolute()) != str(own):
        raise ConfigError(
            "output_dir must not be set in a sweep, each job has its own folder: name "
            "hydra.sweep.dir instead"
        )
    if is_of_part(config):
        raise ConfigError(
            "frames and shard must not be set in a sweep, whose index has whole datasets: run the "
            "jobs one by one"
        )
    if config.get("top_up") is not None:
        raise ConfigError("top_up must not be set in a sweep: it adds to one dataset")
    say(f"dataset     {config['output_dir']}")
    made = finished(config, plugins=config["plugins"])
    if made is not None:
        # Of a job that was there they are known, and measuring reads all of its pictures.
        index, path = _index_and_path()
        with suppress(DatasetError):  # a picture is gone: it is drawn again
            spreads = index.spreads_of(path, frames=made.n_frames) or measure(own)
            say(f"skipped     complete, with all of its {made.n_frames} frames")
            return made, spreads
    summary = run_job(config, plugins=config["plugins"])
    say(summary.text())
    return read_description(own), measure(own)


def _resolved(cfg: DictConfig) -> dict[str, Any]:
    return resolve(cfg, preset_dirs(HydraConfig.get().runtime.config_sources))


def _top_up(config: Mapping[str, Any]) -> Summary | PartSummary:
    folder = folder_of(config, _overrides())
    import_plugins(config["plugins"])  # whose distributions may have the thin bins
    # From before its frames are counted: another run might add some.
    if isinstance(folder, StorePath):
        with held_store(folder) as (lock, store):
            return _topped_up(config, folder, lock, store)
    with held(folder, "top_up") as lock:
        return _topped_up(config, folder, lock)


def _topped_up(
    config: Mapping[str, Any], folder: Folder, lock: WriteLock, store: Store | None = None
) -> Summary | PartSummary:
    plugins = config["plugins"]
    job = prepare(config, _overrides(), plugins=plugins)
    say(f"{job.text}\ndataset     {folder}")
    return make_dataset(job.config, lock, plugins=plugins, added=job.added, store=store)


def _overrides() -> list[str]:
    # As they were typed: an interpolation in them is not for these strings.
    task = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    return [str(override) for override in task or ()]


def _index_and_path() -> tuple[SweepIndex, str]:
    """The index of the sweep, and the path of the job there."""
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.sweep.dir)
    path = os.path.relpath(hydra_config.runtime.output_dir, folder)
    return SweepIndex(folder / INDEX), path


def _index(made: Description | None, spreads: Mapping[str, Spread], *, error: str | None) -> None:
    """Adds the job to the index of its sweep."""
    index, path = _index_and_path()
    index.add(
        SweepRow.of(
            job=int(HydraConfig.get().job.num),
            overrides=_overrides(),
            path=path,
            made=made,
            error=error,
            spreads=spreads,
        )
    )
