"""What every message of an error keeps to, whatever it quotes."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from render.errors import AssetError, ConfigError, DatasetError, RenderError


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("a.yaml is torn: bad token\n  in line 3\r\n", "a.yaml is torn: bad token in line 3"),
        ("two\u2028lines", "two lines"),
        ("a  b must be c, got é零 \u200d", "a  b must be c, got é零 \u200d"),
        ("red \x1b[31mtext\x00", r"red \x1b[31mtext\x00"),
        ("\udcff\ud800.obj", r"\udcff\ud800.obj"),
        ("a\tb", r"a\tb"),
        ("x" * 10_000, "x" * 10_000),
        ("a" + "x" * 20_000 + "b", "a" + "x" * 4_999 + " ... " + "x" * 4_999 + "b"),
    ],
)
@pytest.mark.parametrize("kind", [ConfigError, DatasetError])
def test_a_message_is_one_paragraph_that_can_be_printed(
    kind: type[RenderError], message: str, shown: str
) -> None:
    error = kind(message)

    assert str(error) == shown
    assert str(pickle.loads(pickle.dumps(error))) == shown


def test_so_are_those_of_files_which_keep_their_path() -> None:
    error = pickle.loads(pickle.dumps(AssetError(Path("a\udcff\n.obj"), "is\nbad")))

    assert str(error) == r"a\udcff .obj: is bad"
    assert error.path == Path("a\udcff\n.obj")
