"""The files that a config is composed from: in which folders they lie, how large they may be."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from render.errors import ConfigError
from render.system.paths import CONF_DIR
from render.system.plain_data import check_yaml, read_regular

__all__ = ["check_config", "preset_dirs"]


def check_config(path: Path) -> None:
    """Checks a file of a config before OmegaConf reads it, which knows no bounds.

    Raises:
        ConfigError: It is not YAML, or beyond the bounds of `render.system.plain_data`.

    """
    try:
        check_yaml(read_regular(path))
    except ValueError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


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
            if other.is_file() and other.read_bytes() != own.read_bytes():
                raise ConfigError(
                    f"{other} must have another name, because {own.parent.name}={own.stem} is a "
                    "preset of this package, and is taken in its place"
                )
    return folders
