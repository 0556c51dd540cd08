"""What leaves of θ can be drawn from: one file each, registered by its name in configs."""
