// The forms of an operator that write: x.op_(...) and op(..., out=...).
#pragma once

#include "bind/overloads.h"
#include "ops/destination.h"

namespace pullback::bind {

// A call of an in-place form.
PyObject* call_in_place(const Overloads& op, const Signature& signature, Arguments& arguments,
                        const Tensor& self);

// A call with out=, a tensor or a tuple of them.
PyObject* call_out(const Overloads& op, const Signature& signature, Arguments& arguments,
                   const CommonKeywords& common);

}  // namespace pullback::bind
