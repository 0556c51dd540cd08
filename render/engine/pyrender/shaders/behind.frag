// The environment, where no draw owns the pixel.
layout(location = 0) out vec4 o_radiance;

void main() {
    o_radiance = vec4(behind(), 1.0);
}
