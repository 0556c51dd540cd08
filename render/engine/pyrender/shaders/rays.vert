// Corners in the camera frame; the geometry shader finds the pixels that may see a triangle.
layout(location = 0) in vec3 a_position;   // metres from the centre of the model's box
layout(location = 2) in vec2 a_uv;
layout(location = 3) in vec4 a_color;

uniform mat4 u_cam_obj;

out vec3 g_cam;
#ifndef SILHOUETTES
out int g_ends_with;   // of a face: its last corner, which is no other face's
#endif
#ifdef CUTOUT
out vec3 g_uv_alpha;
#endif

void main() {
    precise vec3 at = (u_cam_obj * vec4(a_position, 1.0)).xyz;   // alike in all programs
    g_cam = at;
#ifndef SILHOUETTES
    g_ends_with = gl_VertexID;
#endif
    gl_Position = vec4(0.0);
#ifdef CUTOUT
    g_uv_alpha = vec3(a_uv, a_color.a);
#endif
}
