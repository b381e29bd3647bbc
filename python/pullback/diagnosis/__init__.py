"""Which line is at fault: what looks at a recorded graph, or at a pass over it.

``explain`` (NaN and infinity), ``why_none``, ``why_zero``, ``diagnose`` (whole steps), ``draw`` and
``safe_gradients`` are names of the package ``pullback`` and are loaded when they are first used.
What they share is in ``_walk``, values computed anew in ``_anew``; what the graph remembers is in
csrc/graph/origin.h, csrc/bind/diagnosis.cpp and csrc/bind/step_observer.cpp.
"""
