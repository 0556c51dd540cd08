"""The writer of docs/extending.md, run as that very text."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

import render
from render.report.verify.dataset import verify
from render.writers.base import WRITERS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extending.md"


def test_the_writer_of_the_docs_runs_and_verifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("\n## A writer\n")[2].partition("\n## ")[0]
    section = section or PAGE.read_text(encoding="utf-8")
    ((_, code), (_, preset), (_, command)) = re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)
    assert len(code.splitlines()) <= 40
    (tmp_path / "voc_writer.py").write_text(code)
    (tmp_path / "conf" / "writer").mkdir(parents=True)
    (tmp_path / "conf" / "writer" / "voc.yaml").write_text(preset)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(WRITERS, "_classes", {name: WRITERS[name] for name in WRITERS})
    monkeypatch.delitem(sys.modules, "voc_writer", raising=False)
    __import__("voc_writer")
    words = command.replace("'", "").split()
    chosen = [word for word in words[words.index("conf") + 1 :] if not word.startswith("plugins")]

    plan = render.compose(
        "n_frames=4", "models=[bolt,die]", "camera.size_wh=[160,120]", "workers=1", *chosen,
        config_dir=tmp_path / "conf",
    )  # fmt: skip
    dataset = render.write(plan, tmp_path / "data")

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
    assert verify(dataset.folder).findings.lines() == []
