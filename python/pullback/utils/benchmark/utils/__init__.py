"""The parts of the benchmark module, by PyTorch's paths."""
