// What the operators that draw random numbers have in common.
//
// Inside vmap the level says whether all examples get the same numbers; the functions here ask it.
// Start reading at draw().
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <vector>

#include "core/tensor.h"
#include "graph/mode.h"
#include "kernels/make/random.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/op.h"
#include "ops/table.h"
#include "ops/undifferentiated.h"

namespace pullback {

using OptionalDType = std::optional<DType>;

inline constexpr std::uint32_t kFillForm = kMethodForm | kNoGrad | kNoBatch | kRandom;

// The one given by generator=, or the default one.
kernels::Generator& generator();

// The dtype, or the default one; `name` of torch's kernel refuses others than floats.
DType floating(OptionalDType dtype, const char* name);

using Fill = std::function<void(const Tensor&)>;
using Draw = std::function<Tensor(const std::vector<Tensor>&)>;

// The same for those that draw complex numbers, too.
DType inexact(OptionalDType dtype, const char* name);

// A new tensor; `fill` may get one with batch dimensions in front.  Numbers are drawn in the order
// of the memory, so they depend on the strides: those of out=, or of `like`.
Tensor draw(Sizes sizes, DType dtype, const Fill& fill, const Tensor& like = {},
            int depth = mode.depth);

// Numbers that depend on tensors; `sample` may get these with batch dimensions in front.
Tensor draw_from(const std::vector<Tensor>& inputs, const Draw& sample, int depth = mode.depth);

// An out= that numbers are drawn right into, or undefined.
Tensor take_out(const Target& target, std::initializer_list<const Tensor*> operands, Sizes sizes,
                DType dtype);

void fill_in_place(const Tensor& target, const Fill& fill, int depth = mode.depth);

// Writes random numbers into `input`; what was there has gradient zero.
template <typename F>
const Tensor& overwrite(const char* name, const char* node, const Tensor& input, F&& fill,
                        const Tensor& operand = {}) {
  check_writable(name, input);
  const auto write = [&](const Tensor& all) {
    if (!all.is_same(input)) check_writable(name, all);
    fill(view_of(all));
    overwritten(all, node, operand);
  };
  fill_in_place(input, write);
  if (input.has(kBatched)) overwritten(input, node, operand);
  return input;
}

}  // namespace pullback
