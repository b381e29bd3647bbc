"""Bugs that people really write, and the proof that the diagnosis names the line at fault."""
