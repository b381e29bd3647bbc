"""The parts of ``pullback.nn.functional`` that are written in Python, one file a subject."""
