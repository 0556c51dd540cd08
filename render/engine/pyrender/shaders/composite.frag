// Linear samples over what is behind them, averaged: linear radiance.
uniform sampler2DMS u_samples;      // premultiplied linear radiance
uniform sampler2D u_background;     // linear radiance; or an environment map
uniform bool u_is_environment;
uniform float u_gain;
uniform mat3 u_map_cam;             // camera frame to the map's
uniform vec4 u_lens;                // fx, fy, cx, cy; edge coordinates

layout(location = 0) out vec4 o_radiance;

const float PI = 3.14159265359;

vec3 background() {
    if (!u_is_environment) return texelFetch(u_background, ivec2(gl_FragCoord.xy), 0).rgb;
    vec3 d = normalize(u_map_cam * vec3((gl_FragCoord.xy - u_lens.zw) / u_lens.xy, 1.0));
    vec2 uv = vec2(0.5 - atan(d.y, d.x) / (2.0 * PI), acos(clamp(d.z, -1.0, 1.0)) / PI);
    return u_gain * textureLod(u_background, uv, 0.0).rgb;
}

void main() {
    ivec2 pixel = ivec2(gl_FragCoord.xy);
    vec4 sum = vec4(0.0);
    for (int i = 0; i < SAMPLES; ++i) sum += min(texelFetch(u_samples, pixel, i), vec4(LIMIT));
    sum /= float(SAMPLES);
    vec3 behind = sum.a < 1.0 ? background() : vec3(0.0);
    o_radiance = vec4(sum.rgb + (1.0 - sum.a) * behind, 1.0);
}
