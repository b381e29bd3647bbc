"""The named tuples that operators with several results return, by the name of the operator.

Each is a tuple with a property for every result, and prints as in PyTorch. The types are made from
the operator table; ``return_types.pyi`` is written by ``tools/stubs.py``.

Example:
    >>> import pullback as pb
    >>> found = pb.tensor([3.0, 1.0, 2.0]).max(0)
    >>> isinstance(found, pb.return_types.max), found.values, found.indices
    (True, tensor(3.), tensor(0))
"""

from __future__ import annotations

from operator import itemgetter

from pullback import _core


class _Histogram(tuple):  # type: ignore[type-arg]
    __slots__ = ()
    __match_args__ = ("hist", "bin_edges")
    n_fields = n_sequence_fields = 2
    n_unnamed_fields = 0
    hist = property(itemgetter(0))
    bin_edges = property(itemgetter(1))

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"torch.return_types.{name}(\nhist={self[0]!r},\nbin_edges={self[1]!r})"


class histogram(_Histogram):
    """What ``histogram`` returns."""

    __slots__ = ()


class histogramdd(_Histogram):
    """What ``histogramdd`` returns: the edges are a tuple, one tensor for each dimension."""

    __slots__ = ()


globals().update({k: v for k, v in vars(_core._return_types).items() if not k.startswith("_")})
