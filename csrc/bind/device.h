// device: the name of a place for tensors.  Every one can be written, compared and kept; tensors
// live on the CPU only.
#pragma once

#include <Python.h>

#include <string_view>

namespace pullback::bind {

// Adds the type to the module.
int init_device(PyObject* module);

// A new reference to device("cpu").
PyObject* cpu_device();
// Whether an argument may stand for a device: a device, its name, or the index of a GPU.
bool is_device_like(PyObject* object);

// Throws unless it is nullptr, None or names the CPU: a TypeError for what is no device, what torch
// raises for a name that is none, and for one that torch would need a GPU for.  `moves`: the tensor
// exists already, for which torch has another error.
void check_device(std::string_view function, PyObject* object, bool moves = false);

}  // namespace pullback::bind
