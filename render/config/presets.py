"""The presets of a group of θ: which files there are, and what each sets.

A group is a folder of the config. Its ``_base.yaml`` holds the usual value of each parameter,
and each other file is a preset, which holds what differs: ``defaults: [_base, _self_]``. A
name with an underscore in front is no preset.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader

from render.config.config_file import check_config_file
from render.errors import ConfigError
from render.system.paths import CONF_DIR

__all__ = ["MIXTURE", "is_group", "is_preset", "preset_files", "presets_of"]

MIXTURE = "mixture"
"""The preset that draws one of the others for each frame."""


def is_group(name: str) -> bool:
    """Whether a folder of presets of that name comes with this package."""
    return (CONF_DIR / name).is_dir() and name != ""


def is_preset(name: str) -> bool:
    """Whether a file of a group, named without its ending, is there to be chosen."""
    return not name.startswith("_")


def preset_files(group: str, folders: Sequence[Path]) -> dict[str, Path]:
    """The file of each preset of a group by name, in alphabetical order.

    Args:
        group: Such as ``lighting``.
        folders: Folders with one sub-folder of presets per group; the first wins.

    """
    files = {
        path.stem: path
        for folder in reversed(folders)
        for path in (folder / group).glob("*.yaml")
        if is_preset(path.stem)
    }
    return dict(sorted(files.items()))


def presets_of(group: str, folders: Sequence[Path]) -> dict[str, Any]:
    """What each preset of a group but ``mixture`` sets, in full.

    Args:
        group: Such as ``lighting``.
        folders: Folders with one sub-folder of presets per group; the first wins.

    Returns:
        ``{preset: {leaf: value or distribution}}``; a file that holds no mapping is given as
        it is.

    Raises:
        ConfigError: The ``defaults`` of a preset name a file that its group does not have.

    """
    return {
        name: _complete(path, group, folders)
        for name, path in preset_files(group, folders).items()
        if name != MIXTURE
    }


def _complete(path: Path, group: str, folders: Sequence[Path], above: tuple[Path, ...] = ()) -> Any:
    """A preset on top of those of its own group that its ``defaults`` name."""
    if path in above:
        raise ConfigError(f"defaults of {path} must not lead back to the file that they stand in")
    if not path.is_relative_to(CONF_DIR):
        check_config_file(path)
    # As Hydra reads it: PyYAML alone takes 1e-3 for a string.
    own = yaml.load(path.read_bytes(), Loader=get_yaml_loader())
    own = {} if own is None else own
    if not isinstance(own, dict):
        return own
    # What it chooses in other groups: that is Hydra's, before θ is drawn.
    names = [n for n in own.pop("defaults", []) if isinstance(n, str) and n != "_self_"]
    whole: dict[Any, Any] = {}
    for name in names:
        below = _complete(_found(name, group, folders), group, folders, (*above, path))
        whole = _on_top(whole, below if isinstance(below, dict) else {})
    whole = _on_top(whole, own)
    if above or "${" not in str(whole):
        return whole
    return OmegaConf.to_container(OmegaConf.create(whole), resolve=True)


def _on_top(below: dict[Any, Any], own: dict[Any, Any]) -> dict[Any, Any]:
    """One mapping over another, as OmegaConf merges them, which takes a hundred times as long."""
    merged = dict(below)
    for key, value in own.items():
        under = below.get(key)
        merged[key] = (
            _on_top(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
        )
    return merged


def _found(name: str, group: str, folders: Sequence[Path]) -> Path:
    for folder in folders:
        path = folder / group / f"{name}.yaml"
        if "/" not in name and path.is_file():
            return path
    raise ConfigError(
        f"defaults of a preset of {group} must name files of its own folder, got {name}: write "
        "[_base, _self_]"
    )
