"""θ, its placement and the assets to a scene: a pure function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from render.assembly.background import build_backdrop
from render.assembly.lights import build_ambient, build_environment, build_lights
from render.assembly.materials import (
    container_material,
    distractor_materials,
    target_materials,
)
from render.assembly.surfaces import build_surfaces
from render.assembly.textures import TextureCache
from render.library.containers import container_model
from render.library.fixtures import Fixture
from render.scene import Camera, EnvironmentMap, Instance, Model, Scene
from render.theta import Placement, Theta

__all__ = ["AssetSource", "assemble", "camera_of"]


class AssetSource(Protocol):
    """What assembly needs of the asset library."""

    def model(self, name: str) -> Model:
        """The model of that name, ``primitive:<kind>`` among them."""
        ...

    @property
    def fixtures(self) -> tuple[Fixture, ...]:
        """Static models of the user's cell."""
        ...

    def background(self, name: str) -> NDArray[np.uint8]:
        """``(H, W, 3)`` display sRGB."""
        ...

    def environment(self, name: str) -> EnvironmentMap:
        """The environment map of that name."""
        ...

    def texture(self, name: str) -> NDArray[np.uint8]:
        """``(H, W, 3)`` display sRGB."""
        ...


def assemble(
    theta: Theta,
    placement: Placement,
    assets: AssetSource,
    *,
    textures: TextureCache | None = None,
) -> Scene:
    """The scene that an engine draws.

    Args:
        theta: As drawn.
        placement: Where that θ put things.
        assets: Models, backgrounds and textures by name.
        textures: Keeps textures from frame to frame. It saves time and changes nothing.

    """
    cache = textures if textures is not None else TextureCache()
    objects = tuple(_objects(theta, placement, assets, cache))
    instances = (*objects, *_fixtures(theta, placement, assets, len(objects)))
    camera = camera_of(placement)
    environment = build_environment(theta.lighting, assets)
    return Scene(
        camera=camera,
        instances=instances,
        lights=build_lights(
            theta.lighting,
            environment,
            target_world=np.array(placement.center_m),
            extent_m=placement.extent_m,
        ),
        backdrop=build_backdrop(
            theta.background, environment, assets, size_wh=placement.size_wh, tone=theta.sensor.tone
        ),
        environment=environment,
        ambient=build_ambient(theta.lighting),
        surfaces=build_surfaces(
            theta.background,
            theta.objects.arrangement,
            instances,
            placement,
            assets,
            cache,
        ),
    )


def _objects(
    theta: Theta, placement: Placement, assets: AssetSource, cache: TextureCache
) -> Iterator[Instance]:
    """Targets and distractors."""
    for idx, placed in enumerate(placement.instances):
        model, i = assets.model(placed.model), placed.theta_idx
        if placed.role == "target":
            materials = target_materials(model, theta.material, i, assets=assets, cache=cache)
        else:
            materials = distractor_materials(model, theta.occlusion, i, assets=assets, cache=cache)
        yield Instance(
            instance_idx=idx,
            role=placed.role,
            model=model,
            materials=materials,
            T_world_obj=_matrix(placed.T_world_obj, 4),
            scale=placed.scale,
        )


def _fixtures(
    theta: Theta, placement: Placement, assets: AssetSource, first_idx: int
) -> Iterator[Instance]:
    """What holds the targets, and the static models of the user's cell, as authored."""
    if placement.container_m:
        yield Instance(
            instance_idx=first_idx,
            role="fixture",
            model=container_model(placement.container_m),
            materials=(container_material(theta.objects),),
            T_world_obj=_matrix(tuple(np.eye(4).ravel().tolist()), 4),
            scale=1.0,
        )
        first_idx += 1
    for idx, fixture in enumerate(assets.fixtures, start=first_idx):
        yield Instance(
            instance_idx=idx,
            role="fixture",
            model=fixture.model,
            materials=tuple(p.material for p in fixture.model.primitives),
            T_world_obj=fixture.T_world_obj,
            scale=1.0,
        )


def camera_of(placement: Placement) -> Camera:
    """The camera that a placement records."""
    return Camera(
        K=_matrix(placement.K, 3),
        size_wh=placement.size_wh,
        T_world_cam=_matrix(placement.T_world_cam, 4),
        near_m=placement.near_m,
        far_m=placement.far_m,
        distortion=placement.distortion,
    )


def _matrix(numbers: tuple[float, ...], side: int) -> NDArray[np.float64]:
    matrix = np.array(numbers, dtype=np.float64).reshape(side, side)
    matrix.setflags(write=False)
    return matrix
