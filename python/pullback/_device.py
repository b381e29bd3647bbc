"""The one device."""

from __future__ import annotations

from typing import Any


class device:
    """Where a tensor lives: always the CPU.

    Example:
        >>> import pullback as pb
        >>> pb.device("cpu")
        device(type='cpu')
    """

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(self, type: Any, index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index
        kind, colon, number = str(type).partition(":")
        if kind != "cpu" or (colon and number != "0") or index not in (None, 0):
            raise RuntimeError(
                f"device: got {str(type)!r}, expected 'cpu', the only device that pullback has."
            )
        self.type = "cpu"
        self.index = 0 if colon else index

    def __repr__(self) -> str:
        place = "" if self.index is None else f", index={self.index}"
        return f"device(type='cpu'{place})"

    def __str__(self) -> str:
        return "cpu" if self.index is None else f"cpu:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and self.index == other.index

    def __hash__(self) -> int:
        return hash(("cpu", self.index))

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (str(self),)


cpu = device("cpu")
