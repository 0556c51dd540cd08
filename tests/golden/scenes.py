"""One small picture for each feature of light, surfaces, materials and camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.assembly.lights import suns_of
from render.assembly.scene import assemble
from render.assembly.textures import TextureCache
from render.assembly.two_tone import two_tone_texture
from render.assembly.wear import wear_texture
from render.engine.base import AbstractEngine
from render.lights.light import Light
from render.placement.place import place
from render.scene import Environment, Instance, Material, Scene, Texture
from render.sensor.develop import develop
from render.sensor.optics import expose
from render.sensor.tone import radiance_of_display
from tests.hand_made import HandMadeAssets, theta_of
from tests.lit_scenes import (
    BALL,
    BOX,
    WHITE,
    camera_at,
    directions,
    environment_of,
    floor,
    placed,
    scene,
    square,
)

__all__ = ["PICTURES"]

Picture = Callable[[AbstractEngine], NDArray[np.uint8]]

ASSETS = HandMadeAssets()
ASSETS.textures["tiles.png"] = np.kron(
    np.array([[[150, 110, 70], [190, 160, 120]], [[190, 160, 120], [150, 110, 70]]]),
    np.ones((32, 32, 1)),
).astype(np.uint8)
FULL = np.full((64, 64), 255, np.uint8)
PLASTIC = Material(base_color=(0.6, 0.05, 0.04, 1.0), roughness=0.35)
CLAY = Material(base_color=(0.5, 0.45, 0.4, 1.0), roughness=0.9)
STEEL = Material(base_color=(0.7, 0.7, 0.72, 1.0), metallic=1.0, roughness=0.2)
GREY = Material(base_color=(0.4, 0.4, 0.4, 1.0), roughness=0.8)
FILL = 0.25  # from everywhere
CAMERA = camera_at((3.0, -3.4, 2.4), (0.1, 0.1, 0.45), fov_deg=42.0)


def sky(*, sun: float = 0.0) -> Environment:
    """Blue above, brown below, a window of light; and a sun, if asked."""
    d = directions(512, 256)
    up = d[..., 2:]
    radiance = np.where(up > 0, [0.35, 0.5, 0.8] + 0.3 * (1 - up), [0.25, 0.19, 0.14])
    window = (np.abs(d[..., 1:2] + 0.4) < 0.25) & (np.abs(up - 0.4) < 0.2) & (d[..., :1] > 0)
    radiance = np.where(window, 2.0, radiance)
    towards = np.array([-0.2, -0.7, 0.65]) / np.linalg.norm([-0.2, -0.7, 0.65])
    radiance = radiance + np.where((d @ towards)[..., None] > np.cos(np.radians(1.5)), sun, 0.0)
    return environment_of(radiance.astype(np.float32), azimuth_deg=20.0)


def three(*materials: Material) -> tuple[Instance, ...]:
    """A box, a ball and a small ball that stand on the plane z = 0."""
    box, ball, small = materials
    return placed(
        (BOX, (-0.5, 0.5, 0.4), 0.8, box),
        (BALL, (0.5, 0.2, 0.5), 0.5, ball),
        (BALL, (0.2, -0.8, 0.25), 0.25, small),
    )


def shown(
    engine: AbstractEngine,
    what: Scene,
    *,
    camera: dict[str, Any] | None = None,
    **sensor: Any,
) -> NDArray[np.uint8]:
    """What lens and sensor make of it, sharp at three and a half metres."""
    theta = theta_of(camera=camera or {}, sensor={"tone": "filmic"} | sensor)
    buffers = engine.render(what)
    light = expose(buffers.radiance, buffers.depth_m, theta.camera, principal_depth_m=4.6)
    return develop(light, theta.sensor)


def environment_light(engine: AbstractEngine) -> NDArray[np.uint8]:
    env = sky()
    what = scene(CAMERA, three(CLAY, STEEL, PLASTIC), environment=env, backdrop=env)
    return shown(engine, what)


def sun(engine: AbstractEngine) -> NDArray[np.uint8]:
    env = sky(sun=400.0)
    what = scene(
        CAMERA, three(CLAY, STEEL, PLASTIC), suns_of(env), surfaces=(floor(material=GREY),),
        environment=env, backdrop=env,
    )  # fmt: skip
    return shown(engine, what)


def under_lamp(engine: AbstractEngine, **numbers: float) -> NDArray[np.uint8]:
    at = np.array([-1.6, -1.8, 3.2])
    lamp = Light(
        color=(1.05, 1.0, 0.85),
        intensity=float(at @ at),
        position_world=(-1.6, -1.8, 3.2),
        direction_world=(1.6, 1.8, -3.2),
        **numbers,  # type: ignore[arg-type]
    )
    what = scene(
        CAMERA, three(CLAY, PLASTIC, STEEL), (lamp,), surfaces=(floor(material=GREY),),
        ambient=FILL,
    )  # fmt: skip
    return shown(engine, what)


def lamp_point(engine: AbstractEngine) -> NDArray[np.uint8]:
    return under_lamp(engine, radius_m=0.02)


def lamp_spot(engine: AbstractEngine) -> NDArray[np.uint8]:
    return under_lamp(engine, radius_m=0.05, cone_deg=20.0)


def lamp_area(engine: AbstractEngine) -> NDArray[np.uint8]:
    return under_lamp(engine, radius_m=0.6, is_flat=True)


def on_surface(engine: AbstractEngine, kind: str) -> NDArray[np.uint8]:
    theta = theta_of(
        4,
        objects={
            "arrangement": "surface",
            "model": ("bracket.stl", "ball.obj", "brick.ply", "ring.obj"),
            "orientation": ("upright", "upright", "stable", "upright"),
        },
        background={"kind": kind, "surface_texture": "tiles.png", "surface_roughness": 0.5},
        camera={"size_wh": (160.0, 120.0)},
        lighting={"environment": "sky.hdr", "intensity": (0.7,), "ambient": 0.0,
                  "radius_deg": (2.0,)},
    )  # fmt: skip
    placement = place(theta, ASSETS, seed=2, frame_idx=0, attempt=0)
    return shown(engine, assemble(theta, placement, ASSETS))


def surface_floor(engine: AbstractEngine) -> NDArray[np.uint8]:
    return on_surface(engine, "floor")


def surface_room(engine: AbstractEngine) -> NDArray[np.uint8]:
    return on_surface(engine, "room")


def surface_tabletop(engine: AbstractEngine) -> NDArray[np.uint8]:
    return on_surface(engine, "tabletop")


def shadow_on_photo(engine: AbstractEngine) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:120, 0:160]
    tiles = np.where((x // 20 + y // 20) % 2, 190, 120)
    photo = np.dstack([tiles, tiles * 0.95, tiles * 0.8]).astype(np.uint8)
    lamp = Light(
        color=WHITE, intensity=0.8, direction_world=(0.6, 0.9, -1.3),
        radius_deg=2.0,
    )  # fmt: skip
    what = scene(
        CAMERA, three(CLAY, PLASTIC, STEEL), (lamp,), surfaces=(floor(catches=True),),
        ambient=FILL, backdrop=radiance_of_display(photo, "filmic"),
    )  # fmt: skip
    return shown(engine, what)


def metal_and_roughness(engine: AbstractEngine) -> NDArray[np.uint8]:
    balls = [
        (
            BALL,
            (0.0, (i - 2) * 0.95, (0.5 - metallic) * 1.1),
            0.43,
            Material(base_color=(0.8, 0.5, 0.2, 1.0), metallic=metallic, roughness=i / 4),
        )
        for metallic in (0.0, 1.0)
        for i in range(5)
    ]
    env = sky(sun=300.0)
    what = scene(
        camera_at((6.5, 0.0, 0.0), fov_deg=42.0), placed(*balls), suns_of(env), environment=env,
        backdrop=env,
    )  # fmt: skip
    return shown(engine, what)


def grille_of_cutouts(engine: AbstractEngine) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:256, 0:256]
    image = np.full((256, 256, 4), 200, np.uint8)
    image[..., 3] = np.where(np.hypot(x % 32 - 15.5, y % 32 - 15.5) < 11, 0, 255)
    grille = replace(GREY, base_color_texture=Texture(image=image), alpha_mode="mask")
    plate = placed((square(), (0.0, 0.0, 0.7), 0.7, grille), (BALL, (0, 0, 0.3), 0.3, PLASTIC))
    lamp = Light(color=WHITE, intensity=0.8, direction_world=(0.9, 0.6, -1.6))
    what = scene(CAMERA, plate, (lamp,), surfaces=(floor(material=GREY),), ambient=FILL)
    return shown(engine, what)


def glass(engine: AbstractEngine) -> NDArray[np.uint8]:
    pane = Material(base_color=(0.2, 0.5, 0.3, 0.4), roughness=0.1, alpha_mode="blend")
    env = sky()
    bodies = placed(
        (BALL, (-0.2, 0.5, 0.4), 0.4, PLASTIC),
        (BOX, (0.3, -0.3, 0.4), 0.8, pane),
        (BALL, (0.9, -0.9, 0.3), 0.3, pane),
    )
    what = scene(CAMERA, bodies, surfaces=(floor(material=GREY),), environment=env, backdrop=env)
    return shown(engine, what)


def row_of_balls(n: int = 5) -> Scene:
    """Balls one behind the other on a floor."""
    balls = [(BALL, (-1.4 + 1.3 * i, 1.2 - 0.75 * i, 0.4), 0.4, PLASTIC) for i in range(n)]
    env = sky(sun=300.0)
    return scene(
        camera_at((4.8, -3.4, 1.6), (0.6, 0.1, 0.4), fov_deg=36.0), placed(*balls), suns_of(env),
        surfaces=(floor(material=GREY),), environment=env, backdrop=env,
    )  # fmt: skip


def depth_of_field(engine: AbstractEngine) -> NDArray[np.uint8]:
    return shown(engine, row_of_balls(), camera={"defocus_px": 16.0})


def lens_and_hand(engine: AbstractEngine) -> NDArray[np.uint8]:
    optics = {"vignette": 0.6, "chromatic_px": 2.0, "motion_px": 5.0, "motion_deg": 30.0}
    return shown(engine, row_of_balls(), camera=optics)


def distorted_lens(engine: AbstractEngine) -> NDArray[np.uint8]:
    """A barrel: the straight edges of tiles and box are bent."""
    camera = replace(CAMERA, distortion=(-0.6, 0.25, 0.0, 0.0))
    tiles = replace(
        CLAY, triplanar=Texture(image=np.dstack([ASSETS.textures["tiles.png"], FULL])),
        triplanar_size_m=1.2,
    )  # fmt: skip
    env = sky(sun=300.0)
    what = scene(
        camera, three(CLAY, STEEL, PLASTIC), suns_of(env), surfaces=(floor(material=tiles),),
        environment=env, backdrop=env,
    )  # fmt: skip
    return shown(engine, what)


def six_balls(engine: AbstractEngine, finishes: list[Material]) -> NDArray[np.uint8]:
    """Two rows of three, in the sun."""
    balls = [
        (BALL, (0.0, (i % 3 - 1) * 1.1, (0.5 - i // 3) * 1.1), 0.5, finish)
        for i, finish in enumerate(finishes)
    ]
    env = sky(sun=300.0)
    what = scene(
        camera_at((5.5, 0.0, 0.0), fov_deg=38.0), placed(*balls), suns_of(env), environment=env,
        backdrop=env,
    )  # fmt: skip
    return shown(engine, what)


def worn(engine: AbstractEngine) -> NDArray[np.uint8]:
    """New, worn and very worn: dirt on plastic, scratches on steel."""
    texture = wear_texture(3, TextureCache())
    amounts = (0.0, 0.5, 1.0)
    finishes = [
        replace(finish, wear=wear, wear_texture=texture, wear_size_m=1.0)
        for finish in (PLASTIC, STEEL)
        for wear in amounts
    ]
    return six_balls(engine, finishes)


def two_tone_coated_and_translucent(engine: AbstractEngine) -> NDArray[np.uint8]:
    """Marble, speckle and swirl; below them a coat over a rough base, and cloudy plastic twice."""
    colors = (0.55, 0.06, 0.05), (0.8, 0.75, 0.6)
    patterns = [
        Material(
            triplanar=two_tone_texture(pattern, 3, colors, TextureCache()),
            triplanar_size_m=1.2,
            roughness=0.3,
        )
        for pattern in ("marble", "speckle", "swirl")
    ]
    rough = Material(base_color=(0.05, 0.2, 0.6, 1.0), roughness=0.9)
    clouds = [Material(base_color=(0.2, 0.7, 0.3, 1.0), translucency=t) for t in (0.5, 1.0)]
    finishes = [*patterns, replace(rough, clearcoat=1.0), *clouds]
    return six_balls(engine, finishes)


def noise_and_color_filters(engine: AbstractEngine) -> NDArray[np.uint8]:
    return shown(engine, row_of_balls(), noise=0.06, bayer=True, sharpen=0.5)


def warm_white_balance_and_agx(engine: AbstractEngine) -> NDArray[np.uint8]:
    return shown(engine, row_of_balls(), tone="agx", white_balance_k=9000.0, exposure_ev=0.5)


PICTURES: dict[str, Picture] = {
    made.__name__: made
    for made in (
        environment_light, sun, lamp_point, lamp_spot, lamp_area, surface_floor, surface_room,
        surface_tabletop, shadow_on_photo, metal_and_roughness, grille_of_cutouts, glass,
        depth_of_field, lens_and_hand, noise_and_color_filters, warm_white_balance_and_agx,
        distorted_lens, worn, two_tone_coated_and_translucent,
    )
}  # fmt: skip
