"""What PyTorch cannot do, and what is refused here: by the words of the messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .errors import Raised

OTHER_GRAPHS = {
    "unfold",
    "gather",
    "index_select",
    "index_fill",
    "index_put",
    "put",
    "take",
    "linear",
    "reshape",
    "flatten",
    "repeat",
    "scatter",
    "scatter_add",
    "expand_as",
}


def has_other_graph(text: str) -> bool:
    """The nodes of some of its operators are listed as different in the table of graphs."""
    return any(name in OTHER_GRAPHS for name in re.findall(r"\.(\w+?)_?\(", text))


def is_composed(text: str, operands: Iterable[Any]) -> bool:
    """What of complex numbers is made of other operators has the node of the last of them."""
    made = ".var(" in text or ".logsumexp(" in text
    return made and any(getattr(x, "is_complex", bool)() for x in operands)


# Messages of PyTorch that speak of what it cannot do in some place; here it may work.
LIMITS = (
    "functorch transform",
    "must override the setup_context",
    "don't yet support saved tensor hooks",
    "would mutate a captured Tensor",
    "Nested forward mode AD",
    "not possible because there exists a Tensor",
    "is not allowed; ",
    "Batching rule not implemented",
    "arg_spec must not be None",
    "not resizable",
    "A leaf node was passed to _will_engine_execute_node",
    "support batching",
    "Output 0 of View is a view",
    "that doesn't have storage",
    "Autograd not support dtype",
    "the derivative for '",
    "derivative for aten::",
    "is not differentiable with respect to argument",
    "does not have vmap support",
    "stack expects a non-empty TensorList",
    "refer to a single memory location",
    "refers to a single memory location",
    "Cannot set version_counter for inference tensor",
    "Cannot access storage of TensorWrapper",
    "Expected self.dtype to be equal to src.dtype",
    "Inference tensors do not track version counter",
    "'NoneType' object has no attribute 'next_functions'",
    "INTERNAL ASSERT FAILED",
    "Some elements marked as dirty",
    "with forward AD",
    "forward AD with",
    "can access memory outside of `tensor`",
    "Trying to set a forward gradient that has a different size",
    "does not support automatic differentiation for outputs with complex dtype",
    "(input_is_complex == grad_is_complex) to be true",
    "Found dtype Double but expected Float",
)
# PyTorch has written when it says so.
HALF_WRITTEN = (
    "Inplace update to inference tensor",
    "a leaf Variable that requires grad has been used in an in-place operation",
    "cannot resize variables that has a forward grad",
)
# Messages of ours where PyTorch has none: errors instead of silence.
REFUSALS = (
    "no longer shares memory with its base",
    "functions with out=... arguments don't support automatic differentiation",
    "not resizable. In",
    "derivative for set_",
    "Put vmap inside of the checkpoint",
    "Mismatch in shape: grad_output",
    "both grad_output and output are required to have the same dtype",
    "It is a gradient that depends on no tensor",
    "is not differentiable with respect to argument",
    "which is output 0 of Logsumexp",  # its tangent reads it, too
    "You are attempting to call Tensor.requires_grad_()",
    "doesn't match the broadcast shape",
    "Batching rule not implemented for aten::resize_",
    "fill_ only supports 0-dimension value tensor",
    "select_scatter: expected src to have a size equal to the part of self",
    "more than one element of the written-to tensor refers to a single memory location",
    "is a view and its base or another view of its base has been modified inplace",
    "Inference tensors cannot be saved for backward",
    "source tensor shape must match self tensor shape",
    "can access memory outside of `tensor`",
    "Trying to set a forward gradient that has a different size",
    "grad can be implicitly created only for real scalar outputs",
)


def is_limit(message: str, loose: object = True) -> bool:
    """Whether PyTorch cannot do it; writes into views that transforms gave out among it."""
    return any(words in message for words in LIMITS) or (
        bool(loose) and ("returns multiple views" in message or "view size is not" in message)
    )


# What PyTorch saves, and refuses to use when it was written into, though no derivative reads it.
SAVES_LESS = re.compile(
    r"\.(complex|gather|max|min|sort|index_\w+|scatter\w*|masked_\w+|cummax|cumprod|take|jvp|jacfwd|hessian|make_dual)\("
)


def saves_less(theirs: Raised, text: str) -> bool:
    """So it does for tangents, which it writes in place, and in nodes that get no gradient.

    In vmap what was written in place is a new tensor here, and what was saved is as it was.
    """
    words = (
        "modified by an inplace operation",
        "outside of the 'allow_mutation",
        "have different metadata than during the forward",
    )
    told = any(each in theirs.message for each in words)
    apart = "Nothing.apply" in text or "vmap(" in text
    # What is drawn into a result has no share of its derivative.
    apart |= "T.func." in text and re.search(r"\.(uniform|normal|bernoulli)_\(", text) is not None
    return told and (apart or SAVES_LESS.search(text) is not None)


def depends_otherwise(outcomes: Sequence[Raised | None]) -> bool:
    """One meets a node that was freed or is wrong on the way from a transform's result."""
    words = (
        "through the graph a second time",
        "returned an invalid gradient",
        "appears to not have been used in the graph",
        "does not require grad and does not have a grad_fn",
    )
    told = [each for each in outcomes if each and any(w in each.message for w in words)]
    return 0 < len(told) < len(outcomes)


def is_refused_here(raised: Raised, text: str, loose: object = ()) -> bool:
    """PyTorch gives zeros for a Hessian of inputs that were written beside the function.

    It reads what a checkpoint was given as it is now, `detach()` and `.data` let inference tensors
    be written, and `tensor(x)` copies examples where `grad` stands in `vmap`. Results of transforms
    have a layout of their own.
    """
    if loose and "view size is not compatible" in raised.message:
        return True
    overwritten = "modified by an inplace operation" in raised.message
    if overwritten and ("functional.hessian" in text or "_KeepInputs" in raised.message):
        return True
    if "calling .item() on a Tensor" in raised.message and "tensor(" in text:
        return True
    written = "Inplace update to inference" in raised.message
    if written and any(way in text for way in (".detach()", ".data.", ".data[", ".resize_(")):
        return True
    return any(words in raised.message for words in REFUSALS)


def is_half_written(raised: Raised) -> bool:
    return any(words in raised.message for words in HALF_WRITTEN)


def has_order(error: Raised, text: str) -> bool:
    return "checkpoint" in text or "is not implemented" in error.message
