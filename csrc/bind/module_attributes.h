// The attributes of modules that are no ordinary ones (parameters, buffers, submodules), and calls.
//
// nn.Module keeps them in dictionaries of their own, and its __getattr__ finds them there, which
// Python asks only after an ordinary look-up has failed with an exception.  A class of modules that
// changes nothing about that has a slot here instead, which looks in the same places in the same
// order; what it does not find goes the ordinary way, with __getattr__ and its error.  A call of a
// module goes from such a slot straight to its forward while there are no hooks.
#pragma once

#include <Python.h>

namespace pullback::bind {

// Gives the class the slot, unless it looks up attributes in a way of its own.  `getattr` is the
// __getattr__ of nn.Module.
PyObject* give_module_attributes(PyObject* type, PyObject* getattr);
// The same for calls: `call` is the __call__ of nn.Module, `hooks` the dictionaries of the hooks of
// all modules, which are those of every call of this function.
PyObject* give_module_calls(PyObject* type, PyObject* call, PyObject* hooks);

}  // namespace pullback::bind
