// Generator: a source of random numbers as Python sees it.
#pragma once

#include <Python.h>

#include "kernels/make/random.h"

namespace pullback::bind {

// Adds the type and default_generator to the module.
int init_generator(PyObject* module);

// The generator of an object of that type, nullptr of any other object.
kernels::Generator* generator_of(PyObject* object);

}  // namespace pullback::bind
