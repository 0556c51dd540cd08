// Which draw each sample of a pixel shows.
uniform int u_draw_idx;

layout(location = 0) out int o_draw_idx;

void main() {
    cut_out();
    o_draw_idx = u_draw_idx;
}
