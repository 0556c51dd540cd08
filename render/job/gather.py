"""Takes the frames of a run as they are finished, and puts them into shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial

from render.dataset.failed import write_failed
from render.dataset.frame import Frame
from render.dataset.frame_result import FrameFailure, FrameOutcome, FrameResult
from render.dataset.layout import FAILED
from render.dataset.manifest import Manifest
from render.dataset.room import room_text
from render.dataset.shards import ShardWriter
from render.errors import DatasetError, DiskFullError, RenderError
from render.plan import Plan
from render.system.console import Pace, progress
from render.system.events import tell

__all__ = ["gather"]

# So many failures one after the other are no longer the frames' fault.
_MAX_FAILURES = 32
_SHOWN = 5


def gather(
    plan: Plan,
    manifest: Manifest,
    frames: Sequence[int],
    results: Iterable[FrameOutcome],
    *,
    done: int,
    finished: Callable[[int], None] | None = None,
) -> None:
    """Finishes each shard when its last frame is there.

    Args:
        frames: Those that are missing, in order.
        results: One for each of them, in any order, as an executor yields them.
        done: How many frames of what is asked for were there already.
        finished: As of `ShardWriter`.

    Raises:
        DatasetError: Some were left out, which the next run tries again; or it cannot be written.
        DiskFullError: There is no room for it; with what the rest will take.
        RenderError: An executor yields other frames, or nothing but failures.

    """
    shards = ShardWriter(
        manifest,
        plan.run.n_frames,
        partial(_shard_files, plan),
        loose=plan.writers.loose,
        finished=finished,
    )
    # A set of them would take a gigabyte for ten million frames.
    is_finished = bytearray(frames[-1] - frames[0] + 1 if frames else 0)
    n_finished = 0
    failures: dict[int, str] = {}
    rejections: Counter[str] = Counter()
    in_a_row = 0

    def tell_pace(pace: Pace) -> None:
        tell("rate", **pace.as_dict(), failed=len(failures), rejections=dict(rejections))

    is_json = plan.run.log == "json"
    try:
        with progress(
            "render",
            done + len(frames),
            unit="frame",
            initial=done,
            report=tell_pace if is_json else None,
        ) as one_more:
            for result in results:
                i = result.frame_idx - frames[0]
                if result.frame_idx not in frames or is_finished[i]:
                    raise RenderError(
                        f"execution must yield each frame once, got frame {result.frame_idx} again"
                    )
                is_finished[i] = True
                n_finished += 1
                if isinstance(result, FrameFailure):
                    failures[result.frame_idx] = result.reason
                    tell("frame_failed", frame=result.frame_idx, reason=result.reason)
                    shards.leave_out(result.frame_idx)
                    in_a_row += 1
                    _check_not_all(in_a_row, result)
                    continue
                in_a_row = 0
                rejections.update(result.frame_row["rejections"])
                shards.add(result)
                one_more()
    except DiskFullError as error:
        left = len(frames) - n_finished
        room = room_text(manifest, left=left, unfinished=shards.unfinished_files())
        raise DiskFullError(f"{error}; {room}") from error
    finally:
        if failures:
            with suppress(DatasetError):  # the message lists them too
                write_failed(manifest.disk, failures)
    if lost := len(frames) - n_finished:
        raise RenderError(
            f"execution must yield every frame, and {lost} of {len(frames)} are missing"
        )
    if failures:
        raise DatasetError(_left_out_text(manifest, failures))


def _check_not_all(in_a_row: int, last: FrameFailure) -> None:
    if in_a_row >= _MAX_FAILURES:
        raise RenderError(
            f"{in_a_row} frames failed one after the other, so that the fault is hardly theirs; "
            f"the last one, frame {last.frame_idx}, {last.reason}"
        )


def _left_out_text(manifest: Manifest, failures: Mapping[int, str]) -> str:
    shown = [f"frame {i} {failures[i]}" for i in sorted(failures)[:_SHOWN]]
    more = f"; and {len(failures) - _SHOWN} more" if len(failures) > _SHOWN else ""
    return (
        f"{manifest.folder} is incomplete, {len(failures)} left out of its frames "
        f"({'; '.join(shown)}{more}): {manifest.folder / FAILED} lists them, and the same command "
        "tries them again"
    )


def _shard_files(
    plan: Plan, frames: Sequence[FrameResult], shard_idx: int
) -> Iterator[tuple[str, Iterable[bytes]]]:
    """What the writers make of a shard whose frames are on disk."""
    views = [
        Frame(
            folder=plan.run.output_dir,
            row=frame.frame_row,
            instances=tuple(frame.instance_rows),
            depth_unit_m=plan.writers.depth_unit_m,
            sharding=plan.sharding,
            names=plan.names,
        )
        for frame in frames
    ]
    return plan.writers.shard_files(views, shard_idx)
