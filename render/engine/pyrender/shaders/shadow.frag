// What of each light reaches each pixel: soft shadows from an atlas of depth maps, one tile a
// light. Percentage-closer soft shadows (Fernando 2005): what is in the way is averaged first, and
// tells how wide to look.
const int MAX_SHADOWS = 8;      // as many as the two images have channels
uniform int u_shadow_count;
uniform int u_search_taps;      // 8 and 16. Constants would be unrolled, and never left early
uniform int u_filter_taps;
uniform sampler2D u_shadow_atlas;
uniform mat4 u_shadow_clip[MAX_SHADOWS];    // camera frame to the light's clip space
uniform mat3 u_shadow_axes[MAX_SHADOWS];    // camera frame to the light's, which looks along +z
uniform vec3 u_shadow_origin[MAX_SHADOWS];  // where the light is, camera frame; or towards it
uniform vec4 u_shadow_tile[MAX_SHADOWS];    // corner and size in the atlas, texture coordinates
uniform vec3 u_shadow_depth[MAX_SHADOWS];   // near, far, 1 = perspective
uniform vec3 u_shadow_width[MAX_SHADOWS];   // width of: penumbra over gap, tile, texel; metres,
                                        // perspective: light, tile and texel at one metre
float noise(vec2 pixel) {   // interleaved gradient noise, Jimenez 2014
    return fract(52.9829189 * fract(dot(pixel, vec2(0.06711056, 0.00583715))));
}

// Vogel's spiral: each point is turned by the golden angle from the one before. Turned step by
// step, because sines are slow in software.
const mat2 GOLDEN = mat2(-0.73736888, 0.67549029, -0.67549029, -0.73736888);

float spiral(int k, int count) { return sqrt((float(k) + 0.5) / float(count)); }

// Depth of what is stored at a point of the tile, metres from the light's plane.
float stored(int i, vec2 uv) {
    vec2 at = u_shadow_tile[i].xy + clamp(uv, vec2(0.002), vec2(0.998)) * u_shadow_tile[i].zw;
    float d = textureLod(u_shadow_atlas, at, 0.0).r;
    if (d <= 0.0) return 1e30;          // nothing
    float n = u_shadow_depth[i].x, f = u_shadow_depth[i].y;
    return u_shadow_depth[i].z > 0.5 ? f * n / (n + d * (f - n)) : f - d * (f - n);
}

// The share of a light that reaches a point of the camera frame. `normal` is that of the
// surface, on the light's side.
float lit_share(int i, vec3 position, vec3 normal) {
    bool perspective = u_shadow_depth[i].z > 0.5;
    vec4 clip = u_shadow_clip[i] * vec4(position, 1.0);
    float n = u_shadow_depth[i].x, f = u_shadow_depth[i].y, d = clip.z / clip.w;
    float here = perspective ? f * n / (n + d * (f - n)) : f - d * (f - n);
    vec2 uv = 0.5 + 0.5 * clip.xy / clip.w;
    if (clip.w <= 0.0 || here <= n || any(greaterThan(abs(uv - 0.5), vec2(0.5)))) return 1.0;
    float per_metre = perspective ? here : 1.0;
    float tile = u_shadow_width[i].y * per_metre, texel = u_shadow_width[i].z * per_metre;

    // The plane of the surface continued: a slanted surface does not shade itself.
    vec3 axis = u_shadow_axes[i] * normal;
    vec2 aside = perspective ? 0.5 * u_shadow_width[i].y * clip.xy / clip.w : vec2(0.0);
    vec2 rise = -axis.xy / min(dot(axis, vec3(aside, 1.0)), -0.12);
    float bias = texel * (0.7 + 0.7 * length(rise));
    float turn = 6.2831853 * noise(gl_FragCoord.xy);
    vec2 first = vec2(cos(turn), sin(turn)), way = first;
    float soft = u_shadow_width[i].x;
    float reach = perspective ? soft * (here - n) / n : soft * (here - n);
    float radius = clamp(reach, 1.2 * texel, 0.12 * tile);
    // Where no penumbra is wider than a texel, a few taps about the point do.
    bool is_sharp = reach < 1.5 * texel;
    int search = is_sharp ? 0 : u_search_taps, taps = is_sharp ? u_search_taps : u_filter_taps;
    float sum = 0.0, count = 0.0;
    for (int k = 0; k < search; ++k) {
        vec2 offset = radius * spiral(k, search) * way;
        way = GOLDEN * way;
        float there = stored(i, uv + offset / tile);
        if (there < here + dot(rise, offset) - bias) { sum += there; count += 1.0; }
    }
    if (!is_sharp && count < 0.5) return 1.0;
    float blocker = is_sharp ? here : sum / count;
    float gap = max(here - blocker, 0.0);
    radius = clamp(perspective ? soft * gap / blocker : soft * gap, 1.2 * texel, 0.12 * tile);
    float lit = 0.0;
    way = first;
    for (int k = 0; k < taps; ++k) {
        vec2 offset = radius * spiral(k, taps) * way;
        way = GOLDEN * way;
        lit += stored(i, uv + offset / tile) < here + dot(rise, offset) - bias ? 0.0 : 1.0;
    }
    return lit / float(taps);
}

layout(location = 0) out vec4 o_lit_0;
layout(location = 1) out vec4 o_lit_1;

void main() {
    ivec2 pixel = ivec2(gl_FragCoord.xy);
    vec3 p = point_at(pixel);
    float lit[MAX_SHADOWS];
    for (int i = 0; i < MAX_SHADOWS; ++i) lit[i] = 1.0;
    if (p.z > 0.0) {
        vec3 n = normal_at(pixel, p);
        for (int i = 0; i < u_shadow_count; ++i) {
            vec3 towards = u_shadow_depth[i].z > 0.5 ? u_shadow_origin[i] - p : u_shadow_origin[i];
            // A surface that faces away is dark by itself; shading smooths where that begins.
            if (dot(n, towards) > 0.0) lit[i] = lit_share(i, p, n);
        }
    }
    o_lit_0 = vec4(lit[0], lit[1], lit[2], lit[3]);
    o_lit_1 = vec4(lit[4], lit[5], lit[6], lit[7]);
}
