// From linear samples and a background in display sRGB to display sRGB.
uniform sampler2DMS u_samples;      // premultiplied linear radiance
uniform sampler2D u_background;     // decoded to linear by the sampler

layout(location = 0) out vec4 o_rgb;

// Highlights bend towards white above 0.8 instead of being cut off at 1. Each sample on its
// own: an edge against a highlight stays smooth.
vec3 roll_off(vec3 c) {
    return mix(c, 1.0 - 0.2 * exp(-(c - 0.8) / 0.2), greaterThan(c, vec3(0.8)));
}

vec3 encode_srgb(vec3 c) {   // IEC 61966-2-1
    c = clamp(c, 0.0, 1.0);
    return mix(12.92 * c, 1.055 * pow(c, vec3(1.0 / 2.4)) - 0.055, greaterThan(c, vec3(0.0031308)));
}

void main() {
    ivec2 pixel = ivec2(gl_FragCoord.xy);
    vec3 background = texelFetch(u_background, pixel, 0).rgb;
    vec3 sum = vec3(0.0);
    for (int i = 0; i < SAMPLES; ++i) {
        vec4 s = texelFetch(u_samples, pixel, i);
        sum += roll_off(s.rgb) + (1.0 - s.a) * background;
    }
    o_rgb = vec4(encode_srgb(sum / float(SAMPLES)), 1.0);
}
