"""What a run has made, counted from its records and told in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from render.dataset.layout import PREVIEW
from render.dataset.records import read_frames, read_instances
from render.library.categories import categories_text
from render.plan import Plan
from render.report.achieved import TOLERANCES, Reached, asked_models, reached
from render.system.stores import Folder

__all__ = ["Summary"]

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a run has made.

    Attributes:
        rendered: Frames rendered now; the others were there already.
        seconds: Time spent on them.
        instances: Labelled instances per category, every category named.
        unplaced: Targets of θ that found no place at their true size, by category.
        filtered: Targets left out of the annotations, by reason.
        left_out: What files cannot hold of the others, by what it is.
        rejections: Rejected draws of θ, by reason.
        skipped: Models left out by ``assets.skip_bad``.
        files_of: Models of each category.
        reached: Asked against achieved of occlusion, truncation and size.
        train_command: What trains on it, if a format has such a command.

    """

    output_dir: Folder
    frames: int
    train: int
    val: int
    rendered: int
    seconds: float
    instances: Mapping[str, int]
    unplaced: Mapping[str, int]
    filtered: Mapping[str, int]
    left_out: Mapping[str, int]
    rejections: Mapping[str, int]
    skipped: tuple[str, ...]
    files_of: Mapping[str, Sequence[str]]
    reached: tuple[Reached, ...]
    train_command: str | None

    @classmethod
    def of(cls, plan: Plan, *, rendered: int, seconds: float) -> Summary:
        """Counts the records of a plan's dataset, all of whose frames are on disk."""
        folder = plan.run.disk
        tally = _Tally(plan)
        # Counted while they pass, so that records are read once.
        found = reached(tally.frames(read_frames(folder)), tally.instances(read_instances(folder)))
        return cls(
            output_dir=folder,
            rendered=rendered,
            seconds=seconds,
            skipped=tuple(str(error) for error in plan.assets.models.skipped),
            files_of=plan.target_categories.models_of,
            train_command=plan.writers.train_command(folder),
            reached=found,
            **tally.counts(),
        )

    def text(self) -> str:
        """The summary as a few lines for people."""
        lines = [f"frames      {self.frames} ({self.train} train, {self.val} val)"]
        if self.rendered:
            lines[0] += f", {self.rendered / self.seconds:.1f} frames/s"
        if self.rendered < self.frames:
            lines[0] += f"; {self.frames - self.rendered} were there already"
        lines.append(f"categories  {categories_text(self.files_of)}")
        lines.append(f"instances   {sum(self.instances.values())}: {_counts(self.instances)}")
        if self.unplaced:
            lines.append(
                f"unplaced    {sum(self.unplaced.values())}, no room at true size beside the "
                f"principal target (objects.size_ratio): {_counts(self.unplaced)}"
            )
        lines.append(f"filtered    {_counts(self.filtered) or 'none'}")
        if any(self.left_out.values()):
            lines.append(f"left out    {_counts(self.left_out)}")
        lines.append(f"rejections  {self._rejections()}")
        lines += [f"reached     {_reached_text(one)}" for one in self.reached]
        if self.skipped:
            lines.append(f"skipped     {'; '.join(self.skipped)}")
        lines.append(f"preview     {self.output_dir / PREVIEW}")
        if not self.val:
            lines.append("note        no validation frames: raise n_frames or val_fraction")
        elif not self.train:
            lines.append("note        no training frames: raise n_frames or lower val_fraction")
        else:
            train = self.train_command or f"point your trainer at {self.output_dir}"
            lines.append(f"train       {train}")
        return "\n".join(lines)

    def _rejections(self) -> str:
        n = sum(self.rejections.values())
        if not n:
            return "none"
        return f"{n} of {n + self.frames} draws: {_counts(self.rejections)}"


@final
class _Tally:
    """Counts records that pass by."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        # What was not placed has no state: it counts as of its model's category.
        self._category = plan.assets.models.category
        self._splits: Counter[str] = Counter()
        self._rejections: Counter[str] = Counter()
        self._unplaced: Counter[str] = Counter()  # asked for, less those that have a record
        self._instances = Counter(dict.fromkeys(plan.categories, 0))
        self._filtered: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()

    def frames(self, rows: Iterable[Row]) -> Iterator[Row]:
        category = self._category
        for frame in rows:
            self._splits[frame["split"]] += 1
            self._rejections.update(frame["rejections"])
            self._unplaced.update(category(name) for name in asked_models(frame))
            yield frame

    def instances(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if row["role"] == "target":
                self._unplaced[self._category(row["model"])] -= 1
            if row["role"] == "target" and row["filtered"]:
                self._filtered[row["filtered"]] += 1
            elif row["role"] == "target":
                self._instances[row["category"]] += 1
                self._left_out.update(self._plan.writers.left_out(row))
            yield row

    def counts(self) -> dict[str, Any]:
        return {
            "frames": sum(self._splits.values()),
            "train": self._splits["train"],
            "val": self._splits["val"],
            "instances": dict(self._instances),
            "unplaced": dict(sorted((+self._unplaced).items())),
            "filtered": dict(sorted(self._filtered.items())),
            "left_out": dict(sorted(self._left_out.items())),
            "rejections": dict(sorted(self._rejections.items())),
        }


def _reached_text(one: Reached) -> str:
    return (
        f"{one.name} within {TOLERANCES[one.name]:g}{' of it' if one.is_size else ''}: "
        f"{one.n_within} of {len(one.asked)}, mean error {np.abs(one.errors).mean():.2g}"
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counts.items())
