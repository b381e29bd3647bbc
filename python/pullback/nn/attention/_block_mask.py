"""Masks of attention that are kept by blocks: ``BlockMask``, and what makes one.

A mask is cut into blocks of ``BLOCK_SIZE``. Rows of blocks list the blocks that have something in
them: their number, and an array with their columns first and the other columns behind. Blocks
without a hole may be listed apart, as full ones.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pullback as pb
from pullback import Tensor, _core
from pullback.nn import functional as F

__all__ = [
    "BlockMask",
    "and_masks",
    "create_block_mask",
    "create_mask",
    "noop_mask",
    "or_masks",
    "over_all_scores",
]

DEFAULT_SIZE = 128
WHOLE = 1 << 30  # the block size of a mask that masks nothing
MaskMod: TypeAlias = Callable[..., Tensor]
_Pair: TypeAlias = tuple[Tensor, Tensor]


# --- functions that say what is masked ---


def noop_mask(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """The ``mask_mod`` that masks nothing.

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.attention.flex_attention import noop_mask
        >>> noop_mask(*[pb.tensor(0)] * 4)
        tensor(True)
    """
    del head, token_q, token_kv
    return batch.new_ones((), dtype=pb.bool)


def _check_all_callable(mods: tuple[MaskMod, ...]) -> None:
    if not all(callable(each) for each in mods):
        raise RuntimeError(f"All inputs should be callable mask_mods: {mods}")


def or_masks(*mask_mods: MaskMod) -> MaskMod:
    """A ``mask_mod`` that lets through what one of these lets through.

    Raises:
        RuntimeError: one cannot be called.

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.attention.flex_attention import create_mask, or_masks
        >>> first = or_masks(lambda b, h, q, k: k == 0, lambda b, h, q, k: q == k)
        >>> create_mask(first, None, None, 2, 3)[0, 0]
        tensor([[ True, False, False],
                [ True,  True, False]])
    """
    _check_all_callable(mask_mods)

    def or_mask(b: Tensor, h: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
        found = b.new_zeros((), dtype=pb.bool)
        for each in mask_mods:
            found = found | each(b, h, q_idx, kv_idx)
        return found

    return or_mask


def and_masks(*mask_mods: MaskMod) -> MaskMod:
    """A ``mask_mod`` that lets through what all of these let through.

    Raises:
        RuntimeError: one cannot be called.

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.attention.flex_attention import and_masks, create_mask
        >>> window = and_masks(lambda b, h, q, k: q >= k, lambda b, h, q, k: q - k < 2)
        >>> create_mask(window, None, None, 3, 3)[0, 0]
        tensor([[ True, False, False],
                [ True,  True, False],
                [False,  True,  True]])
    """
    _check_all_callable(mask_mods)

    def and_mask(b: Tensor, h: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
        found = b.new_ones((), dtype=pb.bool)
        for each in mask_mods:
            found = found & each(b, h, q_idx, kv_idx)
        return found

    return and_mask


def _of_a_slice(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """The ``mask_mod`` of a slice of a mask, whose positions are no longer those of the whole."""
    del batch, head, token_q, token_kv
    raise RuntimeError(
        "Cannot use mask_mod from a sliced BlockMask: its positions count from another start. Set "
        "the mask_mod of the slice, made of the one of the whole mask: "
        "sliced.mask_mod = shifted(whole.mask_mod, offset)"
    )


def needed_arguments(function: Callable[..., Any]) -> int:
    """How many arguments without a default a ``mask_mod`` (4) or ``score_mod`` (5) has."""
    parameters = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    count = sum(p.default is p.empty for p in parameters if p.kind in kinds)
    if count not in (4, 5):
        raise AssertionError(f"Expected 4 or 5 positional args, got {count}")
    return count


def over_all_scores(function: Callable[..., Tensor], with_scores: bool) -> Callable[..., Tensor]:
    """A function of one score and its four positions, made one of all scores [B, H, Q, KV].

    It takes the scores, if it wants them, and the positions along each dimension.
    """
    front = (0,) if with_scores else ()
    for dim in (3, 2, 1, 0):
        positions = tuple(0 if each == dim else None for each in range(4))
        function = pb.vmap(function, in_dims=front + positions)
    return function


def positions(sizes: tuple[int, ...], device: Any = None) -> list[Tensor]:
    return [pb.arange(size, device=device) for size in sizes]


def create_mask(
    mod_fn: Callable[..., Tensor],
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
) -> Tensor:
    """The matrix of a ``mask_mod``, or of where a ``score_mod`` does not give minus infinity.

    Args:
        mod_fn: ``mask_mod(batch, head, query, key)`` or ``score_mod(score, batch, ...)``.
        B: batch size, 1 for None.
        H: number of heads, 1 for None.
        Q_LEN: number of queries.
        KV_LEN: number of keys.
        device: the CPU.

    Returns:
        Bools [B, H, Q_LEN, KV_LEN].

    Raises:
        AssertionError: the function has neither four nor five arguments without a default.

    Example:
        >>> from pullback.nn.attention.flex_attention import create_mask
        >>> create_mask(lambda b, h, q, k: q >= k, None, None, 2, 3)
        tensor([[[[ True, False, False],
                  [ True,  True, False]]]])
    """
    sizes = (1 if B is None else B, 1 if H is None else H, Q_LEN, KV_LEN)
    at = positions(sizes, device)
    if needed_arguments(mod_fn) == 4:
        return over_all_scores(mod_fn, with_scores=False)(*at)
    scores = over_all_scores(mod_fn, with_scores=True)(pb.zeros(sizes, device=device), *at)
    return ~pb.isneginf(scores)


# --- lists of blocks ---


def _dense(counts: Tensor, columns: Tensor) -> Tensor:
    """Ones (int32) at the blocks that are listed, zeros elsewhere."""
    listed = pb.arange(columns.size(-1)) < counts.unsqueeze(-1)
    nothing = pb.zeros(columns.shape, dtype=pb.int32)
    return nothing.scatter_add(-1, columns.long(), listed.to(pb.int32))


def _listed(dense: Tensor) -> _Pair:
    """Numbers of the blocks in each row, and their columns before those of the others."""
    columns = pb.argsort(dense.to(pb.int32), dim=-1, descending=True, stable=True)
    return dense.sum(-1).to(pb.int32), columns.to(pb.int32).contiguous()


def _transposed(counts: Tensor, columns: Tensor) -> _Pair:
    return _listed(_dense(counts, columns).mT)


def _cropped(counts: Tensor, columns: Tensor, rows: int, width: int) -> _Pair:
    return _listed(_dense(counts, columns)[..., :rows, :width])


def _blocks(size: int, block: int) -> int:
    return -(-size // block)


class BlockMask:
    """A mask [B, H, queries, keys] by blocks; ``create_block_mask`` makes one.

    Attributes:
        seq_lengths: numbers of queries and keys.
        kv_num_blocks: int32 [B, H, rows], blocks listed in each row of blocks.
        kv_indices: int32 [B, H, rows, columns], their columns, then those of the others.
        full_kv_num_blocks: the same for blocks without a hole, or None.
        full_kv_indices: likewise.
        q_num_blocks: the transposed lists, or None.
        q_indices: likewise.
        full_q_num_blocks: likewise.
        full_q_indices: likewise.
        BLOCK_SIZE: queries and keys of a block.
        mask_mod: what is masked inside of the blocks that are not full.

    Raises:
        RuntimeError: ``kv_indices`` has fewer than two dimensions.
        AssertionError: one of a pair of lists is missing.

    Example:
        >>> from pullback.nn.attention.flex_attention import create_block_mask
        >>> mask = create_block_mask(lambda b, h, q, k: q >= k, 2, 1, 256, 256, BLOCK_SIZE=64)
        >>> mask.shape, mask.kv_num_blocks[0, 0].tolist(), mask.full_kv_num_blocks[0, 0].tolist()
        ((2, 1, 256, 256), [1, 1, 1, 1], [0, 1, 2, 3])
        >>> mask.sparsity()
        37.5
    """

    def __init__(
        self,
        seq_lengths: tuple[int, int],
        kv_num_blocks: Tensor,
        kv_indices: Tensor,
        full_kv_num_blocks: Tensor | None,
        full_kv_indices: Tensor | None,
        q_num_blocks: Tensor | None,
        q_indices: Tensor | None,
        full_q_num_blocks: Tensor | None,
        full_q_indices: Tensor | None,
        BLOCK_SIZE: tuple[int, int] = (DEFAULT_SIZE, DEFAULT_SIZE),
        mask_mod: MaskMod = noop_mask,
    ) -> None:
        for name, value in (("kv_num_blocks", kv_num_blocks), ("kv_indices", kv_indices)):
            if value is None:
                raise AssertionError(f"{name} must be provided")
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        for side, counts, columns in (
            ("kv", full_kv_num_blocks, full_kv_indices),
            ("q", full_q_num_blocks, full_q_indices),
        ):
            if (counts is None) != (columns is None):
                raise AssertionError(
                    f"full_{side}_num_blocks and full_{side}_indices must be both provided or "
                    "omitted"
                )
        self.seq_lengths = seq_lengths
        self.kv_num_blocks = kv_num_blocks
        self.kv_indices = kv_indices
        self.full_kv_num_blocks = full_kv_num_blocks
        self.full_kv_indices = full_kv_indices
        self.q_num_blocks = q_num_blocks
        self.q_indices = q_indices
        self.full_q_num_blocks = full_q_num_blocks
        self.full_q_indices = full_q_indices
        self.BLOCK_SIZE = BLOCK_SIZE
        self.mask_mod = mask_mod

    @classmethod
    def from_kv_blocks(
        cls,
        kv_num_blocks: Tensor,
        kv_indices: Tensor,
        full_kv_num_blocks: Tensor | None = None,
        full_kv_indices: Tensor | None = None,
        BLOCK_SIZE: int | tuple[int, int] = DEFAULT_SIZE,
        mask_mod: MaskMod | None = None,
        seq_lengths: tuple[int, int] | None = None,
        compute_q_blocks: bool = True,
    ) -> BlockMask:
        """A mask of lists of blocks; see the class.

        Args:
            kv_num_blocks: blocks listed in each row of blocks.
            kv_indices: their columns.
            full_kv_num_blocks: the same for blocks without a hole.
            full_kv_indices: likewise.
            BLOCK_SIZE: queries and keys of a block.
            mask_mod: what is masked inside of the blocks that are not full, by default nothing.
            seq_lengths: numbers of queries and keys, by default those of all blocks.
            compute_q_blocks: whether the transposed lists are made.

        Example:
            >>> import pullback as pb
            >>> from pullback.nn.attention.flex_attention import BlockMask
            >>> counts, columns = pb.tensor([[[1, 2]]]), pb.tensor([[[[0, 1], [0, 1]]]])
            >>> BlockMask.from_kv_blocks(counts, columns, BLOCK_SIZE=4).to_dense()
            tensor([[[[1, 0],
                      [1, 1]]]], dtype=torch.int32)
        """
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        if (full_kv_num_blocks is None) != (full_kv_indices is None):
            raise AssertionError(
                "full_kv_num_blocks and full_kv_indices must be both provided or omitted"
            )
        block = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
        q_lists: tuple[Tensor | None, Tensor | None] = (None, None)
        full_q_lists: tuple[Tensor | None, Tensor | None] = (None, None)
        if compute_q_blocks:
            q_lists = _transposed(kv_num_blocks, kv_indices)
            if full_kv_num_blocks is not None and full_kv_indices is not None:
                full_q_lists = _transposed(full_kv_num_blocks, full_kv_indices)
        rows, columns = kv_indices.shape[-2:]
        return cls(
            (rows * block[0], columns * block[1]) if seq_lengths is None else seq_lengths,
            kv_num_blocks,
            kv_indices,
            full_kv_num_blocks,
            full_kv_indices,
            *q_lists,
            *full_q_lists,
            BLOCK_SIZE=block,
            mask_mod=noop_mask if mask_mod is None else mask_mod,
        )

    def _of_pairs(self, change: Callable[[Tensor, Tensor], _Pair], **settings: Any) -> BlockMask:
        """The mask of changed lists."""
        full: tuple[Tensor | None, Tensor | None] = (None, None)
        if self.full_kv_num_blocks is not None and self.full_kv_indices is not None:
            full = change(self.full_kv_num_blocks, self.full_kv_indices)
        return BlockMask.from_kv_blocks(
            *change(self.kv_num_blocks, self.kv_indices),
            *full,
            BLOCK_SIZE=self.BLOCK_SIZE,
            compute_q_blocks=self.q_indices is not None,
            **settings,
        )

    def as_tuple(self, flatten: bool = True) -> tuple[Any, ...]:
        """All attributes, in PyTorch's order; None stands for those of its GPU kernels.

        Args:
            flatten: whether lengths and block sizes are four entries instead of two tuples.
        """
        return (
            *(self.seq_lengths if flatten else (self.seq_lengths,)),
            self.kv_num_blocks,
            self.kv_indices,
            self.full_kv_num_blocks,
            self.full_kv_indices,
            self.q_num_blocks,
            self.q_indices,
            self.full_q_num_blocks,
            self.full_q_indices,
            *(None,) * 4,
            *(self.BLOCK_SIZE if flatten else (self.BLOCK_SIZE,)),
            self.mask_mod,
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the mask: the dimensions of the lists, queries, keys."""
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def __getitem__(self, index: Any) -> BlockMask:
        """The mask of some examples, heads and rows of blocks; the dimensions stay.

        Its ``mask_mod`` has to be set anew, since positions count from another start.
        """
        given = index if isinstance(index, tuple) else (index,)
        sizes = self.kv_num_blocks.shape[:3]
        padded = (*given, slice(None), slice(None), slice(None))[:3]
        kept = tuple(
            slice(each % size, each % size + 1) if isinstance(each, int) and -size <= each < size
            else slice(each, each + 1) if isinstance(each, int) else each
            for each, size in zip(padded, sizes, strict=True)
        )  # fmt: skip
        return self._of_pairs(
            lambda counts, columns: (counts[kept], columns[kept]),
            mask_mod=_of_a_slice,
            seq_lengths=self.seq_lengths,
        )

    def _adjust(self, new_q_len: int, new_kv_len: int) -> BlockMask:
        """The upper left part, for fewer queries and keys."""
        rows = _blocks(new_q_len, self.BLOCK_SIZE[0])
        width = _blocks(new_kv_len, self.BLOCK_SIZE[1])
        return self._of_pairs(
            lambda counts, columns: _cropped(counts, columns, rows, width),
            mask_mod=self.mask_mod,
            seq_lengths=(new_q_len, new_kv_len),
        )

    def numel(self) -> int:
        """Number of elements of the mask."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    def sparsity(self) -> float:
        """Percentage of the elements whose blocks are not listed."""
        listed = int(self.kv_num_blocks.sum())
        if self.full_kv_num_blocks is not None:
            listed += int(self.full_kv_num_blocks.sum())
        inside = listed * self.BLOCK_SIZE[0] * self.BLOCK_SIZE[1]
        return 100 * (1 - inside / self.numel())

    def to_dense(self) -> Tensor:
        """Ones at the blocks that are listed: int32 [B, H, rows, columns]."""
        found = _dense(self.kv_num_blocks, self.kv_indices)
        if self.full_kv_num_blocks is not None and self.full_kv_indices is not None:
            found = found | _dense(self.full_kv_num_blocks, self.full_kv_indices)
        return found

    def read(self, b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        """Bools [B, H, Q, KV]: what attention reads at these positions along each dimension."""
        allowed = over_all_scores(self.mask_mod, with_scores=False)(b, h, q, k)
        if self.BLOCK_SIZE == (WHOLE, WHOLE):
            return allowed

        def elements(counts: Tensor, columns: Tensor) -> Tensor:
            dense = _dense(counts, columns).to(pb.bool)
            return dense[..., q // self.BLOCK_SIZE[0], :][..., k // self.BLOCK_SIZE[1]]

        allowed = allowed & elements(self.kv_num_blocks, self.kv_indices)
        if self.full_kv_num_blocks is not None and self.full_kv_indices is not None:
            allowed = allowed | elements(self.full_kv_num_blocks, self.full_kv_indices)
        return allowed

    def to(self, device: Any) -> BlockMask:
        """The mask on the CPU, the only device."""
        return self._of_pairs(
            lambda counts, columns: (counts.to(device), columns.to(device)),
            mask_mod=self.mask_mod,
            seq_lengths=self.seq_lengths,
        )

    def to_string(self, grid_size: int | tuple[int, int] = (20, 20), limit: int = 4) -> str:
        """A picture of each matrix of blocks: full, in part, empty.

        Args:
            grid_size: at most so many rows and columns; -1 for all of them.
            limit: at most so many matrices.
        """
        dense = self.to_dense()
        rows, columns = dense.shape[-2:]
        most = (grid_size, grid_size) if isinstance(grid_size, int) else grid_size
        steps = [
            1 if grid_size == -1 else max(1, _blocks(size, part))
            for size, part in zip((rows, columns), most, strict=True)
        ]
        pictures: list[str] = []
        for number, at in enumerate(itertools.product(*map(range, dense.shape[:-2]))):
            if number == limit:
                pictures += _MORE
                break
            pictures.append(f"{at}\n" + "".join(_picture(dense[at], *steps)))
        return "\n".join(pictures)

    def __str__(self) -> str:
        head = f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%, \n"
        return f"{head}{self.to_string().strip()}\n)"

    def __repr__(self) -> str:
        names = "kv_num_blocks kv_indices full_kv_num_blocks full_kv_indices q_num_blocks "
        names += "q_indices full_q_num_blocks full_q_indices"
        shapes = {name: getattr(getattr(self, name), "shape", None) for name in names.split()}
        lines = [f"{name}={shape}" for name, shape in shapes.items()]
        lines += [f"BLOCK_SIZE={self.BLOCK_SIZE}", f"shape={self.shape}"]
        lines += [f"sparsity={self.sparsity():.2f}%"]
        lines += [f"mask_mod={getattr(self.mask_mod, '__name__', self.mask_mod)}"]
        return "BlockMask(\n    " + ",\n    ".join(lines) + "\n)"


_MORE = (
    "...",
    "To print out more, set BlockMask.to_string(limit=N)",
    "You can also index (BlockMask[batch, head]) to choose a specific batch or head",
)


def _picture(dense: Tensor, row_step: int, column_step: int) -> Iterator[str]:
    for row in range(0, dense.size(0), row_step):
        for column in range(0, dense.size(1), column_step):
            part = dense[row : row + row_step, column : column + column_step]
            share = float(part.float().mean())
            yield ("█" if share == 1 else " " if share == 0 else "░") * 2
        yield "\n"


def create_block_mask(
    mask_mod: MaskMod,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
    BLOCK_SIZE: int | tuple[int, int] = DEFAULT_SIZE,
    _compile: bool = False,
    separate_full_blocks: bool = True,
    compute_dq_write_order: bool = False,
    dq_kv_order: bool = True,
) -> BlockMask:
    """The blocks of a mask; the whole matrix of bools is made once.

    Args:
        mask_mod: ``mask_mod(batch, head, query, key)`` of positions, True where a key is read.
        B: batch size, 1 for None.
        H: number of heads, 1 for None.
        Q_LEN: number of queries.
        KV_LEN: number of keys.
        device: the CPU.
        BLOCK_SIZE: queries and keys of a block.
        _compile: given up by PyTorch; the same.
        separate_full_blocks: whether blocks without a hole are listed apart.
        compute_dq_write_order: for a kernel of a GPU; refused.
        dq_kv_order: for a kernel of a GPU.

    Raises:
        AssertionError: the function has not four arguments without a default.
        NotImplementedError: ``compute_dq_write_order`` is set.

    Example:
        >>> from pullback.nn.attention.flex_attention import create_block_mask
        >>> mask = create_block_mask(lambda b, h, q, k: q >= k, None, None, 256, 384)
        >>> mask.to_dense()
        tensor([[[[1, 0, 0],
                  [1, 1, 0]]]], dtype=torch.int32)
    """
    if needed_arguments(mask_mod) != 4:
        raise AssertionError(f"create-block_mask requires a mask_mod function! Got {mask_mod}")
    if not isinstance(dq_kv_order, bool):
        raise ValueError("dq_kv_order must be a bool when using create_block_mask")
    if compute_dq_write_order:
        raise NotImplementedError(
            "create_block_mask: the order of writes is for a kernel of a GPU: got "
            "compute_dq_write_order=True, expected False. Leave it out."
        )
    if _compile:
        _core._warn("create_block_mask: _compile changes nothing", DeprecationWarning)
    block = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device)
    if mask.dtype != pb.bool:
        raise AssertionError(f"mask.dtype must be torch.bool, got {mask.dtype}")
    rows, columns = _blocks(Q_LEN, block[0]), _blocks(KV_LEN, block[1])
    padded = F.pad(mask, (0, columns * block[1] - KV_LEN, 0, rows * block[0] - Q_LEN))
    counts = padded.unflatten(-1, (columns, block[1])).unflatten(2, (rows, block[0])).sum((3, 5))
    whole = counts == block[0] * block[1]
    partial = counts > 0
    full: tuple[Tensor | None, Tensor | None] = (None, None)
    if separate_full_blocks:
        partial, full = partial & ~whole, _listed(whole)
    return BlockMask.from_kv_blocks(
        *_listed(partial), *full, BLOCK_SIZE=block, mask_mod=mask_mod, seq_lengths=(Q_LEN, KV_LEN)
    )
