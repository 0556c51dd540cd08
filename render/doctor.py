"""`python -m render.doctor [MODELS_DIR] [KEY=VALUE ...]`: would a run work here, and with what?

Looks at all that the engine could draw with and at every model. Keys are those of render.run,
such as engine=mitsuba. Exits with 0 when a run would work, warnings or not, and with 1 when the
engine cannot draw or a model is refused.
"""

from __future__ import annotations

import sys
from pathlib import Path

from render.errors import RenderError
from render.system.console import command_parser, run_command, say
from render.system.interrupts import importing

__all__ = ["main"]


def main(argv: list[str] | None = None) -> None:
    """Entry point; exits with 1 where a run would not work."""
    parser = command_parser(__doc__, "", "cad", "engine=mitsuba")
    parser.add_argument("-cd", "--config-dir", metavar="DIR", help="presets of your own")
    parser.add_argument(
        "words", nargs="*", metavar="MODELS_DIR",
        help="default: ./assets/models, or the starter set",
    )  # fmt: skip
    args = parser.parse_intermixed_args(argv)
    with importing():
        from render.build import check_leaves, probe_engine
        from render.config.run_config import RunConfig
        from render.config.words import config_of, split_words
        from render.library.diagnose import diagnose
        from render.library.models import ModelLibrary
        from render.report.doctor import devices_text, models_text, verdict
        from render.system.paths import find_assets
        from render.writers.chosen import unknown_key
    own, words = split_words(args.words)
    if len(own) > 1:
        parser.error(f"one MODELS_DIR at most, got {' '.join(own)}")
    try:
        config = config_of(words, config_dir=args.config_dir, explain=unknown_key)
        run = RunConfig.of(config)
        check_leaves(config)
        folder = Path(own[0]) if own else run.assets.models_dir or find_assets("models")
        probe = probe_engine(config, run)
        say(devices_text(probe))
        library = ModelLibrary(folder, include=run.models)
        reports = diagnose(library)
    except RenderError as error:
        sys.stdout.flush()
        sys.exit(f"\nerror: {error}")
    say(f"\nModels in {folder}\n{models_text(reports, library.passed_over)}")
    works, told = verdict(probe, reports)
    if not works:
        sys.stdout.flush()
        sys.exit(f"\n{told}")
    say(f"\n{told}")


if __name__ == "__main__":
    run_command(main)
