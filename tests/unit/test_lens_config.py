"""Lenses in configs and in placement: presets with their sensors, folds refused, sizes reached."""

from __future__ import annotations

import numpy as np
import pytest

from render.assembly.scene import assemble
from render.errors import ConfigError, RejectedTheta
from render.geometry.frames import inverse_rigid, transform_points
from render.geometry.projection import project
from render.labels.boxes import boxes_obj
from render.placement.place import place
from render.sampling.distributions.constant import Constant
from render.sampling.parse import parse
from render.sampling.rules import check_group
from render.theta import placement_from_json, placement_to_json
from tests.hand_made import HandMadeAssets, theta_of
from tests.spaces import composed, leaves_of, space_of

LENSES = {
    "barrel": (-0.25, 0.08, 1e-3, -1e-3),
    "pincushion": (0.2, 0.1, 0.0, 0.0, 0.02),
    "rational": (0.4, -0.1, 5e-4, -2e-4, 0.02, 0.6, -0.05, 0.03),
}
SENSORS = {"phone": [80, 94], "industrial": [92, 98], "webcam": [50, 85]}


@pytest.mark.parametrize("name", SENSORS)
def test_a_camera_chooses_its_sensor_unless_the_command_line_does(name: str) -> None:
    def quality(*overrides: str) -> object:
        return composed(*overrides)["sensor"]["jpeg_quality"]

    assert ["integers", *SENSORS[name]] == quality(f"camera={name}")
    assert 95 == quality(f"camera={name}", "sensor=clean") == quality("sensor=clean")
    assert 95 == quality("sensor=clean", f"camera={name}")
    assert 70 == quality(f"camera={name}", "sensor.jpeg_quality=70")


def test_a_mixture_of_cameras_holds_their_leaves_alone() -> None:
    presets = composed("camera=mixture")["presets"]["camera"]

    assert {"default", "phone", "industrial", "webcam"} == set(presets)
    assert all(set(leaves_of("camera")) == set(preset) for preset in presets.values())


def checked(**leaves: object) -> None:
    """Checks the rules of a camera that is otherwise the default."""
    values = composed()["camera"] | leaves
    check_group(
        "camera",
        {
            name: parse(values[name], leaf, f"camera.{name}")
            for name, leaf in leaves_of("camera").items()
        },
    )


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)
def test_a_lens_that_is_one_to_one_over_the_image_is_taken(lens: tuple[float, ...]) -> None:
    checked(distortion=list(lens))


@pytest.mark.parametrize(
    "leaves",
    [
        {"distortion": [-0.5, 0, 0, 0]},
        {"distortion": [["uniform", -0.9, 0.0], 0.0, 0, 0]},
        {"distortion": [-0.25, 0, 0, 0], "fov_deg": ["uniform", 40, 110]},
        {"distortion": [-0.25, 0, 0, 0], "fov_deg": None, "K": [250, 250, 319.5, 239.5]},
        {"distortion": [-0.25, 0, 0, 0], "fov_deg": None, "K": [600, 600, 10, 239.5]},
    ],
)
def test_a_lens_that_folds_within_the_image_is_refused(leaves: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"camera\.distortion must be one to one"):
        checked(**leaves)


def test_the_wrong_number_of_coefficients_is_refused() -> None:
    with pytest.raises(ConfigError, match="4 or 5 or 8"):
        checked(distortion=[0.1, 0.2])


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)
@pytest.mark.parametrize("model", ["bracket.stl", "ring.obj", "rod.obj"])
@pytest.mark.parametrize("size_frac", [0.05, 0.6])
def test_size_and_offset_are_reached_in_the_distorted_picture(
    lens: tuple[float, ...], model: str, size_frac: float
) -> None:
    assets = HandMadeAssets()
    theta = theta_of(
        objects={"model": (model,), "arrangement": "single"},
        camera={"distortion": lens},
        scale={"size_frac": size_frac},
        viewpoint={"offset_x": 0.2, "offset_y": -0.15, "roll_deg": 20.0},
    )
    placement = place(theta, assets, seed=5, frame_idx=0, attempt=0)
    scene = assemble(theta, placement, assets)
    first, camera = scene.instances[0], scene.camera
    (box,) = boxes_obj([first], camera)
    center = transform_points(first.T_world_obj, first.scale * first.model.center_m[None])
    uv = project(
        transform_points(inverse_rigid(camera.T_world_cam), center), camera.K, camera.distortion
    )

    assert box is not None
    assert max(box.xywh[2:]) == pytest.approx(size_frac * 640, abs=0.01)
    np.testing.assert_allclose(uv[0], [319.5 + 0.2 * 640, 239.5 - 0.15 * 480], atol=1e-6)
    assert placement == placement_from_json(placement_to_json(placement))
    assert lens == placement.distortion == camera.distortion


def test_what_the_lens_does_not_show_whole_is_rejected() -> None:
    theta = theta_of(camera={"distortion": (-0.25, 0.0, 0.0, 0.0)}, scale={"size_frac": 3.0})
    with pytest.raises(RejectedTheta, match="size not reachable"):
        place(theta, HandMadeAssets(), seed=1, frame_idx=0, attempt=0)

    aside = theta_of(camera={"distortion": (-0.25, 0.0, 0.0, 0.0)}, viewpoint={"offset_x": 2.0})
    with pytest.raises(RejectedTheta, match="offset beyond what the lens shows"):
        place(aside, HandMadeAssets(), seed=1, frame_idx=0, attempt=0)


def test_null_is_a_pinhole() -> None:
    assert Constant(None) == parse(None, leaves_of("camera")["distortion"], "x")
    placement = place(theta_of(), HandMadeAssets(), seed=1, frame_idx=0, attempt=0)

    assert () == placement.distortion


@pytest.mark.parametrize(
    ("at", "message"),
    [
        (0, "must have plain numbers but in its translation"),
        (15, "must have plain numbers but in its translation"),
        (3, None),
        (11, None),
    ],
)
def test_of_a_calibrated_pose_the_translation_alone_is_drawn(at: int, message: str | None) -> None:
    numbers = [1.0, 0, 0, 0.1, 0, -1, 0, 0, 0, 0, -1, 2, 0, 0, 0, 1]
    words = [str(number) for number in numbers]
    words[at] = "[uniform,0.5,0.6]"
    config = composed(f"camera.T_world_cam=[{','.join(words)}]")

    if message is not None:
        with pytest.raises(ConfigError, match=message):
            space_of(config)
        return
    space = space_of(config)
    drawn = [space.draw(i).camera.T_world_cam for i in range(8)]

    assert not space.is_null("camera", "T_world_cam")
    assert all(0.5 <= pose[at] < 0.6 for pose in drawn)
    assert len({pose[at] for pose in drawn}) == 8
    assert all([*pose[:at], numbers[at], *pose[at + 1 :]] == numbers for pose in drawn)


def test_a_calibrated_pose_with_a_drawn_translation_must_still_be_rigid() -> None:
    config = composed("camera.T_world_cam=[1,0,0,[uniform,0,0.1],0,-1,0,0,0,0,1,1,0,0,0,1]")

    with pytest.raises(ConfigError, match="must be a rigid transform"):
        space_of(config)
