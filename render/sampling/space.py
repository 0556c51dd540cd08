"""θ as a whole: all leaves of all groups, validated, and drawn frame by frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from render.errors import ConfigError
from render.sampling.arguments import near
from render.sampling.arrangement import ARRANGEMENTS
from render.sampling.balance import Balance, WholeDataset
from render.sampling.distributions.by_material import ByMaterial
from render.sampling.distributions.choice import Choice
from render.sampling.groups import GROUPS, Theta
from render.sampling.leaf_draws import (
    FROM_PRESET,
    MODEL,
    GroupDraw,
    LeafDraw,
    Names,
    PresetLoader,
    build_group,
    checked_group,
)
from render.sampling.objects import TURNED
from render.sampling.rules import check_together
from render.sampling.schema import Scope, Value
from render.sampling.sequence_of import finder, sequence_of
from render.sampling.sequences import (
    AbstractSequence,
    Grid,
    Random,
    Stratified,
)
from render.sampling.steps import drawn_steps
from render.sampling.top_up import ToppedUp
from render.sampling.views import check_views, own_leaves, turned

__all__ = ["FROM_PRESET", "ThetaSpace"]

# Distractors that are drawn for each target where occlusion is asked; the search for places
# uses as many of them as it needs.
_CANDIDATES_PER_TARGET = 6
# Leaves that decide how many targets a frame has.
_COUNTING = ("arrangement", "count")


@dataclass(frozen=True, eq=False, kw_only=True)
class ThetaSpace:
    """A validated space of scene parameters and the sequence that samples it.

    Attributes:
        own: Draws what the further views of a scene have for themselves.
        whole: What is settled for the dataset as a whole.
        views: Frames that show one scene.
        balance: Draws the models of targets evenly over the dataset; None: each by itself.

    """

    groups: tuple[GroupDraw, ...]
    sequence: AbstractSequence
    own: AbstractSequence
    whole: WholeDataset
    views: int
    balance: Balance | None

    @classmethod
    def build(
        cls,
        groups: Mapping[str, Mapping[str, Any]],
        *,
        seed: int,
        sampling: str,
        catalogs: Mapping[str, Sequence[str]],
        presets: PresetLoader | None = None,
        whole: WholeDataset | None = None,
    ) -> ThetaSpace:
        """Validates every leaf.

        Args:
            groups: ``{group: {leaf: value or distribution}}``, plain containers, complete.
                A group with the key ``preset`` is a mixture: of each preset that it names,
                those leaves are taken that the group holds as ``from_preset``.
            seed: Seed of the run.
            sampling: ``random``, ``sobol``, ``lhs``, ``grid`` or ``stratified``.
            catalogs: Names of files by the catalog that a leaf names, such as ``models``.
            presets: Gives the leaves of ``(group, preset)``; raises `ConfigError` if there
                is none. Only needed for mixtures.
            whole: What is settled for the dataset; by default each frame is by itself.

        Raises:
            ConfigError: A leaf is missing, unknown or breaks a rule.

        """
        for group in groups:
            if group not in GROUPS:
                raise ConfigError(f"{group} must be a group of θ{near(group, tuple(GROUPS))}")
        whole = whole or WholeDataset()
        names = Names(
            catalogs={what: tuple(sorted(catalog)) for what, catalog in catalogs.items()},
            categories=whole.categories,
            even=whole.labelled if whole.balance else None,
        )
        drawn = tuple(
            build_group(group, checked_group(groups.get(group), group), names, presets)
            for group in GROUPS
        )
        leaves_of = {
            group.group: [
                {leaf.field: leaf.distribution for leaf in leaves}
                for leaves in group.variants.values()
            ]
            for group in drawn
        }
        check_together(leaves_of)
        views = check_views(leaves_of, whole.models_of)
        sequence = sequence_of(sampling, seed, drawn)
        if whole.top_ups:
            sequence = ToppedUp(sequence, whole.top_ups)
        space = cls(
            groups=drawn,
            sequence=sequence,
            own=Random(seed),
            whole=whole,
            views=views,
            balance=None,
        )
        if not whole.balance:
            return space
        return replace(space, balance=Balance(seed, space._settled_counts))

    def _settled_counts(self, frames: range) -> list[int]:
        """How many targets frames have, drawn without anything else of them."""
        objects = next(group for group in self.groups if group.group == "objects")
        variants = {
            name: tuple(leaf for leaf in leaves if leaf.field in _COUNTING)
            for name, leaves in objects.variants.items()
        }
        objects = replace(objects, variants=variants)
        return [
            0 if self.whole.is_negative(i) else
            self._n_shown(self._frame_leaves(objects, i, 0)[1], i)
            for i in frames
        ]  # fmt: skip

    def support(self, group: str, leaf: str) -> frozenset[Value]:
        """All values that a leaf can have in some frame.

        Raises:
            ValueError: They are not a short list.

        """
        values: set[Value] = set()
        for distribution in finder(self.groups)(group, leaf):
            support = distribution.support
            if support is None:
                raise ValueError(f"{group}.{leaf} can have any of very many values")
            values.update(support)
        return frozenset(values)

    def is_null(self, group: str, leaf: str) -> bool:
        """Whether a leaf takes no part in any frame."""
        return all(d.support == (None,) for d in finder(self.groups)(group, leaf))

    @property
    def named_materials(self) -> frozenset[str]:
        """Names and globs of materials in `material.by_material`."""
        found = finder(self.groups)("material", "by_material")
        return frozenset(m for d in found if isinstance(d, ByMaterial) for m, _ in d.entries)

    def can_be_null(self, group: str, leaf: str) -> bool:
        """Whether a leaf takes no part in some frame."""
        found = finder(self.groups)(group, leaf)
        return any(None in (distribution.support or ()) for distribution in found)

    def remarks(self) -> tuple[str, ...]:
        """What is allowed, but hardly meant."""
        remarks = []
        if isinstance(self.sequence, Grid) and not self.sequence.n_levels:
            remarks.append(
                "sampling=grid goes through leaves that hold [levels, a, b, ...]; there are "
                "none, so every leaf is drawn at random"
            )
        if isinstance(self.sequence, Stratified) and not self.sequence.n_slices:
            remarks.append(
                "sampling=stratified fills view direction, size and occlusion evenly, and here "
                "none of them is drawn from a distribution, so every leaf is drawn at random"
            )
        for leaves in self._variants("objects"):
            drawn = {leaf.field: leaf.distribution for leaf in leaves}
            arrangements = drawn["arrangement"].support or ()
            n_shown = ARRANGEMENTS[str(arrangements[0])].n_targets if arrangements else None
            n_asked = drawn["count"].support or ()
            if len(arrangements) == 1 and n_shown is not None and n_shown not in n_asked:
                remarks.append(
                    f"objects.arrangement={arrangements[0]} shows {n_shown} target"
                    f"{'s' if n_shown > 1 else ''}, whatever objects.count is"
                )
        return tuple(remarks)

    def draw(self, frame_idx: int, attempt: int = 0) -> Theta:
        """The scene parameters of one frame; depends on the config, seed and arguments alone.

        Args:
            frame_idx: Zero-based index of the frame in the run.
            attempt: How many draws of this frame were rejected before.

        """
        values: dict[str, dict[str, Any]] = {}
        presets: list[tuple[str, str]] = []
        later: list[tuple[str, LeafDraw]] = []
        for group in self.groups:
            attempt_of = 0 if self._is_settled(group.group) else attempt
            name, drawn = self._frame_leaves(group, frame_idx, attempt_of)
            if group.preset is not None:
                presets.append((group.group, name))
            values[group.group] = drawn
            rest = (leaf for leaf in group.variants[name] if leaf.scope != "frame")
            later.extend((group.group, leaf) for leaf in rest)
        values["objects"]["count"] = self._n_targets(values["objects"], frame_idx)
        for name, leaf in later:
            n = _how_many(leaf.scope, values)
            if leaf.is_constant and (name, leaf.field) != MODEL:
                values[name][leaf.field] = (leaf.draw(self.sequence, frame_idx, attempt, None),) * n
                continue
            values[name][leaf.field] = tuple(
                self._one(name, leaf, (frame_idx, attempt, i), values) for i in range(n)
            )
        values["sensor"], steps = drawn_steps(values["sensor"])
        groups = {name: schema(**values[name]) for name, schema in GROUPS.items()}
        return Theta(**groups, presets=tuple(presets), steps=steps)

    def states(self, theta: Theta, frame_idx: int) -> tuple[str, ...]:
        """The state that each target is to show, so that all categories come equally often; ""
        where any may be shown, as where `objects.orientation` always has the up axis up.
        """
        objects, balance = theta.objects, self.balance
        if balance is None or self._chosen({"arrangement": objects.arrangement}):
            return ("",) * len(objects.model)
        group = next(group for group in self.groups if group.group == MODEL[0])
        leaves = group.variants[dict(theta.presets).get(MODEL[0], "")]
        models, turns = (
            next(d for d in leaves if d.field == name).distribution.components[0]
            for name in (MODEL[1], "orientation")
        )
        if not TURNED & {*(turns.support or ())}:
            return ("",) * len(objects.model)
        can = Counter(c for m in models.support or () for c in self.whole.states.get(str(m), ()))

        def state(i: int, model: str) -> str:
            if not (names := self.whole.states.get(model, ())):
                return ""
            u = balance.u(frame_idx, i)
            if not models.n_levels:
                # Where u lies among those that draw this model is as even as u itself.
                k = (models.support or ()).index(model)
                begin, end = (0.0, *models.ends)[k : k + 2]
                u = (u - begin) / (end - begin)
            return str(Choice(tuple(names), tuple(1.0 / can[name] for name in names)).ppf(u))

        return tuple(state(i, model) for i, model in enumerate(objects.model))

    def draw_views(self, scene_id: int, attempt: int = 0) -> tuple[Theta, ...]:
        """The scene parameters of each view of a scene, the first as `draw` gives them.

        The others differ in what belongs to the camera alone: its direction, as
        `viewpoint.layout` asks, jitter and noise.
        """
        first = self.draw(scene_id, attempt)
        return (first, *(self._of_view(first, scene_id, attempt, i) for i in range(1, self.views)))

    def _of_view(self, theta: Theta, scene_id: int, attempt: int, view_idx: int) -> Theta:
        presets, own = dict(theta.presets), list(own_leaves(theta))
        for group in self.groups:
            drawn = {
                leaf.field: leaf.draw(self.own, scene_id, attempt, view_idx)
                for leaf in group.variants[presets.get(group.group, "")]
                if (group.group, leaf.field) in own
            }
            if drawn:
                values = replace(getattr(theta, group.group), **drawn)
                theta = replace(theta, **{group.group: values})
        return turned(theta, view_idx)

    def _frame_leaves(
        self, group: GroupDraw, frame_idx: int, attempt: int
    ) -> tuple[str, dict[str, Any]]:
        """The preset of a group, and its leaves of scope ``frame``."""
        name = ""
        if group.preset is not None:
            name = str(group.preset.draw(self.sequence, frame_idx, attempt, None))
        leaves = (leaf for leaf in group.variants[name] if leaf.scope == "frame")
        drawn = {d.field: d.draw(self.sequence, frame_idx, attempt, None) for d in leaves}
        return name, drawn

    def _one(
        self,
        group: str,
        leaf: LeafDraw,
        key: tuple[int, int, int],
        values: Mapping[str, Mapping[str, Any]],
    ) -> Value:
        """A leaf of one target, distractor or light."""
        frame_idx, attempt, instance = key
        if (group, leaf.field) == MODEL and (chosen := self._chosen(values["objects"])):
            return chosen[frame_idx][instance]
        if (group, leaf.field) == MODEL and self.balance is not None:
            (models,) = leaf.distribution.components
            if not models.is_constant and not models.n_levels:
                return models.ppf(self.balance.u(frame_idx, instance))

        def category() -> str:
            return self.whole.categories.get(values["objects"]["model"][instance], "")

        return leaf.draw(self.sequence, frame_idx, attempt, instance, category)

    def _is_settled(self, group: str) -> bool:
        """Whether a group's leaves of scope ``frame`` are the same at every attempt.

        How many targets there are decides which models the later frames show.
        """
        return group == "objects" and self.balance is not None

    def _n_targets(self, objects: Mapping[str, Any], frame_idx: int) -> int:
        return 0 if self.whole.is_negative(frame_idx) else self._n_shown(objects, frame_idx)

    def _n_shown(self, objects: Mapping[str, Any], frame_idx: int) -> int:
        """Targets of a frame that is not negative."""
        if chosen := self._chosen(objects):
            return len(chosen[frame_idx])
        return ARRANGEMENTS[objects["arrangement"]].n_targets or int(objects["count"])

    def _chosen(self, objects: Mapping[str, Any]) -> Sequence[tuple[str, ...]]:
        """Models of the targets of each frame; empty where `objects.model` draws them."""
        return self.whole.models_of.get(objects["arrangement"], ())

    def _variants(self, group: str) -> tuple[tuple[LeafDraw, ...], ...]:
        return next(tuple(g.variants.values()) for g in self.groups if g.group == group)


def _how_many(scope: Scope, values: Mapping[str, Mapping[str, Any]]) -> int:
    """Targets, distractors or lights, by the leaves of scope ``frame`` that were drawn.

    A frame without targets has one all the same, which is not shown: the camera, the light and
    the distractors are placed about it.
    """
    if scope == "target":
        return max(int(values["objects"]["count"]), 1)
    if scope == "light":
        return int(values["lighting"]["count"])
    occlusion, n_targets = values["occlusion"], max(int(values["objects"]["count"]), 1)
    n_candidates = _CANDIDATES_PER_TARGET * n_targets if occlusion["occluded_fract"] else 0
    return int(occlusion["count"]) + n_candidates
