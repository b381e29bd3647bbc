// What the operators on matrices share: refusals in torch's words, layouts, stacks.
//
// The last two dimensions are the matrix, those in front the stack.  Factors are column-major, as
// LAPACK and torch make them.  An `info` (int32, one number for each matrix) is 0 where all is
// well.
#pragma once

#include <utility>

#include "ops/basic.h"
#include "ops/linalg/matmul.h"
#include "ops/op.h"

namespace pullback {

// `name` and `letter` as torch writes them: "linalg.inv", "A".
void check_matrix(const char* name, const Tensor& a, const char* letter = "A");
void check_square(const char* name, const Tensor& a, const char* letter = "A");
// Floating or complex elements; refuses others in these words.
void check_floating(const char* name, const Tensor& a);
// The same, and narrow ones.
void check_wide(const char* name, const Tensor& a);
// For a kernel of torch that is not there for narrow elements, or for integers: its name.
void check_kernel(const char* kernel, const Tensor& a);
void check_same_types(const char* name, const Tensor& a, const Tensor& b);

inline std::int64_t rows_of(const Tensor& a) { return a.size(a.ndim() - 2); }
inline std::int64_t columns_of(const Tensor& a) { return a.size(a.ndim() - 1); }
Dims stack_of(const Tensor& a, int matrix_dims = 2);
Dims with(Dims stack, std::initializer_list<std::int64_t> sizes);
inline Spec info_spec(const Tensor& a) { return {stack_of(a), DType::Int32}; }

// Uninitialised, each matrix column-major.
Tensor empty_columns(Sizes sizes, DType dtype);
inline Tensor empty_columns(const Spec& spec) { return empty_columns(spec.sizes, spec.dtype); }
// The memory of `t` seen with the last two dimensions exchanged.
Tensor transposed_alias(const Tensor& t);
// The same memory as matrices of one column.
Tensor column_alias(const Tensor& t);

// The workspace for a column-major copy, and the copy in it.
void need_columns(Workspace& w, int k, const Tensor& t);
Tensor columns(const Workspace& w, int k, const Tensor& t);
// The same where the matrices are not column-major without gaps already.
void need_columns_unless(Workspace& w, int k, const Tensor& t);
inline Tensor columns_or(const Workspace& w, int k, const Tensor& t) {
  return w[k].defined() ? columns(w, k, t) : t;
}

// Both with the stack that they broadcast to.
std::pair<Tensor, Tensor> with_one_stack(const Tensor& a, const Tensor& b);

// The conjugate transpose.
inline Tensor adjoint(const Tensor& a) { return matrix_adjoint(a); }
// The distance from 1 to the next number of the parts of elements.
inline double unit_of(DType dtype) { return real_of(dtype) == DType::Float32 ? 0x1p-23 : 0x1p-52; }
// Ones on the diagonal.
Tensor identity(std::int64_t n, DType dtype);
// The lower (or upper) half with half of the diagonal.
Tensor lower_half(const Tensor& a);
Tensor upper_half(const Tensor& a);
// a or b where only one is defined.
Tensor sum_of(const Tensor& a, const Tensor& b);

// The memory of all examples of all vmaps that a tensor of theirs stands in.
Tensor of_all_examples(const Tensor& t);
// The first matrix whose info is not zero: its number in the stack, or -1.
std::int64_t first_failed(const Tensor& info, int& code);
// "(Batch element 3): ", or nothing for a single matrix.
std::string batch_element(const Tensor& info, std::int64_t index);

}  // namespace pullback
