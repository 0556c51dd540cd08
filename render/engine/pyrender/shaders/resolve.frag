// Smooth edges. Each sample of a pixel takes its radiance from the pixel, of the nine around,
// that shows the same draw at the nearest depth.
uniform isampler2DMS u_sample_draws;
uniform sampler2DMS u_sample_depths;
uniform isampler2D u_drawn;         // at pixels' centres: draw, triangle
uniform sampler2D u_depth;          // and depth in metres; 0 = nothing
uniform sampler2D u_shaded;         // and radiance
uniform vec2 u_near_far;
uniform int u_neighbours;           // 9, and 1: constants would be unrolled, and never left early
uniform int u_once;

layout(location = 0) out vec4 o_radiance;

float metres(float d) {
    float n = u_near_far.x, f = u_near_far.y;
    return f * n / (n + d * (f - n));
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy), last = textureSize(u_drawn, 0) - 1;
    int own = texelFetch(u_drawn, at, 0).r;
    float depth = texelFetch(u_depth, at, 0).r;
    vec3 center = texelFetch(u_shaded, at, 0).rgb;
    // Beyond the image's edge is what is on the other side of the pixel.
    float left = texelFetch(u_depth, abs(at - ivec2(1, 0)), 0).r;
    float right = texelFetch(u_depth, last - abs(last - at - ivec2(1, 0)), 0).r;
    float above = texelFetch(u_depth, abs(at - ivec2(0, 1)), 0).r;
    float below = texelFetch(u_depth, last - abs(last - at - ivec2(0, 1)), 0).r;
    float slope = min(abs(left - depth), abs(right - depth)) + min(abs(above - depth), abs(below - depth));
    float near_enough = slope + 1e-3 * depth;
    float farthest = max(max(abs(left - depth), abs(right - depth)), max(abs(above - depth), abs(below - depth)));

    int draws[SAMPLES];
    bool is_edge = farthest > 2.0 * near_enough;
    for (int i = 0; i < SAMPLES; ++i) {
        draws[i] = texelFetch(u_sample_draws, at, i).r;
        is_edge = is_edge || draws[i] != own;
    }
    // Loops that run once or not at all: software leaves a loop, but runs both sides of an `if`.
    vec3 back = vec3(0.0);
    int needs_back = own < 0 || is_edge ? u_once : 0;
    for (int k = 0; k < needs_back; ++k) back = behind();
    vec3 color = own < 0 ? back : center;
    int needs_sum = is_edge ? u_once : 0;
    for (int k = 0; k < needs_sum; ++k) {
        vec3 sum = vec3(0.0);
        for (int i = 0; i < SAMPLES; ++i) {
            if (draws[i] < 0) { sum += back; continue; }
            float there = metres(texelFetch(u_sample_depths, at, i).r);
            float gap = draws[i] == own ? abs(there - depth) : 1e30;
            vec3 best = own < 0 ? back : center;
            int count = gap > near_enough ? u_neighbours : 0;
            for (int n = 0; n < count; ++n) {
                ivec2 beside = clamp(at + ivec2(n % 3 - 1, n / 3 - 1), ivec2(0), last);
                if (texelFetch(u_drawn, beside, 0).r != draws[i]) continue;
                float g = abs(texelFetch(u_depth, beside, 0).r - there);
                if (g < gap) { gap = g; best = texelFetch(u_shaded, beside, 0).rgb; }
            }
            sum += min(best, vec3(LIMIT));
        }
        color = sum / float(SAMPLES);
    }
    o_radiance = vec4(color, 1.0);
}
