"""Programs as graphs that can be looked at and changed: ``symbolic_trace`` and what it gives.

A module or function runs once on proxies (``_symbolic_trace``, ``proxy``); what it does is a
``Graph`` of ``Node``; a ``GraphModule`` runs the Python code that is written from it (``_code``).
``Interpreter`` runs a graph node by node, ``Transformer`` makes another one of it,
``replace_pattern`` exchanges parts.
"""

from __future__ import annotations

from pullback.fx._symbolic_trace import Tracer, symbolic_trace, wrap
from pullback.fx.graph import Graph, PythonCode
from pullback.fx.graph_module import GraphModule
from pullback.fx.interpreter import Interpreter, Transformer
from pullback.fx.node import Node, has_side_effect, map_arg
from pullback.fx.proxy import Proxy
from pullback.fx.subgraph_rewriter import replace_pattern

__all__ = [
    "Graph",
    "GraphModule",
    "Interpreter",
    "Node",
    "Proxy",
    "PythonCode",
    "Tracer",
    "Transformer",
    "has_side_effect",
    "map_arg",
    "replace_pattern",
    "symbolic_trace",
    "wrap",
]
