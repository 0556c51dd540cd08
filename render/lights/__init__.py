"""Kinds of lamp: one file each, which tells what lights a lamp of that kind is."""
