// Linear radiance of a surface in the light of the scene; glTF 2.0 metallic-roughness.
// Premultiplied by alpha. Camera frame throughout (x right, y down, z forward).
#define MAX_LIGHTS 32

in vec3 v_position;
in vec3 v_obj;
in vec3 v_normal_obj;
centroid in vec3 v_normal;
#ifndef CUTOUT
centroid in vec2 v_uv;
#endif
OUT_QUALIFIER in vec4 v_color;

uniform vec4 u_base_color;
uniform vec2 u_metal_rough;
uniform vec3 u_emissive;
uniform float u_normal_scale;
uniform float u_occlusion_strength;
uniform float u_tile_m;             // edge of a triplanar tile; 0: by the texture coordinates
uniform float u_wear;               // share of the surface that is worn
uniform float u_wear_tile_m;
uniform sampler2D u_wear_map;
uniform bool u_has_normal_map;
uniform bool u_blend;
uniform sampler2D u_base_map;
uniform sampler2D u_metal_rough_map;
uniform sampler2D u_normal_map;
uniform sampler2D u_occlusion_map;
uniform sampler2D u_emissive_map;

uniform int u_light_count;
uniform vec4 u_light_place[MAX_LIGHTS];   // w = 1: position; w = 0: direction towards the light
uniform vec3 u_light_color[MAX_LIGHTS];   // what a white diffuse surface sends back
uniform vec4 u_light_axis[MAX_LIGHTS];    // where it shines, and the cosine of its cone: below
                                          // -1 it has none, 2 it is a disc
uniform vec4 u_light_more[MAX_LIGHTS];    // radius (an angle, or metres), has a highlight, tile
uniform bool u_catcher;                   // shows nothing but the shadows on it

layout(location = 0) out vec4 o_color;

const float PI = 3.14159265359;

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

vec4 base_color() {
    vec4 color = u_base_color * v_color;
    if (u_tile_m <= 0.0) return color * sharp_texture(u_base_map, v_uv, dFdx(v_uv), dFdy(v_uv));
    vec3 p = v_obj / u_tile_m;
    vec3 dx = dFdx(p), dy = dFdy(p);
    vec3 weight = pow(abs(normalize(v_normal_obj)), vec3(4.0));
    weight /= weight.x + weight.y + weight.z;
    vec4 mixed = vec4(0.0);
    if (weight.x > 0.01) mixed += weight.x * sharp_texture(u_base_map, p.yz, dx.yz, dy.yz);
    if (weight.y > 0.01) mixed += weight.y * sharp_texture(u_base_map, p.zx, dx.zx, dy.zx);
    if (weight.z > 0.01) mixed += weight.z * sharp_texture(u_base_map, p.xy, dx.xy, dy.xy);
    return color * mixed / max(dot(weight, vec3(greaterThan(weight, vec3(0.01)))), 1e-6);
}

// Dirt darkens, dulls and roughens; scratches show bare, bright material.
void apply_wear(inout vec3 color, inout float metallic, inout float roughness) {
    vec3 p = v_obj / u_wear_tile_m;
    vec3 weight = pow(abs(normalize(v_normal_obj)), vec3(4.0));
    weight /= weight.x + weight.y + weight.z;
    vec2 worn = texture(u_wear_map, p.yz).rg * weight.x + texture(u_wear_map, p.zx).rg * weight.y
        + texture(u_wear_map, p.xy).rg * weight.z;
    float dirt = smoothstep(1.0 - u_wear, 1.15 - u_wear, worn.r);
    float scratch = smoothstep(1.0 - 0.8 * u_wear, 1.3 - 0.8 * u_wear, worn.g);
    color = mix(color, color * vec3(0.42, 0.36, 0.29), 0.8 * dirt);
    metallic *= 1.0 - 0.5 * dirt;
    roughness = mix(roughness, max(roughness, 0.75), dirt);
    color = mix(color, min(color * 1.5 + 0.08, vec3(0.9)), 0.7 * scratch);
    roughness = mix(roughness, 0.4, 0.6 * scratch);
}

// The surface's normal towards the eye, whichever side is seen and however it is wound.
vec3 facing_normal(vec3 flat_normal) {
    vec3 normal = dot(v_normal, v_normal) > 0.0 ? normalize(v_normal) : flat_normal;
    return dot(normal, flat_normal) < 0.0 ? -normal : normal;
}

// Tangents from the texture coordinates' derivatives: files need not carry any.
vec3 mapped_normal(vec3 n) {
    vec3 px = dFdx(v_position), py = dFdy(v_position);
    vec2 tx = dFdx(v_uv), ty = dFdy(v_uv);
    vec3 across = cross(py, n), along = cross(n, px);
    float side = dot(px, across) < 0.0 ? -1.0 : 1.0;
    vec3 tangent = side * (across * tx.x + along * ty.x);
    vec3 up = -side * (across * tx.y + along * ty.y);    // t runs down the image
    float longest = max(dot(tangent, tangent), dot(up, up));
    if (longest <= 0.0) return n;
    vec3 m = texture(u_normal_map, v_uv).xyz * 2.0 - 1.0;
    m.xy *= u_normal_scale;
    float s = inversesqrt(longest);
    return normalize(tangent * (s * m.x) + up * (s * m.y) + n * m.z);
}

// Tokuyoshi and Kaplanyan 2019: what the normal does within the pixel widens the highlight.
float widened(float alpha, vec3 n) {
    vec3 dx = dFdx(n), dy = dFdy(n);
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
    vec3 fresnel = f0 + (1.0 - f0) * pow(1.0 - max(dot(v, h), 0.0), 5.0);
    return fresnel * (a2 / (d * d) * visible);
}

// The same reflectance under light from everywhere, split as by Karis 2013; fitted to its
// integrals within 0.04.
vec3 specular_everywhere(float nv, float roughness, vec3 f0) {
    vec4 n = vec4(1.0, nv, nv * nv, nv * nv * nv);
    float r = roughness;
    float of_mirror = 1.0 - r * (dot(n, vec4(0.794, -3.715, 4.041, -1.425))
        + r * (dot(n, vec4(-1.883, 13.308, -17.387, 7.047))
        + r * dot(n, vec4(1.203, -8.204, 12.082, -5.133))));
    float grazing = pow(max(1.0 - nv, 1e-4), 5.05 + r * (6.95 * r - 7.6))
        * exp(r * (r * (6.19 * r - 8.48) - 0.66));
    return f0 * max(of_mirror - grazing, 0.0) + grazing;
}

// Light that is reflected among the surroundings before it comes: Jimenez et al. 2016.
vec3 with_bounces(float open, vec3 albedo) {
    vec3 a = 2.0404 * albedo - 0.3324, b = -4.7951 * albedo + 0.6417, c = 2.7552 * albedo + 0.6903;
    return max(vec3(open), ((open * a + b) * open + c) * open);
}

// What of light i arrives at v_position before shadows, and from where.
vec3 arriving(int i, out vec3 l, out float angle) {
    vec4 place = u_light_place[i], axis = u_light_axis[i];
    vec3 to_light = place.xyz - v_position * place.w;
    float squared = max(dot(to_light, to_light), 1e-12);
    l = to_light * inversesqrt(squared);
    float radius = u_light_more[i].x;
    angle = place.w > 0.0 ? atan(radius, sqrt(squared)) : radius;
    vec3 color = u_light_color[i];
    if (place.w > 0.0) color /= max(squared, radius * radius);
    float along = -dot(l, axis.xyz);
    if (axis.w > 1.5) color *= max(along, 0.0);
    else if (axis.w >= -1.0) color *= smoothstep(axis.w, mix(axis.w, 1.0, 0.2), along);
    return color;
}

void main() {
    cut_out();
    vec4 base = base_color();
    vec2 metal_rough = u_metal_rough * texture(u_metal_rough_map, v_uv).bg;
    float metallic = clamp(metal_rough.x, 0.0, 1.0);
    float roughness = clamp(metal_rough.y, 0.045, 1.0);
    if (u_wear > 0.0) apply_wear(base.rgb, metallic, roughness);
    vec3 view = normalize(-v_position);
    vec3 flat_normal = normalize(cross(dFdx(v_position), dFdy(v_position)));
    if (dot(flat_normal, view) < 0.0) flat_normal = -flat_normal;
    vec3 n = facing_normal(flat_normal);
    float alpha = widened(roughness * roughness, n);
    if (u_has_normal_map) n = mapped_normal(n);

    vec3 diffuse = base.rgb * (1.0 - metallic);
    vec3 f0 = mix(vec3(0.04), base.rgb, metallic);
    float nv = clamp(dot(n, view), 0.0, 1.0);
    float rough = sqrt(alpha);
    float open = open_share(v_position.z) * mix(1.0, texture(u_occlusion_map, v_uv).r, u_occlusion_strength);
    float open_glossy = clamp(pow(nv + open, exp2(-16.0 * rough - 1.0)) - 1.0 + open, 0.0, 1.0);

    vec3 bare = env_diffuse(n);
    vec3 color = bare * diffuse * with_bounces(open, diffuse)
        + env_glossy(reflect(-view, n), rough) * specular_everywhere(nv, rough, f0) * open_glossy;
    vec3 received = bare * open;
    vec4 lit_0, lit_1;
    lit_shares(v_position.z, lit_0, lit_1);
    for (int i = 0; i < u_light_count; ++i) {
        vec3 l;
        float angle;
        vec3 light = arriving(i, l, angle);
        float nl = dot(n, l);
        if (nl <= 0.0) continue;
        bare += light * nl;
        int tile = int(u_light_more[i].z);
        float lit = tile < 0 ? 1.0 : tile < 4 ? lit_0[tile] : lit_1[tile - 4];
        if (lit <= 0.0) continue;
        light *= nl * lit;
        received += light;
        float wide = sqrt(alpha * alpha + 0.25 * angle * angle);
        color += light * (diffuse + u_light_more[i].y * specular(n, view, l, min(wide, 1.0), f0));
    }
    if (u_catcher) {
        const vec3 weights = vec3(0.2126, 0.7152, 0.0722);
        float kept = dot(received, weights) / max(dot(bare, weights), 1e-6);
        o_color = vec4(0.0, 0.0, 0.0, 1.0 - clamp(kept, 0.0, 1.0));
        return;
    }
    color += u_emissive * texture(u_emissive_map, v_uv).rgb;
    float opacity = u_blend ? clamp(base.a, 0.0, 1.0) : 1.0;
    o_color = vec4(min(color, vec3(6e4)) * opacity, opacity);
}
