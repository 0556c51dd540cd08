"""A cache of models and textures on the GPU: uploaded once, least recently used goes first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import Program, set_wrap
from render.engine.pyrender.naming import NamedFaces, named_faces
from render.errors import EngineError
from render.scene import Model, Primitive, Texture
from render.system.cache import Cache, Same

__all__ = ["ROW", "FaceRange", "FaceStream", "GpuCache", "Mesh"]

ROW = 1024  # as in shade.frag

_GL_SRGB8_ALPHA8 = 0x8C43
_NO_NORMAL = np.uint32(0x80008000)  # as in shade.frag
_FIRST_STREAM_BYTES = 1 << 16
_ATTRIBUTES = {"a_normal": "3f", "a_uv": "2f", "a_color": "4f"}


@dataclass(eq=False)
class Mesh:
    """One primitive of a model on the GPU; positions are relative to the model's centre.

    Attributes:
        indices: Three vertices for each face of the primitive.
        corners: For shaders that look faces up: of each vertex, the corners of the face that ends
            with it. A texel a vertex, `ROW` in a row, as in the next ones.
        vertices: Position, and normal packed in 32 bits.
        uvs: Texture coordinates; one texel where there are none.
        colors: Vertex colours; None where all are white.

    """

    positions: moderngl.Buffer
    indices: moderngl.Buffer
    corners: moderngl.Texture
    vertices: moderngl.Texture
    uvs: moderngl.Texture
    colors: moderngl.Texture | None
    _make_attributes: Callable[[], moderngl.Buffer]
    _attributes: moderngl.Buffer | None = None
    _arrays: dict[tuple[int, int], moderngl.VertexArray] = field(default_factory=dict)

    @property
    def n_bytes(self) -> int:
        """GPU memory."""
        buffers = [b for b in (self.positions, self.indices, self._attributes) if b is not None]
        uvs = self.uvs.width * self.uvs.height
        n_texels = self.vertices.width * self.vertices.height
        textures = n_texels * (16 + 16 + (16 if self.colors else 0)) + 8 * uvs
        return sum(b.size for b in buffers) + textures

    def draw(
        self, context: moderngl.Context, program: Program, faces: FaceRange | None = None
    ) -> None:
        """Draws triangles with the uniforms as they are: all, or some faces."""
        indices = self.indices if faces is None else faces.indices
        key = program.raw.glo, indices.glo
        array = self._arrays.get(key)
        if array is None:
            array = self._arrays[key] = self._bind(context, program, indices)
        if faces is None:
            array.render(moderngl.TRIANGLES)
        elif faces.count > 0:
            array.render(moderngl.TRIANGLES, vertices=3 * faces.count, first=3 * faces.first)

    def release(self) -> None:
        """Frees the GPU memory."""
        for array in self._arrays.values():
            array.release()
        for part in (
            self.positions, self.indices, self.corners, self.vertices, self.uvs, self.colors,
            self._attributes,
        ):  # fmt: skip
            if part is not None:
                part.release()

    def _bind(
        self, context: moderngl.Context, program: Program, indices: moderngl.Buffer
    ) -> moderngl.VertexArray:
        used = [name for name in _ATTRIBUTES if name in program.raw]
        layout = " ".join(
            kind if name in used else f"{4 * int(kind[0])}x" for name, kind in _ATTRIBUTES.items()
        )
        content: list[tuple[object, ...]] = [(self.positions, "3f", "a_position")]
        if used:
            if self._attributes is None:
                self._attributes = self._make_attributes()
            content.append((self._attributes, layout, *used))
        return context.vertex_array(program.raw, content, indices, index_element_size=4)


@dataclass(frozen=True, eq=False, kw_only=True)
class FaceRange:
    """Faces of a mesh that lie one after the other in a buffer of indices."""

    indices: moderngl.Buffer
    first: int
    count: int


class FaceStream:
    """Indices of the faces that a scene shows: one buffer, filled again for each scene."""

    def __init__(self, context: GlContext) -> None:
        self._indices = context.mgl.buffer(reserve=_FIRST_STREAM_BYTES, dynamic=True)

    def fill(self, faces: Sequence[NDArray[np.int32]]) -> tuple[FaceRange, ...]:
        """Where each of the ``(F, 3)`` arrays lies; what was filled before is gone."""
        counts = [len(part) for part in faces]
        size = 12 * sum(counts)
        # Always given anew: GL need not wait for draws that use what was there.
        self._indices.orphan(max(_FIRST_STREAM_BYTES, 1 << (size - 1).bit_length()))
        if size:
            self._indices.write(np.concatenate(faces))
        firsts = np.cumsum([0, *counts])
        return tuple(
            FaceRange(indices=self._indices, first=int(first), count=count)
            for first, count in zip(firsts[:-1], counts, strict=True)
        )


class GpuCache:
    """Meshes and textures on the GPU, by the identity of the frozen arrays they were made from.

    It holds no reference to these: the copy of an array that is gone is freed at the next `trim`.

    Attributes:
        stream: Indices of the faces that the scene of the moment shows.
        white: A texture of one white pixel, for materials without one.

    """

    def __init__(self, context: GlContext, *, budget_bytes: int) -> None:
        self._context = context
        self._budget_bytes = budget_bytes
        # Trimmed by hand: nothing may go while a scene is drawn.
        self._models: Cache[Same, tuple[Mesh, ...]] = Cache(
            math.inf, _mesh_bytes, release=_release_meshes
        )
        self._textures: Cache[tuple[Same, bool, tuple[str, str]], moderngl.Texture] = Cache(
            math.inf, _texture_bytes, release=moderngl.Texture.release
        )
        self.stream = FaceStream(context)
        self.white = self._make(Texture(image=np.full((1, 1, 4), 255, np.uint8)), srgb=False)

    def meshes(self, model: Model) -> tuple[Mesh, ...]:
        """One mesh for each primitive of the model.

        Raises:
            EngineError: A primitive has more vertices than GL holds.

        """
        return self._models.find(Same(model), lambda: self._upload_all(model))

    def texture(self, texture: Texture | None, *, srgb: bool) -> moderngl.Texture:
        """An image with all its smaller sizes; white for None.

        Args:
            texture: What to upload.
            srgb: The image is in display sRGB: samples are linear.

        """
        if texture is None:
            return self.white
        key = (Same(texture.image), srgb, texture.wrap_st)
        return self._textures.find(key, lambda: self._make(texture, srgb=srgb))

    @property
    def n_bytes(self) -> int:
        """GPU memory of all meshes and textures."""
        return self._models.size + self._textures.size

    def trim(self) -> None:
        """Frees what was made from things that are gone, then what was used longest ago until the
        budget holds: models first. Not while a scene is drawn.
        """
        self._models.drop(lambda key: key.is_gone)
        self._textures.drop(lambda key: key[0].is_gone)
        self._models.trim(self._budget_bytes - self._textures.size)
        self._textures.trim(self._budget_bytes - self._models.size)

    def _upload_all(self, model: Model) -> tuple[Mesh, ...]:
        largest = ROW * int(self._context.mgl.info["GL_MAX_TEXTURE_SIZE"])
        if max(len(named.sources) for named in named_faces(model)) > largest:
            raise EngineError(f"{model.name} must have at most {largest} vertices a material")
        return tuple(
            self._upload(primitive, named, model.center_m)
            for primitive, named in zip(model.primitives, named_faces(model), strict=True)
        )

    def _upload(
        self, primitive: Primitive, named: NamedFaces, center_m: NDArray[np.float64]
    ) -> Mesh:
        sources = named.sources
        gl = self._context.mgl
        positions = (primitive.positions_m - center_m).astype(np.float32)[sources]
        packed = np.empty((len(sources), 4), np.uint32)
        packed[:, :3] = positions.view(np.uint32)
        packed[:, 3] = _packed_normals(primitive.normals)[sources]
        corners = np.zeros((len(sources), 4), np.int32)
        corners[:, :3] = named.faces[np.maximum(named.face_of, 0)]
        no_uv = np.zeros((1, 2), np.float32)
        colors = None
        if primitive.colors is not None:
            colors = self._table(primitive.colors[sources], "f4")
        return Mesh(
            positions=gl.buffer(positions.tobytes()),
            indices=gl.buffer(named.faces.tobytes()),
            corners=self._table(corners, "i4"),
            vertices=self._table(packed, "u4"),
            uvs=self._table(no_uv if primitive.uv is None else _gl_uv(primitive.uv)[sources], "f4"),
            colors=colors,
            _make_attributes=lambda: gl.buffer(_attributes_of(primitive, sources).tobytes()),
        )

    def _table(self, rows: NDArray[Any], dtype: str) -> moderngl.Texture:
        """Rows of numbers as the texels of a texture, `ROW` of them side by side."""
        width, height = min(len(rows), ROW), -(-len(rows) // ROW)
        padded = np.zeros((height * width, rows.shape[1]), rows.dtype)
        padded[: len(rows)] = rows
        texture = self._context.mgl.texture(
            (width, height), rows.shape[1], padded.tobytes(), dtype=dtype
        )
        texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        return texture

    def _make(self, texture: Texture, *, srgb: bool) -> moderngl.Texture:
        image = self._held(texture.image)
        height, width = image.shape[:2]
        made = self._context.mgl.texture(
            (width, height),
            4,
            image.tobytes(),
            internal_format=_GL_SRGB8_ALPHA8 if srgb else None,
        )
        made.build_mipmaps()
        made.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
        set_wrap(self._context, made, texture.wrap_st)
        return made

    def _held(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The image, or a smaller one where it is larger than GL holds."""
        largest = int(self._context.mgl.info["GL_MAX_TEXTURE_SIZE"])
        height, width = image.shape[:2]
        if max(height, width) > largest:
            size_wh = (min(width, largest), min(height, largest))
            image = np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
        return np.ascontiguousarray(image)


def _gl_uv(uv: NDArray[np.float32]) -> NDArray[np.float32]:
    """GL's first row is the image's first."""
    return np.stack([uv[:, 0], 1.0 - uv[:, 1]], axis=1)


def _attributes_of(primitive: Primitive, sources: NDArray[np.int32]) -> NDArray[np.float32]:
    """``(N, 9)``: normal, texture coordinates, colour."""
    attributes = np.ones((len(sources), 9), np.float32)
    attributes[:, :3] = primitive.normals[sources]
    attributes[:, 3:5] = 0.0 if primitive.uv is None else _gl_uv(primitive.uv)[sources]
    if primitive.colors is not None:
        attributes[:, 5:] = primitive.colors[sources]
    return attributes


def _packed_normals(normals: NDArray[np.float32]) -> NDArray[np.uint32]:
    """``(N,)``: unit vectors on an octahedron, 16 bits a coordinate (Meyer et al. 2010), which is
    exact to 4e-5; 0x80008000 where there is none.
    """
    size = np.abs(normals).sum(axis=1)
    flat = normals / np.where(size > 0.0, size, 1.0)[:, None]
    x, y = flat[:, 0], flat[:, 1]
    below = flat[:, 2] < 0.0
    folded_x = np.where(below, np.copysign(1.0 - np.abs(y), x), x)
    folded_y = np.where(below, np.copysign(1.0 - np.abs(x), y), y)
    signed = np.rint(np.stack([folded_x, folded_y], axis=1) * 32767.0).astype(np.int16)
    packed = np.ascontiguousarray(signed).view(np.uint32)[:, 0]
    return np.where(size > 0.0, packed, _NO_NORMAL)


def _mesh_bytes(meshes: tuple[Mesh, ...]) -> int:
    return sum(mesh.n_bytes for mesh in meshes)


def _release_meshes(meshes: tuple[Mesh, ...]) -> None:
    for mesh in meshes:
        mesh.release()


def _texture_bytes(texture: moderngl.Texture) -> int:
    return texture.width * texture.height * 16 // 3  # with the smaller sizes
