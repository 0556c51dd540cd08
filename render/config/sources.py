"""Which folders a config was composed from."""

from __future__ import annotations

import filecmp
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from render.errors import ConfigError
from render.system.paths import CONF_DIR

__all__ = ["preset_dirs"]


def preset_dirs(sources: Iterable[Any]) -> list[Path]:
    """Folders that hold presets of groups: this package's, then the user's.

    Args:
        sources: ``hydra.runtime.config_sources`` of a composed config.

    Raises:
        ConfigError: A preset of the user has the name of one of this package, which Hydra takes.

    """
    paths = (Path(s.path) for s in sources if s.schema == "file")
    folders = [path for path in paths if path.is_dir()] or [CONF_DIR]
    for folder in folders:
        for own in sorted(CONF_DIR.glob("*/*.yaml")):
            other = folder / own.relative_to(CONF_DIR)
            if other.is_file() and not filecmp.cmp(own, other, shallow=False):
                raise ConfigError(
                    f"{other} must have another name, because {own.parent.name}={own.stem} is a "
                    "preset of this package, and is taken in its place"
                )
    return folders
