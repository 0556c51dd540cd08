"""Wavefront material files (MTL) to metallic-roughness, with the PBR keys that exporters add."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from render.library.readers.companion_files import ImageReader, find_companion
from render.library.readers.raw import linear_of_srgb, phong_roughness
from render.library.readers.text import statements
from render.scene import AlphaMode, Material, Texture, Wrap

__all__ = ["MtlReader"]

# Number of arguments of the options that may stand before a texture's file name.
_OPTIONS = {
    "-blendu": 1, "-blendv": 1, "-boost": 1, "-mm": 2, "-o": 3, "-s": 3, "-t": 3,
    "-texres": 1, "-clamp": 1, "-bm": 1, "-imfchan": 1, "-type": 1, "-cc": 1,
}  # fmt: skip


class MtlReader:
    """Reads the material files of one OBJ.

    Attributes:
        materials: By name, one object each.
        warnings: What was left out.
        companions: Files read.

    """

    def __init__(self, folder: Path) -> None:
        self.materials: dict[str, Material] = {}
        self._images = ImageReader(folder)
        # One list for both, so that the order is that of reading.
        self.warnings = self._images.warnings
        self.companions = self._images.companions
        self._folder = folder

    def read(self, names: str) -> None:
        """Adds the materials of the files that an ``mtllib`` names; a missing one is a warning.

        Args:
            names: One file, whose name may hold spaces, or several with white space between.

        """
        whole = find_companion(self._folder, names)
        paths = {n: find_companion(self._folder, n) for n in names.split()} if whole is None else {}
        if not any(paths.values()):
            paths = {names: whole}
        for name, path in paths.items():
            if path is None:
                self._warn(f"material file {name} is missing")
                continue
            self.companions.append(path)
            for material, lines in _blocks(path.read_bytes()):
                self.materials[material] = self._material(material, lines)

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _material(self, name: str, lines: dict[str, str]) -> Material:
        base = self._texture(lines.get("map_kd"))
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
        r, g, b = (float(v) for v in linear_of_srgb(color))
        glow = self._color(name, lines, "ke", (0.0, 0.0, 0.0))
        glow_texture = self._texture(lines.get("map_ke"))
        if glow_texture is not None and max(glow) == 0:
            glow = (1.0, 1.0, 1.0)
        return Material(
            name=name,
            base_color=(r, g, b, alpha),
            metallic=float(np.clip(metallic[0], 0, 1)) if metallic else 0.0,
            roughness=_roughness(roughness, shine),
            emissive=glow,
            base_color_texture=base,
            normal_texture=self._normal_map(lines),
            emissive_texture=glow_texture,
            alpha_mode=mode,
            double_sided=True,
        )

    def _alpha(self, name: str, lines: dict[str, str]) -> float:
        solid, clear = self._numbers(name, lines, "d", 1), self._numbers(name, lines, "tr", 1)
        alpha = solid[0] if solid else 1.0 - clear[0] if clear else 1.0
        if alpha <= 0:
            self._warn(f"material {name} is wholly transparent (d 0 or Tr 1); drawn opaque")
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
                self._warn("a bump (height) map is not drawn")
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
            values = [float(v) for v in lines[key].split()[:count]]
        except ValueError:
            values = []
        if not values or len(values) not in (1, count) or not np.all(np.isfinite(values)):
            self._warn(f"{key} of material {name} cannot be read: {lines[key]!r:.60}")
            return []
        return values

    def _texture(self, line: str | None) -> Texture | None:
        if not line:
            return None
        words, clamp = line.split(), False
        while words and words[0] in _OPTIONS:
            option, count = words[0], _OPTIONS[words[0]]
            if option in ("-o", "-s", "-t"):
                self._warn(f"texture option {option} is not applied ({line.strip():.60})")
            clamp |= option == "-clamp" and words[1:2] == ["on"]
            del words[0]
            for _ in range(count):
                # -o, -s and -t take one to three numbers.
                if words and (count != 3 or _is_number(words[0])):
                    del words[0]
        image = self._images.read(" ".join(words))
        wrap: tuple[Wrap, Wrap] = ("clamp", "clamp") if clamp else ("repeat", "repeat")
        return None if image is None else Texture(image=image, wrap_st=wrap)


def _blocks(data: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    """Name and lines (key in lower case) of each material."""
    name, lines = None, dict[str, str]()
    for _, key, rows in statements(data):
        for row in rows[:-1].split("\n"):
            if key.lower() == "newmtl":
                if name is not None:
                    yield name, lines
                name, lines = row.strip(), {}
            else:
                lines[key.lower()] = row.strip()
    if name is not None:
        yield name, lines


def _roughness(stated: list[float], shine: list[float]) -> float:
    """Pr as it is, else of the Phong exponent."""
    if stated:
        return float(np.clip(stated[0], 0, 1))
    return phong_roughness(shine[0]) if shine else 0.5


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _with_alpha(base: Texture | None, cut: Texture) -> Texture:
    """A base colour texture with the brightness of `cut` as its alpha."""
    height, width = cut.image.shape[:2]
    if base is None:
        image = np.full((height, width, 4), 255, np.uint8)
        wrap = cut.wrap_st
    else:
        image, wrap = base.image.copy(), base.wrap_st
    rows = np.arange(image.shape[0]) * height // image.shape[0]
    columns = np.arange(image.shape[1]) * width // image.shape[1]
    has_alpha = bool((cut.image[..., 3] < 255).any())
    image[..., 3] = cut.image[rows[:, None], columns[None, :], 3 if has_alpha else 0]
    image.setflags(write=False)
    return Texture(image=image, wrap_st=wrap)
