// Writing into a whole tensor: what Tensor.copy_, fill_ and zero_ do.
#pragma once

#include "ops/destination.h"

namespace pullback {

// Writes `source`, cast and broadcast, into `self`.  Recorded; returns `self`.
const Tensor& copy_into(const Tensor& self, const Tensor& source,
                        Destination::Sharing sharing = Destination::Sharing::InStep);
// Writes a value of one element everywhere.  Recorded; returns `self`.
const Tensor& fill_into(const Tensor& self, const Tensor& value);
// Writes zeros into `self`.  Recorded; returns `self`.
const Tensor& zero_into(const Tensor& self);

}  // namespace pullback
