// Nodes of the graph as Python objects, and the autograd functions.
#pragma once

#include <Python.h>

#include "graph/node.h"

namespace pullback::bind {

// A node, or the place where gradients of a leaf are accumulated (which is no node in the core).
struct PyNode {
  PyObject_HEAD Ref<Node> node;
  Tensor leaf;
};
extern PyTypeObject* node_type;

// Adds Node, AccumulateGrad and the functions of the engine and the modes to the module.
int init_graph(PyObject* module);

// The object of a node; the same one while somebody holds it.
PyObject* wrap_node(Ref<Node> node);

// Remembers what the tensor looks like, for its node's object and for edges to it as roots.
void note_shape(const Tensor& tensor);

// Changes whether a leaf requires a gradient, with torch's refusals (properties.cpp).
void require_grad(const Tensor& tensor, bool wanted);

}  // namespace pullback::bind
