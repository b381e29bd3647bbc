"""The graph of every record of the operator table beside torch's: nodes, edges, what is saved.

Compared are the whole graph behind each result (names, number and order of the inputs, which of
them are None, output numbers), and at each node the names and values of all ``_saved_*``. The
tables say where the two differ, and why; an entry that is not needed any more fails.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import pullback as pb
from table import TORCH_OPS, Op, differentiable
from unlike_torch import NOT_RECORDED_IN_TORCH

torch = pytest.importorskip("torch")

EXPANDED = "an operand that is broadcast is expanded by a node of its own"
COPY = "a copy that is seen in another shape is one node, without CloneBackward0 before it"
STEPS = "made of other steps"
POINT = "a tensor without dimensions is seen as one element first"
CUT = "what the index does not reach of the source is sliced away first"
FLAT = "works on the flat tensor"
ONE = "one dimension needs no detour by two"
EACH = "a map for each dimension, one after the other"
NORMALIZED = "one node normalizes the rows for every kind of layer"
ADDED = "PyTorch's own functions add a number by another overload"
SQUEEZED = "there is no dimension to be squeezed"
COUNTED = "the permutation counts among the results"
VIEWS = "fewer views"
OTHER_GRAPHS = {
    "adaptive_avg_pool1d": ONE,
    "adaptive_avg_pool2d": EACH,
    "adaptive_avg_pool3d": EACH,
    "adaptive_max_pool1d_with_indices": ONE,
    "addbmm": "one product of two matrices, with the views that make them",
    "addr": STEPS,
    "avg_pool1d": ONE,
    "avg_pool2d": EACH,
    "avg_pool3d": EACH,
    "batch_norm": NORMALIZED,
    "bilinear": "made of products; there is no trilinear",
    "block_diag": "what is no matrix is made one by a node of its own",
    "cartesian_prod": COPY,
    "cdist": EXPANDED,
    "cholesky_solve": EXPANDED,
    "combinations": STEPS,
    "cond": "the norms of a matrix and its inverse, for the nuclear norm, too",
    "corrcoef": SQUEEZED,
    "cosine_embedding_loss": ADDED,
    "cosine_similarity": STEPS,
    "cov": SQUEEZED,
    "cross": EXPANDED,
    "cross_entropy": "nll_loss of two dimensions takes the tensors as they are",
    "cumulative_trapezoid": STEPS,
    "diagflat": "no view of a tensor that is flat",
    "dist": "the difference is a node of its own",
    "einsum": "fewer steps",
    "embedding_bag": STEPS,
    "flatten": COPY,
    "fold": "an image without a batch gets one",
    "gather": POINT,
    "ger": STEPS,
    "group_norm": NORMALIZED,
    "householder_product": STEPS,
    "index_fill": POINT,
    "index_put": EXPANDED,
    "index_select": POINT,
    "inner": "products of vectors are products of matrices",
    "instance_norm": NORMALIZED,
    "kron": COPY,
    "layer_norm": NORMALIZED,
    "ldl_solve": "PyTorch has no derivative",
    "linear": COPY,
    "lstsq": STEPS,
    "lu": COUNTED,
    "lu_solve": EXPANDED,
    "lu_unpack": COUNTED,
    "margin_ranking_loss": ADDED,
    "masked_select": EXPANDED,
    "matmul": "products of a vector or a matrix and a batch are one bmm",
    "matrix_norm": "dimensions are kept one by one",
    "matrix_power": VIEWS,
    "max_pool1d": ONE,
    "max_pool1d_with_indices": ONE,
    "multi_margin_loss": STEPS,
    "multilabel_margin_loss": STEPS,
    "nanquantile": VIEWS,
    "nll_loss": "nll_loss of two dimensions takes the tensors as they are",
    "orgqr": STEPS,
    "ormqr": STEPS,
    "outer": STEPS,
    "pad": EACH,
    "pairwise_distance": STEPS,
    "poisson_nll_loss": ADDED,
    "prelu": STEPS,
    "put": FLAT,
    "quantile": VIEWS,
    "remainder": "a number by a tensor has a derivative here",
    "repeat": "missing dimensions are added first",
    "reshape": COPY,
    "reshape_as": COPY,
    "rms_norm": ADDED,
    "rsub": STEPS,
    "scaled_dot_product_attention": ONE,
    "scatter": CUT,
    "scatter_add": CUT,
    "soft_margin_loss": STEPS,
    "solve": EXPANDED,
    "solve_triangular": EXPANDED,
    "subtract": "a number given by position counts as an operand",
    "sum_to_size": STEPS,
    "take": FLAT,
    "take_along_dim": "no expansion where nothing is broadcast",
    "tensordot": COPY,
    "tensorsolve": "a vector is seen as one without a node for it",
    "tile": "missing dimensions are added first",
    "trapezoid": STEPS,
    "trapz": STEPS,
    "triangular_solve": "the copy of the matrix is a node of its own",
    "triplet_margin_loss": ADDED,
    "unfold": POINT,
    "vander": "PyTorch writes into parts of the result",
    "where": "a real operand among complex ones has no node of its own",
}

OTHER_GRAPHS |= dict.fromkeys(NOT_RECORDED_IN_TORCH, "PyTorch records nothing")
OTHER_GRAPHS |= {
    "hfft2": "one transform of all dimensions, where PyTorch has one of the last by itself",
    "hfftn": "the same",
    "ihfft2": "the conjugate is a view",
    "ihfftn": "the same",
    "istft": "the complex numbers are not seen as pairs in between",
    "ndtr": STEPS,
    "stft": "the frames are a view of overlapping windows, with a node for it",
    "xlog1py": "a number counts as an operand",
    "zeta": "the same",
}
COPIES = "alias as_strided diagonal expand permute select split split_with_sizes squeeze t"
COPIES += " transpose unbind unsqueeze view view_as_real"
OTHER_GRAPHS |= {f"{name}_copy": "a copy of the view" for name in COPIES.split()}

NUMBER = "a number is kept as a number, not as a tensor"
SIZES = "the derivative reads its sizes only"
RESULT = "the derivative does not read the result"
ALONE = "the derivative reads nothing of it"
WORD = "chooses the operation, which knows it without keeping the word"
PLACES = "one number that says where, instead"
SPARSE = "a sparse map, which knows where each element comes from"
TURNED = "the factors of the matrix, not of its transpose"
SIGNS = "vectors up to their signs"
SEEN = "as the operation sees it, after broadcasting"
UNNAMED = "an attribute of the operation, not shown under this name"
# By node and name; "*" for all of a node.
OTHER_SAVED = {
    ("AdaptiveMaxPool2DBackward0", "*"): SPARSE,
    ("AdaptiveMaxPool3DBackward0", "*"): SPARSE,
    ("AminmaxBackward0", "dim"): "as a list",
    ("AsStridedBackward0", "storage_offset"): "the offset itself where None was given",
    ("BinaryCrossEntropyWithLogitsBackward0", "pos_weight"): SEEN,
    ("BinaryCrossEntropyWithLogitsBackward0", "weight"): SEEN,
    ("CholeskySolveBackward0", "self"): "the derivative reads the solution instead",
    ("ComplexBackward0", "*"): ALONE,
    ("ConvolutionBackward0", "bias_sym_sizes_opt"): "the sizes of a bias follow",
    ("ConvolutionBackward0", "output_padding"): "the sizes of the image say it",
    ("ConvolutionBackward0", "padding"): "each dimension by itself",
    ("ConvolutionBackward0", "transposed"): "another operation",
    ("CummaxBackward0", "self"): SIZES,
    ("CumminBackward0", "self"): SIZES,
    ("DivBackward0", "other"): NUMBER,
    ("DivBackward0", "self"): NUMBER,
    ("DivBackward2", "*"): ALONE,
    ("FftC2CBackward0", "dim"): UNNAMED,
    ("FftC2CBackward0", "forward"): UNNAMED,
    ("FftC2CBackward0", "normalization"): UNNAMED,
    ("FftC2RBackward0", "dim"): UNNAMED,
    ("FftC2RBackward0", "normalization"): UNNAMED,
    ("FftR2CBackward0", "dim"): UNNAMED,
    ("FftR2CBackward0", "normalization"): UNNAMED,
    ("FftR2CBackward0", "onesided"): UNNAMED,
    ("FftR2CBackward0", "self"): SIZES,
    ("FrexpBackward0", "*"): "the exponent is found in the input again",
    ("GatherBackward0", "self"): SIZES,
    ("GeluBackward0", "approximate"): WORD,
    ("Im2ColBackward0", "self_sym_argsize_minus_1"): "the sizes of the image as one list",
    ("Im2ColBackward0", "self_sym_argsize_minus_2"): "the sizes of the image as one list",
    ("IndexAddBackward0", "source"): SIZES,
    ("IndexAddBackward0", "source_dim"): SIZES,
    ("IndexCopyBackward0", "source"): SIZES,
    ("IndexCopyBackward0", "source_dim"): SIZES,
    ("LinalgDetBackward0", "LU"): TURNED,
    ("LinalgDetBackward0", "pivots"): TURNED,
    ("LinalgEigBackward0", "eigenvectors"): SIGNS,
    ("LinalgEighBackward0", "eigenvectors"): SIGNS,
    ("LinalgInvExBackward0", "inverse"): "PyTorch's cond overwrites it, so that backward fails",
    ("LinalgQrBackward0", "mode"): WORD,
    ("LinalgSlogdetBackward0", "LU"): TURNED,
    ("LinalgSlogdetBackward0", "pivots"): TURNED,
    ("LinalgSvdBackward0", "S_sym_argsize_minus_1"): "follows from S",
    ("LinalgSvdBackward0", "U"): SIGNS,
    ("LinalgSvdBackward0", "Vh"): SIGNS,
    ("LogSigmoidBackward0", "buffer"): "no buffer is needed",
    ("LogitBackward0", "eps"): "-1 where none was given",
    ("MaskedScatterBackward0", "mask"): SEEN,
    ("MaskedSelectBackward0", "mask"): SEEN,
    ("MaskedSelectBackward0", "self"): SIZES,
    ("MaxPool2DWithIndicesBackward0", "*"): SPARSE,
    ("MaxPool3DWithIndicesBackward0", "*"): SPARSE,
    ("MulBackward0", "other"): NUMBER,
    ("MvlgammaBackward0", "p"): UNNAMED,
    ("NativeBatchNormBackward0", "*"): NORMALIZED,
    ("NllLossBackward0", "self"): SIZES,
    ("NllLossBackward0", "total_weight"): "follows from target and weight",
    ("PreluKernelBackward0", "weight"): SEEN,
    ("ProdBackward0", "result"): RESULT,
    ("ProdBackward1", "result"): RESULT,
    ("ReflectionPad1DBackward0", "*"): SPARSE,
    ("ReplicationPad1DBackward0", "*"): SPARSE,
    ("RollBackward0", "dims"): "each dimension once",
    ("RollBackward0", "shifts"): "each dimension once",
    ("Rot90Backward0", "dims"): "as two numbers",
    ("Rot90Backward0", "k"): "the quarter turns that are left of it",
    ("ScatterReduceBackward0", "reduce"): WORD,
    ("SgnBackward0", "*"): ALONE,
    ("SliceBackward0", "end"): PLACES,
    ("SliceBackward0", "start"): "no more than the size",
    ("SliceScatterBackward0", "end"): PLACES,
    ("SpecialI1Backward0", "result"): RESULT,
    ("SpecialLogNdtrBackward0", "result"): RESULT,
    ("SqueezeBackward0", "*"): PLACES,
    ("SqueezeBackward1", "*"): PLACES,
    ("SqueezeBackward2", "*"): PLACES,
    ("SqueezeBackward4", "*"): PLACES,
    ("SumBackward1", "dim"): "sum_to_size keeps the sizes",
    ("SumBackward1", "keepdim"): "sum_to_size keeps the sizes",
    ("TransposeBackward0", "dim0"): "one permutation",
    ("TransposeBackward0", "dim1"): "one permutation",
    ("TriangularSolveBackward0", "self"): "the derivative reads the solution instead",
    ("TriangularSolveBackward0", "transpose"): "the matrix is transposed before",
}


def tree(node: Any) -> Any:
    """The names behind a node, with the output numbers of the edges."""
    return node and (node.name(), [(tree(each), nr) for each, nr in node.next_functions])


def graphs(lib: Any, op: Op, sample: Any) -> list[Any]:
    found = differentiable(lib, op.of_tensors(lib, sample)(*sample.tensors(lib)))
    return [(each.grad_fn, each.output_nr) for each in found]


def walk(ours: Any, theirs: Any) -> Iterator[tuple[Any, Any]]:
    """Pairs of nodes of two graphs that look the same."""
    if ours is None:
        return
    yield ours, theirs
    for (left, _), (right, _) in zip(ours.next_functions, theirs.next_functions, strict=True):
        yield from walk(left, right)


def read(node: Any, name: str) -> Any:
    try:
        return getattr(node, name)
    except RuntimeError as error:  # PyTorch overwrote it
        return str(error)


def saved(node: Any) -> dict[str, Any]:
    found = {name: read(node, name) for name in dir(node) if name.startswith("_saved_")}
    return {name.removeprefix("_saved_"): value for name, value in found.items()}


def rounded(number: Any) -> Any:
    """What two libraries have in common of a float or of both parts of a number."""
    if isinstance(number, complex):
        return rounded(number.real), rounded(number.imag)
    return float(f"{number:.6g}") + 0.0 if number == number else "nan"


def plain(lib: Any, value: Any) -> Any:
    """Lists and numbers in the place of tensors."""
    if isinstance(value, lib.Tensor):
        return tuple(value.shape), *(rounded(each) for each in value.detach().flatten().tolist())
    if isinstance(value, tuple):
        return tuple(plain(lib, each) for each in value)
    return rounded(value) if isinstance(value, float) else value


def agree(ours: Any, theirs: Any, name: str) -> bool:
    """PyTorch prints negative numbers as if they had no sign, and dimensions as they were given."""
    if isinstance(theirs, tuple) and isinstance(ours, tuple) and len(ours) == len(theirs):
        return all(agree(a, b, name) for a, b in zip(ours, theirs, strict=True))
    if isinstance(theirs, int) and theirs >= 1 << 63:
        theirs -= 1 << 64
        if isinstance(ours, int) and name.startswith(("dim", "index", "start", "shifts", "k")):
            return ours == theirs or (ours >= 0 and 0 < ours - theirs <= 6)
    if name == "dim" and theirs in (None, ()):
        return ours == tuple(range(len(ours)))
    if name == "dim" and ours in ((), -1):  # there is no dimension
        return theirs in (0, (0,))
    if theirs is None and (name, ours) in (("correction", 1.0), ("start", 0)):
        return True
    return bool(ours == theirs)


def compare_saved(ours: Any, theirs: Any, used: set[tuple[str, str]]) -> None:
    name = ours.name()
    left, right = saved(ours), saved(theirs)
    for key in sorted(left | right):
        values = [plain(lib, side.get(key, "absent")) for lib, side in ((pb, left), (torch, right))]
        if agree(*values, key):
            continue
        why = next((e for e in ((name, key), (name, "*")) if e in OTHER_SAVED), None)
        used.add(why or (name, key))
    for key, value in left.items():
        if isinstance(value, pb.Tensor):
            assert repr(getattr(ours, f"_raw_saved_{key}").unpack()) == repr(value)


def test_the_graph_of_every_record() -> None:
    other_graphs: set[str] = set()
    other_saved: set[tuple[str, str]] = set()
    count = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for op in (op for op in TORCH_OPS if op.differentiable):
            for sample in op.samples:
                left, right = graphs(pb, op, sample), graphs(torch, op, sample)
                if len(left) != len(right):
                    other_graphs.add(op.name)
                    continue
                for (ours, nr), (theirs, other_nr) in zip(left, right, strict=True):
                    if nr != other_nr or tree(ours) != tree(theirs):
                        other_graphs.add(op.name)
                        continue
                    for mine, other in walk(ours, theirs):
                        count += 1
                        compare_saved(mine, other, other_saved)
    assert count > 2000
    assert other_graphs == set(OTHER_GRAPHS), other_graphs ^ set(OTHER_GRAPHS)
    assert other_saved == set(OTHER_SAVED), other_saved ^ set(OTHER_SAVED)


def test_every_node_says_what_it_is() -> None:
    for op in (op for op in TORCH_OPS if op.differentiable):
        for node in (node for node, _ in graphs(pb, op, op.samples[0]) if node):
            assert isinstance(node, pb.autograd.graph.Node)
            assert type(node).__name__ in (node.name(), node.name().split("::")[-1])
            node.metadata["note"] = op.name
            assert node.metadata == {"note": op.name}
            for before, _ in node.next_functions:
                if before is not None and before.name() != "torch::autograd::AccumulateGrad":
                    assert before._sequence_nr() < node._sequence_nr()
