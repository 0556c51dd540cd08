"""θ of a frame against the config: whether it can have been drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from render.dataset.description import Description
from render.errors import ConfigError
from render.placement.arrangement import ARRANGEMENTS, AbstractArrangement
from render.sampling.axes import leaves_by_preset
from render.sampling.balance import WholeDataset
from render.sampling.distribution import Drawable, Vector
from render.sampling.groups import GROUPS
from render.sampling.leaf_draws import PRESET
from render.sampling.parse import parse
from render.sampling.patterns import match_names
from render.sampling.schema import Leaf
from render.sampling.steps import holds_steps, step_leaves
from render.sampling.views import ANGLES
from render.system.values import is_number

__all__ = ["ThetaCheck", "chooses_models"]

_STEPS = "steps"
_MOST_NAMES = 100_000  # whose matches, or sizes, are kept
_SIZE_SLACK = 1e-6
_Names = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class _Possible:
    """What a leaf can be under one preset."""

    leaf: Leaf
    drawn: Drawable
    _matched: dict[str, bool] = field(default_factory=dict)

    def __call__(self, value: Any, category: str = "") -> bool:
        if self.leaf.kind == "pattern":
            return self._is_matched(value)
        return _can_be(self.drawn.of(lambda: category), value, self.leaf)

    def _is_matched(self, value: Any) -> bool:
        # A leaf that takes no part names a file of no name.
        patterns = self.drawn.support or ()
        if not isinstance(value, str) or not value:
            return value == "" or (value is None and None in patterns)
        if value not in self._matched and len(self._matched) < _MOST_NAMES:
            known = any(match_names(str(p), [value]) for p in patterns if p is not None)
            self._matched[value] = known
        return self._matched.get(value, False)


@dataclass(eq=False)
class ThetaCheck:
    """Compares θ with what the config draws its leaves from.

    Attributes:
        torn: Why the config cannot be read, one for each leaf that cannot.

    """

    description: Description
    torn: list[str] = field(init=False, default_factory=list)
    _leaves: dict[tuple[str, str], dict[str, _Possible]] = field(init=False, default_factory=dict)
    _whole: WholeDataset = field(init=False)
    _sizes: dict[str, list[float]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        description = self.description
        self._categories = {name: str(e["category"]) for name, e in description.models.items()}
        self._whole = WholeDataset(
            negatives_fract=description.negatives_fract,
            val_fraction=description.val_fraction,
            top_ups=description.top_ups,
        )
        for group in GROUPS:
            try:
                variants = leaves_by_preset(description.config, group)
                for preset, node in variants.items():
                    self._leaves[group, preset] = dict(self._read(group, node))
            except ConfigError as error:
                self.torn.append(str(error))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                self.torn.append(f"{group} cannot be read: {type(error).__name__}: {error}")

    def _read(self, group: str, node: Mapping[str, Any]) -> Iterator[tuple[str, _Possible]]:
        specs = {f.name: f.metadata["leaf"] for f in fields(GROUPS[group])}
        listed = [(name, specs[name], value) for name, value in node.items() if name in specs]
        if group == "sensor":
            listed += step_leaves(node)
        for name, leaf, value in listed:
            # Of patterns what they are, not what they match: the files may be elsewhere.
            plain = replace(leaf, kind="choice", options=()) if leaf.kind == "pattern" else leaf
            drawn = parse(value, plain, f"{group}.{name}", categories=self._categories)
            yield name, _Possible(leaf, drawn)

    def problems(self, theta: Mapping[str, Any], frame_idx: int) -> Iterator[str]:
        """What no draw gives, a sentence each.

        Args:
            theta: As the record holds it.

        Raises:
            KeyError: A group, or a leaf that others hang on, is missing; TypeError and ValueError
                likewise where it is of another kind.

        """
        for group in GROUPS:
            drawn = dict(theta[group])
            preset = str(drawn.pop(PRESET, ""))
            if (group, preset) not in self._leaves:
                if not self.torn:
                    yield f"θ: {group}.preset must be one of the config, got {preset or None!r}"
                continue
            if holds_steps(group, _STEPS):
                drawn |= _steps(drawn.pop(_STEPS, {}))
            known = self._leaves[group, preset]
            if odd := sorted({*known} ^ {*drawn}):
                yield f"θ: {group} must hold the leaves of the config, odd: {', '.join(odd)}"
                continue
            if frame_idx % self.description.views:
                drawn = _without_turned(group, drawn)
            for name, value in drawn.items():
                if not self._is_possible(known[name], (group, name), value, theta, frame_idx):
                    yield f"θ: {group}.{name} must be as the config draws it, got {value!r:.200}"

    def _is_possible(
        self,
        possible: _Possible,
        name: tuple[str, str],
        value: Any,
        theta: Mapping[str, Any],
        frame_idx: int,
    ) -> bool:
        objects = theta["objects"]
        if name == ("objects", "count"):
            return self._is_count(possible, objects, frame_idx)
        scope = possible.leaf.scope
        if scope == "frame":
            return possible(value)
        if not isinstance(value, list):
            return False
        if scope == "target":
            models = objects["model"]
            is_right = len(value) == len(models) == max(objects["count"], 1)
            if name == ("objects", "model"):
                chosen = chooses_models(objects["arrangement"])
                return is_right and all(
                    model in self._categories and (chosen or possible(model)) for model in value
                )
            return is_right and all(
                possible(one, self._categories.get(model, ""))
                for one, model in zip(value, models, strict=True)
            )
        if scope == "light":
            return len(value) == theta["lighting"]["count"] and all(map(possible, value))
        return len(value) >= theta["occlusion"]["count"] and all(map(possible, value))

    def is_size_of(self, model: str, size_m: Sequence[float], scale: float) -> bool:
        """Whether a box in space is that of its model wherever it was seen before.

        Args:
            model: Its name.
            size_m: Sides of the box.
            scale: Metres per unit of the model's file.

        """
        if len(self._sizes) >= _MOST_NAMES or scale <= 0:
            return True
        known = self._sizes.setdefault(model, [side / scale for side in size_m])
        off = (abs(side - scale * one) for side, one in zip(size_m, known, strict=True))
        return max(off) <= _SIZE_SLACK * max(size_m)

    def _is_count(self, possible: _Possible, objects: Mapping[str, Any], frame_idx: int) -> bool:
        count, arrangement = objects["count"], objects["arrangement"]
        if self._whole.is_negative(frame_idx // self.description.views):
            return bool(count == 0)
        if chooses_models(arrangement):
            return type(count) is int and count > 0
        n_targets = ARRANGEMENTS[arrangement].n_targets
        return possible(count) if n_targets is None else bool(count == n_targets)


def _without_turned(group: str, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves of a further view but those that follow from the first; `SceneCheck` has them."""
    follows = group == "viewpoint" and drawn["layout"] in ("around", "listed")
    return {name: value for name, value in drawn.items() if not follows or name not in ANGLES}


def chooses_models(arrangement: str) -> bool:
    """Whether it chooses the models of targets itself, as that of poses from a file."""
    kind: Any = ARRANGEMENTS[arrangement]
    return getattr(kind, "models", None) is not AbstractArrangement.models


def _steps(steps: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Settings of the sensor's steps by path, as `step_leaves` gives them."""
    for name, settings in steps.items():
        yield f"{_STEPS}.{name}", True
        yield from ((f"{_STEPS}.{name}.{key}", value) for key, value in settings.items())


def _can_be(drawn: Drawable, value: Any, leaf: Leaf) -> bool:
    """Whether a distribution can give a value."""
    if isinstance(value, list):
        value = tuple(value)
    if drawn.support is not None:
        return any(_same(value, one) for one in drawn.support)
    if isinstance(drawn, Vector):
        return (
            isinstance(value, tuple)
            and len(value) == len(drawn.parts)
            and all(_can_be(part, v, leaf) for part, v in zip(drawn.parts, value, strict=True))
        )
    lo, hi = drawn.bounds or (leaf.lo, leaf.hi)
    return is_number(value) and lo <= value <= hi and (not drawn.is_whole or value == int(value))


def _same(value: Any, one: Any) -> bool:
    return bool(value == one) and isinstance(value, bool) == isinstance(one, bool)
