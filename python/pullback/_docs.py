"""Docstrings of the operators, written from the rows of the operator table when asked for.

``describe`` gives the signature, the line of the table, what is returned, and an example made from
the row's first sample; a test runs every example.
"""

from __future__ import annotations

import ast
from typing import Any

__all__ = ["describe", "example"]


class _Maker(ast.NodeTransformer):
    """Replaces the makers of the sample language (``x(3, 4)``) by calls of pullback."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.func, ast.Name):
            return node
        sizes = ", ".join(map(ast.unparse, node.args)) or "()"
        bounds = {k.arg: ast.unparse(k.value) for k in node.keywords}
        text = self._text(node.func.id, sizes, bounds)
        return ast.parse(text, mode="eval").body if text else node

    @staticmethod
    def _text(maker: str, sizes: str, bounds: dict[Any, str]) -> str | None:
        low, high = bounds.get("low"), bounds.get("high")
        if maker in ("z", "zs"):
            sizes = ", ".join([*filter(None, [sizes]), "dtype=pb.complex64"])
        if maker in ("x", "xs", "z", "zs", "c", "cs", "w"):
            if low is None and high is None:
                return f"pb.randn({sizes})"
            low = low or "0"
            return f"pb.empty({sizes}).uniform_({low}, {high or '1'})"
        if maker == "i":
            shape = "()" if sizes == "()" else f"({sizes},)"
            return f"pb.randint({low or '0'}, {high or '10'}, {shape})"
        if maker == "b":
            return f"pb.randn({sizes}) > 0"
        if maker in ("spd", "sym"):
            return f"pb.eye({sizes})"
        if maker == "p":
            return f"pb.arange(1, {sizes} + 1, dtype=pb.int32)"
        return None

    def visit_Name(self, node: ast.Name) -> ast.AST:
        known = {"inf", "nan", "float32", "float64", "int32", "int64", "uint8"}
        return ast.parse(f"pb.{node.id}", mode="eval").body if node.id in known else node


def _first_sample(samples: str) -> str:
    depth, quote = 0, ""
    for at, letter in enumerate(samples):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "|" and depth == 0:
            return samples[:at].strip()
        depth += (letter in "([{") - (letter in ")]}")
    return samples.strip()


def _arguments(sample: str) -> list[str]:
    """The arguments of a sample as Python text; tensors are made by factories."""
    tree = ast.parse(f"f({sample.replace('(,', '(')})", mode="eval").body
    assert isinstance(tree, ast.Call)
    maker = _Maker()
    args = [ast.unparse(maker.visit(a)) for a in tree.args]
    return args + [f"{k.arg}={ast.unparse(maker.visit(k.value))}" for k in tree.keywords]


def _place(row: dict[str, Any]) -> str:
    if row["function"]:
        return "pb"
    return f"pb.{row['space']}" if row["space"] else ""


def example(name: str, form: str, row: dict[str, Any]) -> list[str]:
    """Lines of a doctest that calls the operator as in its first sample."""
    arguments = _arguments(_first_sample(row["samples"]))
    place = _place(row)
    lines = ["import pullback as pb"]
    if form == "function":
        call = f"{place}.{name}({', '.join(arguments)})"
    else:
        float64 = ".double()" if name == "float_power_" else ""  # in place it wants this dtype
        lines.append(f"x = {arguments[0]}{float64}")
        call = f"x.{name}({', '.join(arguments[1:])})"
    return [*lines, f"y = {call}"]


def describe(name: str, form: str, rows: list[dict[str, Any]]) -> str:
    """The docstring of a function, a method or a method that works in place."""
    parts = []
    for row in rows:
        signature = row["signature"].replace(row["name"], name, 1)
        if form != "function":
            signature = signature.replace("input, ", "", 1).replace("(input)", "()", 1)
        notes = [row["doc"]]
        if form == "inplace":
            notes.append("Writes the result into the tensor itself and returns it.")
        else:
            notes.append(f"Returns: {row['fields'] or row['result']}.")
        if row["no_grad"]:
            notes.append("Not differentiable.")
        parts.append("\n\n".join([signature, *notes]))
    lines = "\n".join(f"    >>> {line}" for line in example(name, form, rows[0]))
    return "\n\n".join([*parts, f"Example:\n{lines}"]) + "\n"
