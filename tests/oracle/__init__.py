"""A second opinion in float64: rays, cut-outs and boxes, sharing no code with `render`."""
