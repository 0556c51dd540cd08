"""The points of a surface that pixels show: where rays meet faces, and what the corners tell."""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.chunks import (
    ANX,
    ANY,
    ANZ,
    AU,
    AV,
    AX,
    AY,
    AZ,
    BNX,
    BNY,
    BNZ,
    BU,
    BV,
    BX,
    BY,
    BZ,
    CHUNK,
    CNX,
    CNY,
    CNZ,
    CR,
    CU,
    CV,
    CX,
    CY,
    CZ,
    DEPTH,
    FX,
    FY,
    FZ,
    NX,
    NY,
    NZ,
    OX,
    OXX,
    OXY,
    OY,
    OYX,
    OYY,
    OZ,
    OZX,
    OZY,
    PX,
    PY,
    RX,
    RY,
    SPREAD,
    TU,
    TUX,
    TUY,
    TV,
    TVX,
    TVY,
    VX,
    VY,
    VZ,
    W_B,
    W_C,
)  # fmt: skip
from render.kernels.compiled import kernel

__all__ = ["meet_faces", "tint", "turn_to_camera"]

Array = Any

f4: Any = np.float32
U: Any = np.uint64
_TINY = f4(1e-30)


@kernel
def meet_faces(
    S: Array, n: int, pixels: Array, faces_shown: Array, first_face: int, width: int,
    faces: Array, vertices: Array, lens: Array, obj_cam: Array,
) -> None:  # fmt: skip
    """Points, normals and texture coordinates, and how they change to the next pixels.

    Args:
        S: Scratch.
        n: Pixels.
        pixels: ``(n,)`` int32.
        faces_shown: ``(n,)`` int32: the face that each shows.
        first_face: What the first face of the mesh is called there.
        width: Of the picture.
        faces: ``(F, 3)`` int32 of the mesh.
        vertices: ``(V, 8)`` float32: point, normal, texture coordinates.
        lens: ``(4,)`` float32: fx, fy, cx, cy; centre coordinates.
        obj_cam: ``(3, 4)`` float32, camera frame to the mesh's.

    """
    for i in range(n):
        j, f = U(i), U(faces_shown[i] - first_face)
        for k in range(3):
            vertex, three, two = U(faces[f, U(k)]), U(3 * k * CHUNK), U(2 * k * CHUNK)
            S[AX + three + j] = vertices[vertex, U(0)]
            S[AY + three + j] = vertices[vertex, U(1)]
            S[AZ + three + j] = vertices[vertex, U(2)]
            S[ANX + three + j] = vertices[vertex, U(3)]
            S[ANY + three + j] = vertices[vertex, U(4)]
            S[ANZ + three + j] = vertices[vertex, U(5)]
            S[AU + two + j] = vertices[vertex, U(6)]
            S[AV + two + j] = vertices[vertex, U(7)]
        y = pixels[i] // width
        S[PX + j], S[PY + j] = f4(pixels[i] - y * width), f4(y)
    _meet(S, n, lens, obj_cam)


@kernel
def _meet(S: Array, n: int, lens: Array, obj_cam: Array) -> None:
    fx, fy, cx, cy = f4(1.0) / lens[0], f4(1.0) / lens[1], lens[2], lens[3]
    m00, m01, m02, ex = obj_cam[0, 0], obj_cam[0, 1], obj_cam[0, 2], obj_cam[0, 3]
    m10, m11, m12, ey = obj_cam[1, 0], obj_cam[1, 1], obj_cam[1, 2], obj_cam[1, 3]
    m20, m21, m22, ez = obj_cam[2, 0], obj_cam[2, 1], obj_cam[2, 2], obj_cam[2, 3]
    for i in range(n):
        j = U(i)
        rx, ry = (S[PX + j] - cx) * fx, (S[PY + j] - cy) * fy
        S[RX + j], S[RY + j] = rx, ry
        il = f4(-1.0) / np.sqrt(rx * rx + ry * ry + f4(1.0))
        S[VX + j], S[VY + j], S[VZ + j] = rx * il, ry * il, il
        dx = m00 * rx + m01 * ry + m02
        dy = m10 * rx + m11 * ry + m12
        dz = m20 * rx + m21 * ry + m22
        x0, y0, z0 = S[AX + j], S[AY + j], S[AZ + j]
        bx, by, bz = S[BX + j] - x0, S[BY + j] - y0, S[BZ + j] - z0
        kx, ky, kz = S[CX + j] - x0, S[CY + j] - y0, S[CZ + j] - z0
        nx, ny, nz = by * kz - bz * ky, bz * kx - bx * kz, bx * ky - by * kx
        qx, qy, qz = x0 - ex, y0 - ey, z0 - ez
        # A ray d meets the plane at the weights g.d / N.d and h.d / N.d of the corners.
        gx, gy, gz = qz * ky - qy * kz, qx * kz - qz * kx, qy * kx - qx * ky
        hx, hy, hz = bz * qy - by * qz, bx * qz - bz * qx, by * qx - bx * qy
        towards = nx * dx + ny * dy + nz * dz
        inverse = f4(1.0) / (towards if abs(towards) > _TINY else _TINY)
        w_b = (gx * dx + gy * dy + gz * dz) * inverse
        w_c = (hx * dx + hy * dy + hz * dz) * inverse
        w_b, w_c = min(max(w_b, f4(0.0)), f4(1.0)), min(max(w_c, f4(0.0)), f4(1.0))
        scale = f4(1.0) / (max(f4(1.0) - w_b - w_c, f4(0.0)) + w_b + w_c)
        w_b, w_c = w_b * scale, w_c * scale
        S[W_B + j], S[W_C + j] = w_b, w_c
        S[DEPTH + j] = (nx * qx + ny * qy + nz * qz) * inverse
        sx, sy, sz = m00 * fx, m10 * fx, m20 * fx
        next_ = towards + nx * sx + ny * sy + nz * sz
        inverse = f4(1.0) / (next_ if abs(next_) > _TINY else _TINY)
        b_x = (gx * (dx + sx) + gy * (dy + sy) + gz * (dz + sz)) * inverse - w_b
        c_x = (hx * (dx + sx) + hy * (dy + sy) + hz * (dz + sz)) * inverse - w_c
        sx, sy, sz = m01 * fy, m11 * fy, m21 * fy
        next_ = towards + nx * sx + ny * sy + nz * sz
        inverse = f4(1.0) / (next_ if abs(next_) > _TINY else _TINY)
        b_y = (gx * (dx + sx) + gy * (dy + sy) + gz * (dz + sz)) * inverse - w_b
        c_y = (hx * (dx + sx) + hy * (dy + sy) + hz * (dz + sz)) * inverse - w_c
        S[OX + j] = x0 + w_b * bx + w_c * kx
        S[OY + j] = y0 + w_b * by + w_c * ky
        S[OZ + j] = z0 + w_b * bz + w_c * kz
        S[OXX + j], S[OXY + j] = b_x * bx + c_x * kx, b_y * bx + c_y * kx
        S[OYX + j], S[OYY + j] = b_x * by + c_x * ky, b_y * by + c_y * ky
        S[OZX + j], S[OZY + j] = b_x * bz + c_x * kz, b_y * bz + c_y * kz
        u0, v0 = S[AU + j], S[AV + j]
        ub, vb, uc, vc = S[BU + j] - u0, S[BV + j] - v0, S[CU + j] - u0, S[CV + j] - v0
        S[TU + j], S[TV + j] = u0 + w_b * ub + w_c * uc, v0 + w_b * vb + w_c * vc
        S[TUX + j], S[TVX + j] = b_x * ub + c_x * uc, b_x * vb + c_x * vc
        S[TUY + j], S[TVY + j] = b_y * ub + c_y * uc, b_y * vb + c_y * vc
        # The flat normal looks towards the eye.
        il = np.copysign(f4(1.0) / np.sqrt(max(nx * nx + ny * ny + nz * nz, _TINY)), -towards)
        nx, ny, nz = nx * il, ny * il, nz * il
        S[FX + j], S[FY + j], S[FZ + j] = nx, ny, nz
        ax, ay, az = S[ANX + j], S[ANY + j], S[ANZ + j]
        bx, by, bz = S[BNX + j] - ax, S[BNY + j] - ay, S[BNZ + j] - az
        kx, ky, kz = S[CNX + j] - ax, S[CNY + j] - ay, S[CNZ + j] - az
        sx, sy, sz = b_x * bx + c_x * kx, b_x * by + c_x * ky, b_x * bz + c_x * kz
        spread = sx * sx + sy * sy + sz * sz
        sx, sy, sz = b_y * bx + c_y * kx, b_y * by + c_y * ky, b_y * bz + c_y * kz
        S[SPREAD + j] = spread + (sx * sx + sy * sy + sz * sz)
        ax, ay, az = ax + w_b * bx + w_c * kx, ay + w_b * by + w_c * ky, az + w_b * bz + w_c * kz
        # So does the normal, whichever side is seen and however it is wound.
        size2 = ax * ax + ay * ay + az * az
        il = f4(1.0) / np.sqrt(max(size2, _TINY))
        il = -il if ax * nx + ay * ny + az * nz < f4(0.0) else il
        is_there = (size2 > f4(0.0)) & (size2 < f4(1e30))
        S[NX + j] = ax * il if is_there else nx
        S[NY + j] = ay * il if is_there else ny
        S[NZ + j] = az * il if is_there else nz


@kernel
def tint(S: Array, n: int, faces_shown: Array, first_face: int, faces: Array, colors: Array,
         base: Array) -> None:  # fmt: skip
    """The base colour without a texture: the material's, times that of the vertices.

    Args:
        S: Scratch.
        n: Pixels.
        faces_shown, first_face, faces: As for `meet_faces`.
        colors: ``(V, 4)`` float32, or ``(0, 4)``.
        base: ``(4,)`` float32.

    """
    for channel in range(4):
        row = CR + U(channel * CHUNK)
        factor = base[channel]
        if len(colors) == 0:
            for i in range(n):
                S[row + U(i)] = factor
            continue
        for i in range(n):
            j, f = U(i), U(faces_shown[i] - first_face)
            a = colors[U(faces[f, U(0)]), U(channel)]
            b, c = colors[U(faces[f, U(1)]), U(channel)], colors[U(faces[f, U(2)]), U(channel)]
            S[row + j] = factor * (a + S[W_B + j] * (b - a) + S[W_C + j] * (c - a))


@kernel
def turn_to_camera(S: Array, n: int, R: Array) -> None:
    """Turns both normals from the object to the camera frame.

    What is no direction, because numbers of a face overflow, looks at the eye: from here on
    normals are looked up by.
    """
    a, b, c, d, e = R[0, 0], R[0, 1], R[0, 2], R[1, 0], R[1, 1]
    f, g, h, k = R[1, 2], R[2, 0], R[2, 1], R[2, 2]
    for i in range(n):
        j = U(i)
        x, y, z = S[NX + j], S[NY + j], S[NZ + j]
        is_there = x * x + y * y + z * z < f4(2.0)
        S[NX + j] = a * x + b * y + c * z if is_there else S[VX + j]
        S[NY + j] = d * x + e * y + f * z if is_there else S[VY + j]
        S[NZ + j] = g * x + h * y + k * z if is_there else S[VZ + j]
        x, y, z = S[FX + j], S[FY + j], S[FZ + j]
        S[FX + j] = a * x + b * y + c * z
        S[FY + j] = d * x + e * y + f * z
        S[FZ + j] = g * x + h * y + k * z
