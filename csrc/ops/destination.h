// Where the result of a call goes: how `x.mul_(y)` and `mul(x, y, out=z)` are the same operator as
// `mul(x, y)` in another mode.  Who writes straight into it is in NOTE [Targets] (ops/target.h).
//
// A Destination lives around the call; finish() puts the result into the target, unless it is there
// already, and rebases the target's history, here in one place.  While an in-place call runs, nodes
// save copies of the target (`mode.overwritten`), whether its result is written at once or at the
// end: either comes before their derivatives read it.
#pragma once

#include <cstdint>
#include <utility>

#include "core/tensor.h"
#include "graph/mode.h"
#include "ops/operation.h"
#include "ops/target.h"

namespace pullback {

class Destination {
 public:
  enum class Kind : std::uint8_t { InPlace, Out };

  // Throws torch's refusals: a leaf that requires a gradient, a read-only buffer, ...  `offered`:
  // the function that is called now is marked as writing its result last.
  Destination(const char* name, Kind kind, const Tensor& target, bool offered = false);
  ~Destination();
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;

  // What is offered to the operator that starts now, or null.  Nothing that it calls is offered
  // anything.
  static Destination* claim() {
    Destination* const offered = mode.destination;
    if (offered) [[unlikely]]
      mode.destination = nullptr;
    return offered;
  }
  // The tensor to fill for a result of this shape and dtype, or undefined: then the caller fills a
  // fresh one and finish() copies.
  Tensor take(Sizes sizes, DType dtype);
  // The same for an operator that cannot work in place: only an out= that shares no memory with an
  // input.
  Tensor take_out(In in, const Spec& spec);
  // Called before an in-place result is recorded: refuses what cannot be (ops/rebase.h).
  void check_history() const;
  // Refuses a result of a dtype that the target cannot hold.
  void check_result(DType dtype) const;
  // The target can be taken, and is not row-major.
  bool is_strided() const { return is_open() && !target_.is_contiguous(); }
  const Tensor& target() const { return target_; }
  Kind kind() const { return kind_; }
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
  bool is_open() const { return state_ == State::Open; }
  void check_fits(Sizes sizes, DType dtype);
  void check_cast(DType dtype) const;

  const char* name_;
  Kind kind_;
  Tensor target_;
  // Taken: an operator wrote its result into the target.
  enum class State : std::uint8_t { Open, Closed, Taken };
  State state_ = State::Open;
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

// How an in-place form runs, wherever it is called from.  `add_operands` is given the destination
// for the other operands, `function` gives the result.
template <typename AddOperands, typename Function>
Tensor write_in_place(const char* name, const Tensor& self, bool offered,
                      AddOperands&& add_operands, Function&& function) {
  Destination destination(name, Destination::Kind::InPlace, self, offered);
  add_operands(destination);
  return destination.finish(function());
}

}  // namespace pullback
