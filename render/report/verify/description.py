"""dataset.yaml against itself and against the claim in the manifest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from render.config.run_config import identity_of, sha256_of
from render.dataset.description import Description
from render.dataset.findings import Findings
from render.dataset.layout import DESCRIPTION, MANIFEST_FOLDER
from render.system.version import LIBRARIES
from render.writers.chosen import Writers

__all__ = ["check_description"]


def check_description(
    description: Description, writers: Writers, folder: Path, findings: Findings
) -> None:
    """Checks dataset.yaml against itself and, where it is there, the claim in `.manifest`."""
    raw, config = description.raw, description.config

    def require(holds: object, message: str) -> None:
        findings.require(holds, message, file=DESCRIPTION)

    require(
        sha256_of(identity_of(config)) == raw["config_sha256"],
        "config_sha256 must be that of its config, and is not: one of them was edited",
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
    categories = tuple(sorted({str(entry["category"]) for entry in raw["models"]}))
    require(
        description.names.categories == categories,
        f"categories must be {', '.join(categories)}, the sorted ones of its models, "
        f"got {', '.join(description.names.categories)}",
    )
    _check_code(raw, require)
    end = max((entry.end for entry in description.top_ups), default=0)
    require(
        end <= description.n_frames,
        f"top_ups must end within its {description.n_frames} frames, got one that ends at {end}",
    )
    _check_claim(description, folder, findings)


def _check_code(raw: Mapping[str, Any], require: Callable[[object, str], None]) -> None:
    """The code that its config names is that which it was made with."""
    plugins, node = raw["config"].get("plugins", []), raw["config"]["execution"]
    made_with = [name for name in raw["versions"] if name not in LIBRARIES]
    require(
        plugins == made_with,
        f"plugins must be {made_with}, those whose versions it has, got {plugins!r}",
    )
    target = str(node.get("_target_") if isinstance(node, Mapping) else node)
    known = ("render.execute.", *(f"{name}." for name in made_with))
    require(
        target.startswith(known),
        f"execution._target_ must be a class of render.execute or of its plugins, got {target!r}",
    )


def _check_claim(description: Description, folder: Path, findings: Findings) -> None:
    raw = description.raw
    wanted = {
        "identity.json": {
            "config": identity_of(raw["config"]),
            "models": {entry["name"]: entry["sha256"] for entry in raw["models"]},
        },
        "gl.json": raw["gl"],
        "top_ups.json": {"top_ups": [entry.as_dict() for entry in description.top_ups]},
    }
    for name, values in wanted.items():
        path, file = folder / MANIFEST_FOLDER / name, f"{MANIFEST_FOLDER}/{name}"
        if not path.is_file():
            # A folder whose .manifest is gone says nothing; one that has it must say all.
            if name == "top_ups.json" and path.parent.is_dir():
                findings.require(
                    not description.top_ups, "is missing", file=f"{MANIFEST_FOLDER}/{name}"
                )
            continue
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            findings.require(False, f"is torn: {error}", file=file)
            continue
        same = isinstance(found, dict) and all(found.get(k) == v for k, v in values.items())
        findings.require(same, f"must agree with {DESCRIPTION}, and does not", file=file)
