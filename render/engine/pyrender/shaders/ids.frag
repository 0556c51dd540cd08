// Draw, face and depth at the pixel's centre. One sample: ids never blend.
uniform int u_draw_idx;

flat in int v_ends_with;

layout(location = 0) out ivec2 o_drawn;
layout(location = 1) out float o_depth_m;

void main() {
    cut_out();
    o_drawn = ivec2(u_draw_idx, v_ends_with);
    o_depth_m = 1.0 / gl_FragCoord.w;   // w is z along the optical axis
}
