// The draw that a pixel shows, as a depth: a draw can then be limited to its own pixels by the
// depth test, before they are shaded. And what is behind all, if that is an environment; a picture
// is put in later.
uniform isampler2D u_drawn;

layout(location = 0) out vec4 o_radiance;

void main() {
#ifdef BACKDROP_MAP
    o_radiance = vec4(behind(), 1.0);
#else
    o_radiance = vec4(0.0);
#endif
    gl_FragDepth = float(texelFetch(u_drawn, ivec2(gl_FragCoord.xy), 0).r + 1) * PLANE;
}
