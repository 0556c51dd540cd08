"""Hydra's composition, guarded: what only the command line may say is refused in files.

Hydra runs code that a config names before the job sees the config: callbacks, launchers, handlers
of logging, further folders of configs, variables of the environment. An experiment or a preset is
a file that may come from anyone, so each file is looked at when Hydra has read it and before
anything comes of it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import hydra._internal.hydra as hydra_internal
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from omegaconf.resolvers import oc

from render.config.sources import check_config
from render.config.trust import check_target, plugin_names
from render.errors import ConfigError
from render.system.paths import CONF_DIR
from render.system.plain_data import DEEPEST

__all__ = ["check_options", "guarded"]

# What a file may say of Hydra itself: folders, and what is swept over.
_OF_FILES = ("mode", "run.dir", "sweep.dir", "sweep.subdir", "job.name", "verbose")
_PARAMS = ("hydra", "sweeper", "params")
_CLASSES = ("engine", "execution")
_ABSENT = object()
# In a word of the command line, whose parser takes 6 ms for each.
_MOST_ITEMS = 4096
# What Hydra composes with, by the name that it calls it by.
_LOADER = ConfigLoaderImpl.__name__


@contextlib.contextmanager
def guarded(words: Sequence[str]) -> Iterator[None]:
    """Lets Hydra compose configs meanwhile only from files that run no code.

    Args:
        words: The words of the command line. A variable of the environment that they name may be
            read; files may read none, because its value would be stored with the dataset.

    Raises:
        ConfigError: A word is longer, or nested more deeply, than Hydra's parser can bear.

    """
    for word in words:
        _check_length(word)
    allowed = set(re.findall(r"oc\.env:\s*([^,}\s]+)", " ".join(words)))

    def env(key: str, default: Any = _ABSENT) -> Any:
        if key not in allowed:
            raise ConfigError(
                f"${{oc.env:{key}}} must stand on the command line alone, because its value is "
                "stored with the dataset"
            )
        return oc.env(key) if default is _ABSENT else oc.env(key, default)

    setattr(hydra_internal, _LOADER, _GuardedLoader)
    OmegaConf.register_new_resolver("oc.env", env, replace=True)
    try:
        yield
    finally:
        setattr(hydra_internal, _LOADER, ConfigLoaderImpl)
        OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)


def _check_length(word: str) -> None:
    n_items = word.count(",") + 1
    if n_items > _MOST_ITEMS:
        raise ConfigError(
            f"the override {word:.40}... must hold at most {_MOST_ITEMS} items, got {n_items}: "
            "write it in an experiment file"
        )
    depths = accumulate((char in "[{(") - (char in "]})") for char in word)
    if max(depths, default=0) > DEEPEST:
        raise ConfigError(
            f"the override {word:.40}... must be nested at most {DEEPEST} levels deep"
        )


def check_options(words: Sequence[str]) -> None:
    """Refuses an option of Hydra that would run code from a file, and one that there is not.

    Args:
        words: The words of the command line.

    Raises:
        ConfigError: ``--experimental-rerun`` is among them, or an option that is not Hydra's.

    """
    options, unknown = get_args_parser().parse_known_args(words)
    for word in unknown:
        raise ConfigError(
            f"{word} must be an option that there is, or KEY=VALUE without dashes, such as "
            "n_frames=10"
        )
    if options.experimental_rerun is not None:
        raise ConfigError(
            "--experimental-rerun must not be used, because the file that it reads can run code: "
            "repeat the command line instead"
        )


class _GuardedLoader(ConfigLoaderImpl):
    """Checks each file that a config is composed from."""

    def __init__(self, config_search_path: Any) -> None:
        super().__init__(config_search_path)
        self.repository = _BoundedRepository(config_search_path)
        paths = [str(one.path) for one in create_config_search_path(str(CONF_DIR)).get_path()]
        self._own = {path if "://" in path else f"file://{path}" for path in paths}
        # Classes that files name: the file, the key and the class.
        self._named: list[tuple[str, str, Any]] = []

    def load_configuration(self, *args: Any, **kwargs: Any) -> Any:
        """The composed config; only the command line can have set its ``plugins``."""
        self._named.clear()
        cfg = super().load_configuration(*args, **kwargs)
        content = OmegaConf.to_container(cfg, resolve=False)
        assert isinstance(content, dict)
        plugins = plugin_names(content.get("plugins", []))
        for file, key, target in self._named:
            check_target(key, target, plugins, where=file)
        return cfg

    def _process_config_searchpath(
        self, config_name: Any, parsed_overrides: Any, repo: Any
    ) -> None:
        # Before Hydra looks into the folders and packages that the main file names.
        loaded = repo.load_config(config_path=config_name) if config_name is not None else None
        if loaded is not None and loaded.path not in self._own:
            content = OmegaConf.to_container(loaded.config, resolve=False)
            _check_hydra(f"{loaded.path}/{config_name}", content)
        super()._process_config_searchpath(config_name, parsed_overrides, repo)

    def _load_single_config(self, default: Any, repo: Any) -> Any:
        found = super()._load_single_config(default, repo)
        if found.path not in self._own:
            file = f"{found.path.removeprefix('file://')}/{default.config_path}"
            self._check(file, OmegaConf.to_container(found.config, resolve=False))
        return found

    def _check(self, file: str, content: Any) -> None:
        """Looks at a file that does not ship with this package, put where it belongs."""
        if not isinstance(content, Mapping):
            return
        if "plugins" in content:
            raise ConfigError(
                "plugins must be set on the command line alone, because it lets code run, got "
                f"{content['plugins']!r} in {file}"
            )
        _check_hydra(file, content)
        for section in _CLASSES:
            node = content.get(section)
            if isinstance(node, Mapping) and "_target_" in node:
                self._named.append((file, f"{section}._target_", node["_target_"]))


class _BoundedRepository(ConfigRepository):
    """Finds files for Hydra, and looks at each before Hydra reads it."""

    def load_config(self, config_path: str) -> Any:
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is not None and source.scheme() == "file":
            name = config_path if config_path.endswith((".yaml", ".yml")) else f"{config_path}.yaml"
            check_config(Path(source.path.removeprefix("file://")) / name)
        return super().load_config(config_path)


def _check_hydra(file: str, content: Any) -> None:
    """Refuses what a file says of Hydra itself beyond folders and what is swept over."""
    if not isinstance(content, Mapping) or "hydra" not in content:
        return
    for path, value in _leaves(("hydra",), content["hydra"]):
        is_param = path[:3] == _PARAMS and len(path) == 4
        key = _swept(path[3], value) if is_param else ".".join(path)
        if is_param and not re.match(r"(hydra|plugins)\b", key):
            continue
        if key.removeprefix("hydra.") not in _OF_FILES:
            raise ConfigError(
                f"{key} must be set on the command line alone, because it can run code, got "
                f"{value!r} in {file}"
            )


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, Mapping):
        yield path, value
        return
    for name, inner in value.items():
        yield from _leaves((*path, str(name)), inner)


def _swept(name: str, value: Any) -> str:
    """The key that a parameter of a sweep sets, as Hydra reads it."""
    (override,) = OverridesParser.create().parse_overrides([f"{name}={value}"])
    return str(override.key_or_group)
