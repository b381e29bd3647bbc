// See matrices.h.
#include "ops/linalg/matrices.h"

#include "ops/pointwise/arithmetic.h"
#include "ops/shape/view.h"

namespace pullback {

void check_matrix(const char* name, const Tensor& a, const char* letter) {
  check(a.ndim() >= 2, name, ": The input tensor ", letter, " must have at least 2 dimensions.");
}

void check_square(const char* name, const Tensor& a, const char* letter) {
  check_matrix(name, a, letter);
  check(rows_of(a) == columns_of(a), name, ": ", letter,
        " must be batches of square matrices, but they are ", rows_of(a), " by ", columns_of(a),
        " matrices");
}

void check_floating(const char* name, const Tensor& a) {
  check(is_differentiable(a.dtype()), name,
        ": Expected a floating point or complex tensor as input. Got ",
        info(a.dtype()).scalar_name);
}

void check_wide(const char* name, const Tensor& a) {
  check_floating(name, a);
  check(!is_narrow(a.dtype()), name, ": Low precision dtypes not supported. Got ",
        info(a.dtype()).scalar_name);
}

void check_kernel(const char* kernel, const Tensor& a) {
  check(ErrorKind::NotImplemented, is_differentiable(a.dtype()) && !is_narrow(a.dtype()), "\"",
        kernel, "\" not implemented for '", info(a.dtype()).scalar_name, "'");
}

void check_same_types(const char* name, const Tensor& a, const Tensor& b) {
  check(a.dtype() == b.dtype(), name,
        ": Expected A and B to have the same dtype, but found A of type ",
        info(a.dtype()).scalar_name, " and B of type ", info(b.dtype()).scalar_name, " instead");
}

Dims stack_of(const Tensor& a, int matrix_dims) {
  return a.sizes().first(static_cast<std::size_t>(a.ndim() - matrix_dims));
}

Dims with(Dims stack, std::initializer_list<std::int64_t> sizes) {
  for (const std::int64_t size : sizes) stack.push_back(size);
  return stack;
}

Tensor empty_columns(Sizes sizes, DType dtype) {
  Dims turned(sizes);
  std::swap(turned[turned.size() - 2], turned[turned.size() - 1]);
  return transposed_alias(Tensor::empty(turned, dtype));
}

Tensor transposed_alias(const Tensor& t) {
  Dims sizes = t.shape();
  Dims strides = t.strides();
  const int last = t.ndim() - 1;
  std::swap(sizes[last - 1], sizes[last]);
  std::swap(strides[last - 1], strides[last]);
  return t.alias(sizes, strides);
}

Tensor column_alias(const Tensor& t) {
  Dims sizes = t.shape();
  Dims strides = t.strides();
  sizes.push_back(1);
  strides.push_back(1);
  return t.alias(sizes, strides);
}

void need_columns(Workspace& w, int k, const Tensor& t) {
  w.need(k, transposed_alias(t).sizes(), t.dtype());
}

Tensor columns(const Workspace& w, int k, const Tensor& t) {
  const Tensor copy = transposed_alias(w[k]);
  copy_values(copy, t);
  return copy;
}

void need_columns_unless(Workspace& w, int k, const Tensor& t) {
  const int last = t.ndim() - 1;
  const bool fits = (t.stride(last - 1) == 1 || t.size(last - 1) <= 1) &&
                    (t.stride(last) >= t.size(last - 1) || t.size(last) <= 1);
  if (!fits) need_columns(w, k, t);
}

std::pair<Tensor, Tensor> with_one_stack(const Tensor& a, const Tensor& b) {
  const Dims stack = broadcast(stack_of(a), stack_of(b));
  const auto whole = [&](const Tensor& t) {
    const Dims sizes = with(stack, {rows_of(t), columns_of(t)});
    return same(t.sizes(), sizes) ? t : expand(t, sizes);
  };
  return {whole(a), whole(b)};
}

Tensor identity(std::int64_t n, DType dtype) {
  Tensor eye = Tensor::zeros(Dims{n, n}, dtype);
  fill_values(eye.alias(Dims{n}, Dims{n + 1}), Scalar(1));
  return eye;
}

namespace {

Tensor halved_diagonal(const Tensor& triangle) {
  const std::int64_t n = rows_of(triangle);
  const Tensor weights = Tensor::full(Dims{n, n}, Scalar(1), triangle.dtype());
  fill_values(weights.alias(Dims{n}, Dims{n + 1}), Scalar(0.5));
  return triangle * weights;
}

}  // namespace

Tensor lower_half(const Tensor& a) { return halved_diagonal(tril(a)); }
Tensor upper_half(const Tensor& a) { return halved_diagonal(triu(a)); }

Tensor sum_of(const Tensor& a, const Tensor& b) {
  return !a.defined() ? b : !b.defined() ? a : a + b;
}

Tensor of_all_examples(const Tensor& t) {
  Tensor all = t;
  while (all.has(kBatched)) all = meta_of(all)->batch;
  return all;
}

std::int64_t first_failed(const Tensor& info, int& code) {
  const Tensor all = of_all_examples(info);
  const Tensor dense = all.is_contiguous() ? all : copy_to_dtype(all, DType::Int32);
  const auto* codes = dense.data<std::int32_t>();
  for (std::int64_t i = 0; i < dense.numel(); ++i) {
    code = codes[i];
    if (code != 0) return i;
  }
  return -1;
}

std::string batch_element(const Tensor& info, std::int64_t index) {
  return of_all_examples(info).ndim() == 0 ? "" : "(Batch element " + std::to_string(index) + "): ";
}

}  // namespace pullback
