// One draw's share of the picture, each pixel once: the triangle that the pixel shows is looked
// up, met with the pixel's ray, and shaded. The depth test keeps it to the draw's own pixels.
#define ROW_BITS 10
#define ROW (1 << ROW_BITS)

uniform isampler2D u_drawn;      // draw, and the vertex that the face ends with
uniform isampler2D u_corners;    // a texel a vertex: corners of the face that ends with it
uniform usampler2D u_vertices;   // position, packed normal
uniform sampler2D u_uvs;         // if UV
uniform sampler2D u_colors;      // if COLORS
uniform mat4 u_cam_obj;
uniform mat3 u_normal;
uniform vec3 u_center;
uniform vec4 u_lens;             // fx, fy, cx, cy; edge coordinates

layout(location = 0) out vec4 o_color;

ivec2 texel_of(int vertex) { return ivec2(vertex & (ROW - 1), vertex >> ROW_BITS); }

// From an octahedron; zero where there is none.
vec3 unpacked_normal(uint bits) {
    vec2 p = vec2(ivec2(int(bits) << 16, int(bits)) >> 16) / 32767.0;
    vec3 n = vec3(p, 1.0 - abs(p.x) - abs(p.y));
    float fold = max(-n.z, 0.0);
    n.xy -= vec2(n.x < 0.0 ? -fold : fold, n.y < 0.0 ? -fold : fold);
    return bits == 0x80008000u ? vec3(0.0) : normalize(n);
}

vec3 ray(vec2 at) { return vec3((at - u_lens.zw) / u_lens.xy, 1.0); }

// Weights of the corners where a ray meets the plane of the triangle.
vec3 weights(vec3 r, vec3 a, vec3 e1, vec3 e2, vec3 N, float N2) {
    float towards = dot(N, r);
    vec3 p = r * (dot(N, a) / (abs(towards) > 1e-20 ? towards : 1e-20)) - a;
    float w1 = dot(N, cross(p, e2)) / N2, w2 = dot(N, cross(e1, p)) / N2;
    return vec3(1.0 - w1 - w2, w1, w2);
}

void main() {
    ivec3 corners = texelFetch(u_corners, texel_of(texelFetch(u_drawn, ivec2(gl_FragCoord.xy), 0).g), 0).rgb;
    vec3 p[3], q[3], m[3];
    for (int k = 0; k < 3; ++k) {
        uvec4 vertex = texelFetch(u_vertices, texel_of(corners[k]), 0);
        p[k] = uintBitsToFloat(vertex.xyz);
        q[k] = (u_cam_obj * vec4(p[k], 1.0)).xyz;
        m[k] = unpacked_normal(vertex.w);
    }
    vec3 e1 = q[1] - q[0], e2 = q[2] - q[0], N = cross(e1, e2);
    float N2 = max(dot(N, N), 1e-38);
    vec3 w = weights(ray(gl_FragCoord.xy), q[0], e1, e2, N, N2);
    w = max(w, vec3(0.0));
    w /= w.x + w.y + w.z;            // corners are snapped to a grid when triangles are drawn
    vec3 wx = weights(ray(gl_FragCoord.xy + vec2(1.0, 0.0)), q[0], e1, e2, N, N2) - w;
    vec3 wy = weights(ray(gl_FragCoord.xy + vec2(0.0, 1.0)), q[0], e1, e2, N, N2) - w;

    Surface s;
    s.position = w.x * q[0] + w.y * q[1] + w.z * q[2];
    s.dposition_x = wx.x * q[0] + wx.y * q[1] + wx.z * q[2];
    s.dposition_y = wy.x * q[0] + wy.y * q[1] + wy.z * q[2];
    s.obj = w.x * p[0] + w.y * p[1] + w.z * p[2] + u_center;
    s.dobj_x = wx.x * p[0] + wx.y * p[1] + wx.z * p[2];
    s.dobj_y = wy.x * p[0] + wy.y * p[1] + wy.z * p[2];
    s.normal_obj = w.x * m[0] + w.y * m[1] + w.z * m[2];
    s.flat_normal = normalize(N);
    if (dot(s.flat_normal, s.position) > 0.0) s.flat_normal = -s.flat_normal;
    s.normal = u_normal * s.normal_obj;
    s.dnormal_x = u_normal * (wx.x * m[0] + wx.y * m[1] + wx.z * m[2]);
    s.dnormal_y = u_normal * (wy.x * m[0] + wy.y * m[1] + wy.z * m[2]);
    s.uv = s.duv_x = s.duv_y = vec2(0.0);
#ifdef UV
    vec2 uv[3];
    ivec2 last = textureSize(u_uvs, 0) - 1;     // a mesh without any has one texel
    for (int k = 0; k < 3; ++k) uv[k] = texelFetch(u_uvs, min(texel_of(corners[k]), last), 0).rg;
    s.uv = w.x * uv[0] + w.y * uv[1] + w.z * uv[2];
    s.duv_x = wx.x * uv[0] + wx.y * uv[1] + wx.z * uv[2];
    s.duv_y = wy.x * uv[0] + wy.y * uv[1] + wy.z * uv[2];
#endif
    s.color = vec4(1.0);
#ifdef COLORS
    vec4 tint[3];
    for (int k = 0; k < 3; ++k) tint[k] = texelFetch(u_colors, texel_of(corners[k]), 0);
    s.color = w.x * tint[0] + w.y * tint[1] + w.z * tint[2];
#endif
    vec4 lit_0, lit_1;
    lit_shares(s.position.z, lit_0, lit_1);
    vec4 color = shade(s, open_share(s.position.z), lit_0, lit_1);
#ifdef CATCHER
    color += (1.0 - color.a) * vec4(behind(), 1.0);
#endif
    o_color = color;
}
