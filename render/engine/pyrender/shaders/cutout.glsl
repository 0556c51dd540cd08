// Included by every fragment shader, so that ids, depth, silhouettes and colour agree. The
// full-size image is read whatever the distance: smaller ones have other edges.
#ifdef CUTOUT
uniform sampler2D u_cutout;
uniform float u_cutout_alpha;    // the material's factor
uniform float u_cutoff;

bool is_cut_out(vec2 uv, float alpha) {
    return textureLod(u_cutout, uv, 0.0).a * u_cutout_alpha * alpha < u_cutoff;
}
#endif

#if defined(CUTOUT) && !defined(RAYS)
in vec2 v_uv;
in float v_alpha;

void cut_out() {
    if (is_cut_out(v_uv, v_alpha)) discard;
}
#else
void cut_out() {}
#endif
