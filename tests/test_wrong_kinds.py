"""An argument of a wrong kind is named: the function, the argument, what was got and is wanted.

Every parameter of every function and method gets, in turn, an object that is nothing a function
could want, while the others have the values of a sample. ``SENTENCES`` lists the messages that are
PyTorch's own and leave something out.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import facade_distributions
import pullback as pb
from calls import FUNCTIONS, METHODS, Target, namespace, parse_sample, targets
from facade import EXEMPT, SAMPLES, WORDS, public
from table import OPS


class Wrong:
    """Of no kind at all."""


# What PyTorch says, which is clear though it does not name all.
SENTENCES = {
    "as_tensor data": "Could not infer dtype of Wrong",
    "asarray obj": "Could not infer dtype of Wrong",
    "tensor data": "Could not infer dtype of Wrong",
    "new_tensor data": "must be real number, not Wrong",
    "backward gradient": "gradients can be either Tensors or None, but got Wrong",
    "frombuffer buffer": "object does not implement Python buffer protocol",
    "vmap in_dims": "expected `in_dims` to be int or a (potentially nested) tuple",
    "vmap out_dims": "`out_dims` must be an int, None or a python collection of ints",
    "vmap randomness": "Only allowed values for randomness are",
    "jacfwd randomness": "Only allowed values for randomness are",
    "gradcheck inputs": "gradcheck expects at least one input tensor to require gradient",
    "jacobian strategy": 'Expected strategy to be either "forward-mode" or "reverse-mode"',
    "hessian outer_jacobian_strategy": 'Expected strategy to be either "forward-mode" or',
    "unpack_dual tensor": "_unpack_dual(): argument 'dual' (position 1) must be Tensor, not Wrong",
    "set_default_tensor_type t": "invalid type object: only floating-point types are supported",
    "set_rng_state new_state": "RNG state must be a torch.ByteTensor",
    "increment_version tensor": "increment_version expect a Iterable[Tensor] as input",
    "register_multi_grad_hook mode": "Expects mode to be one of ('all', 'any') but got",
    "saved_tensors_hooks pack_hook": "got (Wrong, builtin_function_or_method), expected two",
    "saved_tensors_hooks unpack_hook": "got (builtin_function_or_method, Wrong), expected two",
    "device type": "device() received an invalid combination of arguments - got (Wrong)",
    "functional_call parameter_and_buffer_dicts": "Expected parameter_and_buffer_dicts to be a "
    "dict, or a list/tuple of dicts, but got",
    "jvp primals": "Expected primals to be a tuple",
    "jvp tangents": "Expected primals and tangents to have the same python structure",
    "calculate_gain param": "not a valid number",
    "checkpoint determinism_check": "determinism_check should be one of",
    "grad argnums": "argnum",
    "grad_and_value argnums": "argnum",
    "hessian argnums": "argnum",
    "jacfwd argnums": "argnum",
    "jacrev argnums": "argnum",
    "DataLoader multiprocessing_context": "can only be used with multi-process loading",
    "RandomSampler replacement": "replacement should be a boolean value, but got replacement=",
    "RandomSampler num_samples": "num_samples should be a positive integer value, but got",
    "WeightedRandomSampler replacement": "replacement should be a boolean value, but got",
    "WeightedRandomSampler num_samples": "num_samples should be a positive integer value",
    "WeightedRandomSampler weights": "must be real number, not Wrong",
    "autocast device_type": "Expected `device_type` of type `str`, got",
    "BatchSampler batch_size": "batch_size should be a positive integer value, but got",
    "BatchSampler drop_last": "drop_last should be a boolean value, but got drop_last=",
    **facade_distributions.SENTENCES,
}

# What may be anything, is passed on to a function of the user, or is only called in a pass.
ANYTHING = {
    "register_hook hook",
    "register_post_accumulate_grad_hook hook",
    "register_multi_grad_hook fn",
    "is_tensor obj",
    "typename obj",
    "save obj",
    "functional_call args",
    "checkpoint_sequential input",
    "jacrev _preallocate_and_copy",
    *facade_distributions.ANYTHING,
}

# Functions of functions look at the rest when what they made is called.
CALLED = {"vmap", "func.grad", "func.grad_and_value", "func.hessian", "func.jacfwd", "func.jacrev"}


def complaint(call: Callable[[], Any], function: str, name: str, place: str) -> str:
    """What the error of the call leaves out, or nothing."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - its words are looked at
        if f"{function} {name}" in ANYTHING:
            return ""
        text = str(error)
        sentence = SENTENCES.get(f"{function} {name}")
        if sentence is not None:
            return "" if sentence in text else f"is not the sentence expected: {text}"
        named = (f"'{name}'", f"{name}=", f"The {name} given to", place)
        parts = {
            "function": function in text,
            "argument": any(words in text for words in named),
            "what was got": "Wrong" in text,
            "what is wanted": any(words in text for words in ("must be", "must hold", "expected")),
        }
        missing = [part for part, there in parts.items() if not there]
        return f"does not name {', '.join(missing)}: {text}" if missing else ""
    return "" if f"{function} {name}" in ANYTHING else "is taken"


def text_of(target: Target, place: int, name: str) -> str:
    """A call of the first sample with the wrong object at one parameter."""
    args, keywords = parse_sample(target.samples[0])
    names = target.parameters.positional
    named = dict(keywords)
    if place >= len(names):
        named[name] = "Wrong()"
    elif target.parameters.variadic and place == len(names) - 1:
        args[place:] = ["Wrong()"]
    elif place < len(args):
        args[place] = "Wrong()"
    else:
        named[name] = "Wrong()"
    head = target.path
    if not head:
        head = f"({args.pop(0)}{'.detach()' if target.suffix else ''})."
    inside = ", ".join([*args, f"**{{{', '.join(f'{n!r}: {v}' for n, v in named.items())}}}"])
    return f"{head}{target.name}{target.suffix}({inside})"


def in_table() -> Iterator[str]:
    for target in targets():
        if target.dunder:
            continue
        function = target.name.split(".")[-1] + target.suffix
        names = target.parameters.positional + target.parameters.keyword
        for place, written in enumerate(names):
            if place == 0 and not target.path:
                continue
            name = written.rstrip("_")  # `from` is no name in a signature
            text = text_of(target, place, name)
            values = namespace(pb, 1) | {"Wrong": Wrong}
            number = f"(position {place + bool(target.path)})"
            found = complaint(lambda: eval(text, values), function, name, number)  # noqa: B023
            if found:
                yield f"{text} {found}"


def call_facade(name: str, function: Any, parameter: inspect.Parameter) -> Any:
    x = pb.ones(2, requires_grad=True)
    values = WORDS | {"x": x, "y": (x * x).sum(), "layer": pb.nn.Linear(2, 2)}
    keywords = eval(f"dict({SAMPLES[name]})", values | {"f": lambda v: (v * v).sum()})
    keywords[parameter.name] = Wrong()
    args = []
    if parameter.kind is parameter.POSITIONAL_ONLY:
        args.append(keywords.pop(parameter.name))
    made = function(*args, **keywords)
    if name in CALLED:
        return made(pb.ones(2))
    if hasattr(made, "__enter__") and not isinstance(made, pb.Tensor):
        with made:
            pass
    return made


def in_facade() -> Iterator[str]:
    for name, function in public():
        if name not in SAMPLES:
            continue
        for each in inspect.signature(function).parameters.values():
            if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
                continue
            short = name.split(".")[-1].rstrip("_")  # relu_ is relu, in place
            found = complaint(
                lambda: call_facade(name, function, each),  # noqa: B023
                short,
                each.name,
                "(by its name)",
            )
            if found:
                yield f"{name}({each.name}=Wrong()) {found}"


def test_wrong_kinds_are_named() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrong = [*in_table(), *in_facade()]
    assert not wrong, f"{len(wrong)} messages:\n" + "\n".join(wrong)


def test_nothing_public_is_left_out() -> None:
    of_table = {op.name for op in OPS} | {f"{op.name}_" for op in OPS}
    by_hand = {signature.partition("(")[0] for signature in [*METHODS, *FUNCTIONS]}
    known = of_table | by_hand | SAMPLES.keys() | EXEMPT.keys()
    takes_something = [
        name
        for name, function in public()
        if name not in known and name.split(".")[-1] not in of_table
        if not _takes_nothing(function)
    ]
    assert not takes_something
    there = {name for name, _ in public()}
    assert not SAMPLES.keys() - there


def _takes_nothing(function: Any) -> bool:
    try:
        return not inspect.signature(function).parameters
    except ValueError:
        return "()" in (function.__doc__ or "").split("\n")[0] or " " in (function.__doc__ or "")
