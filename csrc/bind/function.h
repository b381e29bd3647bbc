// Custom functions: the node that calls the user's backward, its Python object ctx, and `apply`.
//
// NOTE [Contexts]
// The ctx that the user's forward and backward get is the Python object of the node (`grad_fn`).
// The node owns it, as long as the graph holds the node; the ctx refers to the node without a
// reference of its own.  When the graph drops the node while Python still holds the ctx, a new node
// takes over what the old one had and belongs to the ctx.  So neither holds the other in a cycle.
// Results, arguments and what is computed from them make one when the user hangs them on the ctx:
// from then on it is an object that the collector looks for (NOTE [Cycles] in collector.h).  So
// does a tensor that the class of the ctx refers to: found if it is all that keeps the node.
#pragma once

#include <Python.h>

#include "core/tensor.h"
#include "graph/node.h"

namespace pullback::bind {

// Adds _FunctionBase, the base of all contexts, and the functions behind autograd.Function.
int init_function(PyObject* module);

// The ctx of a custom function's node; null for other nodes.  Borrowed.
PyObject* context_of(const Node& node);

// The collector looks for cycles through this context from now on.
void watch_context(PyObject* context);

}  // namespace pullback::bind
