"""What random programs leave out, each with its reason.

EXCLUDED is what PyTorch does wrong or leaves undefined (docs/differences.md), WAITING what is
known to be wrong here and not mended yet. A rule sees the line with holes, the tensors in the
holes and whether it stands in a function, and says whether the line is left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import Raised
    from .lines import Filler, Scope, Step
    from .machine import Machine


@dataclass
class Case:
    """A line that is about to run."""

    machine: Machine
    kind: str
    line: str  # with holes
    text: str  # without
    operands: dict[str, Any]
    scope: Scope

    @property
    def is_inside(self) -> bool:
        return self.scope.outer is not None

    def target(self) -> Any:
        """What a line writes into."""
        return next(iter(self.operands.values()), None)


@dataclass
class Rule:
    reason: str
    leaves_out: Callable[[Case], bool]


def quiet(function: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return function()
    except Exception:  # noqa: BLE001
        return otherwise


def is_large(x: Any) -> bool:
    if not x.is_floating_point():
        return False
    return quiet(lambda: x.numel() > 0 and not bool((x.detach().abs() <= 20).all()), False)


def memory(x: Any) -> Any:
    return quiet(lambda: x.data_ptr() - x.storage_offset() * x.element_size(), None)


def writes(case: Case) -> bool:
    if "Write" in case.line:
        return True
    line = case.line
    return (
        line.startswith(("{x}.", "{f}.", "{x}[")) and ("_(" in line or "= " in line)
    ) or "out=" in line


def is_expanded(x: Any) -> bool:
    return any(s == 0 and n > 1 for s, n in zip(x.stride(), x.shape, strict=True))


def reads_what_it_writes(case: Case) -> bool:
    if not writes(case) or len(case.operands) < 2:
        return False
    tensors = list(case.operands.values())
    if "out=(" in case.line:
        return len({memory(x) for x in tensors}) < len(tensors)
    target = tensors[-1] if "out=" in case.line else tensors[0]
    others = [x for x in tensors if x is not target]
    if len(others) < len(tensors) - 1:
        return True
    return any(memory(x) == memory(target) for x in others)


def silent_view(case: Case) -> bool:
    """Of a tensor that requires a gradient, where nothing is recorded."""
    if case.kind not in ("views", "copies", "inside", "custom"):
        return False
    t = case.machine.worlds[0].lib
    if case.kind == "custom" and not any(w in case.line for w in ("View.", "Turn.", "Same.")):
        return False
    silent = not t.is_grad_enabled() or "no_grad" in case.line or "inference" in case.line
    return silent and any(quiet(lambda x=x: x.requires_grad, True) for x in case.operands.values())


def requires_grad_late(case: Case) -> bool:
    if "requires_grad" not in case.line:
        return False
    x = case.target()
    around = [case.scope.names[name] for name in case.scope.all_tensors()]
    return x is not None and any(quiet(lambda y=y: y._base, None) is x for y in around)


def enlarges(case: Case) -> bool:
    size = math.prod(eval(case.text.split("resize_", 1)[1])) if ".resize_" in case.text else 0
    return size > (0 if case.target() is None else case.target().numel())


def is_result_of_transform(case: Case, x: Any) -> bool:
    """Which may be an input itself, or a view of it, in PyTorch."""
    names = case.scope.names
    return any(names.get(name) is x for name in case.machine.unnamed)


def uses_result(case: Case) -> bool:
    """A gradient with respect to it, its nodes, or it as `.grad`."""
    if case.kind not in ("passes", "gradients", "hooks"):
        return False
    return any(is_result_of_transform(case, x) for x in case.operands.values())


def mixes(case: Case) -> bool:
    """Operands of several dtypes."""
    return len({str(x.dtype) for x in case.operands.values()}) > 1


def silent_transform(case: Case) -> bool:
    t = case.machine.worlds[0].lib
    if "{def" not in case.line or t.is_grad_enabled():
        return False
    return any(quiet(lambda x=x: x.requires_grad, True) for x in case.operands.values())


def writes_into_result(case: Case) -> bool:
    if not writes(case) or case.is_inside:
        return False
    return any(is_result_of_transform(case, x) for x in case.operands.values())


def inside(*words: str) -> Callable[[Case], bool]:
    return lambda case: case.is_inside and any(word in case.line for word in words)


EXCLUDED = [
    Rule(
        "the last bits of large numbers differ, and what is computed from them more",
        lambda case: any(is_large(x) for x in case.operands.values()),
    ),
    Rule("what is read and written at once depends on the order of elements", reads_what_it_writes),
    Rule(
        "elements that share memory are not written",
        lambda case: writes(case) and any(is_expanded(x) for x in case.operands.values()),
    ),
    Rule("PyTorch says that a view made without recording requires a gradient", silent_view),
    Rule("PyTorch loses gradients of views that are older than requires_grad", requires_grad_late),
    Rule("memory that has not been written", enlarges),
    Rule("PyTorch refuses it in vmap", inside(".data", "tolist", ".item", "pickle", "deepcopy")),
    Rule(
        "PyTorch keeps the history of what it overwrites",
        lambda case: (
            "logical_not_" in case.line
            and (case.is_inside or quiet(lambda: case.target().requires_grad, True))
        ),
    ),
    Rule(
        "PyTorch forgets the tangent's shape, or what the input was",
        inside("as_strided_", "detach_"),
    ),
    Rule(
        "PyTorch says of a gradient that is a view of what was given that it requires one",
        lambda case: (
            "{g}" in case.line
            and ("autograd.grad(" in case.line or ".backward(" in case.line)
            and "create_graph=True" not in case.text
            and quiet(lambda: case.operands["g"].requires_grad, True)
        ),
    ),
    Rule(
        "PyTorch cuts off leaves that are made in a transform",
        inside("requires_grad={bit}", "increment_version"),
    ),
    Rule(
        "PyTorch's rule for batches of points refuses it",
        lambda case: (
            case.is_inside
            and (".flip" in case.line or "index_select" in case.line)
            and case.target().dim() == 0
        ),
    ),
    Rule(
        "PyTorch gives out= a new shape, its history keeps the old one",
        lambda case: (
            "out=" in case.line
            and any(quiet(lambda x=x: x.requires_grad, True) for x in case.operands.values())
        ),
    ),
    Rule("inside transforms PyTorch has nodes of its own", inside("grad_fn", "hook", "out=")),
    Rule(
        "PyTorch's result of a transform may be a view made without recording", writes_into_result
    ),
    Rule("the batch is anywhere in PyTorch", inside("unsqueeze_", "squeeze_", "transpose_", ".t_")),
    Rule(
        "PyTorch's vmap of nothing fails",
        lambda case: (
            any(w in case.line for w in ("vmap", "Batches", "jac", "hessian"))
            and any(quiet(lambda x=x: x.numel() == 0, False) for x in case.operands.values())
        ),
    ),
]
WAITING: list[Rule] = [
    Rule("in-place inside vmap counts twice", lambda case: case.is_inside and "_(" in case.line),
    Rule(
        "a slope that does not depend on it", lambda case: case.is_inside and "jacfwd" in case.line
    ),
    Rule(
        "the outer gradient of a static jvp",
        lambda case: (
            case.is_inside and any(w in case.line for w in ("Exp", "Product", "WriteSetup"))
        ),
    ),
    Rule("forward mode in reentrant checkpoints", lambda case: "use_reentrant=True" in case.text),
    Rule(
        "other memory and accumulators",
        lambda case: ".data = " in case.line,
    ),
    Rule("var saves its result", lambda case: ".var(" in case.line),
    Rule(
        "out= of another dtype",
        lambda case: (
            "out=" in case.line
            and ("T.clamp(" in case.line or "T.index_select(" in case.line or mixes(case))
        ),
    ),
    Rule("writes into inputs of jvp", lambda case: case.is_inside and writes(case)),
    Rule("rand(out=)", lambda case: "T.rand(" in case.line and "out=" in case.line),
    Rule("forward mode in inference mode", lambda case: "inference_mode" in case.line),
    Rule("make_dual is a view", lambda case: "_dual" in case.line),
    Rule(
        "functions that call transforms where forward mode is off",
        lambda case: "Slope" in case.line,
    ),
    Rule("forward mode off", lambda case: "_set_fwd" in case.line),
    Rule(
        "out= of factories into integers",
        lambda case: (
            any(
                w in case.line
                for w in (
                    "T.zeros(",
                    "T.full(",
                    "T.arange(",
                )
            )
            and "out=" in case.line
        ),
    ),
]


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
    "does not have vmap support",
    "stack expects a non-empty TensorList",
    "refer to a single memory location",
    "refers to a single memory location",
    "with forward AD",
    "forward AD with",
)
# Messages of ours: errors instead of silence.
REFUSALS = (
    "no longer shares memory with its base",
    "functions with out=... arguments don't support automatic differentiation",
    "not resizable. In",
    "derivative for set_",
    "Put vmap inside of the checkpoint",
    "Mismatch in shape: grad_output",
    "It is a gradient that depends on no tensor",
    "You are attempting to call Tensor.requires_grad_()",
)


def is_limit(message: str, loose: object = True) -> bool:
    """Whether PyTorch cannot do it; writes into views that transforms gave out among it."""
    return any(words in message for words in LIMITS) or (
        bool(loose) and ("returns multiple views" in message or "view size is not" in message)
    )


# What PyTorch saves, and refuses to use when it was written into, though no derivative reads it.
SAVES_LESS = re.compile(r"\.(gather|max|min|sort|index_\w+|scatter\w*|masked_\w+|cummax|take)\(")


def saves_less(theirs: Raised, text: str) -> bool:
    told = "modified by an inplace operation" in theirs.message
    return told and SAVES_LESS.search(text) is not None


def is_refused_here(message: str) -> bool:
    return any(words in message for words in REFUSALS)


def is_excluded(machine: Machine, step: Step, filler: Filler, scope: Scope) -> bool:
    case = Case(machine, step.kind, step.line, filler.text, filler.operands(), scope)
    return any(rule.leaves_out(case) for rule in (*EXCLUDED, *WAITING))
