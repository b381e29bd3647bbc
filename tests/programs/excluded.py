"""What random programs leave out, each with its reason.

EXCLUDED is what PyTorch does wrong or leaves undefined (docs/differences.md). A rule sees the line
with holes, the tensors in the holes and whether it stands in a function, and says whether the line
is left out.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .cases import Case, Rule, is_expanded, is_large, meet, memory, quiet, writes

if TYPE_CHECKING:
    from .lines import Filler, Scope, Step
    from .machine import Machine


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
    return any(memory(x) == memory(target) or meet(x, target) for x in others)


def silent_view(case: Case) -> bool:
    """Of a tensor that requires a gradient, where nothing is recorded."""
    if case.kind not in ("views", "copies", "inside", "custom", "forward"):
        return False
    t = case.machine.worlds[0].lib
    if case.kind == "custom" and not any(w in case.line for w in ("View.", "Turn.", "Same.")):
        return False
    silent = not t.is_grad_enabled() or "no_grad" in case.line or "inference" in case.line
    return silent and any(quiet(lambda x=x: x.requires_grad, True) for x in case.operands.values())


def requires_grad_late(case: Case) -> bool:
    if "requires_grad" not in case.line and ".detach_()" not in case.line:
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


def nodes_of_result(case: Case) -> bool:
    if ".grad = {g}" in case.line:
        return is_result_of_transform(case, case.operands["g"])
    if "{r}.grad_fn." not in case.line:
        return False
    x = case.target()
    if "next_functions" not in case.line:
        return is_result_of_transform(case, x)
    written = quiet(lambda: x.grad_fn.name().split(":")[-1], "") in (
        "CopySlices",
        "CopyBackwards",
        "IndexPutBackward0",
        "NotImplemented",
    )
    nodes = [quiet(lambda n=n: case.scope.names[n].grad_fn, None) for n in case.machine.unnamed]
    leads = any(node is not None and node in nodes for node, _ in x.grad_fn.next_functions)
    renamed = case.names["r"] in case.machine.renamed
    return written or leads or renamed or is_result_of_transform(case, x)


def is_cumprod(x: Any) -> bool:
    return quiet(lambda: x.grad_fn.name(), "") == "CumprodBackward0"


def writes_cumprod(case: Case) -> bool:
    """Into a result that its node reads, where no version is compared."""
    around = any("checkpoint(" in line for line in case.scope.lines_around())
    return around and writes(case) and is_cumprod(case.target())


def misses_zeros(case: Case) -> bool:
    if ".cumprod(" not in case.line:
        return False
    around = sum(any(w in line for w in FORWARD) for line in case.scope.lines_around())
    return around > 0 and not quiet(lambda: bool(case.target().all()), False)


def nests_mutation(case: Case) -> bool:
    """After the error of the second, PyTorch has forgotten the first."""
    if "allow_mutation" not in case.line or "__enter__" not in case.line:
        return False
    there = case.machine.scope.others.get("mode", [])
    made = [line.text for line in case.machine.lines if line.text.split(" ")[0] in there]
    return any("allow_mutation" in text for text in made)


def scatters_number(case: Case) -> bool:
    """PyTorch's gradient is that many times too large in vmap."""
    if not case.is_inside or "select_scatter" not in case.line:
        return False
    return any(x.dim() == 0 for x in case.operands.values())


def replaces_node(case: Case) -> bool:
    """Writes into a view whose node has hooks: the new node leads to that one here."""
    if not writes(case) or quiet(lambda: case.target()._base, None) is None:
        return False
    text = case.machine.text()
    return any(f"{name}.grad_fn.register" in text for name in case.names.values())


def draws_into_view(case: Case) -> bool:
    """PyTorch takes a view for a leaf until somebody asks for its node."""
    drawn = any(w in case.line for w in ("uniform_", "normal_", "bernoulli_"))
    return case.is_inside and drawn and quiet(lambda: case.target()._base, None) is not None


def orders_gradients(case: Case) -> bool:
    """A hook for the first gradient of several, beside transforms."""
    transforms = ("T.func.", "vmap(", "functional.")
    if 'mode="any"' in case.line:
        return bool(case.machine.loose)
    return 'mode="any"' in case.machine.text() and any(w in case.line for w in transforms)


def mixes(case: Case) -> bool:
    """Operands of several dtypes."""
    return len({str(x.dtype) for x in case.operands.values()}) > 1


def writes_into_result(case: Case) -> bool:
    if not writes(case) or case.is_inside:
        return False
    x = case.target()
    if quiet(lambda: x._base is not None, False) and case.machine.loose & set(case.names.values()):
        return True
    return any(is_result_of_transform(case, x) for x in case.operands.values())


def shares_counter(case: Case) -> bool:
    """Written after copy.copy of it or into what copy.copy made."""
    names = case.machine.worlds[0].names
    pairs = re.findall(r"(v\d+) = copy\.copy\((v\d+)\)", case.machine.text())
    places = {memory(names[name]) for pair in pairs for name in pair if name in names}
    return writes(case) and any(memory(x) in places for x in case.operands.values())


def looks_unlike(machine: Machine, variables: Iterable[str]) -> bool:
    """Whether any is a result of a transform that another library says something else of."""
    for name in set(variables) & machine.loose:
        found = [world.names[name] for world in machine.worlds]
        if len({(x.requires_grad, x.is_leaf, x.is_inference()) for x in found}) > 1:
            return True
    return False


def writes_given_tangent(case: Case) -> bool:
    if not writes(case):
        return False
    unpack = case.machine.worlds[0].lib.autograd.forward_ad.unpack_dual
    names = case.scope.names
    places = {memory(names[name]) for name in case.scope.all_tensors()}
    tangents = [quiet(lambda x=x: unpack(x).tangent, None) for x in case.operands.values()]
    return any(t is not None and memory(t) in places for t in tangents)


def nests_static_jvp(case: Case) -> bool:
    if not any(f"{name}.apply" in case.line for name in ("Exp", "Product", "SlopeSetup")):
        return False
    lines = [case.line, *case.scope.lines_around()]
    return sum(any(word in line for word in FORWARD[:2]) for line in lines) > 1


def promotes_in_batch(case: Case) -> bool:
    """Tensors of several dtypes, one of them a number or the number of each example."""
    if not case.is_inside or not mixes(case):
        return False
    lines = case.scope.lines_around()
    batches = any(w in line for line in lines for w in ("vmap", "jac", "hessian"))
    return batches and any(x.dim() == 0 for x in case.operands.values())


def writes_under_leaf(case: Case) -> bool:
    """Into memory of which a view is a leaf."""
    if not writes(case):
        return False
    x = case.target()
    names = case.machine.worlds[0].names
    places = {
        memory(y)
        for y in (names[name] for name in case.machine.scope.tensors)
        if quiet(lambda y=y: y.is_leaf and y.requires_grad and y._base is not None, False)
    }
    return memory(x) in places


def leads_nowhere(case: Case) -> bool:
    if "inputs=[{w}]" not in case.line:
        return False
    wanted, seen, open_nodes = case.operands["w"], set(), [case.operands["r"].grad_fn]
    with case.machine.worlds[0].lib.enable_grad():
        seen_by = wanted.view_as(wanted).grad_fn
    end = seen_by.next_functions[0][0] if wanted.is_leaf else wanted.grad_fn
    while open_nodes:
        node = open_nodes.pop()
        if node is end:
            return False
        if node is not None and node not in seen:
            seen.add(node)
            open_nodes += [each for each, _ in node.next_functions]
    return True


def nearly_ties(case: Case) -> bool:
    if "sort" not in case.line:
        return False
    x = case.target()
    if not quiet(lambda: x.is_floating_point() and x.numel() > 0, False):
        return False
    values = quiet(lambda: sorted(x.detach().double().flatten().tolist()), [])
    return any(0 < b - a < 1e-5 * max(1, abs(a)) for a, b in itertools.pairwise(values))


def reads_beside_argument(case: Case) -> bool:
    """What was written in a function, by its name outside."""
    captured = [case.scope.names[n] for n in case.names.values() if n not in case.scope.tensors]
    return case.is_inside and any(memory(x) in case.machine.written_inside for x in captured)


def writes_other_argument(case: Case) -> bool:
    """Of a transform, which does not differentiate by it: here it is what it is outside."""
    if not (case.is_inside and writes(case) and "argnums=1" in case.scope.line):
        return False
    first = case.scope.names[case.scope.tensors[0]]
    return any(memory(x) == memory(first) for x in case.operands.values())


def leaves_crosswise(case: Case) -> bool:
    """A mode that is not the last one while these two are on, after which PyTorch does nothing."""
    if "__exit__" not in case.line:
        return False
    there = case.machine.scope.others["mode"]
    made = [line.text for line in case.machine.lines if line.text.split(" ")[0] in there]
    both = all(any(word in text for text in made) for word in ("allow_mutation", "inference_mode"))
    return both and not case.text.startswith(there[-1] + ".")


def writes_what_runs_again(case: Case) -> bool:
    """Into what is there outside of a checkpoint whose backward is a pass of its own."""
    around = case.scope.lines_around()
    if not any("use_reentrant=True" in line for line in around):
        return False
    if "checkpoint(" in case.line:
        return True
    if not writes(case):
        return False
    outside = case.machine.scope
    places = {memory(outside.names[name]) for name in outside.tensors}
    return any(memory(x) in places for x in case.operands.values())


FORWARD = ("jvp(", "jacfwd(", "hessian(")


def variables(case: Case) -> list[Any]:
    """Each tensor that has a name, once."""
    found = {id(x): x for x in (case.scope.names[name] for name in case.scope.all_tensors())}
    return list(found.values())


def turns_silently(case: Case) -> bool:
    """A tensor with a history gets another geometry unrecorded, or keeps gradients."""
    if not re.search(r"\.(t|unsqueeze|squeeze|transpose|as_strided|resize)_\(", case.line):
        return False
    x = case.target()
    is_silent = not case.machine.worlds[0].lib.is_grad_enabled()
    return x.requires_grad and (is_silent or quiet(lambda: x.retains_grad, False))


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
    Rule("PyTorch loses gradients of views that are leaves of their own", writes_under_leaf),
    Rule("memory that has not been written", enlarges),
    Rule("nodes that lead to results of transforms and to values of items", nodes_of_result),
    Rule("PyTorch checks no versions of what a checkpoint saves", writes_cumprod),
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
    Rule("PyTorch forgets one of two nested modes", nests_mutation),
    Rule("hooks of the node that a written view had", replaces_node),
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
            and any(name in case.machine.loose for name in case.names.values())
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
                any(w in case.line for w in ("enable_grad", "functional.", "Diagonal"))
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
        lambda case: ".masked_fill(" in case.line and not case.target().is_contiguous(),
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
    Rule("PyTorch breaks for good", leaves_crosswise),
    Rule(
        "PyTorch's tangent of a number of float32 has another dtype",
        lambda case: (
            ".abs()" in case.line
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
            and sum(memory(y) == memory(case.target()) for y in variables(case)) > 1
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
        inside("requires_grad={bit}", "requires_grad = ", "increment_version"),
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
