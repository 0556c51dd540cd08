// Depth alone.
void main() {
    cut_out();
}
