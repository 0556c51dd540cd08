// Instance and depth at the pixel's centre. One sample: ids never blend.
uniform int u_instance_idx;

layout(location = 0) out int o_instance_idx;
layout(location = 1) out float o_depth_m;

void main() {
    cut_out();
    o_instance_idx = u_instance_idx;
    o_depth_m = 1.0 / gl_FragCoord.w;   // w is z along the optical axis
}
