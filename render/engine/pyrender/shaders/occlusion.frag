// How much of the sky above each point its surroundings hide, from depth alone: ground-truth
// ambient occlusion (Jimenez et al. 2016), two slices a pixel, on every other pixel.
#define SLICES 2
#define STEPS 5

uniform float u_radius_m;

layout(location = 0) out vec2 o_share_depth;

const float PI = 3.14159265359;

void main() {
    ivec2 pixel = ivec2(gl_FragCoord.xy) * 2;
    vec3 p = point_at(pixel);
    if (p.z <= 0.0) { o_share_depth = vec2(1.0, 0.0); return; }
    vec3 n = normal_at(pixel, p), v = normalize(-p);
    float reach = clamp(u_radius_m * u_lens.x / p.z, 4.0, 120.0);
    ivec2 cell = ivec2(gl_FragCoord.xy) & 3;
    float turn = float((cell.x * 5 + cell.y * 7) & 15) / 16.0;
    float jitter = float((cell.x * 11 + cell.y * 3) & 15) / 16.0;

    ivec2 last = textureSize(u_depth, 0) - 1;
    float open = 0.0, all = 1e-4;
    for (int s = 0; s < SLICES; ++s) {
        float angle = PI * (float(s) + turn) / float(SLICES);
        vec3 along = vec3(cos(angle), sin(angle), 0.0);
        vec3 axis = normalize(cross(along, v));
        vec3 flat_n = n - axis * dot(n, axis);
        float size = max(length(flat_n), 1e-4);
        float cos_n = clamp(dot(flat_n, v) / size, -1.0, 1.0);
        float tilt = sign(dot(along - v * dot(along, v), flat_n)) * acos(cos_n);
        vec2 horizon;
        for (int side = 0; side < 2; ++side) {
            float sign_ = side == 0 ? -1.0 : 1.0;
            float low = cos(tilt + sign_ * PI / 2.0), highest = low;
            for (int k = 0; k < STEPS; ++k) {
                float t = (float(k) + jitter + 0.1) / float(STEPS);
                ivec2 at = pixel + ivec2(round(sign_ * along.xy * (1.0 + t * t * reach)));
                if (at != clamp(at, ivec2(0), last)) continue;
                vec3 d = point_at(at) - p;
                float far = length(d);
                // Nothing is there, or what does not rise above the surface: on a flat one, its
                // own points, that whole pixels put beside the slice.
                if (d.z == -p.z || dot(d, n) < 0.02 * far) continue;
                float weight = clamp(1.5 - 1.5 * far / u_radius_m, 0.0, 1.0);
                highest = max(highest, mix(low, dot(d, v) / max(far, 1e-9), weight));
            }
            float h = sign_ * acos(clamp(highest, -1.0, 1.0));
            horizon[side] = tilt + clamp(h - tilt, -PI / 2.0, PI / 2.0);
        }
        vec2 arc = cos_n + 2.0 * horizon * sin(tilt) - cos(2.0 * horizon - tilt);
        open += size * 0.25 * (arc.x + arc.y);
        all += size * (cos_n + tilt * sin(tilt));              // with nothing in the way
    }
    o_share_depth = vec2(clamp(open / all, 0.0, 1.0), p.z);
}
