"""Every leaf of every group, under every preset, with every distribution that fits it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from scipy import stats

from render.sampling.groups import GROUPS
from render.sampling.parse import fitting
from render.sampling.schema import Leaf
from render.sampling.streams import uniform
from render.theta import Theta, theta_to_json
from tests.e2e.cli import render
from tests.spaces import CATALOGS, CATEGORIES, composed, leaves_of, presets_of, space_of

FRAMES = range(3)
N_PRESETS = max(len(presets_of(group)) for group in GROUPS)
# Leaves whose values have to fit other leaves.
WINDOWS = {
    ("objects", "count"): (2, 6),
    ("occlusion", "count"): (2, 6),
    ("lighting", "count"): (2, 6),
}
RIGID = [1, 0, 0, 0.1, 0, 1, 0, -0.2, 0, 0, 1, 0.7, 0, 0, 0, 1]
TURNED = [0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0.5, 0, 0, 0, 1]
VECTORS: dict[tuple[str, str], list[Any]] = {
    ("camera", "size_wh"): [
        [648, 484],
        [["integers", 620, 650], ["levels", 470, 490]],
        ["choice", [648, 484], [800, 600]],
        ["levels", [648, 484], [800, 600]],
    ],
    ("camera", "T_world_cam"): [
        RIGID,
        [*RIGID[:3], ["uniform", 0, 0.1], *RIGID[4:]],
        ["choice", RIGID, TURNED],
        ["levels", RIGID, TURNED],
    ],
    ("camera", "distortion"): [
        [-0.1, 0.02, 0.001, -0.001],
        [-0.1, 0.02, 0, 0, 0.01],
        [-0.1, 0.02, 0, 0, 0.01, 0.02, 0.01, 0],
        [["uniform", -0.1, 0.02], ["normal", 0.03, 0.01, 0, 0.05], 0, ["beta", 2, 2, 0, 0.001]],
        ["choice", [-0.1, 0.02, 0, 0], [0.1, 0, 0, 0, 0]],
        ["levels", [-0.1, 0.02, 0, 0], [0.1, 0, 0, 0, 0]],
    ],
    ("sensor", "depth_range_m"): [
        [0.2, 6],
        [["uniform", 0.1, 0.5], ["log_uniform", 2, 8]],
        ["choice", [0.2, 6], [0.5, 4.5]],
        ["levels", [0.2, 6], [0.5, 4.5]],
    ],
    ("camera", "K"): [
        [601, 602, 303, 204],
        [601, 0, 303, 0, 602, 204, 0, 0, 1],
        [["uniform", 600, 620], ["normal", 610, 5, 600, 620], 303, ["log_uniform", 200, 210]],
        ["choice", [601, 602, 303, 204], [605, 605, 303, 204]],
        ["levels", [601, 602, 303, 204], [605, 605, 303, 204]],
    ],
}


def window(group: str, name: str, leaf: Leaf) -> tuple[float, float]:
    """Two numbers well inside the domain of a leaf, above zero where that is possible."""
    if (group, name) in WINDOWS:
        return WINDOWS[group, name]
    lo, hi = (0.0 if leaf.lo < 0 < leaf.hi else leaf.lo), leaf.hi
    return lo + 0.21 * (hi - lo), lo + 0.63 * (hi - lo)


def numbers(lo: float, hi: float, leaf: Leaf) -> Iterator[Any]:
    """What a leaf that is a number can hold."""
    step = (hi - lo) / 4
    yield lo + step
    yield ["uniform", lo, hi]
    yield ["log_uniform", lo, hi]
    yield ["normal", lo, step, lo, hi]
    yield ["beta", 2, 3, lo, hi]
    yield ["choice", lo, lo + step, hi]
    yield ["choice", {lo: 3, hi: 1}]
    yield ["levels", lo, lo + step, hi]
    if math.ceil(lo) <= math.floor(hi):
        yield ["integers", math.ceil(lo), math.floor(hi)]
    if leaf.lo <= 80:
        yield ["sin_uniform", max(leaf.lo, min(lo, 40.0)), min(hi, 80.0)]


def cases(group: str, name: str, leaf: Leaf) -> list[Any]:
    """All that a leaf can hold, one of each kind."""
    if leaf.kind in ("number", "integer"):
        lo, hi = window(group, name, leaf)
        if leaf.kind == "number":
            found = list(numbers(lo, hi, leaf))
        else:
            a, b = math.ceil(lo), math.floor(hi)
            found = [a, ["integers", a, b], ["choice", a, b], ["choice", {a: 3, b: 1}]]
            found.append(["levels", a, a + 1, b])
    elif leaf.kind == "vector":
        a, b = 0.21 * leaf.hi, 0.63 * leaf.hi
        rest = [a] * (leaf.length[0] - 3)
        both = [[a, b, a, *rest], [["uniform", a, b], ["beta", 2, 2, a, b], a, *rest]]
        plain = ["choice", [a, b, a, *rest], [b, a, b, *rest]]
        found = list(VECTORS.get((group, name), [*both, plain, ["levels", *plain[1:]]]))
    elif leaf.kind == "by_category":
        found = [
            [{"category": "mug", "size_m": 0.1}],
            [
                {"category": "fasteners", "size_m": ["uniform", 0.01, 0.02]},
                {"category": "mug", "size_m": ["choice", 0.1, 0.2]},
            ],
        ]
    elif leaf.kind == "by_material":
        found = [
            [],
            [{"material": "iv*", "roughness": 0.3, "pattern": ["choice", "none", "swirl"]}],
            [
                {"material": "pip", "base_color": [["uniform", 10, 20], 30, ["choice", 1, 2]]},
                {"material": "*", "base_color": None, "metallic": ["uniform", 0, 1]},
            ],
        ]
    else:
        names: tuple[Any, ...] = {
            "choice": tuple(leaf.options),
            "flag": (True, False),
            "pattern": CATALOGS[leaf.catalog] if leaf.catalog else (),
        }[leaf.kind]
        a, b = names[0], names[-1]
        found = [a, b, ["choice", a, b], ["choice", {a: 3, b: 1}], ["levels", b, a]]
    return [*found, None] if leaf.nullable else found


N_CASES = max(
    len(cases(group, name, leaf)) for group in GROUPS for name, leaf in leaves_of(group).items()
)


def asked(round_idx: int, *, by_distance: bool) -> dict[str, dict[str, Any]]:
    """One thing for each leaf of θ to hold; over all rounds each holds all of its cases.

    With `by_distance`, of the leaves of scale alone: a size in pixels and a distance cannot
    be asked for together.
    """
    asked: dict[str, dict[str, Any]] = {}
    for group in ("scale",) if by_distance else GROUPS:
        asked[group] = {}
        for idx, (name, leaf) in enumerate(leaves_of(group).items()):
            found = cases(group, name, leaf)
            # Shifted, so that leaves of which one must be set are not null together.
            asked[group][name] = found[(round_idx + idx) % len(found)]
    asked["scale"]["size_px" if by_distance else "distance_m"] = None
    if all(value is None for value in asked["scale"].values()):
        asked["scale"]["size_frac"] = 0.2
    if not by_distance and asked["occlusion"]["by"] == "target":
        # Targets alone cannot cover the foremost one.
        asked["occlusion"]["occluded_fract"] = None
    if not by_distance:
        # It is the same over the dataset: tests/unit/test_views.py.
        asked["viewpoint"]["views"] = 1
        asked["viewpoint"]["look_at"] = "target"  # a plane needs a distance
    if not by_distance and asked["camera"]["T_world_cam"] is not None:
        # A calibrated camera does not turn.
        asked["truncation"]["truncated_fract"] = None
    if not by_distance and asked["camera"]["K"] is None:
        asked["camera"]["fov_deg"] = asked["camera"]["fov_deg"] or 50
    return asked


def typed(value: Any) -> str:
    """A value as it is typed into a command line."""
    if isinstance(value, list):
        return f"[{','.join(typed(v) for v in value)}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{typed(k)}:{typed(v)}" for k, v in value.items()) + "}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def by_command_line(presets: list[str], asked: dict[str, dict[str, Any]]) -> dict[str, Any]:
    leaves = [f"{g}.{name}={typed(v)}" for g in asked for name, v in asked[g].items()]
    return composed(*presets, *leaves)


def by_experiment(
    presets: list[str], asked: dict[str, dict[str, Any]], folder: Path
) -> dict[str, Any]:
    (folder / "experiment").mkdir(exist_ok=True)
    defaults = [{f"override /{p.split('=')[0]}": p.split("=")[1]} for p in presets]
    text = yaml.safe_dump({"defaults": defaults} | asked, sort_keys=False)
    (folder / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{text}")
    return composed("experiment=mine", searched=folder)


def expected(spec: Any, u: NDArray[np.float64]) -> list[Any]:
    """What is drawn for each u, from scipy's distributions."""
    match spec:
        case ["uniform", lo, hi]:
            return list(stats.uniform.ppf(u, lo, hi - lo))
        case ["log_uniform", lo, hi]:
            return list(stats.loguniform.ppf(u, lo, hi))
        case ["normal", mean, std, lo, hi]:
            a, b = (lo - mean) / std, (hi - mean) / std
            return list(stats.truncnorm.ppf(u, a, b, mean, std))
        case ["beta", a, b, lo, hi]:
            return list(stats.beta.ppf(u, a, b, lo, hi - lo))
        case ["integers", lo, hi]:
            return list(stats.randint.ppf(u, lo, hi + 1))
        case ["sin_uniform", lo, hi]:
            low, high = np.sin(np.radians([lo, hi]))
            return list(np.degrees(np.arcsin(stats.uniform.ppf(u, low, high - low))))
        case ["choice", dict() as weights]:
            keys = sorted(weights, key=str)
            cut = weights[keys[0]] / sum(weights.values())
            return [keys[0] if one < cut else keys[1] for one in u]
        case ["choice" | "levels", *values]:
            return [values[int(one * len(values))] for one in u]
    return [spec] * len(u)


def check(group: str, name: str, spec: Any, thetas: list[Theta]) -> None:
    """The draws of one leaf are those of the distribution that was asked for."""
    leaf = leaves_of(group)[name]
    if leaf.kind == "by_category" and spec is not None:
        check_by_category(group, name, spec, thetas)
        return
    if leaf.kind == "by_material":
        check_by_material(group, name, spec, thetas)
        return
    drawn, keys = [], []
    for frame_idx, theta in zip(FRAMES, thetas, strict=True):
        value = getattr(getattr(theta, group), name)
        values = value if leaf.scope != "frame" else (value,)
        drawn += values
        keys += [(frame_idx, instance) for instance in range(len(values))]

    def u(component: str = "") -> NDArray[np.float64]:
        full = f"{group}.{name}{component}"
        return np.array([uniform(0, frame, full, instance) for frame, instance in keys])

    if isinstance(spec, list) and leaf.kind == "vector" and not isinstance(spec[0], str):
        parts = [expected(part, u(f"[{i}]" if i else "")) for i, part in enumerate(spec)]
        wanted: list[Any] = list(zip(*parts, strict=True))
    else:
        wanted = expected(spec, u())
    message = f"{group}.{name} = {spec}"
    for ours, theirs in zip(drawn, wanted, strict=True):
        if theirs is None or isinstance(theirs, str | bool):
            assert theirs == ours, message
            continue
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, err_msg=message)
        assert np.all(np.array(ours) >= leaf.lo), message
        assert np.all(np.array(ours) <= leaf.hi), message


def check_by_category(
    group: str, name: str, entries: list[dict[str, Any]], thetas: list[Theta]
) -> None:
    """Each target has what its category's entry draws; null without one."""
    for frame_idx, theta in zip(FRAMES, thetas, strict=True):
        drawn = getattr(getattr(theta, group), name)
        for i, model in enumerate(theta.objects.model):
            spec = next((e["size_m"] for e in entries if e["category"] == CATEGORIES[model]), None)
            u = np.array([uniform(0, frame_idx, f"{group}.{name}", i)])
            (wanted,) = expected(spec, u)
            if wanted is None:
                assert drawn[i] is None
            else:
                assert drawn[i] == pytest.approx(wanted, rel=1e-9)


def check_by_material(
    group: str, name: str, entries: list[dict[str, Any]], thetas: list[Theta]
) -> None:
    """Each target has what the entries draw, by random numbers of their own."""
    for frame_idx, theta in zip(FRAMES, thetas, strict=True):
        for i, drawn in enumerate(getattr(getattr(theta, group), name)):
            assert [material for material, _ in drawn] == [e["material"] for e in entries]
            for entry, (material, leaves) in zip(entries, drawn, strict=True):
                assert dict(leaves).keys() == entry.keys() - {"material"}
                for leaf, value in leaves:
                    spec, full = entry[leaf], f"{group}.{name}.{material}.{leaf}"
                    is_vector = isinstance(spec, list) and not isinstance(spec[0], str)
                    keys = [f"{full}[{k}]" if k else full for k in range(3)]
                    wanted = [
                        expected(one, np.array([uniform(0, frame_idx, key, i)]))[0]
                        for one, key in zip(spec if is_vector else [spec], keys)
                    ]
                    assert (list(value) if is_vector else [value]) == pytest.approx(wanted)


@pytest.mark.parametrize("by_distance", [False, True], ids=["size", "distance"])
@pytest.mark.parametrize("preset_idx", range(N_PRESETS))
@pytest.mark.parametrize("way", ["command_line", "experiment"])
def test_every_leaf_holds_every_distribution(
    way: str, preset_idx: int, by_distance: bool, tmp_path: Path
) -> None:
    names = {group: presets_of(group) for group in GROUPS}
    presets = [f"{group}={n[preset_idx % len(n)]}" for group, n in names.items()]
    # Under each preset every other case on the command line, and the rest in a file.
    for round_idx in range((preset_idx + (way == "experiment")) % 2, N_CASES, 2):
        leaves = asked(round_idx, by_distance=by_distance)

        if way == "command_line":
            config = by_command_line(presets, leaves)
        else:
            config = by_experiment(presets, leaves, tmp_path)

        space = space_of(config)
        thetas = [space.draw(frame_idx) for frame_idx in FRAMES]
        for group, specs in leaves.items():
            for name, spec in specs.items():
                arrangements = {t.objects.arrangement for t in thetas}
                if (group, name) == ("objects", "count") and arrangements & {"single", "poses"}:
                    continue  # `single` shows one target, `poses` those of its file
                if (group, name) == ("objects", "model") and "poses" in arrangements:
                    continue
                check(group, name, spec, thetas)


def test_the_cases_are_all_distributions_that_fit() -> None:
    for group in GROUPS:
        for name, leaf in leaves_of(group).items():
            if leaf.kind in ("by_category", "by_material"):
                continue  # its numbers hold distributions, it is none
            heads = [c[0] for c in cases(group, name, leaf) if isinstance(c, list)]
            words = {head for head in heads if isinstance(head, str)}
            # An elevation, in degrees, and whole numbers cannot lie in every domain.
            optional = {"sin_uniform", "integers"} if leaf.kind == "number" else set()

            assert set(fitting(leaf)) - optional <= words <= set(fitting(leaf)), (group, name)


def test_counts_are_drawn_where_all_targets_are_shown() -> None:
    config = composed("objects.arrangement=scatter", "objects.count=[levels,2,5,9]")

    thetas = [space_of(config).draw(frame_idx) for frame_idx in FRAMES]

    check("objects", "count", ["levels", 2, 5, 9], thetas)


def test_the_command_draws_what_the_space_draws(tmp_path: Path) -> None:
    overrides = (
        "viewpoint.elevation_deg=30", "scale.size_frac=[uniform,0.2,0.5]", "lighting=sun",
        "background=color", "background.color=[[uniform,60,110],7,[levels,9,99]]",
        "occlusion.kind=[choice,{box:0.7,sphere:0.3}]", "sampling=sobol",
    )  # fmt: skip
    done = render(*overrides, "n_frames=3", "val_fraction=0", "output_dir=data", cwd=tmp_path)

    space = space_of(composed(*overrides), sampling="sobol")
    coco = json.loads((tmp_path / "data/annotations/instances_train.json").read_text())
    assert [0, 1, 2] == [image["frame_idx"] for image in coco["images"]], done.stderr
    for image in coco["images"]:
        theta = json.loads(json.dumps(theta_to_json(space.draw(image["frame_idx"]))))
        for group in ("viewpoint", "scale", "background", "lighting"):
            ours, theirs = dict(image["theta"][group]), dict(theta[group])
            if group == "background":  # the files are other ones
                for leaf in ("photo", "environment", "surface_texture"):
                    ours.pop(leaf), theirs.pop(leaf)

            assert theirs == ours
