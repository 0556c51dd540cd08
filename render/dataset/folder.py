"""A dataset folder from claim to completion: continued, extended, never half there."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from render.config.run_config import RunConfig
from render.dataset.failed import forget_failed
from render.dataset.layout import (
    CONFIG,
    COVERAGE,
    DESCRIPTION,
    EARLIER,
    RECORDS,
    Layout,
    frames_said,
)
from render.dataset.manifest import Manifest
from render.dataset.sharding import SHARD_FRAMES
from render.errors import DatasetError
from render.system.files import TEMPORARY_SUFFIX, refusal_of, remove_temporaries, write_whole
from render.system.lock import LOCK, WriteLock
from render.system.stores import Folder

__all__ = [
    "check_inside",
    "check_same",
    "claim",
    "clean",
    "complete",
    "drawn_by",
    "held",
    "remove_files",
    "remove_frame_files",
    "reopen",
    "write_file",
]

_LOG = logging.getLogger(__name__)


@contextmanager
def held(
    folder: Path,
    field: str = "output_dir",
    *,
    shards: range | None = None,
    wait_s: float = 0.0,
    name: str = "",
) -> Iterator[WriteLock]:
    """Keeps other processes from writing to a folder; it is made where it is not there.

    Args:
        folder: Of a dataset, or to become one.
        field: What the user calls it.
        shards: Those that are to be written, while others write other ones; None: all of the
            folder.
        wait_s: How long to wait for another holder.
        name: What users call the folder, if not by its path.

    Raises:
        DatasetError: Another process writes to it, or it cannot be written to.

    """
    with ExitStack() as stack:
        with _usable(folder, field):
            if folder.exists() and not folder.is_dir():
                raise DatasetError(f"{field} must be a folder, got the file {folder}")
            lock = stack.enter_context(WriteLock(folder, units=shards, wait_s=wait_s, name=name))
        yield lock


@contextmanager
def _usable(folder: Folder, field: str = "output_dir") -> Iterator[None]:
    """Tells of a folder that cannot be used."""
    try:
        yield
    except OSError as error:
        reason = refusal_of(error) or error.strerror
        raise DatasetError(
            f"{field} must be a folder that can be read and written, got {folder} "
            f"({error.filename or 'on this disk'}: {reason})"
        ) from error


def drawn_by(run: RunConfig) -> Mapping[str, Any] | None:
    """What drew the frames that a run is to continue; None: there are none, or nobody can tell.

    Raises:
        DatasetError: The folder cannot be read.

    """
    if run.overwrite:
        return None
    with _usable(run.output_dir), suppress(DatasetError):
        return Manifest(run.output_dir).gl()
    return None


def claim(
    run: RunConfig, identity: Mapping[str, Any], layout: Layout, *, is_part: bool = False
) -> Manifest:
    """Makes ``output_dir`` the dataset of this identity, or finds that it is already.

    The folder must be `held`; of a part, what the other parts have written or are writing is left
    alone. Nothing of it is deleted before all that can be known to stand
    against the new dataset has been looked for.

    Args:
        run: Where the dataset lies and how long it is.
        identity: What decides its bytes: `render.plan.Plan.fingerprint` and library versions.
        layout: Which files it has.
        is_part: Only some of its shards are held.

    Raises:
        DatasetError: The folder holds another dataset or other files, holds more frames
            than asked, or, of a part, another number of them, or cannot be read or written.

    """
    with _usable(run.output_dir):
        return _claim(run, identity, layout, is_part=is_part)


def _claim(
    run: RunConfig, identity: Mapping[str, Any], layout: Layout, *, is_part: bool
) -> Manifest:
    folder, manifest = run.disk, Manifest(run.disk)
    for name in layout.folders():
        check_inside(folder, f"{name}/file")
    if manifest.is_claimed and run.overwrite:
        _check_nothing_foreign(folder, layout)
        _remove_dataset(folder, layout)
    if manifest.is_claimed:
        check_same(folder, _identity(manifest), identity)
        _check_not_longer(run, manifest)
        if is_part:
            _check_as_long(run, manifest)
        else:
            _remove_later_frames(manifest, run.n_frames, layout)
        if not is_part and manifest.forget_torn_gl():
            _LOG.warning("what drew %s can no longer be read: all of it is drawn again", folder)
    else:
        _check_empty(folder)
    if not is_part:
        remove_temporaries(folder)
    _make_folders(folder, layout)
    if not manifest.is_claimed:
        manifest.write_identity(identity)
    return manifest


def reopen(folder: Path, part: range | None = None) -> None:
    """A dataset that is about to get frames, all or a part, is complete no longer.

    Raises:
        DatasetError: The folder cannot be written to.

    """
    with _usable(folder):
        if (folder / DESCRIPTION).exists():
            (folder / DESCRIPTION).replace(folder / EARLIER)
        (folder / COVERAGE).unlink(missing_ok=True)  # a picture of fewer frames
        forget_failed(folder, part)


def clean(folder: Path) -> None:
    """Deletes what processes that died left half-written; no other process may be writing.

    Raises:
        DatasetError: The folder cannot be written to.

    """
    with _usable(folder):
        remove_temporaries(folder)


def complete(folder: Path, description: str) -> None:
    """Writes dataset.yaml, when all else of the dataset is there.

    Raises:
        DatasetError: It cannot be written.

    """
    write_file(folder, DESCRIPTION, description.encode(), durable=True)
    with _usable(folder):
        (folder / EARLIER).unlink(missing_ok=True)
        forget_failed(folder)
        (folder / CONFIG).unlink(missing_ok=True)


def write_file(
    folder: Path, name: str, data: bytes | Iterable[bytes], *, durable: bool = False
) -> str:
    """Writes a file of a dataset as `render.system.files.write_whole` does; its SHA-256 (hex).

    Raises:
        DatasetError: It cannot be written, or would not lie in the folder.

    """
    check_inside(folder, name)
    return write_whole(folder / name, data, durable=durable)


def remove_files(folder: Path, names: Iterable[str]) -> None:
    """Deletes files of a dataset, those that are there.

    Raises:
        DatasetError: One cannot be deleted.

    """
    with _usable(folder):
        for name in names:
            (folder / name).unlink(missing_ok=True)


def remove_frame_files(folder: Path, layout: Layout) -> None:
    """Deletes what a run that was killed has left of frames that lie in the tars of shards, and
    their folders; no other process may be writing.

    Raises:
        DatasetError: A file cannot be deleted.

    """
    for template in layout.templates:
        if "stem" in template.fields:
            remove_files(folder, list(template.files_in(folder)))
            for name in template.folders():
                for empty in (folder / name, (folder / name).parent):
                    with suppress(OSError):  # it holds what is not ours
                        empty.rmdir()


def check_inside(folder: Path, name: str) -> None:
    """A path of a dataset does not lead out of it, by a link or otherwise.

    Raises:
        DatasetError: It does.

    """
    parent = os.path.realpath((folder / name).parent)
    root = os.path.realpath(folder)
    if os.path.commonpath([root, parent]) != root:
        raise DatasetError(
            f"output_dir must hold its folders itself, but {folder / name} lies in {parent}"
        )


def _identity(manifest: Manifest) -> Mapping[str, Any]:
    try:
        return manifest.identity() or {}
    except DatasetError as error:
        raise DatasetError(
            f"{error}. What the dataset in {manifest.folder} was made of is not known any more: "
            "overwrite=true throws it away and begins anew"
        ) from error


def check_same(
    folder: Folder, found: Mapping[str, Any], wanted: Mapping[str, Any], *, is_part: bool = False
) -> None:
    """A folder holds the dataset of this identity, or a part of it.

    Raises:
        DatasetError: It holds another one; the message names what differs.

    """
    # Earlier versions did not say it.
    old, new = ({"shard_frames": SHARD_FRAMES, **_flat(one)} for one in (found, wanted))
    changed = [k for k in sorted({*old, *new}) if old.get(k) != new.get(k)]
    if changed:
        shown = "; ".join(f"{k}: {old.get(k)!r} there, {new.get(k)!r} here" for k in changed[:8])
        more = f" and {len(changed) - 8} more" if len(changed) > 8 else ""
        raise DatasetError(
            f"{folder} holds another dataset ({shown}{more}). Name another folder"
            f"{'.' if is_part else ', or overwrite=true to throw that one away.'}"
        )


def _check_not_longer(run: RunConfig, manifest: Manifest) -> None:
    # A top-up that was begun is a part of the dataset, rendered or not.
    there = max([manifest.n_frames(), *(entry.end for entry in run.top_ups)])
    if there > run.n_frames:
        raise DatasetError(
            f"n_frames must be at least {there}, the frames that {run.output_dir} holds, "
            f"got {run.n_frames}"
        )


def _check_as_long(run: RunConfig, manifest: Manifest) -> None:
    """Parts agree on where the dataset ends: else one would not know the last shard of another."""
    if (there := frames_said(manifest.folder)) not in (None, run.n_frames):
        raise DatasetError(
            f"n_frames must be {there}, as it is for the parts of {run.output_dir} so far, got "
            f"{run.n_frames}: a run without frames and shard makes the dataset longer"
        )


def _check_empty(folder: Path) -> None:
    if folder.is_dir():
        # A run that was killed before its claim leaves empty folders and temporaries only.
        foreign = sorted(p.name for p in folder.iterdir() if not _is_harmless(p))
        if any(p.is_file() and not _is_harmless(p) for p in folder.rglob("*")):
            raise DatasetError(
                f"output_dir must be an empty folder or hold the dataset to continue; "
                f"{folder} holds {', '.join(foreign[:5])}"
            )


def _is_harmless(path: Path) -> bool:
    is_temporary = path.name[0] == "." and path.suffix == TEMPORARY_SUFFIX
    return is_temporary or path.suffix == ".log" or path.name == LOCK


def _remove_later_frames(manifest: Manifest, n_frames: int, layout: Layout) -> None:
    """Deletes frames past the end, which a longer run left when it was killed."""
    for name, pattern in layout.numbered():
        for path in manifest.disk.glob(f"{name}/*"):
            if match := pattern.fullmatch(path.name):
                ((kind, number),) = match.groupdict().items()
                if int(number) * (manifest.sharding.size if kind == "shard" else 1) >= n_frames:
                    path.unlink()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if not path.is_dir())


def _check_nothing_foreign(folder: Path, layout: Layout) -> None:
    """Before a dataset is thrown away: what it does not consist of must not be lost with it."""
    names = sorted(p.relative_to(folder).as_posix() for p in _files(folder) if not _is_harmless(p))
    foreign = [name for name in names if not layout.is_ours(name)]
    if foreign:
        more = f" and {len(foreign) - 5} more" if len(foreign) > 5 else ""
        raise DatasetError(
            f"overwrite=true throws away a dataset and nothing else; {folder} also holds "
            f"{', '.join(foreign[:5])}{more}: move that, or name another output_dir"
        )


def _remove_dataset(folder: Path, layout: Layout) -> None:
    """Removes what a dataset consists of, and nothing else; last what makes it one.

    Raises:
        OSError: A file cannot be deleted; then nothing was deleted, or, where that could not be
            foreseen, the folder still counts as a dataset.

    """
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    ours = sorted(folder / name for name in names if name != LOCK and layout.is_ours(name))
    for path in ours:
        _check_removable(path)
    remove_temporaries(folder)
    (folder / DESCRIPTION).unlink(missing_ok=True)
    for path in sorted(ours, key=lambda p: p.name == "identity.json"):
        path.unlink(missing_ok=True)
    for path in [path for name in layout.known_folders() for path in folder.glob(name)]:
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _check_removable(path: Path) -> None:
    """Raises what `Path.unlink` would, as far as that can be told."""
    if path.is_dir() and not path.is_symlink():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def _make_folders(folder: Path, layout: Layout) -> None:
    for name in layout.folders():
        (folder / name).mkdir(parents=True, exist_ok=True)
    probe = folder / RECORDS / f".probe{TEMPORARY_SUFFIX}"
    probe.touch()
    probe.unlink(missing_ok=True)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Leaves of nested mappings by dotted path."""
    if not isinstance(value, Mapping):
        return {prefix: value}
    items: Iterable[tuple[str, Any]] = value.items()
    flat: dict[str, Any] = {}
    for key, inner in items:
        flat |= _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    return flat
