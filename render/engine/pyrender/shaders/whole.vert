// One triangle over the whole image.
uniform float u_plane;       // depth it is drawn at

void main() {
    vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
    gl_Position = vec4(corner, u_plane, 1.0);
}
