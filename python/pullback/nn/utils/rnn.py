"""Sequences of different lengths in one tensor: padded to the longest, or packed by time step.

A ``PackedSequence`` holds the elements of all sequences that are still running at step 0, then at
step 1 and so on, the longest sequence first; ``batch_sizes`` says how many there are at each step.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import pullback as pb
from pullback import Tensor, _arguments

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class PackedSequence_(NamedTuple):
    """The fields of a ``PackedSequence``."""

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


PackedSequence_.__name__ = PackedSequence_.__qualname__ = "PackedSequence"


class PackedSequence(PackedSequence_):
    """Sequences by time step, made by ``pack_padded_sequence`` and ``pack_sequence``.

    Attributes:
        data: the elements, of the steps one after the other.
        batch_sizes: how many sequences have an element at each step, int64.
        sorted_indices: the order in which the sequences stand, None if it is that of the caller.
        unsorted_indices: its inverse.
    """

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> Self:
        """From its fields; without ``batch_sizes``, ``data`` is a pair of both."""
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise TypeError(
                    "PackedSequence: without batch_sizes the first argument must be a pair of data "
                    f"and batch_sizes: got {type(data).__name__}."
                )
            data, batch_sizes = data
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> PackedSequence:
        data = change(self.data)
        if data is self.data:
            return self
        return type(self)(data, self.batch_sizes, self.sorted_indices, self.unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same with its data changed by ``Tensor.to``."""
        return self._mapped(lambda data: data.to(*args, **kwargs))

    def pin_memory(self) -> PackedSequence:
        """The same with its data changed by ``Tensor.pin_memory``."""
        return self._mapped(lambda data: data.pin_memory())

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Itself: the only device is the CPU."""
        return self._mapped(lambda data: data.cpu(*args, **kwargs))

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Raises, as ``Tensor.cuda`` does."""
        return self._mapped(lambda data: data.cuda(*args, **kwargs))

    def double(self) -> PackedSequence:
        """The same with data of float64."""
        return self.to(pb.float64)

    def float(self) -> PackedSequence:
        """The same with data of float32."""
        return self.to(pb.float32)

    def half(self) -> PackedSequence:
        """The same with data of float16."""
        return self.to(pb.float16)

    def long(self) -> PackedSequence:
        """The same with data of int64."""
        return self.to(pb.int64)

    def int(self) -> PackedSequence:
        """The same with data of int32."""
        return self.to(pb.int32)

    def short(self) -> PackedSequence:
        """The same with data of int16."""
        return self.to(pb.int16)

    def char(self) -> PackedSequence:
        """The same with data of int8."""
        return self.to(pb.int8)

    def byte(self) -> PackedSequence:
        """The same with data of uint8."""
        return self.to(pb.uint8)

    @property
    def is_cuda(self) -> bool:
        """False."""
        return bool(self.data.is_cuda)

    def is_pinned(self) -> bool:
        """Whether the data is."""
        return bool(self.data.is_pinned())


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes another one; None undoes None."""
    if permutation is None:
        return None
    inverse = pb.empty_like(permutation)
    inverse.scatter_(0, permutation, pb.arange(permutation.numel(), dtype=permutation.dtype))
    return inverse


def pack_padded_sequence(
    input: Tensor,
    lengths: Tensor | list[int],
    batch_first: bool = False,
    enforce_sorted: bool = True,
) -> PackedSequence:
    """Pack sequences that were padded to one length.

    Args:
        input: shape ``[T, B, *]``, with ``batch_first`` ``[B, T, *]``.
        lengths: the length of each sequence, between 1 and T.
        batch_first: which of the first two dimensions is the batch.
        enforce_sorted: the lengths fall from one sequence to the next; otherwise the sequences are
            sorted here, and the order is kept in the result.

    Raises:
        RuntimeError: a length is not positive, or they are not as many as sequences, or not sorted
            although that was promised.

    Example:
        >>> import pullback as pb
        >>> rnn = pb.nn.utils.rnn
        >>> packed = rnn.pack_padded_sequence(pb.tensor([[1, 4], [2, 5], [3, 0]]), [3, 2])
        >>> packed.data, packed.batch_sizes
        (tensor([1, 4, 2, 5, 3]), tensor([2, 2, 1]))
    """
    _arguments.tensors("pack_padded_sequence", input=input)
    _arguments.flags("pack_padded_sequence", batch_first=batch_first, enforce_sorted=enforce_sorted)
    sizes = pb.as_tensor(lengths, dtype=pb.int64)
    if sizes.dim() != 1:
        raise RuntimeError(
            "'lengths' argument should be a 1D CPU int64 tensor, but got "
            f"{sizes.dim()}D {sizes.device} {sizes.dtype} tensor"
        )
    order = None
    if not enforce_sorted:
        sizes, order = pb.sort(sizes, descending=True)
        input = input.index_select(0 if batch_first else 1, order)
    data, batch_sizes = _pack(input.transpose(0, 1) if batch_first else input, sizes)
    return PackedSequence(data, batch_sizes, order, None)


def _pack(input: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Elements by time step and their numbers, of sequences with falling lengths."""
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    counts = lengths.tolist()
    if len(counts) != input.shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(counts)} (batch_size="
            f"{input.shape[1]})"
        )
    if counts[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            "that is <= 0"
        )
    if any(a < b for a, b in itertools.pairwise(counts)):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You "
            "can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
            "sidestep this requirement if you do not need ONNX exportability."
        )
    if counts[0] > input.shape[0]:
        raise RuntimeError(
            f"pack_padded_sequence: got a sequence of length {counts[0]}, expected at most "
            f"{input.shape[0]}, the number of steps of the input."
        )
    steps = range(counts[0])
    running = [sum(count > step for count in counts) for step in steps]
    data = pb.cat([input[step, : running[step]] for step in steps])
    return data, pb.tensor(running)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The padded tensor and the lengths: the inverse of ``pack_padded_sequence``.

    Args:
        sequence: what was packed.
        batch_first: which of the first two dimensions of the result is the batch.
        padding_value: what stands behind the end of a sequence.
        total_length: the number of steps of the result; by default that of the longest sequence.

    Raises:
        ValueError: ``total_length`` is less than the longest sequence.

    Example:
        >>> import pullback as pb
        >>> rnn = pb.nn.utils.rnn
        >>> packed = rnn.pack_sequence([pb.tensor([1, 2, 3]), pb.tensor([4])])
        >>> rnn.pad_packed_sequence(packed, batch_first=True)
        (tensor([[1, 2, 3],
                [4, 0, 0]]), tensor([3, 1]))
    """
    if not isinstance(sequence, PackedSequence):
        _arguments.refuse("pad_packed_sequence", "sequence", "PackedSequence", sequence)
    _arguments.flags("pad_packed_sequence", batch_first=batch_first)
    _arguments.numbers("pad_packed_sequence", padding_value=padding_value)
    data, batch_sizes, _, unsorted = sequence
    running = batch_sizes.tolist()
    steps = len(running)
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, "
                f"but got total_length={total_length} and max sequence length being {steps}"
            )
        steps = total_length
    rows = data.split(running)
    padded = data.new_full((steps, running[0], *data.shape[1:]), padding_value)
    for step, row in enumerate(rows):
        padded[step, : running[step]] = row
    lengths = pb.tensor([sum(count > at for count in running) for at in range(running[0])])
    if batch_first:
        padded = padded.transpose(0, 1)
    if unsorted is not None:
        return padded.index_select(0 if batch_first else 1, unsorted), lengths[unsorted]
    return padded, lengths


def pad_sequence(
    sequences: Tensor | list[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """One tensor of sequences that are filled up to the longest.

    Args:
        sequences: tensors of shape ``[L, *]`` that differ only in L.
        batch_first: whether the result is ``[B, T, *]`` or ``[T, B, *]``.
        padding_value: what they are filled up with.
        padding_side: "right" behind their ends, "left" before their beginnings.

    Example:
        >>> import pullback as pb
        >>> pb.nn.utils.rnn.pad_sequence([pb.ones(3), pb.ones(1)], batch_first=True)
        tensor([[1., 1., 1.],
                [1., 0., 0.]])
    """
    if isinstance(sequences, Tensor):
        listed: tuple[Tensor, ...] = sequences.unbind(0)
    elif not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    else:
        listed = tuple(sequences)
    _arguments.flags("pad_sequence", batch_first=batch_first)
    _arguments.numbers("pad_sequence", padding_value=padding_value)
    if padding_side not in ("left", "right"):
        raise RuntimeError("Padding side must be either 'left' or 'right'")
    if not listed:
        raise RuntimeError("received an empty list of sequences")
    for index, each in enumerate(listed):
        _arguments.tensors("pad_sequence", **{f"sequences[{index}]": each})
        if each.shape[1:] != listed[0].shape[1:]:
            raise RuntimeError(
                "The size of tensor a must match the size of tensor b beyond dimension 0: got "
                f"sequences of shapes {tuple(listed[0].shape)} and {tuple(each.shape)}."
            )
    steps = max(each.shape[0] for each in listed)
    first = listed[0]
    padded = first.new_full((len(listed), steps, *first.shape[1:]), padding_value)
    for row, each in enumerate(listed):
        length = each.shape[0]
        begin = 0 if padding_side == "right" else steps - length
        padded[row, begin : begin + length] = each
    return padded if batch_first else padded.transpose(0, 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """The sequences of a padded tensor, each of its own length.

    Args:
        padded_sequences: shape ``[T, B, *]``, with ``batch_first`` ``[B, T, *]``.
        lengths: the lengths.
        batch_first: which of the first two dimensions is the batch.

    Example:
        >>> import pullback as pb
        >>> rnn = pb.nn.utils.rnn
        >>> rnn.unpad_sequence(pb.tensor([[1, 2], [3, 0]]), pb.tensor([2, 1]), batch_first=True)
        [tensor([1, 2]), tensor([3])]
    """
    _arguments.tensors(
        "unpad_sequence", padded_sequences=padded_sequences, lengths=pb.as_tensor(lengths)
    )
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    counts = pb.as_tensor(lengths).tolist()
    return [row[:count] for row, count in zip(rows.unbind(0), counts, strict=False)]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences of different lengths.

    Args:
        sequences: tensors of shape ``[L, *]``.
        enforce_sorted: their lengths fall; otherwise they are sorted here.

    Example:
        >>> import pullback as pb
        >>> pb.nn.utils.rnn.pack_sequence([pb.tensor([1, 2]), pb.tensor([3])]).data
        tensor([1, 3, 2])
    """
    lengths = pb.as_tensor([v.size(0) for v in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences that were packed.

    Example:
        >>> import pullback as pb
        >>> rnn = pb.nn.utils.rnn
        >>> rnn.unpack_sequence(rnn.pack_sequence([pb.tensor([1, 2]), pb.tensor([3])]))
        [tensor([1, 2]), tensor([3])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
