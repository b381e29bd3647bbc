"""The memory and time of attention over a long sequence, forward and backward.

    python bench/python/long_attention.py [--positions 16384] [--heads 8] [--features 64] [--causal]

Prints the most memory that the process had (`ru_maxrss`); the matrix of weights alone would take
positions^2 * heads * 4 bytes, 8.6 GB by default.
"""

from __future__ import annotations

import argparse
import resource
import time

import pullback as pb


def main() -> None:
    """Run it and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--positions", type=int, default=16384)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--causal", action="store_true")
    given = parser.parse_args()
    shape = (1, given.heads, given.positions, given.features)
    q, k, v = (pb.randn(shape, requires_grad=True) for _ in range(3))
    start = time.process_time()
    out = pb.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=given.causal)
    out.sum().backward()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{given.positions} positions, {given.heads} heads of {given.features}", end="")
    print(f"{', causal' if given.causal else ''}: {peak:.0f} MB, {seconds:.1f} s of CPU")


if __name__ == "__main__":
    main()
