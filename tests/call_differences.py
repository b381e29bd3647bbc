"""Calls that differ from PyTorch on purpose, for tests/parity/test_calls.py.

A rule says of which call (its function and what stands in it), with which outcome on either side,
and is named by the reason. ``DIFFERENCES`` lists them; a call that ends the process is never one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from calls import Call
from outcomes import ANY, FACTORIZATIONS, Outcome, close, settled
from unlike_torch import NOT_RECORDED_IN_TORCH

Difference = Callable[[Call, str, Outcome, Outcome], bool]
DIFFERENCES: dict[str, Difference] = {}


def difference(reason: str) -> Callable[[Difference], Difference]:
    def note(function: Difference) -> Difference:
        assert reason not in DIFFERENCES
        DIFFERENCES[reason] = function
        return function

    return note


def rule(
    reason: str,
    names: str = ANY,
    has: str = ANY,
    ours: str = "TypeError",
    theirs: str = "ok",
    our_words: str = ANY,
    their_words: str = ANY,
) -> None:
    """A difference of the functions ``names``, whose text has ``has`` (a regular expression)."""
    wanted = set(names.split())

    @difference(reason)
    def _(call: Call, text: str, left: Outcome, right: Outcome) -> bool:
        return (
            (not wanted or call.target.name + call.target.suffix in wanted)
            and re.search(has, text) is not None
            and left.fits(ours, our_words)
            and right.fits(theirs, their_words)
        )


def with_tensor(call: Call, *literals: str) -> bool:
    """Whether one of the arguments, or an element of one, is one of these."""
    values = [*call.positional, *(value for _, value in call.keywords)]
    return any(literal in value for value in values for literal in literals)


# --- what PyTorch's errors are made of ---

rule(
    "it is a defect inside of PyTorch, by its own words",
    ours="TypeError ValueError ok",
    theirs="RuntimeError",
    their_words="INTERNAL ASSERT|Expected scalar.isIntegral|SymInt|std::vector larger",
)
rule(
    "PyTorch's function is in Python and fails inside: what is no tensor lacks a method",
    theirs="AttributeError",
    our_words="must be Tensor|received an invalid combination",
)
rule(
    "PyTorch finds that a result of integers cannot have a gradient when it is there; here it has "
    "none, like that of a cast",
    ours="ok",
    theirs="RuntimeError",
    their_words="Autograd not support dtype",
)
rule(
    "a wrong type is a TypeError, where PyTorch asserts",
    "autograd.grad",
    theirs="AssertionError",
    our_words="must hold Tensors",
)

# --- flags ---

rule(
    "a flag is a bool or a number; PyTorch takes the truth of anything ('no' is true)",
    theirs="ok RuntimeError ValueError",
    our_words=r"argument '(inplace|size_average|reduce|return_indices|get_infos|center)' "
    r".*must be bool",
)
rule(
    "the same in unique, and in dropout for what is passed on",
    "unique unique_consecutive nn.functional.dropout",
    theirs="ok RuntimeError ValueError",
    our_words="must be bool",
)
rule(
    "the same in grad",
    "autograd.grad",
    theirs="ok RuntimeError ValueError",
    our_words="argument '(is_grads_batched|materialize_grads|allow_unused)' must be bool",
)
rule(
    "a number that nothing reads is looked at, too",
    "softmax log_softmax softmin",
    ours="TypeError ValueError",
    our_words="argument '_stacklevel'",
)
rule(
    "size_average= decides alone; PyTorch divides a mean by the size of the batch once more",
    "kl_div",
    r"reduction='batchmean'",
    ours="ok",
)

# --- integers ---


@difference("a tensor of bools is no integer")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    kinds = "ok RuntimeError IndexError ValueError NotImplementedError"
    literals = ("t.tensor(True)", "t.tensor([True])")
    return with_tensor(call, *literals) and ours.fits("TypeError") and theirs.fits(kinds)


rule(
    "an integer of more than 63 bits is refused with integer tensors",
    has=r"2\*\*63|2 \*\* 63",
    ours="RuntimeError",
    our_words="without overflow",
)
rule(
    "an integer of more than 64 bits is said before something else that is wrong, too",
    has=r"2\*\*6[34]|2 \*\* 6[34]",
    ours="OverflowError ValueError",
    theirs="TypeError RuntimeError ValueError",
)
rule(
    "NumPy's integers are sizes and numbers of dimensions as elsewhere",
    "split tensordot",
    r"np\.int64",
    "ok",
    "TypeError RuntimeError",
)
rule(
    "a floating parameter may be any integer; PyTorch counts it in 64 bits",
    has=r"2 ?\*\* ?64",
    ours="ok",
    theirs="OverflowError",
)
rule(
    "a tensor of one element is an integer for a bound as it is elsewhere",
    "randint_like",
    r"t\.tensor\(\[1\]\)",
    "ok",
    "RuntimeError",
)
rule(
    "a bound that requires a gradient is no number, since its derivative would be lost",
    "linspace logspace randint_like",
    r"requires_grad=True|x\(",
    our_words="argument '(start|end|high|low)'|invalid combination",
)
rule(
    "what is no number is a TypeError",
    "linspace logspace randint_like",
    theirs="RuntimeError",
    our_words="argument '(start|end)'|invalid combination",
    their_words="only supports 0-dimensional|must be a scalar tensor",
)
rule(
    "a number is no dtype and no device",
    "to",
    r"\.to\((dtype=|other=|device=)?(True|False|[01]\.|0\.5|1e|float|np\.|-?2 ?\*\*)",
    our_words="to\\(\\)",
    theirs="ok RuntimeError OverflowError",
)
rule(
    "PyTorch reads a number as a tensor in an order that it deprecates",
    "sub subtract add",
    r"\((np\.\w+\(\d|[\d.])",
    theirs="ok OverflowError",
    our_words="invalid combination",
)

rule(
    "PyTorch negates the factor in 64 bits, where the lowest integer stays negative",
    "sub sub_ subtract subtract_ rsub",
    r"-2 ?\*\* ?63",
    "ok",
)

# --- out= ---


@difference("out= is taken by more functions, also with numbers as operands")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    words = (
        "unexpected keyword argument 'out'|invalid combination|positional arguments but|"
        "required positional argument"
    )
    if not any(name == "out" for name, _ in call.keywords):
        return False
    if theirs.fits("TypeError", "must be Tensor, not (float|int|numpy)"):
        words = "must be Tensor"
    ours_fit = ours.fits("ok") or ours.fits("RuntimeError", "out=|Expected out|can't be cast")
    return ours_fit and theirs.fits("TypeError", words)


rule(
    "out= is refused where an operand or itself requires a gradient; PyTorch forgets it in places",
    has="out=",
    ours="RuntimeError",
    our_words="don't support automatic differentiation",
    theirs="ok RuntimeError ValueError IndexError",
)
rule(
    "out= is looked at before anything else that is wrong, too",
    has="out=",
    our_words="argument 'out'",
    theirs="RuntimeError IndexError ValueError NotImplementedError",
)
rule(
    "a number is no out=, which PyTorch turns into a tensor that nobody sees",
    has=r"out=(-?\d|True|False|float|np\.)",
    our_words="argument 'out'",
)

# --- operators of Python, items ---

rule(
    "Python's operators are slots with one operand, or NumPy answers for its numbers",
    "__add__ __radd__ __pow__ __matmul__ __eq__ __lt__ __and__ __iadd__",
    theirs="ok RuntimeError OverflowError TypeError",
    our_words="expected (at least )?\\d arguments?, got|got a modulus",
)
rule(
    "NumPy answers for its arrays",
    "__eq__ __lt__",
    r"\(np\.array|, np\.array",
    "ok",
)
rule(
    "text is no index, also where PyTorch counts its letters",
    "__getitem__ __setitem__",
    r"__\('",
    theirs="IndexError",
    our_words="invalid data type 'str'",
)

# --- single functions ---

rule(
    "PyTorch looks for dimensions that the operand does not have",
    "addbmm addbmm_ baddbmm baddbmm_ bilinear mv addmv",
    ours="RuntimeError",
    our_words="must be a 3D tensor|must be a 3-D tensor|vector expected",
    theirs="IndexError",
)
rule(
    "what is written in place keeps its shape, as in all other functions",
    "addbmm_ baddbmm_",
    ours="RuntimeError",
    our_words="doesn't match the broadcast shape",
)
rule(
    "a sum over no dimensions is one over all, as in PyTorch's sum",
    "logsumexp",
    r"\(\[\]|\(\(\)|dim=\[\]|dim=\(\)|, \[\]|, \(\)",
    "ok",
    "RuntimeError",
    their_words="doesn't match the broadcast shape",
)
rule("bytes are a name like any other", "norm", r"b'a'", "RuntimeError", "TypeError")
rule(
    "set_ refuses what requires a gradient at once, and to reach out of the memory of its source",
    "set_",
    ours="RuntimeError",
    our_words="derivative for set_ is not implemented|out of bounds|Could not set tensor of type",
)
rule(
    "operands are of one dtype, also where nothing is multiplied by a matrix",
    "einsum",
    ours="RuntimeError",
    our_words="expected scalar type",
)
rule(
    "the equation is text or every tensor has a list of labels; PyTorch reads a tensor as a list",
    "einsum",
    theirs="RuntimeError ValueError IndexError",
    our_words="invalid combination",
)


@difference("vectors of a factorization are right up to their signs")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    checks = FACTORIZATIONS.get(call.target.path.removeprefix("t.") + call.target.name)
    if checks is None or not (ours.fits("ok") and theirs.fits("ok")):
        return False
    return close(settled(checks, ours.result, theirs.result), theirs.result)


@difference("PyTorch records nothing of these functions, so that no result requires a gradient")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    if call.target.name not in NOT_RECORDED_IN_TORCH or ours.failed or theirs.failed:
        return False
    kind, dtype, sizes, _, values = ours.result
    return close([kind, dtype, sizes, False, values], theirs.result)


rule(
    "PyTorch's function is in Python: it says what dims must be with other types of error",
    "tensordot",
    ours="TypeError ValueError",
    theirs="RuntimeError ValueError ok",
    our_words="argument 'dims'",
)
rule(
    "out= has a name, no place",
    "tensordot",
    theirs="RuntimeError ok",
    our_words="takes 3 positional arguments but 4 were given",
)
rule(
    "PyTorch gives an empty tensor for what is asked for by position only",
    "unique_consecutive",
    r", True",
    "ok",
)
rule(
    "the index is int64, also where it has no elements or there is no dim",
    "take_along_dim",
    r"t\.ones\(0\)|dtype=t\.int32",
    ours="RuntimeError",
    our_words="dtype of indices",
)


rule(
    "an unknown type in the place of sizes",
    "unflatten",
    theirs="RuntimeError ValueError",
    our_words="argument 'sizes'",
)
rule(
    "PyTorch sums the products of the batches one by one, so infinities meet",
    "addbmm addbmm_",
    r"float\('inf'\)|1e300",
    "ok",
)
rule("a norm of degree NaN is NaN, of one element, too", "norm vector_norm", r"nan", "ok")
rule(
    "the dimension is looked at also where there are no elements",
    "cummax cummin",
    r"\(0, 3\)|t\.ones\(0\)",
    "IndexError",
)
rule(
    "two things are wrong, of which another one is said",
    "index_put index_put_",
    ours="RuntimeError",
    theirs="IndexError",
    our_words="source and destination dtypes match",
)
rule(
    "a smoothing that is no probability is refused, where PyTorch takes no notice",
    "cross_entropy",
    ours="RuntimeError",
    our_words="label_smoothing must be between",
)
rule(
    "of two things that are wrong the kind of the bound is said before its value",
    "nn.functional.hardtanh hardtanh",
    theirs="ValueError",
    our_words="argument '(min_val|max_val)'",
    their_words="min_val cannot be greater",
)
rule(
    "a bool is a number for dx as for trapezoid",
    "cumulative_trapezoid",
    r"dx=True",
    "ok",
    "RuntimeError",
)
rule(
    "PyTorch looks behind the one dimension that a number counts as",
    "repeat_interleave",
    r"dim=",
    "ok",
    "IndexError",
    their_words="range of \\[-1, 0\\], but got 1",
)
rule(
    "Python's float is float64 as it is for dtype=",
    "set_default_dtype",
    r"float",
    "ok",
    "TypeError",
)
rule(
    "there is no dtype of unsigned 64 bits",
    "result_type",
    r"2 ?\*\* ?63",
    "ok",
    "RuntimeError",
    their_words="UInt64",
)
rule(
    "there is no smallest element of none, with out= either",
    "min max",
    r"ones\(0\).*out=",
    "RuntimeError",
)
rule(
    "PyTorch does not resize out= here, though it holds nothing",
    "normal",
    "out=",
    "ok",
    "RuntimeError",
)
rule(
    "PyTorch has a parameter for other devices",
    theirs="NotImplementedError",
    our_words="positional arguments but",
    their_words="Could not run 'aten::",
)
rule(
    "PyTorch adds to an offset at the end of 64 bits",
    "triu_indices tril_indices",
    r"2 ?\*\* ?6",
    "ok",
    "RuntimeError",
)
rule(
    "p is a number",
    "nn.functional.dropout nn.functional.normalize multi_margin_loss",
    theirs="ValueError RuntimeError",
    our_words="argument 'p'",
)
rule(
    "a tensor of one element is a dimension as it is elsewhere",
    "norm",
    r"dim=t\.tensor\(",
    "ok",
    "TypeError",
)
rule(
    "a bound is an integer",
    "randint_like",
    r"t\.tensor\(1\.0\)",
    our_words="invalid combination",
)
rule(
    "a flag may be a floating number",
    "autograd.grad",
    r"allow_unused=",
    "ok",
    "TypeError",
)
rule(
    "gradients batched by nothing: the seed that is missing is named",
    "autograd.grad",
    r"is_grads_batched=",
    "RuntimeError",
    "ValueError",
    our_words="needs a tensor for each grad_output",
)
rule(
    "a gradient that is no tensor and no sequence of them is a TypeError",
    "backward",
    theirs="RuntimeError",
    our_words="gradients can be either Tensors or None",
)
rule(
    "a flag may be any integer; PyTorch counts it in 8 bits",
    "backward autograd.grad",
    r"2 ?\*\* ?6",
    "ok",
    "OverflowError",
)
rule(
    "of two things that are wrong the shape is said before the dtype",
    "nn.functional.nll_loss nn.functional.cross_entropy nll_loss cross_entropy",
    ours="ValueError IndexError",
    theirs="RuntimeError",
    their_words="target dtype to be Long|floating point type for target",
)
rule("NaN is no probability", "nn.functional.dropout", r"nan", "ValueError", "RuntimeError")


@difference("what is drawn in place has no history but its own")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    return call.target.name == "bernoulli_" and differs_in_history(ours, theirs)


@difference("where nothing is written, as by an index without elements, nothing is recorded")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    scatters = call.target.name + call.target.suffix == "scatter_" and "t.ones(0)" in text
    return scatters and differs_in_history(ours, theirs)


def differs_in_history(ours: Outcome, theirs: Outcome) -> bool:
    """Whether one requires a gradient and is the same else."""
    left, right = ours.result, theirs.result
    return bool(left and right and [*left[:3], *left[4:]] == [*right[:3], *right[4:]])


@difference("a comparison in place has no history, and the result of integers no gradient")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    names = "eq ne lt le gt ge less less_equal greater greater_equal not_equal"
    if call.target.suffix != "_" or call.target.name not in names.split():
        return False
    return differs_in_history(ours, theirs)


rule(
    "PyTorch's derivatives of gamma and Dirichlet numbers have three digits",
    "_standard_gamma_grad _dirichlet_grad",
    ours="ok",
)
rule(
    "a dimension that is missing is an IndexError, an operand without dimensions a RuntimeError",
    "lu_unpack orgqr householder_product",
    ours="IndexError RuntimeError",
    theirs="RuntimeError IndexError",
    our_words="Dimension out of range|one dimension less than input",
)
rule(
    "one dimension may be a number",
    "tensorsolve",
    r"dims=\d",
    ours="IndexError ok RuntimeError",
    theirs="TypeError",
    their_words="must be tuple of ints, not int",
)
rule(
    "the maximum stands for norms of powers that overflow, in PyTorch zero, one or infinity",
    "norm vector_norm",
    r"2 ?\*\* ?6",
    "ok",
)
# --- layers ---

_POOLS = " ".join(
    f"{name}{dims}d{end}"
    for name, end in (
        ("adaptive_avg_pool", ""),
        ("adaptive_max_pool", "_with_indices"),
        ("avg_pool", ""),
        ("max_pool", "_with_indices"),
    )
    for dims in (1, 2, 3)
)
rule(
    "one number in a tuple counts for all dimensions, as a number does",
    _POOLS,
    ours="ok",
    theirs="RuntimeError TypeError",
    their_words="output_size|has no len|len\\(\\) of",
)
rule(
    "a wrong type is a TypeError, where PyTorch counts its elements or goes on",
    f"{_POOLS} unfold fold",
    ours="TypeError",
    theirs="ok RuntimeError TypeError",
    our_words="must be int",
)
rule(
    "a wrong number of dimensions is a RuntimeError, where PyTorch asks for a size that is missing",
    f"{_POOLS} batch_norm instance_norm group_norm layer_norm rms_norm",
    ours="RuntimeError",
    theirs="IndexError ValueError",
    our_words="[Ee]xpected",
)
rule(
    "a number for all dimensions may be a tensor without dimensions",
    "unfold fold",
    ours="ok RuntimeError",
    theirs="TypeError",
    their_words="0-d tensor",
)
rule(
    "a window may begin anywhere that an integer can say",
    _POOLS,
    ours="ok",
    theirs="RuntimeError",
    their_words="without overflow",
)
rule(
    "arguments are looked at one after the other, and their kinds first",
    "embedding_bag",
    ours="TypeError RuntimeError",
    theirs="ValueError",
    our_words="argument",
)
