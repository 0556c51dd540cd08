"""Frames that hang and fail in the middle of a run, as a user's driver makes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from render.assembly.scene import assemble
from render.build import build
from tests.e2e.cli import SMALL, bytes_of, end_of_group, run_module, started
from tests.spaces import composed

FRAMES = 40
LIMIT_S = 12
# An engine as a user may bring one. The file `faults` says of scenes what becomes of them.
FAULTY_ENGINE = """
import json, time
from pathlib import Path
from tests.e2e.wrapped_engine import WrappedEngine

class FaultyEngine(WrappedEngine):
    def render(self, scene, **options):
        faults = Path("faults")
        known = json.loads(faults.read_text()) if faults.exists() else {}
        match known.get(scene.camera.T_world_cam.tobytes().hex()):
            case "hang":
                with open("hung", "a") as log:
                    log.write("x")
                while True:
                    time.sleep(60)
            case "raise":
                raise ValueError("the lamp is broken")
        return super().render(scene, **options)
"""
RUN = (*SMALL, "output_dir=data", f"n_frames={FRAMES}")
PLUGIN = ("plugins=[faulty_engine]", "engine=cpu", "engine._target_=faulty_engine.FaultyEngine")


def told_by(cwd: Path, *overrides: str) -> tuple[int, str]:
    """Exit code and standard error of such a run, none of whose processes is left."""
    (cwd / "faulty_engine.py").write_text(FAULTY_ENGINE)
    with started(cwd, *RUN, *PLUGIN, *overrides) as process:
        _, told = process.communicate(timeout=200)
        assert end_of_group(process.pid, within_s=20)
    assert "Traceback" not in told
    return process.returncode, told


def write_faults(cwd: Path, faults: dict[int, str]) -> None:
    """What becomes of frames of the run, by where their camera is."""
    plan = build(composed(*RUN))
    scenes = {}
    for frame_idx, fault in faults.items():
        theta, placement, _ = plan.draw(frame_idx)
        camera = assemble(theta, placement, plan.assets).camera
        scenes[camera.T_world_cam.tobytes().hex()] = fault
    (cwd / "faults").write_text(json.dumps(scenes))


@pytest.mark.slow  # the pool's own test is in every run, and the next one hangs frames too
def test_frame_that_hangs_ends_the_run_with_its_limit(tmp_path: Path) -> None:
    write_faults(tmp_path, {2: "hang"})

    # One worker is a process of a pool here. Its first frame loads models and machine code.
    code, told = told_by(tmp_path, f"frame_timeout_s={LIMIT_S}")

    assert code == 1
    assert told.splitlines()[-1] == (
        "error: frame 2 ended its worker process 3 times, last with more seconds than "
        f"frame_timeout_s={LIMIT_S}: raise that; or the fault is in what this frame shows"
    )
    assert (tmp_path / "hung").read_text() == "xxx"
    assert not (tmp_path / "data" / "dataset.yaml").exists()


def events_of(told: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.splitlines() if line.startswith("{")]


def test_failed_frames_are_left_out_listed_and_tried_again(tmp_path: Path) -> None:
    words = (
        "workers=2", f"frame_timeout_s={LIMIT_S}", "skip_failed_frames=true", "log=json",
    )  # fmt: skip
    data, failed = tmp_path / "data", tmp_path / "data" / ".manifest" / "failed.json"
    write_faults(tmp_path, {2: "hang", 20: "raise", 21: "raise"})

    code, told = told_by(tmp_path, *words)

    assert code == 1
    hung = (
        f"ended its worker process 3 times, last with more seconds than frame_timeout_s={LIMIT_S}: "
        "raise that"
    )
    raised = (
        "raised an error: engine must draw every frame, and FaultyEngine failed in frame {}: "
        "ValueError: the lamp is broken (faulty_engine.py, line 17)"
    )
    reasons = {2: hung, 20: raised.format(20), 21: raised.format(21)}
    left_out = "; ".join(f"frame {i} {reason}" for i, reason in reasons.items())
    assert told.splitlines()[-1] == (
        f"error: data is incomplete, 3 left out of its frames ({left_out}): "
        "data/.manifest/failed.json lists them, and the same command tries them again"
    )
    assert json.loads(failed.read_text()) == {
        "frames": [{"frame": i, "reason": reason} for i, reason in reasons.items()]
    }
    assert not (data / "dataset.yaml").exists()
    assert len(list((data / ".manifest").glob("shard-*.json"))) == 1
    check_events(told, reasons)

    (tmp_path / "faults").unlink()
    code, told = told_by(tmp_path, *words)

    assert code == 0, told
    assert not failed.exists()
    events = events_of(told)
    assert (events[0]["event"], events[0]["missing"]) == ("start", 32)
    assert (events[-1]["event"], events[-1]["outcome"]) == ("end", "complete")
    assert run_module("render.verify", "data", cwd=tmp_path).returncode == 0
    whole = tmp_path / "whole"
    whole.mkdir()
    assert told_by(whole, *words)[0] == 0
    assert bytes_of(data) == bytes_of(whole / "data")


def check_events(told: str, reasons: dict[int, str]) -> None:
    """What a run of which these frames failed, the first by hanging, said as JSON."""
    events = events_of(told)
    assert all(event["time"] and event["at_s"] >= 0 for event in events)
    by_name: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        by_name.setdefault(event["event"], []).append(event)
    assert [(e["n_frames"], e["missing"]) for e in by_name["start"]] == [(FRAMES, FRAMES)]
    assert {e["frame"]: e["reason"] for e in by_name["frame_failed"]} == reasons
    assert [(e["frame"], e["failures"]) for e in by_name["frame_retried"]] == [(2, 1), (2, 2)]
    assert len(by_name["worker_replaced"]) == 3
    assert [(e["shard"], e["frames"]) for e in by_name["shard"]] == [(2, [32, FRAMES])]
    assert all(e["total"] == FRAMES and e["per_s"] >= 0 for e in by_name["rate"])
    assert [e["outcome"] for e in by_name["end"]] == ["failed"]
