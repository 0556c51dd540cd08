"""The table of scene parameters: complete, up to date, and its overrides can be copied."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from render.config.run_config import RunConfig
from render.config.settings import settings_of
from render.report.table import override_of, run_table, theta_table, with_tables
from render.sampling.groups import GROUPS
from render.writers.chosen import output_settings
from tests.spaces import composed, leaves_of, space_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "parameters.md"
LEAVES = [(group, name) for group in GROUPS for name in leaves_of(group)]


def typed_leaves() -> list[str]:
    """The override of each leaf, as the table has it."""
    return [override_of(f"{g}.{name}", leaves_of(g)[name].example) for g, name in LEAVES]


@pytest.fixture(scope="module")
def defaults() -> dict[str, Any]:
    return composed("output_dir=outputs")


def test_page_is_up_to_date(defaults: dict[str, Any]) -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page == with_tables(page, defaults), "run scripts/theta_table"


def test_each_leaf_has_one_row(defaults: dict[str, Any]) -> None:
    rows = theta_table(defaults).splitlines()

    assert [f"`{group}.{name}`" for group, name in LEAVES] == [
        row.split(" | ")[0].lstrip("| ") for row in rows[2:]
    ]
    assert {5} == {row.replace(r"\|", "").count("|") - 1 for row in rows}


def test_overrides_come_out_of_a_shell_as_one_word_and_compose() -> None:
    typed = typed_leaves()
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
    typed = typed_leaves()
    script = "\n".join(f"printf '%s\\n' {override}" for override in typed)

    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path)

    assert [shlex.split(override)[0] for override in typed] == done.stdout.splitlines()


def test_each_key_of_the_config_file_has_one_row(defaults: dict[str, Any]) -> None:
    rows = [row.split(" | ") for row in run_table(defaults).splitlines()[2:]]
    in_file = yaml.safe_load((PAGE.parents[1] / "conf" / "config.yaml").read_text())
    del in_file["defaults"], in_file["hydra"]
    for path in sorted((PAGE.parents[1] / "conf" / "writer").glob("*.yaml")):
        in_file["output"] |= yaml.safe_load(path.read_text())
    keys = {
        f"{key}.{inner}" if isinstance(value, dict) else key
        for key, value in in_file.items()
        for inner in (value if isinstance(value, dict) else ("",))
    }

    # These two come with a group.
    assert sorted(f"`{key}`" for key in keys | {"engine.device", "experiment"}) == sorted(
        row[0].lstrip("| ") for row in rows
    )
    assert {5} == {len(row) for row in rows}


def test_examples_of_keys_of_the_run_come_out_of_a_shell_and_keep_their_rules() -> None:
    named = {**dict(settings_of(RunConfig)), **output_settings()}
    named = {name: spec for name, spec in named.items() if spec.example}
    typed = [override_of(name, spec.example) for name, spec in named.items()]
    done = subprocess.run(
        ["bash", "-c", "\n".join(f"printf '%s\\n' {word}" for word in typed)],
        capture_output=True,
        text=True,
        check=True,
    )
    words = done.stdout.splitlines()

    assert len(words) == len(typed)
    run = RunConfig.of(composed(*words))
    assert run.n_frames == int(named["n_frames"].example)
    for name, spec in output_settings().items():
        spec.checked(name, run.output[name.partition(".")[2]])


def test_a_page_without_markers_is_refused(defaults: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must hold the lines"):
        with_tables("# A page\n<!-- theta table: begin -->\n", defaults)
