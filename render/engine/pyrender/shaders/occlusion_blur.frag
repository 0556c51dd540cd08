// Averages the 4 x 4 pattern of occlusion.frag over what lies at the same depth.
uniform sampler2D u_share_depth;

layout(location = 0) out vec2 o_share_depth;

void main() {
    ivec2 pixel = ivec2(gl_FragCoord.xy), last = textureSize(u_share_depth, 0) - 1;
    vec2 own = texelFetch(u_share_depth, pixel, 0).rg;
    vec2 sum = vec2(0.0);
    for (int y = -2; y < 2; ++y)
        for (int x = -2; x < 2; ++x) {
            vec2 there = texelFetch(u_share_depth, clamp(pixel + ivec2(x, y), ivec2(0), last), 0).rg;
            float w = max(1.0 - abs(there.y - own.y) / (0.02 * own.y + 1e-9), 0.0);
            sum += vec2(there.x * w, w);
        }
    o_share_depth = vec2(sum.y > 0.0 ? sum.x / sum.y : own.x, own.y);
}
