"""Categories by state: worked out anew from the recorded pose of each instance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.labels.labeller import BEYOND_STATES
from render.writers.base import Row

__all__ = ["categories_of", "names_problem", "state_problems"]

_SLACK = 1e-6  # radians: what rounding of a recorded pose can move a direction by


def categories_of(entry: Mapping[str, Any]) -> list[str]:
    """The categories that targets of a model can have, by its entry in dataset.yaml."""
    return list(entry["states"]) if "states" in entry else [str(entry["category"])]


def names_problem(raw: Mapping[str, Any]) -> str:
    """What is wrong about the categories of a dataset.yaml; "" if nothing is."""
    labels, models = raw["config"]["labels"], raw["models"]
    has_states = any("states" in entry for entry in models)
    if has_states != (labels.get("category", "model") == "state"):
        return "models must have states where labels.category is state, and there alone"
    wanted = [name for entry in models if "states" in entry for name in entry["states"]]
    wanted += sorted(str(entry["category"]) for entry in models if "states" not in entry)
    wanted, rule = list(dict.fromkeys(wanted)), "those of its models"
    if (asked := labels.get("categories")) is not None:
        if sorted(asked) != sorted(wanted):
            return f"labels.categories must be {', '.join(wanted)} in some order, got {asked}"
        wanted, rule = list(asked), "labels.categories"
    found = raw["categories"]
    return (
        ""
        if found == wanted
        else f"categories must be {', '.join(wanted)}, {rule} in order, got {', '.join(found)}"
    )


def state_problems(
    row: Row, entry: Mapping[str, Any], labels: Mapping[str, Any], world_cam: NDArray[np.float64]
) -> Iterator[str]:
    """The problem of each check of a target's state; "" where the check holds.

    Args:
        row: Its record, whose pose and placement agree.
        entry: Of its model in dataset.yaml.
        labels: The section of the config.
        world_cam: ``(4, 4)`` pose of the camera.

    """
    if "states" not in entry:
        return
    # World Z as the camera has it, then as the model's file has it.
    up = np.array(row["cam_R_m2c"]).reshape(3, 3).T @ world_cam[2, :3]
    off = {name: min(_angle(up, np.array(u)) for u in ups) for name, ups in entry["states"].items()}
    nearest = min(off, key=lambda name: off[name])
    is_right = off.get(row["category"], np.inf) <= off[nearest] + _SLACK
    yield (
        ""
        if is_right
        else f"category must be {nearest}, the state that its pose shows, got {row['category']}"
    )
    tolerance, said = labels.get("state_tolerance_deg"), row["filtered"] == BEYOND_STATES
    limit = np.inf if tolerance is None else np.radians(tolerance)
    margin = off[nearest] - limit
    if row["filtered"] in ("", BEYOND_STATES) and (margin > _SLACK or said):
        yield (
            ""
            if said and margin > -_SLACK
            else f"filtered must {'' if margin > 0 else 'not '}be {BEYOND_STATES!r}, because "
            f"{nearest} is {np.degrees(off[nearest]):.4g} degrees away, got {row['filtered']!r}"
        )


def _angle(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Radians between two vectors, by the chord between their ends."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    return float(2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b)))
