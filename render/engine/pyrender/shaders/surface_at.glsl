// Where the surface of a pixel lies, and how, out of depth alone.
uniform sampler2D u_depth;       // metres along the axis at the pixel's centre; 0 = nothing
uniform vec4 u_lens;             // fx, fy, cx, cy; edge coordinates

vec3 point_at(ivec2 pixel) {
    float z = texelFetch(u_depth, clamp(pixel, ivec2(0), textureSize(u_depth, 0) - 1), 0).r;
    return vec3((vec2(pixel) + 0.5 - u_lens.zw) / u_lens.xy, 1.0) * z;
}

// One over the depth, which is linear across the image on a plane; -1: out of it, or nothing.
float inverse_depth(ivec2 pixel) {
    if (pixel != clamp(pixel, ivec2(0), textureSize(u_depth, 0) - 1)) return -1.0;
    float z = texelFetch(u_depth, pixel, 0).r;
    return z > 0.0 ? 1.0 / z : -1.0;
}

// How far the surface bends, or breaks off, on one side of a pixel.
float bend(ivec2 pixel, ivec2 side, float here) {
    float next = inverse_depth(pixel + side), after = inverse_depth(pixel + 2 * side);
    if (next < 0.0) return 1e30;
    return after < 0.0 ? abs(next - here) : abs(2.0 * next - after - here);
}

vec3 along(ivec2 pixel, ivec2 side, vec3 p) {
    float here = 1.0 / p.z;
    return bend(pixel, side, here) < bend(pixel, -side, here)
        ? point_at(pixel + side) - p : p - point_at(pixel - side);
}

// Towards the eye. On each axis from the side that goes on as the surface does.
vec3 normal_at(ivec2 pixel, vec3 p) {
    vec3 n = normalize(cross(along(pixel, ivec2(0, 1), p), along(pixel, ivec2(1, 0), p)));
    return dot(n, p) > 0.0 ? -n : n;
}
