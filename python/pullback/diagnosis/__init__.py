"""Which line is at fault: what looks at a recorded graph, or at a pass over it.

``explain`` (NaN and infinity), ``why_none`` and ``why_zero``, ``draw``, ``safe_gradients``; all are
names of the package ``pullback`` and are loaded when they are first used. What they share is in
``_walk``; what the graph remembers for them is in csrc/graph/origin.h and csrc/bind/diagnosis.cpp.
"""
