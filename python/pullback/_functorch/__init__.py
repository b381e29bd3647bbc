"""``torch._functorch``: transforms of functions under the paths of PyTorch's files."""
