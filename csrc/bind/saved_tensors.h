// What nodes saved, as Python sees it: hooks that pack it, SavedTensor, and torch's names for it.
#pragma once

#include <Python.h>

#include <span>

#include "graph/node.h"
#include "graph/saved.h"

namespace pullback::bind {

// Adds SavedTensor and the functions of the hooks to the module.
int init_saved_tensors(PyObject* module);

// `node._saved_self`, `node._raw_saved_self` and so on: a new reference, or null without an error
// when `name` is no such name of the node.
PyObject* saved_attribute(Node& node, const char* name);
// A tuple of SavedTensor objects, places of the node.
PyObject* raw_saved(Node& node, std::span<SavedTensor* const> tensors);
// The names, a list.
PyObject* saved_names(Node& node);

}  // namespace pullback::bind
