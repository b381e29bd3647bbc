// Cycles of Python objects that lead through the core, for the garbage collector.
//
// NOTE [Cycles]
// The core owns Python objects: dictionaries of hooks, contexts of custom functions, what hooks put
// in the place of saved tensors, objects of tensors (NOTE [Handles] in tensor_type.h).  Each is
// owned by a node or a body, which others of these and Python's objects may hold too; call those
// objects holders.  The collector may only be told of an owned object (visit it) when all that
// leads to its owner is garbage.  There are two ways to find out.
//
// In a full collection the holders that it is going to look at are known when it starts.  So the
// census counts, for each object of the core that can be reached from them, the references that
// holders and other such objects have; whatever has more is held from outside, and alive, and so is
// what it leads to.  Of the rest everything that is owned is visited.  This finds cycles inside of
// the core as well: a .grad with a history leads back to its tensor.  The tensor's own object is
// the holder that makes them known, and whose tp_clear drops the .grad.  After the finalizers have
// run the collector subtracts again, among what it found to be garbage; so does the census.
//
// In a collection of young objects every holder that is traversed counts as one arrival at what it
// holds; what has had as many arrivals as it has references is held by nothing else, and passes an
// arrival on to all that it holds.  It goes only so far: larger cycles wait for a full collection.
//
// When the collector then walks what it found to be alive, a holder visits every owned object that
// it can reach and that was visited before: the others lost no reference.  What is not counted (a
// holder that is not tracked, a C++ variable) keeps things alive.  Nothing of this happens while
// the core owns no object that may lead back to it.
#pragma once

#include <Python.h>

#include "core/tensor.h"
#include "graph/node.h"

namespace pullback::bind {

// Objects that the core owns now and that may lead back to it, and cycles of .grad.
extern std::int64_t live_owned;

inline void owned_made() { ++live_owned; }
inline void owned_gone() { --live_owned; }
// Finds out how the collector works, and asks to be called when it starts and stops.
void prepare_collector();

// From tp_traverse of a holder of the body or node.  `holds` is false for the object of a tensor
// that its body owns.
int visit_body(PyObject* self, TensorBody* body, bool holds, visitproc visit, void* arg);
int visit_node(PyObject* self, Node* node, visitproc visit, void* arg);

// In a full collection: a holder dies; whether what the holder holds is garbage.
void forget_holder(PyObject* holder);
bool is_doomed(PyObject* holder);

// Tracks the tensors that an object holds and that were there before the core owned anything: those
// it closes over, its defaults, attributes of the object it is bound to, and what is in these:
// five containers deep (a closure is one), the first 64 items of each, since a hook may hold a
// whole program.  A cycle through an older tensor beyond that is freed only when the program breaks
// it.
void track_held(PyObject* object, int depth = 6);

}  // namespace pullback::bind
