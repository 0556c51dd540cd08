"""Overrides of the command line, and files of a config, through `render.compose`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from render.api import compose
from render.config.presets import preset_files
from render.sampling.groups import GROUPS
from render.system.paths import CONF_DIR
from tests import model_files as small
from tests.fuzz.kind import AbstractKind
from tests.fuzz.mutators import as_yaml, damaged, damaged_tree
from tests.fuzz.picture_kind import picture
from tests.spaces import composed

__all__ = ["ConfigFileKind", "OverrideKind", "small_assets"]

_SCALARS = (
    "0", "-1", "1", "2", "0.5", "nan", ".nan", "inf", "-inf", "1e308", "7e102", "1e-320",
    "99999999999", "99999999", "1" * 400, "true", "null", "''", "' '", "a", "é", "零件", "'a=b'",
    "a:b", "'\\u0000'", "/dev/zero", "..", "*", "'[a]'", "x" * 3000, "1e-3", "0x10", "1_000",
    "${oc.env:HOME}", "${nope}", "${n_frames}", "${oc.env:NOPE}", "${oc.decode:'['}", "???", "",
)  # fmt: skip
_LISTS = (
    "[]", "[[]]", "[1]", "[1,2]", "[1,2,3]", "[null]", "{}", "{a:1}", "{1:2}", "[a,b]", "[1,a]",
    "[uniform]", "[uniform,0,1]", "[uniform,1,0]", "[uniform,nan,1]", "[uniform,1,null]",
    "[uniform,-inf,inf]", "[uniform,0,1e308]", "[uniform,0,1,2]", "[log_uniform,0,1]",
    "[log_uniform,1e-300,1e300]", "[normal,0,1,-1,1]", "[normal,0,-1,-1,1]", "[normal,0,0,0,0]",
    "[normal,0,1e-300,5,6]", "[integers,0,5]", "[integers,0,99999999999]", "[integers,5,0]",
    "[integers,0.5,2]", "[choice]", "[choice,{}]", "[choice,{a:0}]", "[choice,{a:-1,b:2}]",
    "[choice,{a:nan}]", "[choice,{a:1,b:1e308,c:1e308}]", "[choice,1,2]", "[choice,[choice,1]]",
    "[sin_uniform,-100,100]", "[beta,0,0,0,1]", "[beta,1e308,1e308,0,1]", "[levels]",
    "[levels,1,1]", "[levels,10,30]", "[by_category,{}]", "[by_category,{a:1}]", "[nope,1]",
    "[[uniform,0,1]]", "{_target_:os.system}", "[" * 60 + "]" * 60, "[" * 400 + "]" * 400,
    "[1" + ",1" * 5000 + "]",
)  # fmt: skip
_BROKEN = (
    "=3", "a", "a=[", "a={", "a='", "+", "~", "++", "~n_frames", "~objects", "+objects=grid",
    "a.b.c=1", "objects@a=grid", "a=b=c", "=", "n_frames", "n_frames==3", "--x", "-m",
    " n_frames=1", "n_frames =1", "é=1", "n_frames=${", "+experiment=nope",
    "experiment=example_occlusion", "hydra.verbose=7", "hydra=3", "hydra.job=null", "a=$(",
    "objects=3", "lighting=[studio,sun]", "objects=null", "objects=", "objects=[]", "scale={}",
    "+a.b=1", "~scale.size_frac", "++scale.new=1", "n_frames=1,2", "a[0]=1", "models[0]=a",
    "sampling=grid", "top_up=nowhere",
)  # fmt: skip


class OverrideKind(AbstractKind):
    """A few words of a command line, mostly of keys that there are."""

    name = "overrides"
    cpu_s = 20.0

    def prepare(self, shared: Path) -> None:
        small_assets(shared)

    def make(self, rng: Random, shared: Path, folder: Path) -> None:
        words = [_word(rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
        (folder / "words.json").write_text(json.dumps({"own": words, "assets": str(shared)}))

    def use(self, folder: Path) -> str:
        told = json.loads((folder / "words.json").read_text())
        plan = compose(*_of_small_assets(Path(told["assets"])), *told["own"])
        for frame_idx in range(min(2, plan.run.n_frames)):
            plan.scene(frame_idx)
        return "accepted"

    def names(self, message: str, folder: Path) -> bool:
        words = json.loads((folder / "words.json").read_text())["own"]
        keys = [word.split("=")[0].strip("+~ ") for word in words]
        named = [part for key in keys for part in (key, *key.split("."))]
        return _names_a_key(message) or any(part and part in message for part in (*named, *words))


class ConfigFileKind(AbstractKind):
    """An experiment, or a preset, of someone else."""

    name = "config files"
    cpu_s = 20.0

    def prepare(self, shared: Path) -> None:
        small_assets(shared)

    def make(self, rng: Random, shared: Path, folder: Path) -> None:
        (folder / "assets.txt").write_text(str(shared))
        name, tree = rng.choice(_FILES)
        head = b"# @package _global_\n" if name.startswith("experiment") else b""
        data = head + as_yaml(damaged_tree(tree, rng), rng)
        if rng.random() < 0.3:
            data = damaged(head + yaml.safe_dump(tree).encode(), rng)
        path = folder / "conf" / f"{name}.yaml"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)

    def use(self, folder: Path) -> str:
        (path,) = (folder / "conf").rglob("*.yaml")
        assets = _of_small_assets(Path((folder / "assets.txt").read_text()))
        plan = compose(*assets, f"{path.parent.name}={path.stem}", config_dir=folder / "conf")
        plan.scene(0)
        return "accepted"

    def names(self, message: str, folder: Path) -> bool:
        return _names_a_key(message) or super().names(message, folder)


def small_assets(shared: Path) -> None:
    """Models, pictures and lights that take no time, below one folder."""
    if (shared / "assets").is_dir():
        return
    models = shared / "making" / "models"
    for name, data in (("a/cone.ply", small.ply("ascii")), ("b/tip.glb", small.glb())):
        (models / name).parent.mkdir(parents=True)
        (models / name).write_bytes(data)
    (models / "a" / "cone.yaml").write_text("unit: cm\n")
    (models / "b" / "tip.yaml").write_text("unit: cm\n")
    for name in ("backgrounds", "textures"):
        (shared / "making" / name).mkdir()
        (shared / "making" / name / "grain.png").write_bytes(picture("png"))
    (shared / "making" / "environments").mkdir()
    sky = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 4 +X 8\n" + b"\x80\x90\xa0\x81" * 32
    (shared / "making" / "environments" / "sky.hdr").write_bytes(sky)
    (shared / "making").rename(shared / "assets")


def _of_small_assets(shared: Path) -> list[str]:
    kinds = ("models", "backgrounds", "textures", "environments")
    return [f"assets.{kind}_dir='{shared / 'assets' / kind}'" for kind in kinds]


def _word(rng: Random) -> str:
    what = rng.random()
    if what < 0.12:
        return rng.choice(_BROKEN)
    if what < 0.22:
        group = rng.choice(sorted(GROUPS))
        # To simulate a pile takes longer than what is tried here.
        presets = [n for n in preset_files(group, [CONF_DIR]) if n not in ("pile", "bin")]
        return f"{group}={rng.choice(presets)}"
    key = rng.choice(_keys())
    if what < 0.3:
        at = rng.randrange(len(key))
        key = key[:at] + rng.choice(("", "x", ".", "_", "é", " ")) + key[at + 1 :]
    sign = rng.choice(("", "", "", "", "", "+", "++"))
    if rng.random() < 0.03:
        sign = "~"
    return f"{sign}{key}={rng.choice(_SCALARS if rng.random() < 0.5 else _LISTS)}"


@cache
def _keys() -> list[str]:
    """All keys, of sections too."""
    # What names a package is imported from where the process stands.
    return sorted(key for key in _below("", composed()) if key not in ("output_dir", "plugins"))


def _below(prefix: str, tree: dict[str, Any]) -> Iterator[str]:
    for name, value in tree.items():
        yield prefix + name
        if isinstance(value, dict) and name != "presets":
            yield from _below(f"{prefix}{name}.", value)


def _names_a_key(message: str) -> bool:
    first = message.split()[0] if message.split() else ""
    return first.rstrip(":").split(".")[0] in {key.split(".")[0] for key in _keys()}


_T = [1, 0, 0, 0.3, 0, -1, 0, -0.2, 0, 0, -1, 1.0, 0, 0, 0, 1]
_FILES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "experiment/mine",
        {
            "defaults": [{"override /lighting": "studio"}, {"override /background": "color"}],
            "n_frames": 4,
            "models": ["*"],
            "scale": {"size_frac": ["uniform", 0.1, 0.5]},
            "viewpoint": {"azimuth_deg": ["levels", 10, 30], "elevation_deg": 40},
            "labels": {"min_px": 4},
            "output": {"formats": ["coco"], "depth": True},
        },
    ),
    (
        "experiment/cell",
        {
            "defaults": [{"override /lighting": "sun"}, {"override /objects": "surface"}],
            "camera": {"size_wh": [160, 120], "K": [200, 200, 79.5, 59.5], "T_world_cam": _T,
                       "distortion": [-0.1, 0.04, 0.0008, -0.0005, 0.0], "fov_deg": None},
            "objects": {"region_m": [-0.2, 0.2, -0.2, 0.2, 0, 0.2]},
            "fixtures": [],
        },
    ),
    ("camera/mine", {"defaults": ["_base"], "size_wh": [320, 240], "fov_deg": ["uniform", 40, 60]}),
    ("sensor/mine", {"defaults": ["_base"], "noise": ["log_uniform", 0.001, 0.02]}),
)  # fmt: skip
