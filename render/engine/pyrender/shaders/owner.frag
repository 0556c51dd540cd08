// The draw that a pixel shows, as a depth: a draw can then be limited to its own pixels by the
// depth test, before they are shaded.
uniform isampler2D u_drawn;

layout(location = 0) out vec4 o_radiance;

void main() {
    o_radiance = vec4(0.0);
    gl_FragDepth = float(texelFetch(u_drawn, ivec2(gl_FragCoord.xy), 0).r + 1) * PLANE;
}
