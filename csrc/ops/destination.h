// Where the next operator puts its result: how `x.mul_(y)` and `mul(x, y, out=z)` are the same
// operator as `mul(x, y)` in another mode.
//
// bind sets a destination on this thread and calls the operator; the first operator that makes a
// result takes it.  If the result ended up elsewhere (a composition, another dtype), finish()
// copies it over.  Rebasing the history of the destination happens here, in one place.
#pragma once

#include <utility>

#include "core/tensor.h"
#include "graph/mode.h"
#include "ops/op.h"

namespace pullback {

class Destination {
 public:
  enum class Kind : std::uint8_t { InPlace, Out };

  // Throws torch's refusals: a leaf that requires a gradient, a read-only buffer, ...
  Destination(const char* name, Kind kind, const Tensor& target);
  ~Destination();
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;

  // The tensor to fill for a result of this shape and dtype, or undefined: then the caller fills a
  // fresh one and finish() copies.  At most one caller gets it.
  static Tensor take(Sizes sizes, DType dtype);
  // The same for an operator that cannot work in place: only an out= that shares no memory with an
  // input.
  static Tensor take_out(In in, const Spec& spec);
  // Called before an in-place result is recorded: refuses what cannot be (ops/rebase.h).
  static void check_history();
  // What the operator that is called now writes in place, or null.
  static const Tensor* in_place();
  // The dtype of the destination, if one waits.
  static DType dtype_or(DType dtype);
  // Refuses a result of a dtype that the waiting destination, if there is one, cannot hold.
  static void check_result(DType dtype);
  // True while the destination waits and is not row-major.
  static bool is_strided();
  // Which elements another operand may share with the target: those that are written when they are
  // read (and what cannot be told apart cheaply), none, or all.
  enum class Sharing : std::uint8_t { InStep, None, Any };
  // Looks at another operand that may share memory with the target: refuses what torch refuses, and
  // keeps elements from being read after they were written.
  void add_operand(const Tensor& operand, Sharing sharing = Sharing::InStep);

  // For an out= that must have the dtype of the result.
  void refuse_casts() { exact_ = true; }
  // Puts `result` into the target (unless it is there already), with its history.
  const Tensor& finish(const Tensor& result);

 private:
  void check_fits(Sizes sizes, DType dtype);
  void check_cast(DType dtype) const;

  const char* name_;
  Kind kind_;
  Tensor target_;
  bool pending_ = true;
  bool exact_ = false;
  const Tensor* operand_ = nullptr;  // a tensor besides the target
  Destination* outer_;
  const TensorBody* overwritten_;  // by an outer in-place write
};

// Throws that `tensor`, the out= or an operand, requires a gradient.
[[noreturn]] void refuse_out(const char* name, const Tensor& tensor);
// Throws torch's refusals of an out=.
void check_out(const char* name, const Tensor& target);
// The same for one that must have the dtype of the result.
void check_out_dtype(const Tensor& target, DType result);

// Hides the destination from the operators that make intermediate results.
class DestinationAside {
 public:
  DestinationAside() : hidden_(std::exchange(mode.destination, nullptr)) {}
  ~DestinationAside() { mode.destination = hidden_; }
  DestinationAside(const DestinationAside&) = delete;
  DestinationAside& operator=(const DestinationAside&) = delete;

 private:
  Destination* hidden_;
};

}  // namespace pullback
