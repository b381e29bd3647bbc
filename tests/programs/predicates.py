"""What the rules of excluded.py ask of a line: predicates of more than one expression."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .cases import Case, meet, memory, quiet, writes

if TYPE_CHECKING:
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


def hooks_product(case: Case) -> bool:
    return any(word in case.line for word in ("hook(", "retain_grad(")) and any(
        quiet(lambda x=x: x.grad_fn.name(), "").startswith(("ProdBackward", "PolarBackward"))
        for x in case.operands.values()
    )


def writes_under_parts(case: Case) -> bool:
    """In a function, into memory that views of several made by one node show."""
    if not (case.is_inside and writes(case)):
        return False
    meta = case.machine.worlds[0].lib._C._autograd
    place, many = memory(case.target()), meta.CreationMeta.MULTI_OUTPUT_NODE
    return any(
        quiet(lambda y=y: memory(y) == place and meta._get_creation_meta(y) == many, False)
        for y in variables(case)
    )


def writes_polar(case: Case) -> bool:
    return writes(case) and quiet(lambda: case.target().grad_fn.name(), "") == "PolarBackward0"


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
    """After the error of the second, PyTorch forgets the first; in inference mode it fails."""
    if "allow_mutation" not in case.line or "__enter__" not in case.line:
        return False
    if case.machine.worlds[0].lib.is_inference_mode_enabled():
        return True
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


def writes_under_silent_view(case: Case) -> bool:
    """With recording, into memory of which a view was made without it."""
    operands = case.operands.values()
    if not writes(case) or not any(quiet(lambda x=x: x.requires_grad, False) for x in operands):
        return False
    world = case.machine.worlds[0]

    def is_silent(y: Any) -> bool:
        meta = world.lib._C._autograd
        recorded = (meta.CreationMeta.DEFAULT, meta.CreationMeta.MULTI_OUTPUT_NODE)
        return meta._get_creation_meta(y) not in recorded and not y.requires_grad

    around = [world.names[name] for name in case.machine.scope.tensors]
    place = memory(case.target())
    return any(quiet(lambda y=y: memory(y) == place and is_silent(y), False) for y in around)


def leads_nowhere(case: Case) -> bool:
    if "inputs=[{w}]" not in case.line:
        return False
    wanted, seen, open_nodes = case.operands["w"], set(), [case.operands["r"].grad_fn]
    with case.machine.worlds[0].lib.enable_grad():
        seen_by = wanted.view_as(wanted).grad_fn
    if seen_by is None:  # in inference mode
        return False
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
    if "sort" not in case.line and "NotDifferentiable" not in case.line:
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


def multiplies_nothing(case: Case) -> bool:
    """Sums of products without elements, of several dtypes."""
    product = re.search(r"\.(einsum|bmm|baddbmm)_?\(", case.line)
    empty = re.search(r"fit\(\{\w\}, \([^)]*\b0\b", case.line)
    return product is not None and empty is not None and mixes(case)


def weighs_in_batch(case: Case) -> bool:
    """Losses with a weight of another dtype, in vmap."""
    if not re.search(r"\.(cross_entropy|nll_loss|multi_margin_loss)\(", case.line):
        return False
    return mixes(case) and any("vmap(" in line for line in case.scope.lines_around())


def makes_complex_half(case: Case) -> bool:
    operands = case.operands.values()
    if not any(str(x.dtype).endswith(".float16") for x in operands):
        return False
    return "complex(" in case.line or any(x.is_complex() for x in operands)


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
