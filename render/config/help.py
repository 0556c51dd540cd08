"""What ``python -m render.run --help`` prints: one page, made of the declarations and conf/."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from render.config.config_file import check_config_file
from render.config.presets import preset_files
from render.config.run_config import RunConfig
from render.config.settings import settings_of
from render.sampling.groups import GROUPS
from render.system.paths import CONF_DIR

__all__ = ["EXAMPLES", "page"]

_WIDTH = 100
_NAME_WIDTH = 14

EXAMPLES = (
    "python -m render.run n_frames=20 output_dir=first",
    "python -m render.run 'models=[bolt,nut]' lighting=sun background=floor",
    "python -m render.run viewpoint.elevation_deg=30 'scale.size_frac=[uniform,0.1,0.5]'",
    "python -m render.run occlusion=occluded 'occlusion.occluded_fract=[uniform,0.3,0.7]'",
    "python -m render.run output.yolo=segment output.depth=true camera=phone sampling=sobol",
    "python -m render.run -m lighting=studio,sun,environment n_frames=20",
)
"""Command lines that run as they stand, with the models that come with the package."""

_HEAD = """\
python -m render.run [KEY=VALUE ...]

Renders images of 3D models and writes them with exact labels (COCO, YOLO, masks, records). What
may vary from frame to frame is drawn: any scene parameter takes a value or a distribution. The
same command with the same output_dir continues a run that was interrupted.

GROUP=PRESET chooses a preset of a group, GROUP.PARAMETER=VALUE sets one parameter under it.
A star marks what a run takes if nothing is said."""
_TAIL = """\
-m runs one job for each value behind a comma; --config-dir DIR adds presets and experiments of
your own; --cfg job prints the whole config that a command line makes. Read on: README.md; in docs/
parameters.md (every key with its values), targets.md, labels.md, coverage.md and extending.md."""


def page(config_dir: Path | None = None) -> str:
    """The page, in lines of at most 100 characters.

    Args:
        config_dir: A folder of further presets, which are listed as well. Of two of one name the
            one of the package counts, as it does for Hydra.

    Raises:
        ConfigError: A file of that folder cannot be one of a config.

    """
    folders = [CONF_DIR] if config_dir is None else [CONF_DIR, config_dir.expanduser()]
    for path in sorted(folders[-1].glob("*/*.yaml") if config_dir is not None else ()):
        check_config_file(path)
    main = yaml.safe_load((CONF_DIR / "config.yaml").read_text(encoding="utf-8"))
    usual = _usual_presets(main["defaults"])
    found = {path.name for folder in folders for path in folder.glob("*/") if path.is_dir()}
    # Without an example are those that only a dataset holds.
    keys = [name for name, spec in settings_of(RunConfig) if spec.example]
    keys += [f"output.{key}" for key in (*main["output"], *_writer_keys(folders))]
    lines = [
        _HEAD,
        "",
        *(line for group in GROUPS for line in _group(group, folders, usual.get(group))),
        f"{'mixture':{_NAME_WIDTH + 2}}In each of these groups: one of its presets per frame.",
        "Other groups",
        *(
            line
            for group in sorted(found - set(GROUPS))
            for line in textwrap.wrap(
                ", ".join(_starred(group, folders, usual.get(group))),
                _WIDTH,
                initial_indent=f"  {group:{_NAME_WIDTH}}",
                subsequent_indent=" " * (_NAME_WIDTH + 2),
            )
        ),
        "Keys of the run",
        *textwrap.wrap(", ".join(keys), _WIDTH, initial_indent="  ", subsequent_indent="  "),
        "Examples",
        *(f"  {example}" for example in EXAMPLES),
        "",
        _TAIL,
    ]
    return "\n".join(lines)


def _writer_keys(folders: Sequence[Path]) -> list[str]:
    """What the files of the writers set in the section ``output``."""
    files = preset_files("writer", folders).values()
    return [key for path in files for key in yaml.safe_load(path.read_text(encoding="utf-8")) or ()]


def _usual_presets(defaults: Sequence[Any]) -> dict[str, str]:
    """The preset of each group that a run takes if nothing is said."""
    return {
        group: preset
        for entry in defaults
        if isinstance(entry, dict)
        for group, preset in entry.items()
        if isinstance(preset, str)
    }


def _group(group: str, folders: Sequence[Path], usual: str | None) -> list[str]:
    """What a group is about, and its presets with a line each."""
    about = _first_sentence(CONF_DIR / group / "_base.yaml").partition(":")[0]
    files = preset_files(group, folders)
    room = _WIDTH - _NAME_WIDTH - 2
    presets = [
        f"  {name:{_NAME_WIDTH}}{textwrap.shorten(_first_sentence(path), room, placeholder=' ...')}"
        for name, path in zip(_starred(group, folders, usual), files.values(), strict=True)
        if name != "mixture"  # told once for all groups
    ]
    return [f"{group:{_NAME_WIDTH + 2}}{about}", *(line.rstrip() for line in presets)]


def _starred(group: str, folders: Sequence[Path], usual: str | None) -> list[str]:
    return [f"{name} *" if name == usual else name for name in preset_files(group, folders)]


def _first_sentence(path: Path) -> str:
    """The first sentence of the comment that a file begins with; empty where there is none."""
    comment = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            comment.append(line.lstrip("# "))
    sentence, point, _ = " ".join(comment).partition(". ")
    return sentence + point.rstrip()
