// Light from all around: an environment map prefiltered by roughness (ENVIRONMENT: there is one),
// and a uniform part.
uniform vec3 u_sh[9];                 // radiance of a white diffuse surface by its normal
uniform vec3 u_ambient;               // the uniform part, for reflections
uniform float u_env_gain;
uniform float u_env_levels;
uniform mat3 u_map_cam;               // camera frame to the map's
uniform sampler2D u_env_mirror;
uniform sampler2DArray u_env_glossy;
uniform vec4 u_ground;                // radiance of the ground, and 1 if there is any
uniform vec3 u_up_cam;

const float ENV_PI = 3.14159265359;

vec2 env_uv(vec3 d) {                 // d of the map's frame
    return vec2(0.5 - atan(d.y, d.x) / (2.0 * ENV_PI), acos(clamp(d.z, -1.0, 1.0)) / ENV_PI);
}

vec3 env_diffuse(vec3 n_cam) {
    vec3 n = u_map_cam * n_cam;
    vec3 light = 0.282094792 * u_sh[0]
        + 0.488602512 * (n.y * u_sh[1] + n.z * u_sh[2] + n.x * u_sh[3])
        + 1.092548431 * (n.x * n.y * u_sh[4] + n.y * n.z * u_sh[5] + n.x * n.z * u_sh[7])
        + 0.315391565 * (3.0 * n.z * n.z - 1.0) * u_sh[6]
        + 0.546274215 * (n.x * n.x - n.y * n.y) * u_sh[8];
    return max(light, vec3(0.0));
}

vec3 env_glossy(vec3 d_cam, float roughness) {
#ifdef ENVIRONMENT
    vec2 uv = env_uv(u_map_cam * d_cam);
    float level = roughness * (u_env_levels - 1.0);
    float low = min(floor(level), u_env_levels - 2.0);
    vec3 sharp = low < 0.5 ? textureLod(u_env_mirror, uv, 0.0).rgb
                           : textureLod(u_env_glossy, vec3(uv, low), 0.0).rgb;
    vec3 dull = textureLod(u_env_glossy, vec3(uv, low + 1.0), 0.0).rgb;
    vec3 sky = mix(sharp, dull, level - low) * u_env_gain + u_ambient;
#else
    vec3 sky = u_ambient;
#endif
    // Below the horizon the ground is seen, not the map.
    float blur = 0.03 + 0.6 * roughness * roughness;
    float below = u_ground.a * (1.0 - smoothstep(-blur, blur, dot(d_cam, u_up_cam)));
    return mix(sky, u_ground.rgb, below);
}
