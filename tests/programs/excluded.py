"""What random programs leave out, each with its reason.

EXCLUDED is what PyTorch does wrong or leaves undefined (docs/differences.md). A rule sees the line
with holes, the tensors in the holes and whether it stands in a function, and says whether the line
is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from .cases import Case, Rule, is_expanded, is_large, memory, quiet, writes
from .predicates import (
    FORWARD,
    draws_into_view,
    enlarges,
    hooks_product,
    is_cumprod,
    leads_nowhere,
    leaves_crosswise,
    looks_unlike,
    makes_complex_half,
    misses_zeros,
    mixes,
    multiplies_nothing,
    nearly_ties,
    nests_mutation,
    nests_static_jvp,
    nodes_of_result,
    orders_gradients,
    promotes_in_batch,
    reads_beside_argument,
    reads_what_it_writes,
    replaces_node,
    requires_grad_late,
    scatters_number,
    shares_counter,
    silent_view,
    turns_silently,
    variables,
    weighs_in_batch,
    writes_cumprod,
    writes_given_tangent,
    writes_into_result,
    writes_other_argument,
    writes_polar,
    writes_under_leaf,
    writes_under_parts,
    writes_under_silent_view,
    writes_what_runs_again,
)
from .rows import TANGENTS

if TYPE_CHECKING:
    from .lines import Filler, Scope, Step
    from .machine import Machine


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
    Rule("the same when its base joins the graph later", writes_under_silent_view),
    Rule("PyTorch loses gradients of views that are older than requires_grad", requires_grad_late),
    Rule("PyTorch loses gradients of views that are leaves of their own", writes_under_leaf),
    Rule("memory that has not been written", enlarges),
    Rule("nodes that lead to results of transforms and to values of items", nodes_of_result),
    Rule("PyTorch checks no versions of what a checkpoint saves", writes_cumprod),
    Rule("PyTorch's gradient of polar reads the result, which is written", writes_polar),
    Rule(
        "PyTorch's second derivatives of prod, polar go through the result, and meet hooks twice",
        hooks_product,
    ),
    Rule("PyTorch's second tangent of cumprod is wrong at zeros", misses_zeros),
    Rule("PyTorch's gradient of a number that select_scatter writes in vmap", scatters_number),
    Rule(
        "PyTorch writes into a tangent that is its own point",
        lambda case: "({f},), ({g},)" in case.line and case.names.get("f") == case.names.get("g"),
    ),
    Rule(
        "PyTorch's tangent of the logsumexp of nothing",
        lambda case: case.is_inside and ".logsumexp(" in case.line and case.target().numel() == 0,
    ),
    Rule(
        "PyTorch's tangents take a factorization for constant, or there are none",
        lambda case: (
            case.kind == "rows"
            and (case.is_inside or "make_dual(" in case.machine.text())
            and re.search(rf"\.({TANGENTS})_?[.(]", case.line) is not None
        ),
    ),
    Rule("PyTorch forgets one of two nested modes", nests_mutation),
    Rule(
        "PyTorch keeps a gradient of examples that are over, and crashes when it is looked at",
        lambda case: (
            "is_grads_batched" in case.line
            and any(quiet(lambda x=x: x.retains_grad, False) for x in variables(case))
        ),
    ),
    Rule(
        "who uses a view first that must not be used any more, a transform or what is around it",
        writes_under_parts,
    ),
    Rule("hooks of the node that a written view had", replaces_node),
    Rule(
        "in vmap a custom function with a rule of its own is no node in PyTorch, and saves nothing",
        lambda case: (
            "detach_" in case.line
            and "vmap(" in case.machine.text()
            and "Product.apply(" in case.machine.text()
        ),
    ),
    Rule("PyTorch takes a view whose base was written for a leaf", draws_into_view),
    Rule("which gradient comes first depends on the nodes of transforms", orders_gradients),
    Rule(
        "PyTorch does not count the root of a pass among what a hook of several tensors waits for",
        lambda case: (
            (case.line.startswith("{r}.backward(") or "autograd.grad({r}," in case.line)
            and re.search(
                rf"register_multi_grad_hook\(\[[^]]*\b{case.names.get('r')}\b", case.machine.text()
            )
            is not None
        ),
    ),
    Rule(
        "random numbers follow the layout, which results of transforms have of their own",
        lambda case: (
            any(w in case.line for w in ("_like(", "dropout", "uniform_", "normal_", "bernoulli_"))
            and (
                any(name in case.machine.loose for name in case.names.values())
                or (case.is_inside and not quiet(lambda: case.target().is_contiguous(), True))
            )
        ),
    ),
    Rule("copies made by copy.copy share the version counter", shares_counter),
    Rule(
        "copies made by copy.copy are inference tensors if what they copy is one",
        lambda case: (
            "copy.copy(" in case.line
            and (
                case.target().is_inference()
                or case.machine.worlds[0].lib.is_inference_mode_enabled()
            )
        ),
    ),
    Rule(
        "slopes that do not depend on it require a gradient of zero",
        lambda case: looks_unlike(case.machine, case.names.values()),
    ),
    Rule("PyTorch writes into the tangent that was given", writes_given_tangent),
    Rule(
        "PyTorch says of integers that they require a gradient",
        lambda case: (
            writes(case)
            and any(w in case.line for w in ("{x}[", "index_put_", "fill_({y})"))
            and not case.target().is_floating_point()
            and any(quiet(lambda x=x: x.requires_grad, True) for x in case.operands.values())
        ),
    ),
    Rule(
        "PyTorch does not cast tangents of another dtype",
        lambda case: (
            any(w in case.line for w in ("make_dual({f}, {g})", "({f},), ({g},)")) and mixes(case)
        ),
    ),
    Rule(
        "PyTorch gives inference tensors a history, but does not record what is done with them",
        lambda case: any(
            quiet(lambda x=x: x.is_inference() and x.requires_grad, False)
            for x in case.operands.values()
        ),
    ),
    Rule(
        "gradients of another shape after `.data = `",
        lambda case: (
            ".data = " in case.line
            and case.target().requires_grad
            and case.target().shape != case.operands.get("y", case.target()).shape
        ),
    ),
    Rule(
        "tensors that get the memory of inference tensors, or inference tensors other memory",
        lambda case: (
            ".data = " in case.line
            and len({quiet(lambda x=x: x.is_inference(), None) for x in case.operands.values()}) > 1
        ),
    ),
    Rule(
        "PyTorch records nothing in inference mode, not even where recording is switched on",
        lambda case: (
            (t := case.machine.worlds[0].lib).is_inference_mode_enabled()
            and (
                any(w in case.line for w in ("enable_grad", "functional.", "Diagonal", "detach_"))
                or (
                    t.is_grad_enabled()
                    and any(
                        quiet(lambda x=x: x.requires_grad, True) for x in case.operands.values()
                    )
                )
            )
        ),
    ),
    Rule(
        "the memory of results of transforms has a layout of its own",
        lambda case: (
            "as_strided" in case.line
            and (
                (case.is_inside and bool(case.machine.loose))
                or any(n in case.machine.loose for n in case.names.values())
            )
        ),
    ),
    Rule("PyTorch's custom functions forget the tangents of outer levels", nests_static_jvp),
    Rule(
        "checkpoints see the requires_grad that their arguments had",
        lambda case: (
            "requires_grad" in case.line
            and any(
                re.search(rf"\.checkpoint\(.*\b{name}\b", case.machine.text())
                for name in case.names.values()
            )
        ),
    ),
    Rule("PyTorch counts the dimension of a batch when it chooses a dtype", promotes_in_batch),
    Rule(
        "stacks and repetitions of inference tensors are views in PyTorch",
        lambda case: (
            ("stack(" in case.line or "repeat(" in case.line)
            and any(quiet(lambda x=x: x.is_inference(), False) for x in case.operands.values())
        ),
    ),
    Rule(
        "masked_fill keeps the layout, PyTorch makes the result row-major",
        lambda case: (
            ".masked_fill(" in case.line
            and not all(x.is_contiguous() for x in case.operands.values())
        ),
    ),
    Rule(
        "select_scatter is dense, PyTorch keeps the gaps of its input",
        lambda case: ".select_scatter(" in case.line and not case.target().is_contiguous(),
    ),
    Rule(
        "once complex numbers were written, a part of their parts is one of all of them",
        lambda case: (
            ".as_strided(" in case.line
            and not case.target().is_complex()
            and quiet(lambda: case.target()._base.is_complex(), False)
        ),
    ),
    Rule(
        "the angle of complex numbers keeps the layout, PyTorch makes it row-major",
        lambda case: ".angle(" in case.line and not case.target().is_contiguous(),
    ),
    Rule("PyTorch runs hooks of a result that does not lead to what is wanted", leads_nowhere),
    Rule(
        "another formula, in which the result has another share",
        lambda case: (
            ("hook(" in case.line or "retain_grad" in case.line)
            and any(is_cumprod(x) for x in case.operands.values())
        ),
    ),
    Rule(
        "another formula, which reads other values that were written behind its back",
        lambda case: (
            (".data[" in case.line or ".data." in case.line) and ".cumprod(" in case.machine.text()
        ),
    ),
    Rule(
        "the pass of PyTorch's checkpoint frees what it captured, and the one around needs it",
        lambda case: (
            case.is_inside
            and any("use_reentrant=True" in line for line in case.scope.lines_around())
            and any(
                n not in case.scope.tensors
                and quiet(lambda n=n: case.scope.names[n].grad_fn, None) is not None
                for n in case.names.values()
            )
        ),
    ),
    Rule("the order of what differs in the last bits", nearly_ties),
    Rule(
        "an argument of a checkpoint that was packed is no leaf when the function runs again",
        lambda case: (
            writes(case)
            and any("checkpoint" in line for line in case.scope.lines_around())
            and "saved_tensors_hooks(lambda" in case.machine.text()
        ),
    ),
    Rule(
        "PyTorch does not follow what is written into an argument to the tensor that it was",
        reads_beside_argument,
    ),
    Rule("arguments that are not differentiated by are captured", writes_other_argument),
    Rule(
        "PyTorch recurses without end",
        lambda case: (
            "bernoulli_" in case.line
            and sum("randomness" in line for line in case.scope.lines_around()) > 1
        ),
    ),
    Rule(
        "PyTorch draws into tensors without elements of any type",
        lambda case: (
            any(w in case.line for w in ("bernoulli_", "normal_"))
            and case.target().numel() == 0
            and not case.target().is_floating_point()
        ),
    ),
    Rule("PyTorch breaks for good", leaves_crosswise),
    Rule("PyTorch multiplies matrices of two dtypes if nothing is summed", multiplies_nothing),
    Rule("in vmap PyTorch looks at no dtype of a weight", weighs_in_batch),
    Rule("there are no complex numbers of half precision", makes_complex_half),
    Rule(
        "PyTorch's where gives a complex gradient to a real operand, and refuses it then",
        lambda case: (
            "T.where(" in case.line
            and len({x.is_complex() for k, x in case.operands.items() if k != "x"}) > 1
        ),
    ),
    Rule(
        "PyTorch's autograd.functional refuses inputs from outside of a transform with a graph",
        lambda case: (
            case.is_inside
            and "autograd.functional." in case.line
            and "create_graph=True" in case.text
            and any(name not in case.scope.tensors for name in case.names.values())
        ),
    ),
    Rule(
        "PyTorch's tangent of a number of float32 has another dtype",
        lambda case: (
            any(w in case.line for w in (".abs()", "{c}", "* 0.5", "/ ", "1.2)", "0.3", "np."))
            and any(
                x.dim() == 0 and str(x.dtype).endswith("float32") for x in case.operands.values()
            )
            and any(w in line for line in case.scope.lines_around() for w in FORWARD)
        ),
    ),
    Rule(
        "versions of views of what set_ or .data gave other memory",
        lambda case: (
            (".set_(" in case.line or ".data = " in case.line)
            and any(
                sum(memory(y) == memory(x) for y in variables(case)) > 1
                for x in case.operands.values()
            )
        ),
    ),
    Rule(
        "PyTorch refuses recorded writes into the second chunk",
        lambda case: (
            writes(case)
            and any("chunk_size" in line for line in case.scope.lines_around())
            and any(quiet(lambda x=x: x.requires_grad, True) for x in case.operands.values())
        ),
    ),
    Rule("what a pass runs again leads to itself, without end", writes_what_runs_again),
    Rule("PyTorch's gradient does not know of another geometry", turns_silently),
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
        inside("requires_grad={bit}", "requires_grad = ", "Parameter(", "increment_version"),
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


def is_excluded(machine: Machine, step: Step, filler: Filler, scope: Scope) -> bool:
    operands = filler.operands()
    names = {hole: filler.bound[hole] for hole in operands}
    case = Case(machine, step.kind, step.line, filler.text, operands, names, scope)
    try:
        if any(rule.leaves_out(case) for rule in EXCLUDED):
            return True
    except RuntimeError:  # of a view that must not be used any more
        return True
    if case.is_inside and writes(case):
        machine.written_inside.add(memory(case.target()))
    return False
