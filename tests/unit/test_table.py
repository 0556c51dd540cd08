"""The table of scene parameters: complete, up to date, and its overrides can be copied."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from render.sampling.groups import GROUPS
from render.sampling.table import override_of, theta_table, with_table
from tests.spaces import composed, leaves_of, space_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "parameters.md"
LEAVES = [(group, name) for group in GROUPS for name in leaves_of(group)]


@pytest.fixture(scope="module")
def defaults() -> dict[str, Any]:
    return composed()


def test_page_is_up_to_date(defaults: dict[str, Any]) -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page == with_table(page, theta_table(defaults)), "run scripts/theta_table"


def test_each_leaf_has_one_row(defaults: dict[str, Any]) -> None:
    rows = theta_table(defaults).splitlines()

    assert [f"`{group}.{name}`" for group, name in LEAVES] == [
        row.split(" | ")[0].lstrip("| ") for row in rows[2:]
    ]
    assert {5} == {row.replace(r"\|", "").count("|") - 1 for row in rows}


def test_overrides_come_out_of_a_shell_as_one_word_and_compose() -> None:
    typed = [override_of(group, name, leaves_of(group)[name]) for group, name in LEAVES]
    words = [shlex.split(override) for override in typed]

    assert all(len(word) == 1 for word in words)
    for override, word in zip(typed, words, strict=True):
        assert override == shlex.quote(word[0]) or "'" not in override
    for group in GROUPS:
        # A size in pixels and a distance cannot be asked for together.
        own = [w[0] for w in words if w[0].startswith(f"{group}.")]
        for overrides in [own] if group != "scale" else [own[:2], [own[0], own[2]]]:
            space_of(composed(*overrides)).draw(0)


def test_a_shell_does_not_expand_them(tmp_path: Path) -> None:
    typed = [override_of(group, name, leaves_of(group)[name]) for group, name in LEAVES]
    script = "\n".join(f"printf '%s\\n' {override}" for override in typed)

    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path)

    assert [shlex.split(override)[0] for override in typed] == done.stdout.splitlines()


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="must hold the lines"):
        with_table("# A page\n<!-- theta table: begin -->\n", "| a |\n")
