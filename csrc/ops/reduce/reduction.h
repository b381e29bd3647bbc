// Reductions: what other operators and C++ users call, and the tools the family shares.
//
// NOTE [Reduced dimensions]
// A DimSet names the dimensions that are reduced, one bit each, counted from the front; it is what
// attributes hold, so that recording takes no memory and the batching rule is a shift.  It is
// always exact: "all" is spelled out, the empty set reduces nothing.  Kernels see results in the
// keepdim layout (KeepView), derivatives bring gradients back to it by `restore`.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>

#include "core/tensor.h"
#include "kernels/view.h"

namespace pullback {

// nullopt and the empty tuple mean all dimensions.
Tensor sum(const Tensor& input, const std::optional<Dims>& dim = {}, bool keepdim = false,
           std::optional<DType> dtype = {});
Tensor mean(const Tensor& input, const std::optional<Dims>& dim = {}, bool keepdim = false,
            std::optional<DType> dtype = {});
Tensor amax(const Tensor& input, const std::optional<Dims>& dim = {}, bool keepdim = false);
Tensor amin(const Tensor& input, const std::optional<Dims>& dim = {}, bool keepdim = false);
Tensor logsumexp(const Tensor& input, const Dims& dim, bool keepdim = false);
Tensor vector_norm(const Tensor& input, double ord = 2, const std::optional<Dims>& dim = {},
                   bool keepdim = false, std::optional<DType> dtype = {});

// The p-norm of x1 - x2 + eps along the last dimension.
Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p = 2, double eps = 1e-6,
                         bool keepdim = false);

// See NOTE [Reduced dimensions].
class DimSet {
 public:
  constexpr DimSet() = default;
  constexpr explicit DimSet(std::uint64_t bits) : bits_(bits) {}
  static constexpr DimSet all(int ndim) {
    return DimSet(ndim >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << ndim) - 1);
  }
  static constexpr DimSet one(int dim) { return DimSet(std::uint64_t{1} << dim); }

  constexpr bool has(int dim) const { return bits_ >> dim & 1; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr int count() const { return std::popcount(bits_); }
  constexpr int first() const { return std::countr_zero(bits_); }
  constexpr bool is_all(int ndim) const { return bits_ == all(ndim).bits_; }
  constexpr std::uint64_t bits() const { return bits_; }
  // The same dimensions behind a new leading one.
  constexpr DimSet batched() const { return DimSet(bits_ << 1); }

 private:
  std::uint64_t bits_ = 0;
};

// Throws torch's errors for dimensions out of range and named twice.
DimSet reduced_dims(const std::optional<Dims>& dim, int ndim);
DimSet reduced_dim(std::int64_t dim, int ndim);
Dims reduced_sizes(Sizes sizes, DimSet dims, bool keepdim);
// How many elements go into one of the result.
std::int64_t reduced_count(Sizes sizes, DimSet dims);
// The gradient with the reduced dimensions as ones again; a full reduction's stays 0-d, it expands.
Tensor restore(const Tensor& reduced, DimSet dims, int ndim, bool keepdim);
// The same, with ones also after a full reduction.
Tensor keep_layout(const Tensor& reduced, DimSet dims, int ndim, bool keepdim);
Tensor sum(const Tensor& input, DimSet dims, bool keepdim);
Tensor mean(const Tensor& input, DimSet dims, bool keepdim);
// 1 / number of ties where x equals `value` (keepdim layout; NaN equals NaN if asked), else 0.
Tensor tie_shares(const Tensor& x, const Tensor& value, DimSet dims, bool nan_ties);
// t times the share of each tie, and nothing of an infinite t for the others.
Tensor shared_by_ties(const Tensor& t, const Tensor& shares);
// `t` (ones where it broadcasts) seen with these sizes; no history.
Tensor spread_alias(const Tensor& t, Sizes sizes);
// Throws torch's error where a reduced dimension is empty.
void check_not_empty(const char* name, const Tensor& input, DimSet dims);
// Throws torch's error for complex numbers, which have no order; `kernel` is torch's name.
void refuse_complex(const char* kernel, DType dtype);
// Whether complex numbers are as few as torch takes them for what needs an order: none, or one
// without dimensions.  `name` refuses a derivative, as torch does.
bool needs_no_order(const char* name, const Tensor& input);

// A result without the reduced dimensions as the kernels want it.
class KeepView {
 public:
  KeepView(const Tensor& out, DimSet dims, Sizes input_sizes, bool keepdim);
  KeepView(const KeepView&) = delete;
  KeepView& operator=(const KeepView&) = delete;
  operator const kernels::View&() const { return view_; }  // NOLINT: that is its purpose

 private:
  Dims sizes_;
  Dims strides_;
  kernels::View view_;
};

}  // namespace pullback
