"""What leaves of θ can be drawn from: one file each; those that a config can name are
registered.
"""
