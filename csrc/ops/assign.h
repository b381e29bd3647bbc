// Writing into a whole tensor: what Tensor.copy_, fill_ and zero_ do.
#pragma once

#include <string>

#include "core/tensor.h"

namespace pullback {

// Writes `source`, cast and broadcast, into `self`.  Recorded; returns `self`.
const Tensor& copy_into(const Tensor& self, const Tensor& source);
// Writes a value of one element everywhere.  Recorded; returns `self`.
const Tensor& fill_into(const Tensor& self, const Tensor& value);
// Writes zeros into `self`.  Recorded; returns `self`.
const Tensor& zero_into(const Tensor& self);

// For operators that write in place what has no derivative: the values of `target` with the history
// of a node of that name, whose gradient is zero.
Tensor without_gradient(const Tensor& target, std::string node);
// After such a write: raises the version and records it.
void overwritten(const Tensor& target, const char* node);

}  // namespace pullback
