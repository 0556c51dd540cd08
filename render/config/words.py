"""From the words of a command line to a resolved config."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import hydra
from hydra import version
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from render.config.composition import guarded
from render.config.hydra_errors import COMPOSITION_ERRORS, message_of, unresolved
from render.config.presets import presets_of
from render.config.quoting import readable
from render.config.run_config import unknown_key
from render.config.sources import preset_dirs
from render.config.trust import plugin_names
from render.errors import ConfigError
from render.sampling.groups import GROUPS
from render.system import values
from render.system.paths import CONF_DIR

__all__ = ["VERSION_BASE", "config_of", "resolve", "split_words"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
VERSION_BASE: Final = "1.3"
"""The version of Hydra whose defaults hold, whatever version is installed."""
# Where a run that names no folder would write: who composes one here names it later, if at all.
_NO_FOLDER: Final = "."


def config_of(
    words: Sequence[str],
    *,
    config_dir: Path | str | None = None,
    explain: Callable[[str], str] = unknown_key,
) -> dict[str, Any]:
    """The resolved config that ``python -m render.run`` makes of these words.

    What Hydra keeps for the whole process is afterwards as it was before, so this works any
    number of times, and within an application of Hydra too.

    Args:
        words: The words of a command line, such as ``models=[bolt,nut]``.
        config_dir: A folder of further presets and experiments, as ``--config-dir`` names it.
        explain: Says of a key that the config does not have what may have been meant.

    Raises:
        ConfigError: A word cannot be read, or names what there is not.

    """
    for word in words:
        if not isinstance(word, str):
            raise ConfigError(
                f"overrides must be strings such as 'n_frames=10', one for each word, got {word!r}"
            )
    with guarded():
        try:
            cfg = _composed([readable(word) for word in words], _folder(config_dir))
        except COMPOSITION_ERRORS as error:
            # Hydra's own frames would bury the line that helps.
            raise ConfigError(message_of(error, explain)) from None
        folders = preset_dirs(cfg.hydra.runtime.config_sources)
        with open_dict(cfg):
            del cfg["hydra"]
        if _is_of_hydra(cfg):
            cfg["output_dir"] = _NO_FOLDER
        return resolve(cfg, folders)


def split_words(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What a command that also takes words of `render.run` is given: its own, and those words.

    A word has a ``=``, such as ``engine=mitsuba``, or a ``~`` in front; the path of something that
    is there is none.
    """
    words = [a for a in arguments if ("=" in a or a[:1] == "~") and not Path(a).exists()]
    return [a for a in arguments if a not in words], words


def resolve(cfg: DictConfig, folders: Sequence[Path]) -> dict[str, Any]:
    """Plain, resolved containers of a composed config, fit for JSON.

    Where a group is the ``mixture`` preset, all its other presets are put beside it under
    ``presets``, so that a stored config needs no config files to be understood.

    Args:
        folders: Those with one sub-folder of presets per group; the first wins.

    Raises:
        ConfigError: An interpolation that leads nowhere, a number that is not finite, or
            ``plugins`` that are no names.

    """
    try:
        config = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
        assert isinstance(config, dict)
        plain: dict[str, Any] = {str(k): v for k, v in config.items() if k != "hydra"}
        presets = {
            group: presets_of(group, folders)
            for group in GROUPS
            if isinstance(plain.get(group), dict) and "preset" in plain[group]
        }
    except OmegaConfBaseException as error:
        raise ConfigError(unresolved(error)) from error
    plain["plugins"] = list(plugin_names(plain.get("plugins", [])))
    if presets:
        plain["presets"] = presets
    for key, value in _leaves(plain):
        if isinstance(value, float) and not values.is_number(value):
            raise ConfigError(f"{key} must be a finite number, got {value}")
        if isinstance(value, str) and _CONTROL.search(value):
            raise ConfigError(f"{key} must be text without control characters, got {value!r}")
    # As a dataset stores it: keys of weights, too, become strings.
    stored: dict[str, Any] = json.loads(json.dumps(plain))
    return stored


def _leaves(node: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Values that are no containers, by their full names."""
    if isinstance(node, dict | list):
        for key, inner in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, node


def _composed(words: list[str], config_dir: Path | None) -> DictConfig:
    """What Hydra makes of the words, with its own section ``hydra``."""
    if config_dir is not None:
        quoted = f"file://{config_dir}".replace("\\", "\\\\").replace("'", "\\'")
        words = [f"hydra.searchpath=['{quoted}']", *words]
    with _fresh_hydra(), hydra.initialize_config_dir(str(CONF_DIR), version_base=VERSION_BASE):
        return hydra.compose("config", overrides=words, return_hydra_config=True)


@contextlib.contextmanager
def _fresh_hydra() -> Iterator[None]:
    """Lets Hydra be initialized meanwhile, whether it is already or not."""
    running, base = GlobalHydra.instance().hydra, version.VersionBase.instance().version_base
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        # Asked again: what is left of initialize_config_dir is another instance.
        GlobalHydra.instance().hydra = running
        version.VersionBase.instance().version_base = base


def _folder(config_dir: Path | str | None) -> Path | None:
    if config_dir is None:
        return None
    folder = Path(config_dir).expanduser()
    if not folder.is_dir():
        raise ConfigError(f"config_dir must be a folder that is there, got {config_dir}")
    return folder.resolve()


def _is_of_hydra(cfg: DictConfig) -> bool:
    """Whether ``output_dir`` is the folder that Hydra makes for a command, which there is not."""
    raw: Any = OmegaConf.to_container(cfg, resolve=False)
    return "${hydra:" in str(raw["output_dir"])
