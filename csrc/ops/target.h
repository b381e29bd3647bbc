// The out= or in-place target of a call, for the few functions of the table that must know it.
//
// NOTE [Targets]
// A function of the table computes as if there were no target, and its result is copied over.  Two
// marks say that it writes its result last, so that the copy can be spared:
//   `direct<f>` in its entry: f calls one operator and returns what it gives.  An offer stands in
//     the mode while f runs; the first operator that is no view claims it, before it computes, and
//     writes its result right into the target if that fits.
//   A last parameter `Target`: f makes intermediate results, or asks what the target is.  It offers
//     the target to its last operator by an `Offer`.
// Without a mark there is a copy more.  With a wrong one the target holds an intermediate result,
// which Destination::finish notices.
#pragma once

#include "core/dtype.h"
#include "core/tensor.h"
#include "graph/mode.h"

namespace pullback {

class Destination;

class Target {
 public:
  Target() = default;
  explicit Target(Destination* destination) : destination_(destination) {}
  // False in a call without one.
  explicit operator bool() const { return destination_; }
  Destination* destination() const { return destination_; }
  // What the call writes in place, or null.
  const Tensor* in_place() const;
  DType dtype_or(DType dtype) const;

 private:
  Destination* destination_ = nullptr;
};

// Offers the target to the operator that is called next, whose result is that of the function.
class Offer {
 public:
  explicit Offer(const Target& target) : offer_(target.destination()) {}

 private:
  const ModeScope<&Mode::destination> offer_;
};

}  // namespace pullback
