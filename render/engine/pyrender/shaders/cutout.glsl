// Included by every fragment shader, so that ids, depth, silhouettes and colour agree. The
// full-size image is read whatever the distance: smaller ones have other edges.
#ifdef CUTOUT
uniform sampler2D u_cutout;
uniform float u_cutout_alpha;    // the material's factor
uniform float u_cutoff;

OUT_QUALIFIER in vec2 v_uv;
OUT_QUALIFIER in float v_alpha;

void cut_out() {
    if (textureLod(u_cutout, v_uv, 0.0).a * u_cutout_alpha * v_alpha < u_cutoff) discard;
}
#else
void cut_out() {}
#endif
