// The few functions that the operator classes and the engine themselves need.
#pragma once

#include <optional>

#include "ops/operand.h"

namespace pullback {

// The tensor in another dtype; the same tensor when it has it.  Warns of imaginary parts that get
// lost.  Recorded.
Tensor cast(const Tensor& input, DType dtype);
// A copy with the same layout (see empty_strided_like), or row-major.  Recorded.
Tensor clone(const Tensor& input, MemoryFormat format = MemoryFormat::Preserve);
// The same as a cast, that is under the name of a cast in the graph, also without a change of
// dtype.
Tensor to_copy(const Tensor& input, DType dtype, MemoryFormat format = MemoryFormat::Preserve);
// The tensor itself when it is row-major, else a row-major copy.  Recorded.
Tensor contiguous(const Tensor& input);
// Views.  Recorded; alias_view is one of everything.
Tensor alias_view(const Tensor& input, const char* node = "AliasBackward0");
Tensor expand(const Tensor& input, Sizes sizes);
Tensor unsqueeze(const Tensor& input, std::int64_t dim);
Tensor squeeze_dim(const Tensor& input, std::int64_t dim);
Tensor permute(const Tensor& input, Sizes dims);
Tensor transpose(const Tensor& input, std::int64_t dim0, std::int64_t dim1);
Tensor reshape(const Tensor& input, Sizes sizes);
// Zeros of these sizes that take the memory of one element; what a gradient is scattered into.
Tensor expanded_zeros(Sizes sizes, DType dtype);
// The tangent of `like`, or such zeros where it is undefined.
Tensor tangent_or_zeros(const Tensor& tangent, const Tensor& like);
// Sums over the dimensions along which `sizes` was broadcast; undoes expand.  Recorded.
Tensor sum_to(const Tensor& input, Sizes sizes);

// Complex numbers and their parts (ops/shape/complex.cpp).  All but the two `seen_as` recorded.
// Pairs along the last dimension and complex numbers over the same memory.
Tensor seen_as_real(const Tensor& t);
Tensor seen_as_complex(const Tensor& pairs);
Tensor view_as_real(const Tensor& input);
Tensor view_as_complex(const Tensor& input);
// The same of pairs in any layout, by a copy where it must be.
Tensor complex_of_pairs(const Tensor& pairs);
// A view of the real or imaginary parts; a real tensor is its real part.
Tensor real(const Tensor& input);
Tensor imag(const Tensor& input);
// A real tensor itself.
Tensor conj(const Tensor& input);

// Recorded.
Tensor add(const Operand& input, const Operand& other, Scalar alpha = Scalar(1));

// `slope` as a function of `x` of its shape, too, whose derivative is zero: what a derivative gives
// whose slope has steps.  Where a graph is being created the result requires a gradient when x
// does.
Tensor stepwise(const char* node, const Tensor& slope, const Tensor& x);

// Not recorded, and without history.
Tensor copy_to_dtype(const Tensor& input, DType dtype);
// The tensor itself, or a copy in the wide dtype if it is narrow, in its layout.
Tensor widened(const Tensor& input);
// In the layout of `model`, or in the order of its dimensions where that has gaps.
Tensor empty_strided_like(const Tensor& model, DType dtype);
// Strides of a tensor seen with the sizes it broadcasts to.
Dims broadcast_strides(const Tensor& t, Sizes sizes);
// What arrives at a tensor of the dtype as its gradient: its real part if the dtype is real.
// Recorded.
Tensor cast_gradient(const Tensor& gradient, DType dtype);
// Imaginary parts get lost in the cast, of which the user is told.
void warn_of_lost_parts(DType from, DType to);
// Copies values, casting and broadcasting; no history.
void copy_values(const Tensor& target, const Tensor& source);
// Writes a number everywhere; no history.
void fill_values(const Tensor& target, const Scalar& number);

// Throws for a memory format other than row-major.
void check_row_major(const char* op, std::optional<MemoryFormat> format);
// In-place writes: refusals of torch that do not depend on the operator.
void check_writable(const char* name, const Tensor& target);
// For what changes the tensor and not its memory.
void check_changeable(const char* name, const Tensor& target);

}  // namespace pullback
