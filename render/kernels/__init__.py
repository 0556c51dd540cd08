"""Inner loops as machine code, by Numba; numbers and arrays alone, and no other package."""
