"""Figures, not tests: how fast, how much memory, how exact."""
