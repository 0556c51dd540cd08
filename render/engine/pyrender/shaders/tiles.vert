// Squares of the image.
layout(location = 0) in vec2 a_middle;  // pixels of the image, edge coordinates

uniform vec2 u_image;
uniform float u_side;                   // pixels of the target

void main() {
    gl_Position = vec4(2.0 * a_middle / u_image - 1.0, 0.0, 1.0);
    gl_PointSize = u_side;
}
