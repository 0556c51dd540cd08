// What the passes before found for each pixel's centre.
uniform sampler2D u_depth;       // metres; 0 = nothing
uniform sampler2D u_occlusion;   // half the size: share of the sky that is open, depth
uniform sampler2D u_lit_0;       // share of each light that arrives
uniform sampler2D u_lit_1;
uniform int u_neighbours;        // 8: a constant would be unrolled, and never left early

// Without SHADOWED no light of the scene casts a shadow. See-through surfaces, which are not what
// the pixel's centre shows, look at its neighbours as well (FROM_NEIGHBOURS).
void lit_shares(float depth, out vec4 lit_0, out vec4 lit_1) {
    lit_0 = lit_1 = vec4(1.0);
#ifdef SHADOWED
    ivec2 best = ivec2(gl_FragCoord.xy);
#ifdef FROM_NEIGHBOURS
    ivec2 at = best, last = textureSize(u_depth, 0) - 1;
    float gap = abs(texelFetch(u_depth, at, 0).r - depth);
    int count = gap > 0.003 * depth ? u_neighbours : 0;
    for (int k = 0; k < count; ++k) {
        int c = k < 4 ? k : k + 1;
        ivec2 neighbour = clamp(at + ivec2(c % 3 - 1, c / 3 - 1), ivec2(0), last);
        float there = abs(texelFetch(u_depth, neighbour, 0).r - depth);
        if (there < gap) { gap = there; best = neighbour; }
    }
#endif
    lit_0 = texelFetch(u_lit_0, best, 0);
    lit_1 = texelFetch(u_lit_1, best, 0);
#endif
}

float open_share(float depth) {
    vec2 at = gl_FragCoord.xy * 0.5 - 0.5;
    ivec2 low = ivec2(floor(at)), last = textureSize(u_occlusion, 0) - 1;
    vec2 t = at - floor(at);
    float sum = 0.0, weights = 1e-6, nearest = 1e9, fallback = 1.0;
    for (int k = 0; k < 4; ++k) {
        ivec2 step = ivec2(k & 1, k >> 1);
        vec2 there = texelFetch(u_occlusion, clamp(low + step, ivec2(0), last), 0).rg;
        float gap = abs(there.y - depth) / depth;
        float w = (step.x == 1 ? t.x : 1.0 - t.x) * (step.y == 1 ? t.y : 1.0 - t.y)
            * max(1.0 - 40.0 * gap, 0.0);
        sum += w * there.x;
        weights += w;
        if (gap < nearest) { nearest = gap; fallback = there.x; }
    }
    return weights > 1e-3 ? sum / weights : fallback;
}
