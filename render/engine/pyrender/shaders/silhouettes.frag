// One bit for each instance, joined by the logic operation OR: no instance hides another.
uniform uint u_bit;

layout(location = 0) out uint o_bits;

void main() {
    cut_out();
    o_bits = u_bit;
}
