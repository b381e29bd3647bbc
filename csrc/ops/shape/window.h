// A window: the part of a tensor that select, slice, diagonal and unfold show.
//
// The transpose of showing a part is placing values there among zeros; both are recorded operators
// and each is the derivative of the other.
#pragma once

#include "ops/op.h"

namespace pullback {

struct Window {
  enum class Kind : std::uint8_t { Select, Slice, Diagonal, Unfold };
  Kind kind;
  int dim;                 // Diagonal: the row dimension
  int dim2 = 0;            // Diagonal: the column dimension
  std::int64_t start = 0;  // Diagonal: the offset; Select: the position; Unfold: nothing
  std::int64_t length = 1;
  std::int64_t step = 1;

  Window batched() const {
    Window w = *this;
    ++w.dim;
    ++w.dim2;
    return w;
  }
  // The part of `whole`, without history.
  Tensor show(const Tensor& whole) const;
};

// With torch's checks.
Window select_window(const Tensor& x, std::int64_t dim, std::int64_t index);
Window slice_window(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t stop,
                    std::int64_t step);
Window diagonal_window(const Tensor& x, std::int64_t offset, std::int64_t dim1, std::int64_t dim2);

// The recorded view.
Tensor show(const Window& window, const Tensor& input);
// Zeros of the sizes `whole` with the values of `part` added in the window.  Recorded.
Tensor place(const Window& window, const Tensor& part, const Dims& whole,
             const char* node = nullptr);

}  // namespace pullback
