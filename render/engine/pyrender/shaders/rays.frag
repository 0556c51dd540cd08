// Does the ray of this pixel's centre hit the triangle? Both triangles of an edge see the very
// same number for it, with opposite signs: no ray slips between them.
uniform sampler2D u_ray_map;    // x and y at z = 1; beyond 1e20: nothing
uniform vec2 u_near_far;
uniform bool u_culls;
#ifdef SILHOUETTES
uniform uint u_bit;
layout(location = 0) out uint o_bits;
#else
uniform int u_draw_idx;
layout(location = 0) out ivec2 o_drawn;
layout(location = 1) out float o_depth_m;
#endif

flat in vec3 v_a;
flat in vec3 v_b;
flat in vec3 v_c;
#ifndef SILHOUETTES
flat in int v_ends_with;
#endif
#ifdef CUTOUT
flat in vec3 v_uv_alpha_a;
flat in vec3 v_uv_alpha_b;
flat in vec3 v_uv_alpha_c;
#endif

void main() {
    vec2 ray = texelFetch(u_ray_map, ivec2(gl_FragCoord.xy), 0).xy;
    if (!(abs(ray.x) < 1e20)) discard;
    // Corners seen from the ray, across it: the ray is the origin.
    precise vec2 a = v_a.xy - ray * v_a.z;
    precise vec2 b = v_b.xy - ray * v_b.z;
    precise vec2 c = v_c.xy - ray * v_c.z;
    precise float of_a = b.x * c.y - b.y * c.x;
    precise float of_b = c.x * a.y - c.y * a.x;
    precise float of_c = a.x * b.y - a.y * b.x;
    vec3 shares = vec3(of_a, of_b, of_c);
    bool hits = all(greaterThanEqual(shares, vec3(0.0))) || all(lessThanEqual(shares, vec3(0.0)));
    float sum = of_a + of_b + of_c;
    // Negative: the front, wound anticlockwise as seen from outside.
    if (!hits || sum == 0.0 || (u_culls && sum > 0.0)) discard;
    shares /= sum;
    float z = dot(shares, vec3(v_a.z, v_b.z, v_c.z));
    if (!(z >= u_near_far.x && z <= u_near_far.y)) discard;
#ifdef CUTOUT
    vec3 at = shares.x * v_uv_alpha_a + shares.y * v_uv_alpha_b + shares.z * v_uv_alpha_c;
    if (is_cut_out(at.xy, at.z)) discard;
#endif
#ifdef SILHOUETTES
    o_bits = u_bit;
#else
    o_depth_m = z;
    o_drawn = ivec2(u_draw_idx, v_ends_with);
    gl_FragDepth = u_near_far.x * (u_near_far.y / z - 1.0) / (u_near_far.y - u_near_far.x);
#endif
}
