"""What Hydra says when it cannot compose the config, in one paragraph that teaches."""

from __future__ import annotations

import re
from collections.abc import Callable

from hydra.errors import MissingConfigException, OverrideParseException

from render.config.presets import is_preset
from render.config.run_config import unknown_key
from render.sampling.arguments import near

__all__ = ["message_of"]

_UNKNOWN = re.compile(r"Could not override '([\w.]+)'")


def message_of(error: Exception, explain: Callable[[str], str] = unknown_key) -> str:
    """One paragraph for an error that was raised before the job began.

    Args:
        error: What Hydra, OmegaConf, the YAML reader or the file system raised.
        explain: What to say of a key that the config does not have.

    """
    if isinstance(error, MissingConfigException) and "/" in (error.missing_cfg_file or ""):
        return _unknown_preset(str(error.missing_cfg_file), list(error.options or ()))
    if isinstance(error, OverrideParseException):
        return _unreadable(str(error.override), str(error))
    if unknown := _UNKNOWN.match(str(error)):
        return explain(unknown[1])
    if isinstance(error, OSError) and str(error.filename or ".yaml")[-5:] != ".yaml":
        return (
            f"Hydra's folder {error.filename} cannot be made here ({error.strerror}): go to a "
            "folder that can be written, or name one: output_dir=DIR hydra.run.dir=DIR "
            "(in a sweep hydra.sweep.dir=DIR)"
        )
    reason = _one_line(error)
    cause = str(error.__cause__ or "").splitlines()
    return f"{reason}: {cause[0]}{_hint(reason)}" if cause else reason


def _unknown_preset(path: str, options: list[str]) -> str:
    group, _, preset = path.rpartition("/")
    options = [option for option in options if is_preset(option)]
    return f"{group} must be one of {', '.join(options)}, got {preset}{near(preset, options, 0)}"


def _unreadable(override: str, reason: str) -> str:
    parser = re.sub(r"\s*See https?://\S+ for details", "", reason)
    return (
        f"the override {override} must be written key=value, with every bracket closed and in "
        f"quotes as a whole: 'scale.size_frac=[uniform,0.1,0.5]'; got: {' '.join(parser.split())}"
        f"{_hint(override)}"
    )


def _hint(override: str) -> str:
    if not re.search(r"\{[^}]*(null|[\"'])", override):
        return ""
    return (
        ". Keys of weights cannot be null or in quotes here: repeat the values, as in "
        '[choice,null,100,100], or write the key "null" in an experiment file'
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
