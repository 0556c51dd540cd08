"""How a group of θ declares its leaves.

A group is one frozen dataclass. Its fields are the leaves and hold *drawn* values; the
metadata of a field says what may be drawn. The config holds, for the same leaf, a plain
value or a distribution (`render.sampling.distributions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Kind", "Leaf", "Scope", "Value", "leaf"]

Value = float | int | str | bool | tuple[float, ...] | None
Kind = Literal[
    "number", "integer", "choice", "flag", "vector", "pattern", "by_category", "by_material"
]
Scope = Literal["frame", "target", "distractor", "light"]


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """What a leaf of θ may be.

    Attributes:
        kind: ``number`` and ``integer`` are drawn in ``[lo, hi]``; ``choice`` is one of
            `options` (any name if there are none), a registry among them, which is read
            when it is needed, so that plug-ins count; ``flag`` is true or false; ``vector``
            is `length` numbers in ``[lo, hi]``, each of which may be a distribution of its
            own; ``pattern`` is a name or glob that chooses among the files of `catalog`;
            ``by_category`` is a list of ``{category, size_m}``, whose numbers lie in
            ``[lo, hi]`` and may be distributions, drawn for targets of that category;
            ``by_material`` is a list of ``{material, ...}``, each with some of `parts`.
        scope: ``frame``: drawn once. Otherwise once for each target, distractor or
            light, and the drawn value is a tuple.
        parts: What an entry of a ``by_material`` can say of its material.
        nullable: Null is allowed: the leaf takes no part.
        why: Why it has its bounds, for messages, where that is not plain.
        doc: One line for the table of scene parameters.
        example: An override that can be copied, the value only.

    """

    kind: Kind
    scope: Scope = "frame"
    lo: float = float("-inf")
    hi: float = float("inf")
    options: tuple[str, ...] | Mapping[str, type] = ()
    length: tuple[int, ...] = ()
    catalog: Literal[
        "models", "backgrounds", "textures", "environments", "patterns", "distractors", ""
    ] = ""
    parts: Mapping[str, Leaf] = field(default_factory=dict)
    nullable: bool = False
    why: str = ""
    doc: str = ""
    example: str = ""

    @property
    def lengths(self) -> str:
        """How many numbers a vector may have, in words."""
        lengths = [str(n) for n in self.length]
        return " or ".join(
            lengths if len(lengths) < 5 else [", ".join([*lengths[:3], "..."]), lengths[-1]]
        )


def leaf(**spec: Any) -> Any:
    """A dataclass field that declares a leaf; see `Leaf` for the arguments."""
    return field(metadata={"leaf": Leaf(**spec)})
