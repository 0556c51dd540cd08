// Instance, draw, triangle and depth at the pixel's centre. One sample: ids never blend.
uniform int u_instance_idx;
uniform int u_draw_idx;

layout(location = 0) out int o_instance_idx;
layout(location = 1) out float o_depth_m;
layout(location = 2) out ivec2 o_drawn;

void main() {
    cut_out();
    o_instance_idx = u_instance_idx;
    o_depth_m = 1.0 / gl_FragCoord.w;   // w is z along the optical axis
    o_drawn = ivec2(u_draw_idx, gl_PrimitiveID);
}
