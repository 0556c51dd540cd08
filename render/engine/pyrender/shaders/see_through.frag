// What is blended over the picture: attributes as the rasterizer gives them.
in vec3 v_position;
in vec3 v_obj;
in vec3 v_normal_obj;
in vec3 v_normal;
in vec2 v_uv;
in vec4 v_color;

layout(location = 0) out vec4 o_color;

void main() {
    Surface s;
    s.position = v_position;
    s.dposition_x = dFdx(v_position);
    s.dposition_y = dFdy(v_position);
    s.obj = v_obj;
    s.dobj_x = dFdx(v_obj);
    s.dobj_y = dFdy(v_obj);
    s.normal_obj = v_normal_obj;
    s.flat_normal = normalize(cross(s.dposition_x, s.dposition_y));
    if (dot(s.flat_normal, v_position) > 0.0) s.flat_normal = -s.flat_normal;
    s.normal = v_normal;
    vec3 n = facing(v_normal, s.flat_normal);
    s.dnormal_x = dFdx(n);
    s.dnormal_y = dFdy(n);
    s.uv = v_uv;
    s.duv_x = dFdx(v_uv);
    s.duv_y = dFdy(v_uv);
    s.color = v_color;
    vec4 lit_0, lit_1;
    lit_shares(v_position.z, lit_0, lit_1);
    o_color = shade(s, open_share(v_position.z), lit_0, lit_1);
}
