"""One run from a resolved config to a complete dataset."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from render.build import build, settle_engine
from render.config.run_config import RunConfig, sha256_of
from render.config.trust import all_versions
from render.dataset.description import Description
from render.dataset.folder import (
    claim,
    clean,
    complete,
    drawn_by,
    held,
    remove_files,
    remove_frame_files,
    reopen,
    write_file,
)
from render.dataset.layout import PLOT, PREVIEW
from render.dataset.manifest import FORMAT_VERSION, Manifest
from render.dataset.reader import Dataset
from render.dataset.room import room_text
from render.dataset.rows import instance_rows
from render.dataset.sharding import sharding_of
from render.dataset.shards import missing_frames
from render.dataset.store import Store, held_store
from render.engine.base import DeviceInfo
from render.errors import ConfigError, DiskFullError, EngineError, RenderError
from render.execute.base import build_executor
from render.execute.local import prepare_workers
from render.job.gather import gather
from render.job.part import PartSummary, kept, part_of
from render.job.summary import Summary
from render.job.top_up import entries_of
from render.kernels.compiled import has_compiled
from render.pipeline import encode, render_frame
from render.plan import Plan
from render.report.achieved import plot
from render.report.preview import preview
from render.sampling.top_up import TopUp
from render.scene import Model
from render.system.blas import one_blas_thread
from render.system.cores import usable_cores
from render.system.environment_variables import environment_variables
from render.system.events import json_lines, tell
from render.system.lock import WriteLock
from render.system.stores import Folder, StorePath

__all__ = ["completed", "identity_of", "make_dataset", "run_job"]

_LOG = logging.getLogger(__name__)


def run_job(config: Mapping[str, Any], *, plugins: Sequence[str] = ()) -> Summary | PartSummary:
    """Validates, renders what is missing, and completes the dataset, which is held meanwhile.

    Args:
        config: Resolved. What the folder knows of earlier top-ups is taken from there.
        plugins: Packages with classes of their own that the user has named, not a file.

    Returns:
        What the dataset holds; of a run of a part, where others are still missing, what it has
        made of that.

    Raises:
        RenderError: See its subclasses; the dataset can be continued after any of them.

    """
    run = RunConfig.of(config)
    sharding = sharding_of(config)
    part = part_of(run, sharding)
    shards = part and sharding.shards_of(part)
    if isinstance(run.output_dir, StorePath):
        if run.overwrite:
            raise ConfigError(
                "overwrite must be false where output_dir is in a store: delete "
                f"{run.output_dir} with the tools of the store, or name another place"
            )
        with held_store(run.output_dir, shards) as (lock, store):
            return make_dataset(config, lock, plugins=plugins, store=store)
    with held(run.output_dir, shards=shards) as lock:
        return make_dataset(config, lock, plugins=plugins)


@one_blas_thread()
def make_dataset(
    config: Mapping[str, Any],
    lock: WriteLock,
    *,
    plugins: Sequence[str] = (),
    added: TopUp | None = None,
    store: Store | None = None,
) -> Summary | PartSummary:
    """What `run_job` does, in a folder that is held already.

    Args:
        config: Resolved.
        lock: Of the folder, or of the part that the config asks for.
        plugins: Packages with classes of their own that the user has named, not a file.
        added: New frames for thin bins, the last ones of the config's ``n_frames``.
        store: Where the dataset is, if it is in a store; what is held is its spool.

    Raises:
        RenderError: As `run_job`.

    """
    run = RunConfig.of(config)
    with json_lines() if run.log == "json" else contextlib.nullcontext():
        try:
            return _make_dataset(config, run, lock, plugins, added, store)
        except BaseException as error:
            outcome = "failed" if isinstance(error, Exception) else "interrupted"
            tell("end", outcome=outcome, error=str(error))
            raise


def _make_dataset(
    config: Mapping[str, Any],
    run: RunConfig,
    lock: WriteLock,
    plugins: Sequence[str],
    added: TopUp | None,
    store: Store | None,
) -> Summary | PartSummary:
    part = part_of(run, sharding_of(config))
    prepare_workers(run)
    config = settle_engine(config, plugins, drew=drawn_by(run))
    top_ups = entries_of(config, added)
    plan = build({**config, "top_ups": top_ups}, plugins=plugins)
    plan.writers.check_length(plan.run.n_frames)
    if store is not None:
        plan = replace(plan, run=replace(plan.run, output_dir=store.spool))
    executor = build_executor(plan)
    # A θ that can never be realised, and a machine that cannot draw, before any file is made.
    plan.try_first_frame()
    # llvmpipe would start a thread for each core of the machine, whatever the share that is ours.
    threads = os.environ.get("LP_NUM_THREADS", str(usable_cores()))
    with environment_variables({"LP_NUM_THREADS": threads}):
        info = _what_draws(plan)
        if info.remark:
            _LOG.warning("frames are drawn in software: %s", info.remark)
        with lock.alone():
            if store is not None:
                store.claim(plan.run, identity_of(plan), is_part=part is not None)
            manifest = claim(
                plan.run, identity_of(plan), plan.writers.layout, is_part=part is not None
            )
            if not manifest.has_config:
                manifest.write_config(kept(plan))
        truth = manifest if store is None else store.manifest
        missing = missing_frames(truth, plan.run.n_frames, part=part, read=store is None)
        frames = missing if store is None else store.to_draw(missing, plan.run.n_frames)
        began = time.monotonic()
        with lock.alone():
            if missing:
                # A refusal must leave what is there as it is.
                manifest.check_gl(dataclasses.asdict(info))
            if top_ups:  # before the first of their frames is there
                manifest.write_top_ups(top_ups)
            manifest.write_config(kept(plan))
            if missing:
                reopen(plan.run.disk, part)
            if store is not None:
                store.publish(dataclasses.asdict(info))
        if missing:
            done = len(part or range(plan.run.n_frames)) - len(frames)
            _tell_start(plan, run, info, frames=len(frames))
            results = executor.run(plan, frames, on_gpu=info.is_gpu) if frames else ()
            with contextlib.nullcontext() if store is None else store.bringing() as finished:
                gather(plan, manifest, frames, results, done=done, finished=finished)
        seconds = time.monotonic() - began
    if part is not None:
        elsewhere = _missing_elsewhere(lock, truth, plan.run.n_frames)
        if elsewhere is not None:
            _tell_end("part", frames=len(frames), seconds=seconds)
            return PartSummary(
                output_dir=run.output_dir, n_frames=plan.run.n_frames, part=part,
                rendered=len(frames), seconds=seconds, missing=elsewhere,
            )  # fmt: skip
    if missing or part is not None:
        clean(plan.run.disk)
    summary = completed(plan, manifest, rendered=len(frames), seconds=seconds, store=store)
    # Rejections are those of the whole dataset.
    rejections = dict(summary.rejections)
    _tell_end("complete", frames=len(frames), seconds=seconds, rejections=rejections)
    return summary


def _tell_start(plan: Plan, run: RunConfig, info: DeviceInfo, *, frames: int) -> None:
    tell(
        "start",
        output_dir=str(run.output_dir.absolute()),
        n_frames=plan.run.n_frames,
        missing=frames,
        renderer=info.renderer,
        versions=_versions(plan),
    )


def _tell_end(outcome: str, *, frames: int, seconds: float, **more: Any) -> None:
    pace = round(frames / seconds, 3) if frames else None
    tell(
        "end", outcome=outcome, frames=frames, seconds=round(seconds, 3), frames_per_s=pace, **more
    )


def _missing_elsewhere(lock: WriteLock, manifest: Manifest, n_frames: int) -> int | None:
    """How many frames other parts lack; None: all are there, and all of the folder is ours."""
    missing = missing_frames(manifest, n_frames, read=False)
    if not missing and lock.widen():
        if isinstance(manifest.folder, StorePath):  # whose entries are believed
            return None
        missing = missing_frames(manifest, n_frames)
        return len(missing) or None
    return len(missing)


def identity_of(plan: Plan) -> dict[str, Any]:
    """What decides the bytes of a plan's dataset."""
    return {
        **plan.fingerprint,
        "versions": _versions(plan),
        "shard_frames": plan.sharding.size,
    }


def _what_draws(plan: Plan) -> DeviceInfo:
    """Tries every device that the engine is to draw with.

    Raises:
        EngineError: One cannot be used, or they would draw different bytes.

    """
    infos: list[DeviceInfo] = []
    for slot in range(len(plan.run.engine.device)):
        with plan.engine(slot=slot) as engine:
            infos.append(engine.info)
            if slot == 0 and has_compiled():
                # The rest that this run needs, so that not every process compiles it. What is
                # wrong with the frame is told when its turn comes.
                with suppress(RenderError):
                    sample = render_frame(plan, engine, 0)
                    encode(plan, sample, instance_rows(sample))
    first = infos[0]
    for info in infos[1:]:
        if replace(info, device=first.device) != first:
            raise EngineError(
                "engine.device must list GPUs of one kind, because others draw other bytes, got "
                f"{first.renderer} ({first.device}) and {info.renderer} ({info.device})"
            )
    return first


def completed(
    plan: Plan,
    manifest: Manifest,
    *,
    rendered: int,
    seconds: float,
    store: Store | None = None,
) -> Summary:
    """Writes everything that is made of records, when all frames are there; dataset.yaml last.

    Args:
        rendered: How many frames were rendered just now, in `seconds`.
        store: Where it is to go, if it is in a store.

    Raises:
        DiskFullError: There is no room for it.

    """
    try:
        if store is None:
            return _completed(plan, manifest, manifest.folder, rendered=rendered, seconds=seconds)
        store.fetch_records(plan.run.n_frames)
        summary = _completed(plan, manifest, store.near, rendered=rendered, seconds=seconds)
    except DiskFullError as error:
        raise DiskFullError(f"{error}; {room_text(manifest, left=0)}") from error
    whole = plan.writers.whole_paths(plan.run.n_frames)
    store.complete(whole, plan.writers.layout.outgrown(whole))
    return replace(summary, output_dir=store.place, train_command=None)


def _completed(
    plan: Plan, manifest: Manifest, source: Folder, *, rendered: int, seconds: float
) -> Summary:
    """As `completed`; `source` has the pictures of frames."""
    folder = plan.run.disk
    if not plan.writers.loose:  # before anything reads them in place of what the tars hold
        remove_frame_files(folder, plan.writers.layout)
    if not isinstance(source, StorePath):  # a store takes single entries
        manifest.fold()
    summary = Summary.of(plan, rendered=rendered, seconds=seconds)
    description = Description.of(_described(plan, manifest, summary))
    whole = plan.writers.whole_paths(plan.run.n_frames)
    remove_files(folder, plan.writers.layout.outgrown(whole))
    for name, parts in plan.writers.finish_files(Dataset(source, description)):
        write_file(folder, name, parts)
    write_file(folder, PREVIEW, preview(source, plan.categories))
    if summary.reached:
        write_file(folder, PLOT, plot(summary.reached))
    complete(folder, description.text())
    return summary


def _described(plan: Plan, manifest: Manifest, summary: Summary) -> dict[str, Any]:
    """The content of dataset.yaml, in plain containers."""
    run, models = plan.run, plan.assets.models
    config = {key: value for key, value in plan.config.items() if key != "top_ups"}
    return {
        "format_version": FORMAT_VERSION,
        "config": config,
        "config_sha256": plan.identity_sha256,
        "run_config_sha256": sha256_of(config),
        "seed": run.seed,
        "n_frames": run.n_frames,
        "shard_frames": plan.sharding.size,
        "val_fraction": run.val_fraction,
        "top_ups": [entry.as_dict() for entry in run.top_ups],
        "versions": _versions(plan),
        "gl": manifest.gl(),
        "depth_unit_m": plan.writers.depth_unit_m,
        "categories": list(plan.categories),
        "asset_dirs": {key: str(path.resolve()) for key, path in plan.assets.folders.items()},
        "models": [_model_entry(plan, name) for name in models.names],
        "distractors": [
            {"name": m.name, "sha256": m.sha256, "unit_m": float(m.unit_m)}
            for m in plan.assets.distractor_models()
        ],
        "fixtures": [
            {"name": f.model.name, "sha256": f.model.sha256} for f in plan.assets.fixtures
        ],
        "counts": {
            "frames": summary.frames,
            "train": summary.train,
            "val": summary.val,
            "instances": dict(summary.instances),
            "unplaced": dict(summary.unplaced),
            "filtered": dict(summary.filtered),
            "left_out": dict(summary.left_out),
        },
        "rejections": dict(summary.rejections),
        "reached": {one.name: one.as_dict() for one in summary.reached},
        "output": {
            "formats": list(plan.writers.formats),
            **{k: v for k, v in run.output.items() if k not in ("formats", "depth_unit_m")},
        },
    }


def _model_entry(plan: Plan, name: str) -> dict[str, Any]:
    model = plan.assets.models.load(name)
    return {
        "name": name,
        "category": model.category,
        "sha256": model.sha256,
        "unit_m": float(model.unit_m),
        **_annotation_entry(plan, name, model),
    }


def _annotation_entry(plan: Plan, name: str, model: Model) -> dict[str, Any]:
    """Keypoints, symmetries, diameter in units of the file, its axes and origin; states where they
    are categories; names of parts.
    """
    known = plan.tasks.annotations
    entry: dict[str, Any] = {}
    keypoints, symmetry = known.keypoints(model), known.symmetry(model)
    if keypoints:
        entry["keypoints"] = {k.name: [p / model.unit_m for p in k.point_m] for k in keypoints}
    if not symmetry.is_trivial:
        entry["symmetries"] = symmetry.scaled(1 / model.unit_m).as_dict()
    if model.diameter_m is not None:
        entry["diameter"] = model.diameter_m / model.unit_m
    if (states := plan.target_categories.states.get(name)) is not None:
        entry["states"] = {state: states.ups_of(state).tolist() for state in states.names}
    if "parts" in plan.writers.maps:
        entry["parts"] = list(known.parts(model).names)
    return entry


def _versions(plan: Plan) -> dict[str, str]:
    return all_versions(plan.run.plugins)
