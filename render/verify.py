"""`python -m render.verify DIR`: reads a dataset back from disk and checks all of it.

It checks that the files of all formats agree with the records, that every label keeps its
invariants, that every frame can have been drawn by the config, and that nothing is missing, torn
or foreign. The models it was made from are not needed, but by --render, which renders some frames
again and compares all bytes.
"""

from __future__ import annotations

import sys

from render.config.trust import add_plugins_argument, import_plugins
from render.errors import RenderError
from render.system.console import command_parser, run_command, say
from render.system.interrupts import importing
from render.system.stores import folder_of

__all__ = ["main"]


def main(argv: list[str] | None = None) -> None:
    """Entry point; exits with 1 if anything is wrong."""
    parser = command_parser(__doc__, "datasets/bolts", "datasets/bolts --render 5")
    parser.add_argument("dir", type=folder_of, metavar="DIR", help="a dataset, or its URL")
    parser.add_argument(
        "--render", type=int, default=0, metavar="N", help="render N frames again, evenly spread"
    )
    add_plugins_argument(parser)
    args = parser.parse_intermixed_args(argv)
    with importing():
        from render.job.replay import render_again
        from render.report.verify.dataset import verify
    try:
        import_plugins(args.plugins)
        verdict = verify(args.dir)
        if args.render > 0 and not verdict.findings.problems:
            render_again(args.dir, args.render, verdict.findings, args.plugins)
    except RenderError as error:
        sys.exit(f"error: {error}")
    findings = verdict.findings
    counts = f"{verdict.frames} frames, {verdict.instances} instances, {findings.checks} checks"
    if findings.problems:
        say("\n".join(findings.lines()))
        sys.exit(f"{findings.problems} problems ({counts})")
    hashes = "" if verdict.has_manifest else " (hashes of the records alone: no .manifest)"
    say(f"{args.dir} is whole and exact: {counts}{hashes}")


if __name__ == "__main__":
    run_command(main)
