// Levels, forward mode and batching as Python reaches them: the parts that pullback.func and
// pullback.autograd.forward_ad are made of.
#pragma once

#include <Python.h>

namespace pullback::bind {

extern PyMethodDef transform_functions[];

}  // namespace pullback::bind
