// The forms of an operator that write: x.op_(...) and op(..., out=...).
#pragma once

#include "bind/overloads.h"
#include "ops/destination.h"

namespace pullback::bind {

// `target` is what receives the result: out=, or self of an in-place form.
PyObject* call_into(const Overloads& op, const Signature& signature, Arguments& arguments,
                    Destination::Kind kind, const Tensor& target);

// A call with out=, a tensor or a tuple of them.
PyObject* call_out(const Overloads& op, const Signature& signature, Arguments& arguments,
                   const CommonKeywords& common);

}  // namespace pullback::bind
