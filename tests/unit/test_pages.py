"""README and docs: short, in order, and with links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [
    "api",
    "clusters",
    "coverage",
    "engines",
    "extending",
    "faults",
    "gpu",
    "labels",
    "long_runs",
    "models",
    "parameters",
    "scale",
    "scenes",
    "stores",
    "targets",
]
MOST_LINES = 250


def test_readme_is_short_and_in_the_order_of_a_new_user() -> None:
    text = README.read_text(encoding="utf-8")
    order = [
        "## Two commands", "## Your own model", "## Look at it", "## Train on it", "## Vary",
        "## Labels", "## Sweep", "## Long runs and clusters", "## Limits",
    ]  # fmt: skip
    sections = [line for line in text.splitlines() if line.startswith("## ")]

    assert text.count("\n") <= MOST_LINES
    assert order == [section for section in sections if section in order]


def test_the_pages_are_those_that_readme_names() -> None:
    assert PAGES == sorted(path.stem for path in (ROOT / "docs").glob("*.md"))
    linked = set(re.findall(r"\(docs/(\w+)\.md\)", README.read_text(encoding="utf-8")))

    assert set(PAGES) == linked


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_with_a_picture_or_a_command(page: str) -> None:
    _, _, body = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8").partition("\n")

    assert body.lstrip("\n").startswith(("![", "```"))


@pytest.mark.parametrize("path", [README, *(ROOT / "docs" / f"{page}.md" for page in PAGES)])
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8"))

    assert [] == [
        target for target in targets if "://" not in target and not (path.parent / target).is_file()
    ]
