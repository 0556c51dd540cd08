"""A dataset put together from parts, wherever they were rendered, and completed."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from render.build import build
from render.config.run_config import identity_of as config_identity
from render.dataset.folder import check_inside, claim, clean, held, reopen, write_file
from render.dataset.frame_ranges import FrameRanges
from render.dataset.layout import DESCRIPTION
from render.dataset.manifest import Manifest
from render.dataset.shards import missing_frames
from render.dataset.store import held_store
from render.errors import DatasetError
from render.job.part import check_same_dataset
from render.job.run_job import completed, identity_of
from render.job.summary import Summary
from render.job.top_up import entries_of
from render.plan import Plan
from render.system.blas import one_blas_thread
from render.system.files import sha256_of_file
from render.system.plain_data import read_regular
from render.system.stores import Folder, StorePath

__all__ = ["finish"]

_LOG = logging.getLogger(__name__)
_SHOWN = 8


@one_blas_thread()
def finish(
    folder: Folder,
    others: Sequence[Path] = (),
    *,
    asset_dirs: Mapping[str, Path] | None = None,
    plugins: Sequence[str] = (),
) -> Summary:
    """Takes what is missing from other folders, then completes the dataset; nothing is drawn.

    Args:
        folder: Where the dataset is, or is to be; one in a store has all of its frames there.
        others: Folders of other parts of it, which stay as they are. Files are linked where that
            can be done, else copied.
        asset_dirs: Where models and pictures are now; the parts know where they were.
        plugins: Packages with classes of your own that it was made with.

    Raises:
        DatasetError: Frames are missing, another process writes to the folder, or a folder holds
            a part of something else.
        RenderError: The models cannot be used.

    """
    for one in others:
        if not one.is_dir():
            raise DatasetError(f"OTHER must be the folder of a part, got {one}")
    if isinstance(folder, StorePath):
        if others:
            raise DatasetError(f"OTHER must be none where DIR is in a store, got {others[0]}")
        return _finish_there(folder, asset_dirs or {}, plugins)
    with held(folder, "DIR"):
        manifest = Manifest(folder)
        source = next((m for m in (manifest, *map(Manifest, others)) if m.is_claimed), manifest)
        plan = _plan(folder, source, asset_dirs or {}, plugins)
        n_frames = plan.run.n_frames
        for one in others:
            check_same_dataset(Manifest(one), source)
        claim(plan.run, identity_of(plan), plan.writers.layout)
        kept = source.config()
        if kept is not None:
            manifest.write_config(kept)
        if entries := source.top_ups():
            manifest.write_top_ups(entries)
        missing = missing_frames(manifest, n_frames)
        if missing and (folder / DESCRIPTION).exists():
            reopen(folder)
        for one in others:
            missing = _take(plan, manifest, Manifest(one), missing)
        if missing:
            raise _lacking(n_frames, missing, folder, *others)
        clean(folder)
        return completed(plan, manifest, rendered=0, seconds=0.0)


def _finish_there(
    place: StorePath, asset_dirs: Mapping[str, Path], plugins: Sequence[str]
) -> Summary:
    with held_store(place) as (_, store):
        plan = _plan(place, store.manifest, asset_dirs, plugins)
        store.claim(plan.run, identity_of(plan), is_part=False)
        missing = missing_frames(store.manifest, plan.run.n_frames, read=False)
        if missing:
            raise _lacking(plan.run.n_frames, missing, place)
        here = replace(plan, run=replace(plan.run, output_dir=store.spool))
        manifest = claim(here.run, identity_of(plan), plan.writers.layout)
        return completed(here, manifest, rendered=0, seconds=0.0, store=store)


def _lacking(n_frames: int, missing: FrameRanges, *folders: Folder) -> DatasetError:
    return DatasetError(
        f"DIR must have all frames to be completed, and of {n_frames} {_text(missing)} are missing "
        f"in {' and '.join(map(str, folders))}: render them, or name the folder that has them as "
        "well"
    )


def _plan(
    folder: Folder, source: Manifest, asset_dirs: Mapping[str, Path], plugins: Sequence[str]
) -> Plan:
    kept = source.config()
    if kept is None:
        raise DatasetError(
            f"{source.folder} must hold a dataset that was begun, with its config in .manifest: "
            "the command that began an older one completes it"
        )
    config, known = kept.get("config"), kept.get("asset_dirs")
    if not isinstance(config, dict) or not isinstance(known, dict):
        raise DatasetError(f"{source.folder}/.manifest/config.json is torn: run the part again")
    dirs = known | {key: str(path) for key, path in asset_dirs.items()}
    config = {**config, "output_dir": str(folder)}
    # Those of the folder itself are taken where it has some.
    config["top_ups"] = entries_of(config, None) or source.top_ups()
    # A relative or default folder meant something where the part was rendered, and the dataset is
    # the one that was asked for there.
    assets = {**config.get("assets", {}), **dirs}
    plan = build({**config, "assets": assets}, plugins=plugins)
    return replace(plan, config=config, identity=config_identity(config))


def _take(plan: Plan, manifest: Manifest, other: Manifest, missing: FrameRanges) -> FrameRanges:
    """Brings whole shards from another folder; returns what is missing then."""
    n_frames = plan.run.n_frames
    gl = other.gl()
    left: list[range] = []
    for shard_idx in manifest.sharding.shards_of(range(n_frames)):
        frames = manifest.sharding.frames_in(shard_idx, n_frames)
        if frames.start not in missing:
            continue
        entry = other.entry(shard_idx)
        if entry is None or entry["frames"] != len(frames):
            left.append(frames)
            continue
        if gl is None:
            raise DatasetError(f"{other.folder} must say what drew it in .manifest/gl.json")
        manifest.check_gl(gl)
        files = dict(entry["files"])
        changed = [name for name, sha in files.items() if sha256_of_file(other.disk / name) != sha]
        if changed:
            _LOG.warning(
                "%s must be as it was written, and it is missing or has changed: shard %d of it is "
                "passed over", other.disk / changed[0], shard_idx,
            )  # fmt: skip
            left.append(frames)
            continue
        for name, digest in files.items():
            if not plan.writers.layout.is_ours(name):
                raise DatasetError(
                    f"{other.folder} must hold files of a dataset alone, and shard {shard_idx} "
                    f"of it has {name}"
                )
            _bring(other.disk / name, manifest.disk, name, digest)
        manifest.write_entry(shard_idx, frames=len(frames), files=files, told=entry)
    return FrameRanges(left)


def _bring(source: Path, folder: Path, name: str, digest: str) -> None:
    """Links or copies a file.

    Raises:
        DatasetError: It cannot be read or written, or has changed meanwhile.

    """
    check_inside(folder, name)
    target = folder / name
    if sha256_of_file(target) == digest:
        return
    if not source.is_symlink():
        target.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another disk, or one without links
            os.link(source, target)
            return
    try:
        data = read_regular(source)
    except OSError as error:
        raise DatasetError(f"{source} cannot be read: {error.strerror}") from error
    if write_file(folder, name, data) != digest:
        raise DatasetError(f"{source} must not change meanwhile, and it did: finish once more")


def _text(missing: FrameRanges) -> str:
    """The frames that are missing, for people."""
    ranges = missing.ranges
    shown = [f"{one.start} to {one.stop - 1}" for one in ranges[:_SHOWN]]
    more = f" and {len(ranges) - _SHOWN} more ranges" if len(ranges) > _SHOWN else ""
    return f"{len(missing)} ({', '.join(shown)}{more})"
