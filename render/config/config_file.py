"""What a file of a config may say, whoever wrote it: plain values, keys of the config, presets.

An experiment or a preset may come from anyone. Each such file is read as plain data before Hydra
reads it: tags would build objects, resolvers would read what is not the file's, aliases would
multiply, and a list of defaults could lead out of the folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from render.errors import ConfigError
from render.system.plain_data import read_regular, yaml_of

__all__ = ["check_config_file"]

MAX_BYTES: Final = 1_000_000
"""A longer file is no config."""
MAX_VALUES: Final = 100_000
"""Values of a file, each counted as often as aliases repeat it."""
# ${key} and ${section.key}: what stands elsewhere in the config, and nothing else.
_KEY = re.compile(r"\$\{[\w.]+\}")
# What a file may choose of Hydra itself, from what is installed.
_OF_HYDRA = r"/?hydra/(launcher|sweeper)(/|$)"


def check_config_file(path: Path) -> None:
    """Refuses a file of a config that says more than values.

    Raises:
        ConfigError: It cannot be read, is no YAML, holds no keys, or has a tag, a resolver, a list
            of defaults that leads elsewhere, or more values than a config has.

    """
    content = _content(path)
    if content is None:
        return
    if not isinstance(content, Mapping):
        raise ConfigError(
            f"{path} must hold keys with values, such as n_frames: 10, and holds none"
        )
    for key, text in _texts(path, "", content):
        if "${" in _KEY.sub("", text):
            raise ConfigError(
                f"{key} must name a key of the config in ${{}} and no resolver, which must stand "
                f"on the command line, because its value is stored with the dataset, got "
                f"{text} in {path}"
            )
    if "defaults" in content:
        _check_defaults(path, content["defaults"])


def _content(path: Path) -> Any:
    if not path.name.isprintable():
        raise ConfigError(f"{str(path)!a} must have a name of printable UTF-8 text: rename it")
    try:
        data = read_regular(path, most=MAX_BYTES)
        return yaml_of(data, most_values=MAX_VALUES)
    except OSError as error:
        raise ConfigError(f"{path} must be a file that can be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} must be UTF-8 text, got {error.object[error.start : error.end]!r} at byte "
            f"{error.start}: save it as UTF-8"
        ) from error
    except ValueError as error:
        raise ConfigError(f"{path} must be YAML of plain values: {error}") from error


def _texts(path: Path, key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text, that of keys too, with the key that it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            full = f"{key}.{name}" if key else str(name)
            if not isinstance(name, str | int | float):
                raise ConfigError(f"{full} must be a name, got the key {name!r} in {path}")
            yield full, str(name)
            yield from _texts(path, full, inner)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _texts(path, f"{key}.{i}", inner)


def _check_defaults(path: Path, entries: Any) -> None:
    """Each entry names a file of the folder, or chooses presets of a group."""
    for entry in entries if isinstance(entries, list) else [None]:
        names = list(_names(entry))
        if not all(isinstance(name, str) for name in names):
            raise ConfigError(
                f"defaults of {path} must be a list such as [_base, _self_], or of lines such as "
                f"`- override /lighting: sun`, got {entry if entry is not None else entries!r}"
            )
        for name in names:
            plain = name.split(" ")[-1].partition("@")[0]
            if {"..", "\\"} & {*re.split(r"(\\)|/", name)} or "//" in name:
                raise ConfigError(
                    f"defaults of {path} must name files of the folder of configs, got {name}"
                )
            if re.match(r"/?hydra(/|$)", plain) and not re.match(_OF_HYDRA, plain):
                raise ConfigError(
                    f"defaults of {path} must choose nothing of Hydra but its launcher and "
                    f"sweeper, because it can run code, got {name}: say it on the command line"
                )


def _names(entry: Any) -> Iterator[Any]:
    """The names in an entry of a list of defaults, None for what is no name."""
    if not isinstance(entry, Mapping):
        yield entry
        return
    for group, chosen in entry.items() if len(entry) == 1 else [(None, None)]:
        yield group
        if chosen is not None:  # null chooses nothing
            yield from chosen if isinstance(chosen, list) else [chosen]
