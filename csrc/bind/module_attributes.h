// The attributes of modules that are no ordinary ones: parameters, buffers, submodules.
//
// nn.Module keeps them in dictionaries of their own, and its __getattr__ finds them there, which
// Python asks only after an ordinary look-up has failed with an exception.  A class of modules that
// changes nothing about that has a slot here instead, which looks in the same places in the same
// order; what it does not find goes the ordinary way, with __getattr__ and its error.
#pragma once

#include <Python.h>

namespace pullback::bind {

// Gives the class the slot, unless it looks up attributes in a way of its own.  `getattr` is the
// __getattr__ of nn.Module.
PyObject* give_module_attributes(PyObject* type, PyObject* getattr);

}  // namespace pullback::bind
