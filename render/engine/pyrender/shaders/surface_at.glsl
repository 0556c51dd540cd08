// Where the surface of a pixel lies, and how, out of depth alone.
uniform sampler2D u_depth;       // metres along the axis at the pixel's centre; 0 = nothing
uniform vec4 u_lens;             // fx, fy, cx, cy; edge coordinates

vec3 point_at(ivec2 pixel) {
    float z = texelFetch(u_depth, clamp(pixel, ivec2(0), textureSize(u_depth, 0) - 1), 0).r;
    return vec3((vec2(pixel) + 0.5 - u_lens.zw) / u_lens.xy, 1.0) * z;
}

vec3 shorter(vec3 a, vec3 b) { return abs(a.z) < abs(b.z) ? a : b; }

// From p to the pixel beside it; beyond the image's edge, very far.
vec3 step_to(ivec2 pixel, vec3 p) {
    bool is_out = pixel != clamp(pixel, ivec2(0), textureSize(u_depth, 0) - 1);
    return is_out ? vec3(0.0, 0.0, 1e30) : point_at(pixel) - p;
}

// Towards the eye. The nearer neighbour on each axis lies on the same surface.
vec3 normal_at(ivec2 pixel, vec3 p) {
    vec3 across = shorter(step_to(pixel + ivec2(1, 0), p), -step_to(pixel - ivec2(1, 0), p));
    vec3 down = shorter(step_to(pixel + ivec2(0, 1), p), -step_to(pixel - ivec2(0, 1), p));
    vec3 n = normalize(cross(down, across));
    return dot(n, p) > 0.0 ? -n : n;
}
