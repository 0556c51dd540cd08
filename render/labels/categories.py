"""Which categories a dataset has, in which order, and which of them each target gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

from render.config.sections import LabelSettings
from render.errors import ConfigError
from render.geometry.states import States
from render.library.models import ModelLibrary
from render.scene import Instance

__all__ = ["Categories", "states_of_models"]


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Categories:
    """The categories of a dataset; by default each target has that of its model.

    Attributes:
        names: All, in the order of their ids.
        of_models: Those that targets of each model can have, by its name.
        states: States of each model whose targets have the category of the state they show.
        tolerance_deg: A pose that is farther from every state is beyond them; None: none is.

    """

    names: tuple[str, ...] = ()
    of_models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    states: Mapping[str, States] = field(default_factory=dict)
    tolerance_deg: float | None = None

    @classmethod
    def of(cls, models: ModelLibrary, settings: LabelSettings) -> Categories:
        """The categories that a config asks for; loads no model.

        By state, those of states come first, in the order of models and of declaration; those of
        models without states follow, sorted.

        Raises:
            ConfigError: ``labels.categories`` does not name just these, or what is asked of states
                has none to be asked of.

        """
        states = states_of_models(models, settings)
        if settings.category == "state" and not states:
            raise ConfigError(
                "labels.category must be model where no model of `models` declares states, got "
                "'state': a side file declares them, states: {one: {up: [0, 0, 1]}, ...}"
            )
        if settings.category == "model" and settings.state_tolerance_deg is not None:
            raise ConfigError(
                "labels.state_tolerance_deg must be null where labels.category is model, got "
                f"{settings.state_tolerance_deg:g}: labels.category=state makes states categories"
            )
        of_states = (name for shown in states.values() for name in shown.names)
        others = {models.category(name) for name in models.names if name not in states}
        names = tuple(dict.fromkeys((*of_states, *sorted(others))))
        return cls(
            names=names if settings.categories is None else _ordered(settings.categories, names),
            of_models={
                name: states[name].names if name in states else (models.category(name),)
                for name in models.names
            },
            states=states,
            tolerance_deg=settings.state_tolerance_deg,
        )

    @property
    def models_of(self) -> dict[str, tuple[str, ...]]:
        """Names of the models of each category."""
        found: dict[str, tuple[str, ...]] = {name: () for name in self.names}
        for model, names in self.of_models.items():
            for name in names:
                found[name] = (*found[name], model)
        return found

    def shown(self, instance: Instance) -> tuple[str, bool]:
        """The category of an instance in its pose, and whether that is beyond its states."""
        states = self.states.get(instance.model.name)
        if states is None:
            return instance.model.category, False
        name, off_deg = states.shown(instance.T_world_obj[:3, :3])
        return name, self.tolerance_deg is not None and off_deg > self.tolerance_deg


def states_of_models(models: ModelLibrary, settings: LabelSettings) -> dict[str, States]:
    """The states that are categories, by model; empty where models are."""
    if settings.category == "model":
        return {}
    return {name: shown for name in models.names if (shown := models.states(name)) is not None}


def _ordered(asked: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The categories in the order that was asked for."""
    rule = "labels.categories must name each category once"
    if twice := sorted({name for name in asked if asked.count(name) > 1}):
        raise ConfigError(f"{rule}, got {', '.join(twice)} more than once")
    if unknown := [name for name in asked if name not in names]:
        raise ConfigError(f"{rule}, got {', '.join(unknown)}; there are {', '.join(names)}")
    if missing := [name for name in names if name not in asked]:
        raise ConfigError(f"{rule}, and lacks {', '.join(missing)}")
    return tuple(asked)
