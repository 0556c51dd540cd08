// The one vertex shader of ids, depth, silhouettes and colour: `invariant` makes all of them
// rasterize the very same triangles.
layout(location = 0) in vec3 a_position;   // metres from the centre of the model's box
layout(location = 1) in vec3 a_normal;
layout(location = 2) in vec2 a_uv;         // t = 0 is the first row of the image
layout(location = 3) in vec4 a_color;

uniform mat4 u_clip_obj;    // from a_position to clip space
uniform vec4 u_shift;       // of the tile that is drawn, clip space; zero inside the image

invariant gl_Position;

#ifdef CUTOUT
out vec2 v_uv;
out float v_alpha;
#endif

#ifdef NAMED
flat out int v_ends_with;     // of a face: its last corner, which is no other face's
#endif

#ifdef SHADED
uniform mat4 u_cam_obj;     // from a_position to the camera frame
uniform mat3 u_normal;      // of normals, object to camera frame
uniform vec3 u_center;      // of the model's box, object frame

out vec3 v_position;        // camera frame
out vec3 v_obj;             // object frame, model's metres
out vec3 v_normal_obj;
out vec3 v_normal;          // camera frame
out vec2 v_uv;
out vec4 v_color;
#endif

void main() {
    vec4 clip = u_clip_obj * vec4(a_position, 1.0);
    gl_Position = clip + u_shift * clip.w;
#ifdef NAMED
    v_ends_with = gl_VertexID;
#endif
#ifdef CUTOUT
    v_alpha = a_color.a;
#endif
#if defined(CUTOUT) || defined(SHADED)
    v_uv = a_uv;
#endif
#ifdef SHADED
    v_position = (u_cam_obj * vec4(a_position, 1.0)).xyz;
    v_obj = a_position + u_center;
    v_normal = u_normal * a_normal;
    v_normal_obj = a_normal;
    v_color = a_color;
#endif
}
