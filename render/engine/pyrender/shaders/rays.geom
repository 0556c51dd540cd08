// A rectangle of pixels that holds all of a triangle as the lens shows it.
layout(triangles) in;
layout(triangle_strip, max_vertices = 4) out;

uniform vec4 u_lens;            // fx, fy, cx, cy; edge coordinates, of the tile
uniform float u_distortion[8];  // k1 k2 p1 p2 k3 k4 k5 k6
uniform vec4 u_rays;            // lowest and highest x and y that the tile sees
uniform float u_reach;          // and how far from the axis; normalised
uniform float u_bend;           // second derivative of the lens within that radius, at most
uniform float u_stretch;        // first derivative, likewise
uniform vec2 u_size;            // of the tile, pixels
uniform float u_near;

in vec3 g_cam[];
flat out vec3 v_a;
flat out vec3 v_b;
flat out vec3 v_c;
#ifndef SILHOUETTES
in int g_ends_with[];
flat out int v_ends_with;
#endif
#ifdef CUTOUT
in vec3 g_uv_alpha[];
flat out vec3 v_uv_alpha_a;
flat out vec3 v_uv_alpha_b;
flat out vec3 v_uv_alpha_c;
#endif

const float MARGIN_PX = 1.0;
const float SLACK = 1e-5;        // far above the rounding of float32

vec2 shown(vec2 p) {
    float r2 = dot(p, p);
    float top = 1.0 + r2 * (u_distortion[0] + r2 * (u_distortion[1] + r2 * u_distortion[4]));
    float low = 1.0 + r2 * (u_distortion[5] + r2 * (u_distortion[6] + r2 * u_distortion[7]));
    vec2 side = vec2(u_distortion[3], u_distortion[2]);
    vec2 d = p * (top / low) + 2.0 * p.x * p.y * side.yx + side * (r2 + 2.0 * p * p);
    return d * u_lens.xy + u_lens.zw;
}

// Lowest and highest x and y of what is beyond the near plane; there is something.
vec4 seen_part() {
    vec2 low = vec2(1e30), high = vec2(-1e30);
    for (int i = 0; i < 3; ++i) {
        vec3 p = g_cam[i], q = g_cam[(i + 1) % 3];
        if (p.z >= u_near) low = min(low, p.xy / p.z), high = max(high, p.xy / p.z);
        if ((p.z >= u_near) != (q.z >= u_near)) {
            vec2 at = mix(p.xy, q.xy, (u_near - p.z) / (q.z - p.z)) / u_near;
            low = min(low, at), high = max(high, at);
        }
    }
    return vec4(low - SLACK * (1.0 + abs(low)), high + SLACK * (1.0 + abs(high)));
}

// Lowest and highest pixel; empty where nothing of the triangle can be seen.
vec4 bounds() {
    vec3 z = vec3(g_cam[0].z, g_cam[1].z, g_cam[2].z);
    bvec3 is_near = lessThan(z, vec3(u_near));
    if (all(is_near)) return vec4(0.0);
    vec4 part = seen_part();
    part = vec4(max(part.xy, u_rays.xy), min(part.zw, u_rays.zw));
    if (any(greaterThan(part.xy, part.zw))) return vec4(0.0);
    if (!any(is_near)) {
        vec2 a = g_cam[0].xy / z.x, b = g_cam[1].xy / z.y, c = g_cam[2].xy / z.z;
        if (max(dot(a, a), max(dot(b, b), dot(c, c))) <= u_reach * u_reach) {
            float longest2 = max(dot(a - b, a - b), max(dot(b - c, b - c), dot(c - a, c - a)));
            vec2 stray = u_bend * longest2 / 6.0 * u_lens.xy + MARGIN_PX;
            a = shown(a), b = shown(b), c = shown(c);
            return vec4(min(a, min(b, c)) - stray, max(a, max(b, c)) + stray);
        }
    }
    // No place of a part of the view is shown farther from its middle than that.
    vec2 middle = (part.xy + part.zw) / 2.0;
    vec2 reach = u_stretch * length(part.zw - part.xy) / 2.0 * u_lens.xy + MARGIN_PX;
    vec2 at = shown(middle * min(1.0, u_reach / max(length(middle), 1e-20)));
    return vec4(at - reach, at + reach);
}

void emit(vec2 pixel) {
#ifndef SILHOUETTES
    v_ends_with = g_ends_with[2];
#endif
    v_a = g_cam[0], v_b = g_cam[1], v_c = g_cam[2];
#ifdef CUTOUT
    v_uv_alpha_a = g_uv_alpha[0], v_uv_alpha_b = g_uv_alpha[1], v_uv_alpha_c = g_uv_alpha[2];
#endif
    gl_Position = vec4(2.0 * pixel / u_size - 1.0, 0.5, 1.0);
    EmitVertex();
}

void main() {
    vec4 box = bounds();
    box = vec4(max(box.xy, vec2(0.0)), min(box.zw, u_size));
    if (any(greaterThanEqual(box.xy, box.zw))) return;
    emit(box.xy);
    emit(box.zy);
    emit(box.xw);
    emit(box.zw);
    EndPrimitive();
}
