"""The writer of docs/extending.md, run as that very text."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree as Xml

import render
from tests.e2e.cli import run_module

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extending.md"


def test_the_writer_of_the_docs_runs_and_verifies(tmp_path: Path) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("\n## A writer\n")[2].partition("\n## ")[0]
    ((_, code), (_, preset), (_, commands)) = re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)
    assert len(code.splitlines()) <= 40
    (tmp_path / "voc_writer.py").write_text(code)
    (tmp_path / "conf" / "writer").mkdir(parents=True)
    (tmp_path / "conf" / "writer" / "voc.yaml").write_text(preset)
    small = ("n_frames=4", "models=[bolt,die]", "camera.size_wh=[160,120]", "workers=1")
    for command in commands.splitlines():
        python, dash_m, module, *words = shlex.split(command)
        assert (python, dash_m) == ("python", "-m")
        extra = small if module == "render.run" else ()
        done = run_module(module, *words, *extra, cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    dataset = render.open(tmp_path / "data")
    shown = 0
    for frame in dataset.frames:
        root = Xml.parse(dataset.folder / "voc" / frame.split / f"{frame.stem}.xml").getroot()
        boxes = [
            (thing.findtext("name"), *(int(box.text or "") for box in thing.iterfind("bndbox/*")))
            for thing in root.iterfind("object")
        ]
        expected = []
        for row, mask in zip(frame.instances, frame.masks_visib, strict=True):
            if row["role"] == "target" and mask.sum() >= 20:
                y, x = mask.nonzero()
                extent = x.min() + 1, y.min() + 1, x.max() + 1, y.max() + 1
                expected.append((row["category"], *map(int, extent)))
        assert boxes == expected
        shown += len(boxes)
    assert shown >= 4
