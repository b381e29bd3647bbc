// Scans: what the family's files share.
//
// NOTE [Recurrences]
// The derivative of a running product is itself a linear recurrence, h[k] = b[k] + a[k] * h[k - 1],
// and so is the derivative of a linear recurrence.  With that one operator prod, cumprod and
// logcumsumexp have derivatives of every order that divide by nothing: they are exact at zeros.
// `shift` moves by one place in the direction of the scan.
//
// In attributes a dimension of -1 means none: a scan of a tensor without dimensions is a copy.
#pragma once

#include <optional>

#include "core/tensor.h"
#include "ops/op.h"
#include "ops/target.h"

namespace pullback {

// Where an operator along one dimension runs.
struct Along {
  int dim;
  bool reverse = false;
  Along batched() const { return {dim < 0 ? -1 : dim + 1, reverse}; }
  Along back() const { return {dim, !reverse}; }
};
Along along(std::int64_t dim, int ndim);

// A view in the direction of the scan.
class Directed {
 public:
  Directed(const Tensor& t, Along where) : view_(view_of(t)) {
    if (!where.reverse || t.numel() == 0) return;
    strides_ = Dims(t.strides());
    std::int64_t& stride = strides_[where.dim];
    view_.data +=
        (t.size(where.dim) - 1) * stride * static_cast<std::int64_t>(item_size(t.dtype()));
    stride = -stride;
    view_.strides = strides_.data();
  }
  Directed(const Directed&) = delete;
  Directed& operator=(const Directed&) = delete;
  operator const kernels::View&() const { return view_; }  // NOLINT: that is its purpose

 private:
  Dims strides_;
  kernels::View view_;
};

Tensor cumsum(const Tensor& input, Along where);
Tensor cumprod(const Tensor& input, Along where);
Tensor recurrence(const Tensor& a, const Tensor& b, Along where);
// out[k] = input[k - 1], out[0] = fill.
Tensor shift(const Tensor& input, Along where, double fill = 0);

// The dtype that sums and products have, and the input in it.  Recorded.
Tensor accumulating(const Tensor& input, std::optional<DType> dtype);
// What a running sum or product reads; in place it has the dtype of what is written.
Tensor running(const Tensor& input, Along where, std::optional<DType> dtype, const char* name,
               const Target& target);
// Nothing is added up or multiplied where there is nothing to do: bools are copied.
Along running_along(const Tensor& read, Along where);

}  // namespace pullback
