"""The examples in docstrings and pages run and print what they say; public functions have one."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import pullback as pb
from pullback import _core, _docs
from pullback.autograd import graph

# What cannot be imported without another package.
NEEDS = {"pullback.utils.tensorboard": "tensorboard"}

MODULES = sorted(
    ["pullback"]
    + [
        m.name
        for m in pkgutil.walk_packages(pb.__path__, "pullback.")
        if m.name != "pullback._core"
        and (m.name not in NEEDS or importlib.util.find_spec(NEEDS[m.name]) is not None)
    ]
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name: str) -> None:
    module = importlib.import_module(name)
    # Names that are imported on first use come into the dictionary before it is walked.
    assert _docs.__name__ in MODULES
    for each in dir(module):
        getattr(module, each)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE, verbose=False)
    report: list[str] = []
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


PAGES = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_of_a_page(page: Path) -> None:
    """The sessions in docs/*.md; a page is one session."""
    # What closes a block of code is no part of what the example prints.
    text = "\n".join(
        "" if line.startswith("```") else line for line in page.read_text().splitlines()
    )
    test = doctest.DocTestParser().get_doctest(text, {}, page.stem, str(page), 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE, verbose=False)
    runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)


# The types of functions and of methods made from the table.
KINDS = (type(_core._functions.add), type(vars(_core.Tensor)["add"]))


def operators() -> list[Any]:
    """Every callable of the table with the name a user sees it under."""
    found = {}
    spaces = {
        "pb": _core._functions,
        **_core._spaces,
        "Tensor": _core.Tensor,
    }
    for space, holder in spaces.items():
        for name, value in vars(holder).items():
            if type(value) in KINDS:
                found[f"{space}.{name}"] = value
    return [pytest.param(value, id=name) for name, value in sorted(found.items())]


OPERATORS = operators()


def test_the_table_is_not_empty() -> None:
    assert len(OPERATORS) > 300


@pytest.mark.parametrize("space", _core._spaces)
def test_a_module_that_the_table_names_has_its_operators(space: str) -> None:
    module = importlib.import_module(f"pullback.{space}")
    names = [name for name in vars(_core._spaces[space]) if not name.startswith("__")]
    assert names
    beside = Path(module.__file__ or "").with_suffix(".pyi")
    text = (beside if beside.exists() else beside.with_name("_operators.pyi")).read_text()
    for name in names:
        assert getattr(module, name).__module__ == f"pullback.{space}"
        assert f"def {name}(" in text


@pytest.mark.parametrize("function", OPERATORS)
def test_docstring_of_an_operator(function: Any) -> None:
    text = function.__doc__
    name = function.__name__
    assert text.startswith(f"{name}("), text
    assert len(text.splitlines()[2].split()) >= 2, text
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert test.examples, text
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)


# What the sections of the documentation are about.
SPACES = (
    "autograd",
    "autograd.anomaly_mode",
    "autograd.forward_ad",
    "autograd.function",
    "autograd.functional",
    "autograd.grad_mode",
    "autograd.graph",
    "autograd.profiler",
    "autograd.profiler_util",
    "distributions",
    "func",
    "memory",
    "optim",
    "optim.lr_scheduler",
    "optim.optimizer",
    "optim.swa_utils",
    "utils.checkpoint",
    "utils.hooks",
)
DIAGNOSIS = ("draw", "explain", "safe_gradients", "why_none", "why_zero", "memory_budget")
# Made by others, exceptions, tuples, and what is only there for programs that look for it.
NO_EXAMPLE = {
    "BackwardCFunction",
    "CheckpointError",
    "CheckpointFunction",
    "FunctionCtx",
    "FunctionMeta",
    "GradcheckError",
    "GradientEdge",
    "Report",
    "SavedRow",
    "UnpackedDualTensor",
}
NOT_ON_A_PAGE = {
    "BackwardCFunction",
    "CheckpointFunction",
    "FunctionCtx",
    "FunctionMeta",
    "Interval",
    "Report",
    "SavedRow",
    "check_backward_validity",
    "detach_variable",
    "get_device_states",
    "set_device_states",
    "unserializable_hook",
    "warn_if_has_hooks",
}


def public() -> list[Any]:
    found = {f"pullback.{name}": getattr(pb, name) for name in DIAGNOSIS}
    for space in SPACES:
        module = importlib.import_module(f"pullback.{space}")
        for name in module.__all__:
            value = getattr(module, name)
            if callable(value) and value is not graph.Node:
                found[f"{space}.{name}"] = value
    return [pytest.param(name.rpartition(".")[2], value, id=name) for name, value in found.items()]


@pytest.mark.parametrize(("name", "value"), public())
def test_public_names_have_a_docstring_with_an_example(name: str, value: Any) -> None:
    text = getattr(value, "__doc__", None) or ""
    assert len(text.split()) >= 3
    assert name in NO_EXAMPLE or ">>>" in text


@pytest.mark.parametrize(("name", "value"), public())
def test_public_names_are_on_a_page(name: str, value: Any) -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    assert name in NOT_ON_A_PAGE or re.search(rf"\b{name}\b", text)
