// The memory that a fill needs besides its results.
//
// An operator with `static void workspace(const Attrs&, In, const Tensor& out, Workspace&)` says
// there what it needs, from attributes, inputs and the place of its (first) result; its fill then
// gets the workspace as a last argument.  So a fill makes no memory of its own.
#pragma once

#include <array>

#include "core/tensor.h"

namespace pullback {

class Workspace {
 public:
  static constexpr int kMost = 8;

  // Declares, before the fill.
  void need(int k, Sizes sizes, DType dtype) { needs_[at(k)] = {Dims(sizes), dtype, true}; }
  // For `t` seen row-major and in the dtype: nothing if it is that already.
  void need_dense(int k, const Tensor& t, DType dtype) {
    if (!is_dense_as(t, dtype)) need(k, t.sizes(), dtype);
  }
  void need_dense(int k, const Tensor& t) { need_dense(k, t, t.dtype()); }
  // Makes what was declared.
  void provide() {
    for (std::size_t k = 0; k < kMost; ++k) {
      if (needs_[k].needed) memory_[k] = Tensor::empty(needs_[k].sizes, needs_[k].dtype);
    }
  }

  // In the fill: undefined where it was not declared.
  const Tensor& operator[](int k) const { return memory_[at(k)]; }
  // `t` itself, or a copy in what need_dense(k, t) declared.
  const Tensor& dense(int k, const Tensor& t) const;

 private:
  struct Need {
    Dims sizes;
    DType dtype = DType::Float32;
    bool needed = false;
  };
  static std::size_t at(int k) { return static_cast<std::size_t>(k); }
  static bool is_dense_as(const Tensor& t, DType dtype) {
    return t.is_contiguous() && t.dtype() == dtype;
  }

  std::array<Need, kMost> needs_;
  std::array<Tensor, kMost> memory_;
};

}  // namespace pullback
