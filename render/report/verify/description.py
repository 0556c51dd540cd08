"""dataset.yaml against itself and against the claim in the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from render.config.run_config import RunConfig, identity_of, sha256_of
from render.config.trust import check_target, plugin_names
from render.dataset.description import Description
from render.dataset.description_form import unknown_keys
from render.dataset.findings import Findings
from render.dataset.layout import DESCRIPTION, MANIFEST_FOLDER
from render.dataset.sharding import SHARD_FRAMES
from render.errors import ConfigError
from render.report.verify.states import names_problem
from render.system.plain_data import json_of, read_regular
from render.system.stores import Folder
from render.system.version import version_of
from render.writers.chosen import Writers

__all__ = ["check_description"]

_CLAIMED_ALONE = ("pictures", "poses")
_TARGETS = ("engine._target_", "execution._target_")


def check_description(
    description: Description, writers: Writers, folder: Folder, findings: Findings
) -> None:
    """Checks dataset.yaml against itself and, where it is there, the claim in `.manifest`."""
    raw, config = description.raw, description.config

    def require(holds: object, message: str) -> None:
        findings.require(holds, message, file=DESCRIPTION)

    odd = unknown_keys(raw)
    require(not odd, f"must hold just its keys, odd: {', '.join(odd)}")
    require(
        _sha256(_identity(config)) == raw["config_sha256"],
        "config_sha256 must be that of its config, and is not: one of them was edited",
    )
    for problem in (_run_problem(config, raw["versions"]), *_trust_problems(config)):
        require(not problem, problem)
    rest = raw.get("run_config_sha256")
    require(
        rest is None or rest == _sha256(config),
        "run_config_sha256 must be that of its config, and is not: one of them was edited",
    )
    pairs = {name: (raw[name], config.get(name)) for name in ("seed", "val_fraction", "n_frames")}
    pairs["depth_unit_m"] = raw["depth_unit_m"], config["output"].get("depth_unit_m")
    for name, written in description.output.items():
        pairs[f"output.{name}"] = written, config["output"].get(name)
    written_keys = {*description.output, "depth_unit_m"}
    pairs["keys of output"] = sorted(written_keys), sorted({*config["output"], "depth_unit_m"})
    pairs["output.formats"] = description.output.get("formats"), list(writers.formats)
    for name, (written, configured) in pairs.items():
        require(
            written == configured, f"{name} must be {configured!r} as configured, got {written!r}"
        )
    problem = names_problem(raw)
    require(not problem, problem)
    asked = len(config.get("fixtures") or ())
    require(
        len(raw["fixtures"]) == asked,
        f"fixtures must be the {asked} of the config, got {len(raw['fixtures'])}",
    )
    end = max((entry.end for entry in description.top_ups), default=0)
    require(
        end <= description.n_frames,
        f"top_ups must end within its {description.n_frames} frames, got one that ends at {end}",
    )
    _check_claim(description, folder, findings)


def _identity(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """As `identity_of`; None where a section is no mapping."""
    try:
        return identity_of(config)
    except AttributeError:
        return None


def _sha256(value: Any) -> str | None:
    """As `sha256_of`; None where keys of a mapping are not texts alone."""
    try:
        return sha256_of(value)
    except TypeError:
        return None


def _run_problem(config: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    """Which key breaks its rule, if this version has written it; others had other keys."""
    if versions["render"] != version_of("render"):
        return ""
    try:
        RunConfig.of(config)
    except ConfigError as error:
        return f"config: {error}"
    return ""


def _trust_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Whether its classes are of this package or of the packages that it names itself."""
    try:
        plugins = plugin_names(config.get("plugins", []))
    except ConfigError as error:
        yield f"config: {error}"
        return
    for key, target in _targets("", config):
        try:
            check_target(key, target, plugins)
            yield "" if key in _TARGETS else f"config: {key} must not name a class"
        except ConfigError as error:
            yield f"config: {error}"


def _targets(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every key that names a class, as ``engine._target_``."""
    named = value if isinstance(value, Mapping) else {}
    for key, inner in enumerate(value) if isinstance(value, list) else named.items():
        if key == "_target_":
            yield f"{prefix}{key}", inner
        else:
            yield from _targets(f"{prefix}{key}.", inner)


def _check_claim(description: Description, folder: Folder, findings: Findings) -> None:
    raw = description.raw
    wanted = {
        "identity.json": {
            "config": _identity(raw["config"]),
            "models": {entry["name"]: entry["sha256"] for entry in raw["models"]},
            "distractors": {entry["name"]: entry["sha256"] for entry in raw["distractors"]},
            "fixtures": [entry["sha256"] for entry in raw["fixtures"]],
            "versions": raw["versions"],
            "shard_frames": description.sharding.size,
        },
        "gl.json": raw["gl"],
        "top_ups.json": {"top_ups": [entry.as_dict() for entry in description.top_ups]},
    }
    for name, values in wanted.items():
        path, file = folder / MANIFEST_FOLDER / name, f"{MANIFEST_FOLDER}/{name}"
        if not path.is_file():
            # A folder whose .manifest is gone says nothing; one that has it must say all.
            needed = name != "top_ups.json" or description.top_ups
            missing = needed and path.parent.is_dir()
            findings.require(not missing, "is missing", file=file)
            continue
        try:
            found = json_of(read_regular(path))
        except OSError as error:
            findings.require(False, f"cannot be read ({error.strerror})", file=file)
            continue
        except ValueError as error:
            findings.require(False, f"is torn: {error}", file=file)
            continue
        if isinstance(found, dict) and "shard_frames" in values:  # earlier versions did not say it
            found.setdefault("shard_frames", SHARD_FRAMES)
        # What it says of pictures and poses, nothing else does.
        same = isinstance(found, dict) and found == values | {
            key: value for key, value in found.items() if key in _CLAIMED_ALONE
        }
        findings.require(same, f"must agree with {DESCRIPTION}, and does not", file=file)
