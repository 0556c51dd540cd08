// What is behind everything: a picture, or an environment map (BACKDROP_MAP).
uniform sampler2D u_backdrop;       // linear radiance
uniform float u_backdrop_gain;
uniform mat3 u_backdrop_map_cam;    // camera frame to the map's
uniform vec4 u_backdrop_lens;       // fx, fy, cx, cy; edge coordinates

vec3 behind() {
#ifndef BACKDROP_MAP
    return texelFetch(u_backdrop, ivec2(gl_FragCoord.xy), 0).rgb;
#else
    vec3 ray = vec3((gl_FragCoord.xy - u_backdrop_lens.zw) / u_backdrop_lens.xy, 1.0);
    vec3 d = normalize(u_backdrop_map_cam * ray);
    vec2 uv = vec2(0.5 - atan(d.y, d.x) / 6.28318530718, acos(clamp(d.z, -1.0, 1.0)) / 3.14159265359);
    return u_backdrop_gain * textureLod(u_backdrop, uv, 0.0).rgb;
#endif
}
