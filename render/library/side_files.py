"""What people say about model files: ``part.yaml`` next to ``part.step``, and one ``models.yaml``.

``models.yaml`` lies at the root of the models folder and maps names to the same keys; a name
is the path of a model, its stem, or a glob (as `models` in the config). A side file wins over
it, and what is written later in it over what is written earlier.

========== ==========================================================================
category   Name of its labels.
unit       Length of one unit of the file: m, mm, cm, um, in, ft, or metres as a number.
up         Axis of the file that points up: x, y, z, -x, -y or -z.
finish     A preset of `render.library.finishes`; replaces every look of the file.
keypoints  Name and ``[x, y, z]`` of each, in units of the file, its axes and origin.
symmetries ``discrete``: a list of 16 numbers each, row by row; ``continuous``: a list of
           ``{axis: [x, y, z], offset: [x, y, z]}``. As in BOP's models_info.json, in units of
           the file; an empty mapping says that there are none.
states     Name of each state that poses are told apart by, with ``{up: [x, y, z]}``, the direction
           along the axes of the file that points up in it (or a list of such directions), or
           ``{R_world_obj: 9 numbers}``, a pose that shows it, row by row.
========== ==========================================================================

The ``models_info.json`` of a folder of BOP models says the symmetries and the diameter of
``obj_000001.ply`` and so on, and that they are in millimetres; side files win over it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from render.errors import AssetError
from render.geometry.symmetry import Symmetry
from render.library.declared import Ups, keypoints_of, states_of, symmetry_of
from render.library.finishes import FINISHES
from render.library.readers.raw import UNITS_M
from render.sampling.patterns import is_named, match_names
from render.system import values
from render.system.plain_data import json_of, read_regular, yaml_of

__all__ = ["AXES", "MODELS_YAML", "Remarks", "read_remarks"]

MODELS_YAML = "models.yaml"
_BOP_INFO = "models_info.json"
AXES = ("x", "y", "z", "-x", "-y", "-z")
_KEYS = ("category", "unit", "up", "finish", "keypoints", "symmetries", "states")
_UNITS = ("m", "mm", "cm", "um", "in", "ft")


@dataclass(frozen=True, kw_only=True)
class Remarks:
    """What side files say about one model; None where they say nothing.

    Attributes:
        unit_m: Metres per unit of the file.
        unit_source: The file that says so.
        keypoints: Names and places, units of the file.
        symmetry: In units of the file.
        diameter: Largest distance between two vertices, units of the file.
        states: As `render.library.declared.states_of` gives them.

    """

    category: str | None = None
    unit_m: float | None = None
    unit_source: str = ""
    up: str | None = None
    finish: str | None = None
    keypoints: tuple[tuple[str, tuple[float, float, float]], ...] | None = None
    symmetry: Symmetry | None = None
    diameter: float | None = None
    states: Ups | None = None

    def text(self) -> str:
        """All of it as JSON, for hashes; without states as it was before there were any."""
        said = {k: v for k, v in vars(self).items() if k != "states" or v is not None}
        return json.dumps(said, sort_keys=True, default=Symmetry.as_dict)


def read_remarks(
    folder: Path, names: Sequence[str]
) -> tuple[dict[str, Remarks], dict[str, AssetError]]:
    """Remarks on all models of a folder, by name; and why those of a side file cannot be read.

    Args:
        folder: The models folder.
        names: All model files in it, relative, with ``/``.

    Raises:
        AssetError: models.yaml is no mapping, or has an unknown key, a value that breaks its
            rule, an entry that names no model, or a unit or up axis for a stem that several
            files share; likewise a models_info.json.

    """
    remarks = dict.fromkeys(names, Remarks()) | _of_bop(folder, names)
    path = folder / MODELS_YAML
    for key, entry in _mapping(path).items() if path.is_file() else ():
        where = f"{MODELS_YAML}: {key}"
        chosen = match_names(str(key), names)
        if not chosen:
            raise AssetError(path, f"{key} must name a model file of the folder, and names none")
        stem_alone = chosen[0] != str(key) and is_named(str(key), chosen[0])
        _apply(remarks, chosen if stem_alone else (), chosen, entry, path=path, where=where)
    unread: dict[str, AssetError] = {}
    for path, chosen in _side_files(folder, names):
        try:
            _apply(remarks, chosen, chosen, _mapping(path), path=path, where=path.name)
        except AssetError as error:
            unread |= dict.fromkeys(chosen, error)
    return remarks, unread


def _of_bop(folder: Path, names: Sequence[str]) -> dict[str, Remarks]:
    """What BOP's models_info.json of each folder says of the models beside it."""
    found: dict[str, Remarks] = {}
    for parent in sorted({PurePosixPath(name).parent for name in names}):
        path = folder / parent / _BOP_INFO
        if not path.is_file():
            continue
        for obj_id, entry in _mapping(path, json_of).items():
            stem = parent / f"obj_{obj_id:0>6}"
            for name in names:
                if PurePosixPath(name).with_suffix("") == stem:
                    found[name] = _bop_entry(entry, path, obj_id)
    return found


def _bop_entry(entry: Any, path: Path, obj_id: Any) -> Remarks:
    try:
        diameter = values.read_number(entry["diameter"], 1e-12)
    except (KeyError, TypeError, ValueError):
        rule = f"the diameter of object {obj_id} must be a number above 0"
        raise AssetError(path, f"{rule}, got {entry!r:.60}") from None
    symmetries = {key: entry.get(f"symmetries_{key}") for key in ("discrete", "continuous")}
    return Remarks(
        unit_m=UNITS_M["mm"],
        unit_source=_BOP_INFO,
        symmetry=symmetry_of(symmetries, path),
        diameter=diameter,
    )


def _side_files(folder: Path, names: Sequence[str]) -> list[tuple[Path, tuple[str, ...]]]:
    """Each side file with the models of its folder that have its stem."""
    stems: dict[str, list[str]] = {}
    for name in names:
        stems.setdefault(str(PurePosixPath(name).with_suffix("")), []).append(name)
    found: list[tuple[Path, tuple[str, ...]]] = []
    for stem, sharing in stems.items():
        for suffix in (".yaml", ".yml"):
            path = folder / f"{stem}{suffix}"
            if path.is_file() and path != folder / MODELS_YAML:
                found.append((path, tuple(sharing)))
    return found


def _apply(
    remarks: dict[str, Remarks],
    sharing: Sequence[str],
    chosen: Sequence[str],
    entry: Any,
    *,
    path: Path,
    where: str,
) -> None:
    parsed = _parse(entry, path=path, where=where)
    of_one = (parsed.unit_m, parsed.up, parsed.keypoints, parsed.symmetry, parsed.states)
    if len(sharing) > 1 and any(said is not None for said in of_one):
        raise AssetError(
            path,
            "unit, up, keypoints, symmetries and states must be said of one file, and "
            f"{', '.join(sharing)} share the name; "
            f"name each with its suffix in {MODELS_YAML}",
        )
    said = {k: v for k, v in vars(parsed).items() if v not in (None, "")}
    for name in chosen:
        remarks[name] = replace(remarks[name], **said)


def _mapping(path: Path, load: Callable[[bytes], Any] = yaml_of) -> Mapping[Any, Any]:
    try:
        content = load(read_regular(path))
    except ValueError as error:
        raise AssetError(path, f"cannot be read: {error}") from error
    except OSError as error:
        raise AssetError(path, f"cannot be read: {error.strerror}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise AssetError(path, f"must hold keys and values, got {content!r:.60}")
    return content


def _parse(entry: Any, *, path: Path, where: str) -> Remarks:
    if not isinstance(entry, Mapping):
        raise AssetError(path, f"{where} must hold keys ({', '.join(_KEYS)}), got {entry!r:.60}")
    for key in entry:
        if key not in _KEYS:
            raise AssetError(path, f"{where} must have keys of {', '.join(_KEYS)}, got {key!r}")

    def said(key: str, check: Callable[[Any], Any]) -> Any:
        """The value of a key of the entry, None where it has none."""
        if entry.get(key) is None:
            return None
        try:
            return check(entry[key])
        except ValueError as error:
            raise AssetError(path, f"{key} must {error}, got {entry[key]!r}") from None

    unit_m = said("unit", _unit_m)
    return Remarks(
        category=said("category", values.name),
        unit_m=unit_m,
        unit_source="" if unit_m is None else path.name,
        up=said("up", partial(values.option, options=AXES)),
        finish=said("finish", partial(values.option, options=FINISHES)),
        keypoints=keypoints_of(entry.get("keypoints"), path),
        symmetry=symmetry_of(entry.get("symmetries"), path),
        states=states_of(entry.get("states"), path),
    )


def _unit_m(unit: Any) -> float:
    """Metres per unit; ValueError if the text names no unit."""
    if isinstance(unit, str) and unit in _UNITS:
        return UNITS_M[unit]
    with contextlib.suppress(ValueError):
        if (metres := values.read_number(unit)) > 0:
            return metres
    raise ValueError(f"be one of {', '.join(_UNITS)} or metres as a positive number")
