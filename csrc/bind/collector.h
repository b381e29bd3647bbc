// Cycles of Python objects that lead through the core, for the garbage collector.
//
// NOTE [Cycles]
// The core owns Python objects: dictionaries of hooks, contexts of custom functions, what hooks put
// in the place of saved tensors.  Each is owned by a node or a leaf, which other nodes, saved
// tensors and handles may hold too.  The collector may only be told of the object (visit it) when
// all of these are held by garbage themselves.  So while it subtracts references, every handle that
// it traverses counts as one arrival at its body or node; what has had as many arrivals as it has
// references is held by nothing else, and passes an arrival on to all that it holds.  When the
// collector then walks what it found to be alive, a handle visits every owned object it can reach.
// What is not counted (a handle that is not tracked, a C++ variable) keeps things alive.
//
// Nothing of this happens while the core owns no object that may lead back to it.
#pragma once

#include <Python.h>

#include "core/tensor.h"
#include "graph/node.h"

namespace pullback::bind {

// Objects that the core owns now and that may lead back to it.
extern std::int64_t live_owned;

// One more; prepares the collector at the first.
void owned_made();
inline void owned_gone() { --live_owned; }

// From tp_traverse of an object that holds a reference to the body or node.
int visit_body(PyObject* self, TensorBody* body, visitproc visit, void* arg);
int visit_node(PyObject* self, Node* node, visitproc visit, void* arg);

// Tracks the tensors that an object holds and that were there before the core owned anything: those
// it closes over, its defaults, attributes of the object it is bound to, and what is in these.
void track_held(PyObject* object, int depth = 6);

}  // namespace pullback::bind
