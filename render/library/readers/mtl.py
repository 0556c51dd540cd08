"""Wavefront material files (MTL) to metallic-roughness, with the PBR keys that exporters add."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.library.readers.companion_files import Fault
from render.library.readers.raw import linear_of_srgb, phong_roughness
from render.library.readers.source import Source
from render.library.readers.text import statements
from render.scene import AlphaMode, Material, Texture, Wrap

__all__ = ["MtlReader"]

# Number of arguments of the options that may stand before a texture's file name.
_OPTIONS = {
    "-blendu": 1, "-blendv": 1, "-boost": 1, "-mm": 2, "-o": 3, "-s": 3, "-t": 3,
    "-texres": 1, "-clamp": 1, "-bm": 1, "-imfchan": 1, "-type": 1, "-cc": 1,
}  # fmt: skip
_NOT_APPLIED = ("-o", "-s", "-t", "-mm", "-imfchan")
_READ = {
    "kd", "d", "tr", "ns", "pr", "pm", "ke", "map_kd", "map_ka", "map_d", "map_pr", "map_pm",
    "map_ke", "norm", "map_bump", "bump",
}  # fmt: skip
# Of light models without energy balance: highlights come of roughness and metal here.
_WITHOUT_PART = {"ka", "ks", "ni", "tf", "sharpness", "illum"}


class MtlReader:
    """Reads the material files of one OBJ.

    Attributes:
        materials: By name, one object each.

    """

    def __init__(self, source: Source) -> None:
        self.materials: dict[str, Material] = {}
        self._companions, self._notes = source.companions, source.notes
        self._files: dict[str, set[str]] = {}  # names of materials by file

    def read(self, names: str) -> None:
        """Adds the materials of the files that an ``mtllib`` names; a missing one is noted.

        Args:
            names: One file, whose name may hold spaces, or several with white space between.

        """
        if isinstance(self._companions.find(names, or_beside=True), Path):
            words = [names]
        else:
            words = names.split()
            if not any(isinstance(self._companions.find(w, or_beside=True), Path) for w in words):
                words = [names]
        for name in words:
            data = self._companions.read(name, or_beside=True)
            if isinstance(data, Fault):
                self._notes.add(f"its material files {data.value}", name)
                continue
            mine = self._files[name] = set[str]()
            for material, lines, spelled in _blocks(data):
                for others in self._files.values():
                    others.discard(material)
                mine.add(material)
                self.materials[material] = self._material(material, lines)
                for key, value in lines.items():
                    if key not in _READ | _WITHOUT_PART and not _is_all_zero(value):
                        kind = "keys of its material files are not drawn"
                        self._notes.add(kind, spelled[key])

    def note_use(self, used: set[str]) -> None:
        """Notes names that no material bears, and files none of whose materials is used."""
        for name in sorted(used - self.materials.keys()) if self._files else ():
            self._notes.add("its material files lack materials that it uses", name)
        for name, materials in self._files.items():
            if materials.isdisjoint(used):
                self._notes.add("material files of which nothing is used", name)

    def _material(self, name: str, lines: dict[str, str]) -> Material:
        base = self._texture(lines.get("map_kd") or lines.get("map_ka"))
        cut = self._texture(lines.get("map_d"))
        color = self._color(name, lines, "kd", (0.8, 0.8, 0.8) if base is None else (1.0,) * 3)
        if base is not None and max(color) == 0:
            color = (1.0, 1.0, 1.0)  # exporters write Kd 0 beside a texture and do not mean black
        alpha = self._alpha(name, lines)
        mode: AlphaMode = "opaque" if alpha == 1 else "blend"
        if cut is not None:
            base, mode = _with_alpha(base, cut), "mask"
        elif base is not None and alpha == 1 and bool((base.image[..., 3] < 128).any()):
            mode = "mask"
        shine = self._numbers(name, lines, "ns", 1)
        roughness = self._numbers(name, lines, "pr", 1)
        metallic = self._numbers(name, lines, "pm", 1)
        rough_map, metal_map = (self._texture(lines.get(key)) for key in ("map_pr", "map_pm"))
        r, g, b = (float(v) for v in linear_of_srgb(color))
        glow = self._color(name, lines, "ke", (0.0, 0.0, 0.0))
        glow_texture = self._texture(lines.get("map_ke"))
        if glow_texture is not None and max(glow) == 0:
            glow = (1.0, 1.0, 1.0)
        return Material(
            name=name,
            base_color=(r, g, b, alpha),
            # A map stands for its number: exporters write the number that the map replaces.
            metallic=1.0 if metal_map else float(np.clip(metallic[0], 0, 1)) if metallic else 0.0,
            roughness=1.0 if rough_map else _roughness(roughness, shine),
            emissive=glow,
            base_color_texture=base,
            metallic_roughness_texture=_metal_and_rough(metal_map, rough_map),
            normal_texture=self._normal_map(lines),
            emissive_texture=glow_texture,
            alpha_mode=mode,
            double_sided=True,
        )

    def _alpha(self, name: str, lines: dict[str, str]) -> float:
        solid, clear = self._numbers(name, lines, "d", 1), self._numbers(name, lines, "tr", 1)
        alpha = solid[0] if solid else 1.0 - clear[0] if clear else 1.0
        if alpha <= 0:
            kind = "materials that are wholly transparent (d 0 or Tr 1) are drawn opaque"
            self._notes.add(kind, name)
            return 1.0
        return min(alpha, 1.0)

    def _normal_map(self, lines: dict[str, str]) -> Texture | None:
        found = self._texture(lines.get("norm"))
        if found is None:
            found = self._texture(lines.get("map_bump") or lines.get("bump"))
            # A grey image is a height map; a normal map is bluish on average.
            if (
                found is not None
                and float(found.image[..., 2].mean() - found.image[..., 0].mean()) < 30
            ):
                self._notes.add("bump (height) maps are not drawn")
                return None
        return found

    def _color(
        self, name: str, lines: dict[str, str], key: str, default: tuple[float, ...]
    ) -> tuple[float, float, float]:
        values = self._numbers(name, lines, key, 3) or list(default)
        r, g, b = (
            float(np.clip(v, 0, 1)) for v in (values * 3 if len(values) == 1 else values)[:3]
        )
        return (r, g, b)

    def _numbers(self, name: str, lines: dict[str, str], key: str, count: int) -> list[float]:
        if key not in lines:
            return []
        try:
            values = [float(v) for v in lines[key].partition("#")[0].split()[:count]]
        except ValueError:
            values = []
        if not values or len(values) not in (1, count) or not np.all(np.isfinite(values)):
            told = f"{key} of {name}, {lines[key]!r:.60}"
            self._notes.add("what its material files say cannot be read", told)
            return []
        return values

    def _texture(self, line: str | None) -> Texture | None:
        if not line:
            return None
        clamp = False
        # The name is what stands behind the options, whatever spaces it holds.
        while (option := _first(line).lower()) in _OPTIONS:
            if option in _NOT_APPLIED:
                self._notes.add("options of textures are not applied", option)
            line = _behind(line)
            clamp |= option == "-clamp" and _first(line).lower() == "on"
            for _ in range(_OPTIONS[option]):
                # -o, -s and -t take one to three numbers.
                if _OPTIONS[option] != 3 or _is_number(_first(line)):
                    line = _behind(line)
        image = self._companions.image(line)
        wrap: tuple[Wrap, Wrap] = ("clamp", "clamp") if clamp else ("repeat", "repeat")
        return None if image is None else Texture(image=image, wrap_st=wrap)


def _blocks(data: bytes) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Name, lines (by key in lower case) and keys (in lower case: as written) of each material."""
    name, lines, spelled = None, dict[str, str](), dict[str, str]()
    for _, key, rows in statements(data):
        for row in rows[:-1].split("\n"):
            if key.lower() == "newmtl":
                if name is not None:
                    yield name, lines, spelled
                name, lines, spelled = row.strip(), {}, {}
            else:
                lines[key.lower()] = row.strip()
                spelled[key.lower()] = key
    if name is not None:
        yield name, lines, spelled


def _roughness(stated: list[float], shine: list[float]) -> float:
    """Pr as it is, else of the Phong exponent."""
    if stated:
        return float(np.clip(stated[0], 0, 1))
    return phong_roughness(shine[0]) if shine else 0.5


def _first(line: str) -> str:
    return "".join(line.split(maxsplit=1)[:1])


def _behind(line: str) -> str:
    """What stands behind the first word."""
    return "".join(line.split(maxsplit=1)[1:])


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _is_all_zero(value: str) -> bool:
    """Whether a key is switched off: exporters write all that they know."""
    return all(_is_number(word) and float(word) == 0 for word in value.split())


def _with_alpha(base: Texture | None, cut: Texture) -> Texture:
    """A base colour texture with the brightness of `cut` as its alpha."""
    has_alpha = bool((cut.image[..., 3] < 255).any())
    channel = cut.image[..., 3 if has_alpha else 0]
    if base is None:
        return _texture_of(np.full((*channel.shape, 4), 255, np.uint8), 3, channel, cut.wrap_st)
    return _texture_of(base.image.copy(), 3, channel, base.wrap_st)


def _metal_and_rough(metal: Texture | None, rough: Texture | None) -> Texture | None:
    """One texture of two grey ones: roughness in green, metal in blue (glTF 2.0, 3.9.2)."""
    first = rough or metal
    if first is None:
        return None
    image = np.full_like(first.image, 255)
    for channel, one in ((1, rough), (2, metal)):
        if one is not None:
            first = _texture_of(image.copy(), channel, one.image[..., 0], first.wrap_st)
            image = first.image
    return first


def _texture_of(
    image: NDArray[np.uint8], at: int, channel: NDArray[np.uint8], wrap_st: tuple[Wrap, Wrap]
) -> Texture:
    """A texture of an image, which is written to, with one channel from an image of any size."""
    rows, columns = (np.arange(n) * m // n for n, m in zip(image.shape, channel.shape))
    image[..., at] = channel[rows[:, None], columns[None, :]]
    image.setflags(write=False)
    return Texture(image=image, wrap_st=wrap_st)
