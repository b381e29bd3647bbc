// Custom functions: the node that calls the user's backward, its Python object ctx, and `apply`.
//
// NOTE [Contexts]
// The ctx that the user's forward and backward get is the Python object of the node (`grad_fn`).
// The node owns it, as long as the graph holds the node; the ctx refers to the node without a
// reference of its own.  When the graph drops the node while Python still holds the ctx, a new node
// takes over what the old one had and belongs to the ctx.  So neither holds the other in a cycle.
// A result that the user hangs on the ctx makes one: the result's handle is tracked by the garbage
// collector, which finds the ctx through the node (only_context_of) if no other result or operation
// keeps the node.  Two results on one ctx, or something computed from them, are not found.
#pragma once

#include <Python.h>

#include "core/tensor.h"
#include "graph/node.h"

namespace pullback::bind {

// Adds _FunctionBase, the base of all contexts, and the functions behind autograd.Function.
int init_function(PyObject* module);

// The ctx of a custom function's node; null for other nodes.  Borrowed.
PyObject* context_of(const Node& node);

// The ctx that only this tensor keeps alive, through its node; null when there is none.
PyObject* only_context_of(const Tensor& tensor);

}  // namespace pullback::bind
