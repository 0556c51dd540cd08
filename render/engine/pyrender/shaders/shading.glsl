// Linear radiance of a surface in the light of the scene; glTF 2.0 metallic-roughness.
// Premultiplied by alpha. Camera frame (x right, y down, z forward) but for what is named obj.
//
// What a material has is told by defines, because software runs both sides of every `if`:
// BASE_UV, BASE_TRIPLANAR, METAL_ROUGH_MAP, NORMAL_MAP, OCCLUSION_MAP, EMISSIVE_MAP, WEAR,
// BLEND, TRANSLUCENT, COATED; CATCHER shows nothing but the shadows on it.
// MAX_LIGHTS is a define as well.

// A point of a surface. d..._x and d..._y: change from this pixel to the next.
struct Surface {
    vec3 position, dposition_x, dposition_y;
    vec3 obj, dobj_x, dobj_y;           // object frame, model's metres
    vec3 normal_obj;
    vec3 normal, dnormal_x, dnormal_y;  // as authored, any length; zero: none
    vec3 flat_normal;                   // of the triangle, towards the eye
    vec2 uv, duv_x, duv_y;
    vec4 color;
};

uniform vec4 u_base_color;
uniform vec2 u_metal_rough;
uniform vec3 u_emissive;
uniform float u_normal_scale;
uniform float u_occlusion_strength;
uniform float u_tile_m;             // edge of a triplanar tile; 0: by the texture coordinates
uniform float u_translucency;       // if TRANSLUCENT
uniform float u_clearcoat;          // if COATED
uniform float u_wear;               // share of the surface that is worn
uniform float u_wear_tile_m;
uniform sampler2D u_wear_map;
uniform sampler2D u_base_map;
uniform sampler2D u_metal_rough_map;
uniform sampler2D u_normal_map;
uniform sampler2D u_occlusion_map;
uniform sampler2D u_emissive_map;

uniform int u_light_count;
uniform vec4 u_light_position[MAX_LIGHTS];  // w = 1: metres; w = 0: direction towards the light
uniform vec3 u_light_color[MAX_LIGHTS];     // what a white diffuse surface sends back
uniform vec4 u_light_axis[MAX_LIGHTS];      // where it shines, and the cosine of its cone: below -1
                                        // it has none, 2 it is flat and falls by the cosine
uniform vec4 u_light_more[MAX_LIGHTS];      // radius (radians, or metres), highlight, shadow channel

const float PI = 3.14159265359;
const float COAT_ROUGHNESS = 0.06;

// Where the image is seen at a slant, several smaller samples along its long way: sharp up to
// the horizon. GL's own anisotropic filter is far too slow in software.
vec4 sharp_texture(sampler2D image, vec2 uv, vec2 dx, vec2 dy) {
    vec2 size = vec2(textureSize(image, 0));
    float x = dot(dx * size, dx * size), y = dot(dy * size, dy * size);
    vec2 longer = x > y ? dx : dy;
    float ratio = sqrt(max(x, y) / max(min(x, y), 1e-12));
    if (ratio < 1.5 || max(x, y) < 1.0) return textureGrad(image, uv, dx, dy);
    int taps = int(min(ceil(ratio), 4.0));
    vec2 step = longer / float(taps);
    vec2 gx = x > y ? step : dx, gy = x > y ? dy : step;
    vec4 sum = vec4(0.0);
    for (int i = 0; i < taps; ++i)
        sum += textureGrad(image, uv + (float(i) + 0.5 - 0.5 * float(taps)) * step, gx, gy);
    return sum / float(taps);
}

vec3 axis_weights(vec3 normal_obj) {
    vec3 weight = pow(abs(normalize(normal_obj)), vec3(4.0));
    return weight / (weight.x + weight.y + weight.z);
}

vec4 base_color(Surface s) {
    vec4 color = u_base_color * s.color;
#if defined(BASE_UV)
    return color * sharp_texture(u_base_map, s.uv, s.duv_x, s.duv_y);
#elif defined(BASE_TRIPLANAR)
    vec3 p = s.obj / u_tile_m, dx = s.dobj_x / u_tile_m, dy = s.dobj_y / u_tile_m;
    vec3 weight = axis_weights(s.normal_obj);
    return color * (sharp_texture(u_base_map, p.yz, dx.yz, dy.yz) * weight.x
                    + sharp_texture(u_base_map, p.zx, dx.zx, dy.zx) * weight.y
                    + sharp_texture(u_base_map, p.xy, dx.xy, dy.xy) * weight.z);
#else
    return color;
#endif
}

// Dirt darkens, dulls and roughens; scratches show bare, bright material.
void apply_wear(Surface s, inout vec3 color, inout float metallic, inout float roughness) {
    vec3 p = s.obj / u_wear_tile_m, dx = s.dobj_x / u_wear_tile_m, dy = s.dobj_y / u_wear_tile_m;
    vec3 weight = axis_weights(s.normal_obj);
    vec2 worn = textureGrad(u_wear_map, p.yz, dx.yz, dy.yz).rg * weight.x
        + textureGrad(u_wear_map, p.zx, dx.zx, dy.zx).rg * weight.y
        + textureGrad(u_wear_map, p.xy, dx.xy, dy.xy).rg * weight.z;
    float dirt = smoothstep(1.0 - u_wear, 1.15 - u_wear, worn.r);
    float scratch = smoothstep(1.0 - 0.8 * u_wear, 1.3 - 0.8 * u_wear, worn.g);
    color = mix(color, color * vec3(0.42, 0.36, 0.29), 0.8 * dirt);
    metallic *= 1.0 - 0.5 * dirt;
    roughness = mix(roughness, max(roughness, 0.75), dirt);
    color = mix(color, min(color * 1.5 + 0.08, vec3(0.9)), 0.7 * scratch);
    roughness = mix(roughness, 0.4, 0.6 * scratch);
}

// The surface's normal towards the eye, whichever side is seen and however it is wound.
vec3 facing(vec3 normal, vec3 flat_normal) {
    vec3 n = dot(normal, normal) > 0.0 ? normalize(normal) : flat_normal;
    return dot(n, flat_normal) < 0.0 ? -n : n;
}

// Tangents from the texture coordinates' change: files need not carry any.
vec3 mapped_normal(Surface s, vec3 n) {
    vec3 across = cross(s.dposition_y, n), along = cross(n, s.dposition_x);
    float side = dot(s.dposition_x, across) < 0.0 ? -1.0 : 1.0;
    vec3 tangent = side * (across * s.duv_x.x + along * s.duv_y.x);
    vec3 up = -side * (across * s.duv_x.y + along * s.duv_y.y);    // t runs down the image
    float longest = max(dot(tangent, tangent), dot(up, up));
    if (longest <= 0.0) return n;
    vec3 m = textureGrad(u_normal_map, s.uv, s.duv_x, s.duv_y).xyz * 2.0 - 1.0;
    m.xy *= u_normal_scale;
    float scale = inversesqrt(longest);
    return normalize(tangent * (scale * m.x) + up * (scale * m.y) + n * m.z);
}

// Tokuyoshi and Kaplanyan 2019: what the normal does within the pixel widens the highlight.
float widened(float alpha, vec3 dx, vec3 dy) {
    float kernel = min(0.5 * (dot(dx, dx) + dot(dy, dy)), 0.18);
    return sqrt(clamp(alpha * alpha + kernel, 4e-6, 1.0));
}

// GGX with the height-correlated Smith term and Schlick's Fresnel, times pi.
vec3 specular(vec3 n, vec3 v, vec3 l, float alpha, vec3 f0) {
    vec3 h = normalize(v + l);
    float nl = max(dot(n, l), 0.0), nv = max(dot(n, v), 1e-4), nh = max(dot(n, h), 0.0);
    float a2 = alpha * alpha;
    float d = nh * nh * (a2 - 1.0) + 1.0;
    float visible = 0.5 / max(nl * sqrt(nv * nv * (1.0 - a2) + a2)
                              + nv * sqrt(nl * nl * (1.0 - a2) + a2), 1e-6);
    vec3 fresnel = f0 + (1.0 - f0) * pow(clamp(1.0 - dot(v, h), 0.0, 1.0), 5.0);
    return fresnel * (a2 / (d * d) * visible);
}

// The same reflectance under light from everywhere, integrated beforehand (Karis 2013).
uniform sampler2D u_split_sum;

vec3 specular_everywhere(float nv, float roughness, vec3 f0) {
    vec2 ab = textureLod(u_split_sum, vec2(nv, roughness), 0.0).rg;
    return f0 * ab.x + ab.y;
}

// Light that is reflected among the surroundings before it comes: Jimenez et al. 2016.
vec3 with_bounces(float open, vec3 albedo) {
    vec3 a = 2.0404 * albedo - 0.3324, b = -4.7951 * albedo + 0.6417, c = 2.7552 * albedo + 0.6903;
    return max(vec3(open), ((open * a + b) * open + c) * open);
}

// What of light i arrives at a position before shadows, and from where.
vec3 arriving(int i, vec3 position, out vec3 l, out float angle) {
    vec4 at = u_light_position[i], axis = u_light_axis[i];
    vec3 to_light = at.xyz - position * at.w;
    float squared = max(dot(to_light, to_light), 1e-12);
    l = to_light * inversesqrt(squared);
    float radius = u_light_more[i].x;
    angle = at.w > 0.0 ? atan(radius, sqrt(squared)) : radius;
    vec3 color = u_light_color[i];
    if (at.w > 0.0) color /= max(squared, radius * radius);
    float along = -dot(l, axis.xyz);
    if (axis.w > 1.5) color *= max(along, 0.0);
    else if (axis.w >= -1.0) color *= smoothstep(axis.w, mix(axis.w, 1.0, 0.2), along);
    return color;
}

// What `received.glsl` tells of the pixel: share of the sky that is open, shares of the lights.
vec4 shade(Surface s, float open, vec4 lit_0, vec4 lit_1) {
    vec4 base = base_color(s);
    vec2 metal_rough = u_metal_rough;
#ifdef METAL_ROUGH_MAP
    metal_rough *= textureGrad(u_metal_rough_map, s.uv, s.duv_x, s.duv_y).bg;
#endif
    float metallic = clamp(metal_rough.x, 0.0, 1.0);
    float roughness = clamp(metal_rough.y, 0.045, 1.0);
#ifdef WEAR
    apply_wear(s, base.rgb, metallic, roughness);
#endif
    vec3 view = normalize(-s.position);
    vec3 n = facing(s.normal, s.flat_normal);
    float alpha = widened(roughness * roughness, s.dnormal_x, s.dnormal_y);
#ifdef NORMAL_MAP
    n = mapped_normal(s, n);
#endif

    vec3 diffuse = base.rgb * (1.0 - metallic);
    vec3 f0 = mix(vec3(0.04), base.rgb, metallic);
    float nv = clamp(dot(n, view), 0.0, 1.0);
    float rough = sqrt(alpha);
#ifdef OCCLUSION_MAP
    open *= mix(1.0, textureGrad(u_occlusion_map, s.uv, s.duv_x, s.duv_y).r, u_occlusion_strength);
#endif
    float open_glossy = clamp(pow(nv + open, exp2(-16.0 * rough - 1.0)) - 1.0 + open, 0.0, 1.0);

    vec3 bare = env_diffuse(n);
    vec3 sky = bare;
#ifdef TRANSLUCENT
    // As of a thin sheet: half of the share leaves on the other side.
    float passed = 0.5 * u_translucency;
    sky = mix(sky, env_diffuse(-n), passed);
#endif
    vec3 color = sky * diffuse * with_bounces(open, diffuse)
        + env_glossy(reflect(-view, n), rough) * specular_everywhere(nv, rough, f0)
            * with_bounces(open_glossy, f0);
#ifdef COATED
    // A black and smooth dielectric over all else, which reaches the eye less what that reflects.
    float alpha_coat = widened(COAT_ROUGHNESS * COAT_ROUGHNESS, s.dnormal_x, s.dnormal_y);
    float rough_coat = sqrt(alpha_coat);
    float open_coat = clamp(pow(nv + open, exp2(-16.0 * rough_coat - 1.0)) - 1.0 + open, 0.0, 1.0);
    const vec3 f0_coat = vec3(0.04);
    vec3 coat = env_glossy(reflect(-view, n), rough_coat)
        * specular_everywhere(nv, rough_coat, f0_coat) * with_bounces(open_coat, f0_coat);
#endif
    vec3 received = bare * open;
    for (int i = 0; i < u_light_count; ++i) {
        vec3 l;
        float angle;
        vec3 light = arriving(i, s.position, l, angle);
        float nl = dot(n, l);
#ifdef TRANSLUCENT
        color += light * max(-nl, 0.0) * passed * diffuse;
#endif
        if (nl <= 0.0) continue;
        bare += light * nl;
        int channel = int(u_light_more[i].z);
        float lit = channel < 0 ? 1.0 : channel < 4 ? lit_0[channel] : lit_1[channel - 4];
        if (lit <= 0.0) continue;
        light *= nl * lit;
        received += light;
        float wide = sqrt(alpha * alpha + 0.25 * angle * angle);
#ifdef TRANSLUCENT
        color -= light * passed * diffuse;
#endif
#ifdef COATED
        float wide_coat = sqrt(alpha_coat * alpha_coat + 0.25 * angle * angle);
        coat += light * u_light_more[i].y * specular(n, view, l, min(wide_coat, 1.0), f0_coat);
#endif
        color += light * (diffuse + u_light_more[i].y * specular(n, view, l, min(wide, 1.0), f0));
    }
#ifdef CATCHER
    const vec3 weights = vec3(LUMINANCE);
    float kept = dot(received, weights) / max(dot(bare, weights), 1e-6);
    return vec4(0.0, 0.0, 0.0, 1.0 - clamp(kept, 0.0, 1.0));
#else
#ifdef COATED
    color *= 1.0 - u_clearcoat * (0.04 + 0.96 * pow(1.0 - nv, 5.0));
    color += u_clearcoat * coat;
#endif
    vec3 glow = u_emissive;
#ifdef EMISSIVE_MAP
    glow *= textureGrad(u_emissive_map, s.uv, s.duv_x, s.duv_y).rgb;
#endif
    color = min(color + glow, vec3(6e4));
#ifdef BLEND
    float opacity = clamp(base.a, 0.0, 1.0);
    return vec4(color * opacity, opacity);
#else
    return vec4(color, 1.0);
#endif
#endif
}
