// Floating results that have no derivative: comparisons written in place, random numbers, sets.
//
// They join the graph all the same, so that a gradient is zero or refused and never lost in
// silence.  An elementwise operator has kZeroSlope, or a partial without a function, instead.
#pragma once

#include <initializer_list>
#include <string>

#include "core/tensor.h"
#include "graph/meta.h"
#include "graph/mode.h"

namespace pullback {

// What `compute` gives, neither recorded nor with tangents: for results that are recorded by hand.
template <typename Compute>
auto unfollowed(Compute&& compute) {
  const GradMode grad(false);
  const ForwardMode forward(false);
  return compute();
}
// Records `result` as a function of those inputs that are defined; gradients and tangents are zero.
void record_zeros(const Tensor& result, std::initializer_list<const Tensor*> inputs,
                  const char* node);
// Records `result` with a node that refuses in the backward pass; forward mode is refused at once.
// `name`: of torch's function; those that torch's graph knows by hand have the node NotImplemented.
void record_refusal(const Tensor& result, std::initializer_list<const Tensor*> inputs,
                    const char* node, const char* name);

// What was written in place without a derivative: the values of `target` with the history of a
// node of that name, whose gradient is zero for the target and for `operand`, if there is one.
Tensor without_gradient(const Tensor& target, std::string node, const Tensor& operand = {});
// After such a write: raises the version and records it.
void overwritten(const Tensor& target, const char* node, const Tensor& operand = {});
// Whether a write into it has to be recorded, or to change its tangents.
bool has_derivatives(const Tensor& target);

}  // namespace pullback
