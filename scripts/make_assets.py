"""Makes the starter assets: models, backgrounds, environments, textures. CC0.

`python scripts/make_assets.py [--out DIR] [NAME ...]` writes all, or the files whose names match
(globs work); the same bytes each time, for one set of library versions.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from starter import files, hardware, household, noise, places, sheet, step, surfaces
from starter.environments import ENVIRONMENTS, write_hdr
from starter.textures import TEXTURES

_ASSETS = Path(__file__).resolve().parents[1] / "assets"


def side_file(path: Path, **facts: str) -> None:
    """What a model file cannot say about itself."""
    lines = [f"category: {path.stem}", *(f"{k}: {v}" for k, v in facts.items())]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


# The axis of each face of the die, as `household.die` numbers them, in its file (Y up).
_DIE_STATES = {
    "one": [0, 1, 0], "two": [1, 0, 0], "three": [0, 0, -1],
    "four": [0, 0, 1], "five": [-1, 0, 0], "six": [0, -1, 0],
}  # fmt: skip


def die_side_file(path: Path) -> None:
    """The side file of the die, with the state that each face up is."""
    side_file(path, up="y", unit="m")
    with path.open("a", encoding="ascii") as file:
        file.write("states:\n")
        file.writelines(f"  {name}: {{up: {up}}}\n" for name, up in _DIE_STATES.items())


MAKERS: dict[str, Callable[[Path], None]] = {
    "models/bolt.glb": lambda path: files.write_glb(path, hardware.bolt()),
    "models/nut.glb": lambda path: files.write_glb(path, hardware.nut()),
    "models/bracket.obj": lambda path: files.write_obj(path, sheet.bracket()),
    "models/bracket.yaml": lambda path: side_file(path, up="y", unit="m"),
    "models/gear.glb": lambda path: files.write_glb(path, hardware.gear()),
    "models/bearing.glb": lambda path: files.write_glb(path, hardware.bearing()),
    "models/mug.glb": lambda path: files.write_glb(path, household.mug()),
    "models/bottle.glb": lambda path: files.write_glb(path, household.bottle()),
    "models/die.glb": lambda path: files.write_glb(path, household.die()),
    "models/die.yaml": die_side_file,
    "models/flange.step": step.write_flange,
    "models/pulley.stl": lambda path: files.write_stl(path, hardware.pulley()),
    "models/pulley.yaml": lambda path: side_file(path, up="z", unit="mm", finish="aluminium"),
    "models/valve.yaml": lambda path: side_file(path, up="z", unit="m"),
    "models/valve.ply": lambda path: files.write_ply(path, sheet.valve()),
    "models/grille.glb": lambda path: files.write_glb(path, sheet.grille()),
    "models/screwdriver.glb": lambda path: files.write_glb(path, household.screwdriver()),
}


def _picture(make: Callable[[], noise.Floats], *, tiles: bool) -> Callable[[Path], None]:
    return lambda path: noise.write_jpeg(path, make(), tiles=tiles)


def _environment(make: Callable[[], noise.Floats]) -> Callable[[Path], None]:
    return lambda path: write_hdr(path, make())


BACKGROUNDS = [
    (name, getattr(module, name)) for module in (surfaces, places) for name in module.__all__
]
MAKERS |= {f"backgrounds/{name}.jpg": _picture(make, tiles=False) for name, make in BACKGROUNDS}
MAKERS |= {f"environments/{name}.hdr": _environment(make) for name, make in ENVIRONMENTS.items()}
MAKERS |= {f"textures/{name}.jpg": _picture(make, tiles=True) for name, make in TEXTURES.items()}


def main() -> None:
    """Writes what the arguments ask for and tells each file's size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["*"], help="such as models/bolt.glb")
    parser.add_argument("--out", type=Path, default=_ASSETS, help="folder, default assets/")
    arguments = parser.parse_args()
    chosen = [m for m in MAKERS if any(fnmatch(m, name) for name in arguments.names)]
    if not chosen:
        parser.error(f"NAME must match one of {', '.join(MAKERS)}, got {arguments.names}")
    for name in chosen:
        path = arguments.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        MAKERS[name](path)
        print(f"{name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
