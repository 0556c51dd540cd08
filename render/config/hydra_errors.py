"""What Hydra says when it cannot compose the config, in one paragraph that teaches."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import yaml
from hydra.errors import HydraException, MissingConfigException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from render.config.presets import is_group, is_preset
from render.config.quoting import WEIGHTS_HINT, has_odd_weights, quoted
from render.config.run_config import unknown_key
from render.sampling.arguments import near
from render.sampling.groups import GROUPS

__all__ = ["COMPOSITION_ERRORS", "message_of", "unresolved"]

COMPOSITION_ERRORS: Final = (
    HydraException, OmegaConfBaseException, OSError, RecursionError, ValueError, yaml.YAMLError,
)  # fmt: skip
"""What Hydra, OmegaConf, the YAML reader and the file system raise before a job begins."""

_UNKNOWN = re.compile(r"Could not (?:override|delete from config\.) '([\w.]+)'(?:\.| does not)")
_AMBIGUOUS = re.compile(r"Ambiguous value for argument '([^=]+)=(.*)' 1\. ")
_IN_FILE = re.compile(r"In '([^']+)': ")
# What Hydra says on one line, and what is said in its place of what the pattern finds.
_SAYINGS: Final = (
    (
        r"Sweep parameters '([^=]+)=(.*)' requires --multirun",
        "{0} must be one value, got {1}: add -m to run one job for each; a distribution is a "
        "list, as in 'scale.size_frac=[uniform,0.1,0.5]'",
    ),
    (
        r"Sweeping over Hydra's configuration is not supported : '([^=]+)=(.*)'",
        "{0} must be one value in all jobs of a sweep, got {1}",
    ),
    (
        r"Multiple values for (\S+)\.",
        "{0} must be chosen once, and is chosen already: write {0}=PRESET without a plus, and in "
        "a file `- override /{0}: PRESET`",
    ),
    (
        r"Could not append to config\. An item is already at '([^']+)'.*remove \+ prefix: '(.*?)' ",
        "{0} must be set without a plus, because the config has it, got +{1}: write {1}",
    ),
    (
        r"force-add of config groups is not supported: '\+\+(.*?)(=.*)'",
        "{0} must be chosen without pluses, got ++{0}{1}: write {0}{1}",
    ),
    (
        r"Could not delete from config\. The value of '([^']+)' is (.*) and not (.*)\.",
        "~{0} must have no other value than {1}, got {2}: write ~{0}",
    ),
    (
        r"Could not delete '(\w+)(.*)'\. No match in the defaults list",
        "~{0}{1} must name a group that is chosen, and it is not",
    ),
    (
        r"In ([^:]+): Override '(.*?)' is defined before",
        "defaults of {0}.yaml must have their overrides at the end, got {1} before another entry",
    ),
    (r"Duplicate _self_ defined in (\S+)", "defaults of {0}.yaml must have _self_ once, got two"),
    (
        r"(\S+) appears more than once in the final defaults list",
        "{0} must be chosen once, got two entries for it",
    ),
    (r"You must specify '([^']+)'", "{0} must be a preset, got ???: choose one, {0}=PRESET"),
    (
        r"Additional config directory '(.*)' not found",
        "--config-dir must be a folder that is there, got {0}",
    ),
    (
        r"Primary config directory not found\..* config directory '(.*)' exists",
        "--config-path must be a folder that is there, got {0}",
    ),
    (
        r"Cannot find primary config '(.*)'\. Check",
        "--config-name must be a file of the folder of configs, got {0}",
    ),
)


def message_of(error: Exception, explain: Callable[[str], str] = unknown_key) -> str:
    """One paragraph for an error that was raised before the job began.

    Args:
        error: One of `COMPOSITION_ERRORS`.
        explain: What to say of a key that the config does not have.

    """
    said = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, MissingConfigException) and "/" in (error.missing_cfg_file or ""):
        return _unknown_preset(str(error.missing_cfg_file), list(error.options or ()), said)
    if isinstance(error, RecursionError):
        return "defaults must not lead back to the file that they stand in"
    if ambiguous := _AMBIGUOUS.match(said):
        return _ambiguous(ambiguous[1], ambiguous[2])
    if chosen := re.search(r"Could not override '([\w/]+)(@[^']*)?'", said):
        if is_group(chosen[1]) and not chosen[2]:
            word = re.search(r"use (\+.*)", said)
            return (
                f"{chosen[1]} must be added with a plus, because no run has it of itself: write "
                f"{word[1] if word else '+' + chosen[1] + '=PRESET'}"
            )
        if chosen[2] or _IN_FILE.match(said):
            return _unknown_group(f"{chosen[1]}{chosen[2] or ''}", said)
    if unknown := _UNKNOWN.match(said):
        return explain(unknown[1])
    for pattern, text in _SAYINGS:
        if found := re.match(pattern, said):
            return text.format(*found.groups())
    if isinstance(error, OSError) and str(error.filename or ".yaml")[-5:] != ".yaml":
        return (
            f"Hydra's folder {error.filename} cannot be made here ({error.strerror}): go to a "
            "folder that can be written, or name one: output_dir=DIR hydra.run.dir=DIR "
            "(in a sweep hydra.sweep.dir=DIR)"
        )
    return _merged(said, str(error.__cause__ or error).splitlines()[:1])


def unresolved(error: OmegaConfBaseException) -> str:
    """What to say of a value of the composed config that cannot be worked out."""
    key, said = error.full_key or "the config", str(error).splitlines()[0]
    if isinstance(error, MissingMandatoryValue):
        return f"{key} must be set, got ???"
    return f"{key} must be a value that can be worked out: {said}"


def _unknown_preset(path: str, options: list[str], said: str) -> str:
    group, _, preset = path.rpartition("/")
    options = [option for option in options if is_preset(option)]
    if options:
        known = ", ".join(options)
        return f"{group} must be one of {known}, got {preset}{near(preset, options, 0)}"
    file = _IN_FILE.match(said)
    where = f"defaults of {file[1]}.yaml" if file else group
    own = group.rpartition("/")[2]
    fix = f": write `- override /{own}: {preset}`" if is_group(own) and own != group else ""
    return f"{where} must name files that there are, got {path}{fix}"


def _unknown_group(name: str, said: str) -> str:
    file = _IN_FILE.match(said)
    rule = f"defaults of {file[1]}.yaml must choose groups that there are, got" if file else ""
    plain = name.partition("@")[0]
    what = f"{rule} {name}" if rule else f"{name} must be a group of the config"
    return f"{what}{near(plain, tuple(GROUPS))}"


def _ambiguous(key: str, value: str) -> str:
    if is_group(key):
        return f"{key} must be one preset, got {value}: add -m to run one job for each"
    # Parts of a name that has more than letters were put in quotes to be read at all.
    name = re.sub(r'"([^"\\]*)"', r"\1", value)
    return (
        f"{key} must be one value, got {name}: write '{key}=[{value}]' for a list, "
        f"'{key}={quoted(name)}' for one name, or add -m to run one job for each"
    )


def _merged(said: str, cause: list[str]) -> str:
    """What is said of a value of the wrong form for its place; else what Hydra says."""
    override = re.match(r"Error merging override \+*([^=]+)=(.*)", said)
    if override:
        reason = WEIGHTS_HINT if has_odd_weights(override[2]) else cause[0]
        return f"{override[1]} must be a value of its form, got {override[2]}: {reason}"
    if file := re.match(r"In '([^']+)': \w+ raised while composing config: (.*)", said):
        return f"{file[1]}.yaml must set keys that there are to values of their form: {file[2]}"
    return said if not cause or cause[0] in said else f"{said}: {cause[0]}"
