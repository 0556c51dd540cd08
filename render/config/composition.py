"""Hydra's composition, guarded: what only the command line may say is refused in files.

Hydra runs code that a config names before the job sees the config: callbacks, launchers, handlers
of logging, further folders of configs, variables of the environment. An experiment or a preset is
a file that may come from anyone, so each file is looked at when Hydra has read it and before
anything comes of it.
"""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, NoReturn

import hydra._internal.hydra as hydra_internal
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository, ConfigRepository
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import OmegaConf

from render.config.config_file import check_config_file
from render.config.interpolation import check_cost
from render.config.job_names import job_name
from render.config.presets import is_preset
from render.config.trust import check_target, plugin_names
from render.errors import ConfigError, RenderError
from render.system.files import remove_empty
from render.system.paths import CONF_DIR
from render.system.plain_data import DEEPEST

__all__ = ["Sweep", "guarded", "split_options"]

# What a file may say of Hydra itself: folders, and what is swept over.
_OF_FILES = ("mode", "run.dir", "sweep.dir", "sweep.subdir", "job.name", "verbose")
_PARAMS = ("hydra", "sweeper", "params")
_CLASSES = (("engine",), ("execution",))
_TARGET = "_target_"
# Times that Hydra asks for a file while it composes a config: about 100 for a usual one.
_MOST_FILES = 1000
# In a word of the command line, whose parser takes 6 ms for each.
_MOST_ITEMS = 4096
# The config of a sweep, which Hydra keeps in the folder of its jobs.
_OF_SWEEP = "multirun.yaml"
# What Hydra adds to the words of a command line that is no sweep.
_AS_RUN = "hydra.mode=RUN"
# What Hydra composes with, by the name that it calls it by.
_LOADER = ConfigLoaderImpl.__name__


@dataclass(eq=False)
class Sweep:
    """What becomes known of a sweep while Hydra composes its jobs.

    Attributes:
        folder: Of the jobs; None: this is no sweep.
        jobs: Overrides of each job, in order.

    """

    folder: Path | None = None
    jobs: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, folder: Path, overrides: Sequence[str]) -> None:
        """Takes a job, which is composed more than once."""
        self.folder = folder
        if tuple(overrides) not in self.jobs:
            self.jobs.append(tuple(overrides))


@contextlib.contextmanager
def guarded() -> Iterator[Sweep]:
    """Lets Hydra compose configs meanwhile only from files that run no code.

    Yields:
        What becomes of it, if it is a sweep.

    """
    sweep = Sweep()
    setattr(hydra_internal, _LOADER, partial(_GuardedLoader, sweep))
    try:
        yield sweep
    finally:
        setattr(hydra_internal, _LOADER, ConfigLoaderImpl)


def split_options(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The options of Hydra among the words of a command line, with their values; the other words.

    Refuses an option that would run code from a file, and one that there is not.

    Raises:
        ConfigError: ``--experimental-rerun`` is among them, or an option that is not Hydra's.

    """
    parser = get_args_parser()
    setattr(parser, "error", _refuse_option)  # noqa: B010  in place of a page of usage
    options, unknown = parser.parse_known_args(words)
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
    others = list(options.overrides)
    return [word for word in words if word not in others], others


def _refuse_option(message: str) -> NoReturn:
    raise ConfigError(f"options must be Hydra's with values that it knows: {message}")


def _check_length(word: str) -> None:
    """Refuses a word of the command line that Hydra's parser cannot read in good time."""
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


def _own_sources() -> set[str]:
    """Where the files lie that ship with this package, with Hydra and with what is installed."""
    paths = [str(one.path) for one in create_config_search_path(str(CONF_DIR)).get_path()]
    return {path if "://" in path else f"file://{path}" for path in paths}


class _GuardedRepository(ConfigRepository):
    """Looks at each file before Hydra reads it, and lets none lie elsewhere."""

    def load_config(self, config_path: str) -> ConfigResult | None:
        """What Hydra makes of a file; None where there is none."""
        if ".." in config_path.split("/") or config_path.startswith("/"):
            raise ConfigError(f"a preset must lie in the folder of configs, got {config_path}")
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is not None and source.scheme() == "file" and Path(source.path) != CONF_DIR:
            check_config_file(Path(source.path) / f"{config_path.removesuffix('.yaml')}.yaml")
        return super().load_config(config_path)


class _CountingRepository(CachingConfigRepository):
    """Ends a composition whose lists of defaults name each other over and over."""

    def __init__(self, repo: CachingConfigRepository) -> None:
        super().__init__(repo.delegate)
        self.cache = repo.cache
        self._n = 0

    def load_config(self, config_path: str) -> ConfigResult | None:
        """What Hydra makes of a file; None where there is none."""
        self._n += 1
        if self._n > _MOST_FILES:
            raise ConfigError(
                f"lists of defaults must lead to fewer than {_MOST_FILES} files, each counted as "
                f"often as it is named, and {config_path}.yaml is one more"
            )
        return super().load_config(config_path)


class _GuardedLoader(ConfigLoaderImpl):
    """Checks each file that a config is composed from."""

    def __init__(self, sweep: Sweep, config_search_path: Any) -> None:
        super().__init__(config_search_path)
        self._sweep = sweep
        self._swept: frozenset[str] = frozenset()  # keys that the command line sweeps over
        self.repository = _GuardedRepository(config_search_path)
        self._own = _own_sources()
        # Classes that files name: the file, the key and the class.
        self._named: list[tuple[str, str, Any]] = []
        # The overrides that a config was composed of already, and that config.
        self._composed: tuple[list[str], Any] | None = None
        self._overrides: list[Any] = []  # of the last one, parsed

    def load_configuration(
        self,
        config_name: Any,
        overrides: list[str],
        run_mode: Any,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> Any:
        """The composed config; only the command line can have set its ``plugins``.

        Hydra composes it once to see whether it says itself that it is a sweep, and then again.
        Here it is the same one, unless it is a sweep or has an error to tell.
        """
        if run_mode == RunMode.RUN and self._composed is not None:
            (known, cfg), self._composed = self._composed, None
            if overrides == [*known, _AS_RUN]:
                cfg.hydra.mode = RunMode.RUN
                cfg.hydra.overrides.hydra.append(_AS_RUN)
                return cfg
        if run_mode == RunMode.MULTIRUN and not validate_sweep_overrides:  # Hydra looks for itself
            known = list(overrides)
            cfg = self._load(config_name, overrides, RunMode.RUN, from_shell, False)
            is_sweep = any(override.is_sweep_override() for override in self._overrides)
            self._composed = None if is_sweep or cfg.hydra.mode is not None else (known, cfg)
            return cfg
        cfg = self._load(config_name, overrides, run_mode, from_shell, validate_sweep_overrides)
        if run_mode == RunMode.MULTIRUN:
            self._swept = frozenset(
                one.get_key_element() for one in self._overrides if one.is_sweep_override()
            )
        return cfg

    def _load(self, *args: Any, **kwargs: Any) -> Any:
        self._named.clear()
        self._check_groups(*args, **kwargs)
        cfg = super().load_configuration(*args, **kwargs)
        content = OmegaConf.to_container(cfg, resolve=False)
        assert isinstance(content, dict)
        check_cost(content)
        for name in ("run", "sweep"):
            _check_folder(f"hydra.{name}.dir", content["hydra"][name]["dir"])
        plugins = plugin_names(content.get("plugins", []))
        for file, key, target in self._named:
            check_target(key, target, plugins, where=file)
        return cfg

    def load_sweep_config(self, master_config: Any, sweep_overrides: list[str]) -> Any:
        """The config of one job of a sweep, with a name that does not depend on the others."""
        try:
            cfg = super().load_sweep_config(master_config, sweep_overrides)
            params = master_config.hydra.sweeper.get("params", None) or {}
            cfg.hydra.job.override_dirname = job_name(sweep_overrides, {*self._swept, *params})
            self._sweep.add(Path(master_config.hydra.sweep.dir), sweep_overrides)
            return cfg
        except (HydraException, RenderError):
            # What Hydra has written before it looks whether the jobs can be.
            folder = Path(master_config.hydra.sweep.dir)
            if [path.name for path in folder.iterdir()] == [_OF_SWEEP]:
                (folder / _OF_SWEEP).unlink()
                remove_empty(folder)
            raise

    def _check_groups(self, config_name: Any, overrides: Sequence[str], *_: Any, **__: Any) -> None:
        """A group is chosen by the names of presets, of which Hydra itself is not told."""
        for word in overrides:
            _check_length(word)
        self._overrides = OverridesParser.create().parse_overrides(list(overrides))
        for override in self._overrides:
            key, value = override.key_or_group, override.value()
            names = value if isinstance(value, list) else [value]
            if override.is_delete() or override.is_sweep_override() or "." in key:
                continue
            is_known = self.repository.group_exists(key)
            if is_known and not all(isinstance(name, str) for name in names):
                known = filter(is_preset, self.repository.get_group_options(key))
                got = str(override.input_line).partition("=")[2]
                raise ConfigError(f"{key} must be one of {', '.join(known)}, got {got}")

    def _process_config_searchpath(
        self, config_name: Any, parsed_overrides: Any, repo: Any
    ) -> None:
        # Before Hydra looks into the folders and packages that the main file names.
        loaded = repo.load_config(config_path=config_name) if config_name is not None else None
        if loaded is not None and loaded.path not in self._own:
            content = OmegaConf.to_container(loaded.config, resolve=False)
            _check_hydra(f"{loaded.path}/{config_name}", content)
        super()._process_config_searchpath(config_name, parsed_overrides, repo)

    def _parse_overrides_and_create_caching_repo(
        self, config_name: Any, overrides: Any
    ) -> tuple[Any, CachingConfigRepository]:
        parsed, repo = super()._parse_overrides_and_create_caching_repo(config_name, overrides)
        return parsed, _CountingRepository(repo)

    def _load_single_config(self, default: Any, repo: Any) -> Any:
        # Where it belongs, and before Hydra itself does anything with it.
        found = self._embed_result_config(repo.load_config(default.config_path), default.package)
        if found.path in self._own:
            _check_moved(default.config_path, found.config, default.package)
        else:
            file = f"{found.path.removeprefix('file://')}/{default.config_path}.yaml"
            self._check(file, OmegaConf.to_container(found.config, resolve=False))
            if default.config_path.startswith("experiment/") and default.package:
                # Hydra does not see the line behind a mark.
                has_mark = Path(file).is_file() and Path(file).read_bytes().startswith(
                    codecs.BOM_UTF8
                )
                before = ", with no byte order mark before it" if has_mark else ""
                raise ConfigError(
                    f"{file} must begin with the line `# @package _global_`{before}, because "
                    "without it what it says is not of the run"
                )
        return super()._load_single_config(default, repo)

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
        for path, value in _targets((), content):
            key = ".".join(path)
            if path[:-1] not in _CLASSES:
                raise ConfigError(
                    f"{key} must not be set, because it names code: a class is named by engine or "
                    f"execution alone, got {value!r} in {file}"
                )
            self._named.append((file, key, value))


def _check_folder(key: str, value: Any) -> None:
    """Refuses the address of a store before Hydra makes a folder of that name here."""
    if "://" in str(value):
        raise ConfigError(f"{key} must be the path of a folder on this machine, got {value!r}")


def _check_moved(path: str, config: Any, package: str | None) -> None:
    """Refuses a file that ships with this package or with Hydra in a place of Hydra's."""
    group = path.rpartition("/")[0].replace("/", ".")
    is_there = OmegaConf.is_dict(config) and "hydra" in config
    if is_there and package not in (None, "", "hydra", "_global_", group):
        raise ConfigError(
            f"{path} must not be put into {package}, because what Hydra finds there it can run"
        )


def _check_hydra(file: str, content: Any) -> None:
    """Refuses what a file says of Hydra itself beyond folders and what is swept over."""
    if not isinstance(content, Mapping) or "hydra" not in content:
        return
    for path, value in _leaves(("hydra",), content["hydra"]):
        is_param = path[:3] == _PARAMS and len(path) == 4
        key = _swept(file, path[3], value) if is_param else ".".join(path)
        if is_param and not re.match(r"(hydra|plugins)\b", key):
            continue
        if key.removeprefix("hydra.") not in _OF_FILES:
            raise ConfigError(
                f"{key} must be set on the command line alone, because it can run code, got "
                f"{value!r} in {file}"
            )


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that is no mapping, by its path."""
    if not isinstance(value, Mapping):
        yield path, value
        return
    for name, inner in value.items():
        yield from _leaves((*path, str(name)), inner)


def _targets(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that names a class, by its path."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    for name, inner in value.items() if isinstance(value, Mapping) else ():
        if name == _TARGET:
            yield (*path, name), inner
        else:
            yield from _targets((*path, str(name)), inner)


def _swept(file: str, name: str, value: Any) -> str:
    """The key that a parameter of a sweep sets, as Hydra reads it."""
    key = ".".join((*_PARAMS, name))
    if "${" in f"{name}={value}":  # worked out, it would be read once more
        raise ConfigError(f"{key} must have no ${{}}, got {value!r} in {file}")
    try:
        (override,) = OverridesParser.create().parse_overrides([f"{name}={value}"])
    except HydraException as error:
        raise ConfigError(
            f"{key} must be values such as `seed: 1,2`, got {name}={value} in {file}"
        ) from error
    return str(override.key_or_group)
