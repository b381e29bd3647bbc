"""Errors as they are compared: their types, except where two things are wrong at once."""

from __future__ import annotations

from dataclasses import dataclass

# Another of two things that are wrong is reported first: words of ours, of PyTorch.
OTHER_ERRORS = [
    ("", "leaf Variable"),  # arguments are looked at before whether the target may be written
    ("", "This view is the output of a function that returns multiple views"),
    ("leaf Variable", "called random operation"),
    ("not implemented for", "Cannot ask for different inplace randomness"),
    ("not implemented for", "called random operation"),
    ("must have the same scalar type", "their dimensionality must match"),
    ("because it is an out= function", "functions with out="),
    ("split expects", "Dimension out of range"),
    ("zero-dimensional tensor", "Dimension out of range"),
    ("must have same number of dimensions", "input types can't be cast"),
    ("can't be cast to", "input types can't be cast"),
    ("not implemented for", "must match the size"),
    ("not implemented for", "doesn't match the broadcast shape"),
    ("not implemented for", "Found dtype"),
    ("index out of range in self", "indexing axis dim should be positive"),
    ("must only return Tensors", "its base or another view"),
    ("shape mismatch", "index is out of bounds"),
    ("out of bounds for dimension", "setStorage"),
    ("Inplace update to inference tensor", ""),
    ("forward AD with set_", "Could not set tensor"),
    ("calling .item() on a Tensor", "only one element"),
    ("does not match the shape of the indexed tensor", "Output 0 of"),
    ("Index put requires", "index is out of bounds"),
    ("refer to a single memory location", "to have the same number of elements"),
    ("to have the same number of elements", "modified inplace"),
    ("leaf Variable", "to have the same number of elements"),
    ("operators that can support dynamic shape", "tensor has no dimensions"),
    ("expected src to have a size equal to the part", "Dimension out of range"),
]


@dataclass(repr=False)
class Raised:
    kind: str
    message: str

    def is_like(self, other: Raised) -> bool:
        return self.kind == other.kind or any(
            ours in self.message and theirs in other.message for ours, theirs in OTHER_ERRORS
        )

    def __repr__(self) -> str:
        return self.kind

    def __str__(self) -> str:
        return f"{self.kind}: {self.message[:300]}"
