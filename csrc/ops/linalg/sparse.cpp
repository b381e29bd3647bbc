// Products with matrices of which few elements are known; pullback.sparse is made of them.
//
// The transpose of SparseProduct by its matrix is SparseProduct with rows and columns exchanged, by
// its values it is SampledProduct, and the transposes of that are SparseProducts: so there are
// derivatives of every order.  The numbers of rows and columns are int64 and have none.
#include "kernels/linalg/sparse.h"

#include "ops/basic.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/table.h"

namespace pullback {
namespace {

std::int64_t size_from_end(const Tensor& t, int k) { return t.size(t.ndim() - k); }

Dims stack_and(const Tensor& t, int own, std::initializer_list<std::int64_t> sizes) {
  Dims all = t.shape();
  all.resize(static_cast<std::size_t>(t.ndim() - own));
  for (const std::int64_t size : sizes) all.push_back(size);
  return all;
}

const std::int64_t* places(const Tensor& t) { return t.data<std::int64_t>(); }

std::int64_t stack_size(const Tensor& values) {
  return count_elements(values.sizes().first(std::size_t(values.ndim() - 1)));
}

Tensor sampled(const Tensor& a, const Tensor& b, const Tensor& row, const Tensor& column);

void add_part(Tensor& total, Tensor part) {
  total = total.defined() ? total + part : std::move(part);
}

struct SparseProduct {
  static constexpr const char* kNode = "SparseProductBackward0";
  static constexpr int kInputs = 4;  // values, row, column, x
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  struct Attrs {
    std::int64_t rows;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static Spec spec(const Attrs& a, In in) {
    return {stack_and(in[0], 1, {a.rows, size_from_end(in[3], 1)}), in[0].dtype()};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    for (int i = 0; i < kInputs; ++i) w.need_dense(i, in[i]);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Tensor& x = w.dense(3, in[3]);
    const kernels::SparseSizes sizes{stack_size(in[0]), size_from_end(in[0], 1), a.rows,
                                     size_from_end(x, 2), size_from_end(x, 1)};
    kernels::sparse_product(out.dtype(), out.bytes(), w.dense(0, in[0]).bytes(),
                            places(w.dense(1, in[1])), places(w.dense(2, in[2])), x.bytes(), sizes);
  }
  static constexpr Reads kReads[] = {kReadsB | kReadsC | kReadsD, kReadsNothing, kReadsNothing,
                                     kReadsA | kReadsB | kReadsC | kReadsD};
  static void vjp(Vjp<SparseProduct>& v) {
    const Tensor row = v.in(1), column = v.in(2), x = v.in(3);
    if (v.wants(0)) v.give(0, sampled(v.grad(), conj(x), row, column));
    if (v.wants(3)) {
      v.give(3, apply<SparseProduct>({size_from_end(x, 2)}, conj(v.in(0)), column, row, v.grad()));
    }
  }
  static Tensor jvp(Jvp<SparseProduct>& j) {
    Tensor total;
    if (j.tangent(0).defined()) {
      add_part(total, apply<SparseProduct>(j.attrs(), j.tangent(0), j.in(1), j.in(2), j.in(3)));
    }
    if (j.tangent(3).defined()) {
      add_part(total, apply<SparseProduct>(j.attrs(), j.in(0), j.in(1), j.in(2), j.tangent(3)));
    }
    return total;
  }
};

struct SampledProduct {
  static constexpr const char* kNode = "SampledProductBackward0";
  static constexpr int kInputs = 4;  // a, b, row, column
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  struct Attrs {
    Attrs batched(std::int64_t) const { return *this; }
  };
  static Spec spec(const Attrs&, In in) { return {in[2].shape(), in[0].dtype()}; }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    for (int i = 0; i < kInputs; ++i) w.need_dense(i, in[i]);
  }
  static void fill(const Attrs&, In in, const Tensor& out, const Workspace& w) {
    const Tensor &a = w.dense(0, in[0]), &b = w.dense(1, in[1]);
    const kernels::SparseSizes sizes{stack_size(in[2]), size_from_end(in[2], 1),
                                     size_from_end(a, 2), size_from_end(b, 2), size_from_end(a, 1)};
    kernels::sampled_product(out.dtype(), out.bytes(), a.bytes(), b.bytes(),
                             places(w.dense(2, in[2])), places(w.dense(3, in[3])), sizes);
  }
  static constexpr Reads kReads[] = {kReadsA | kReadsB | kReadsC | kReadsD,
                                     kReadsA | kReadsB | kReadsC | kReadsD, kReadsNothing,
                                     kReadsNothing};
  static void vjp(Vjp<SampledProduct>& v) {
    const Tensor a = v.in(0), b = v.in(1), row = v.in(2), column = v.in(3);
    if (v.wants(0)) {
      v.give(0, apply<SparseProduct>({size_from_end(a, 2)}, v.grad(), row, column, conj(b)));
    }
    if (v.wants(1)) {
      v.give(1, apply<SparseProduct>({size_from_end(b, 2)}, v.grad(), column, row, conj(a)));
    }
  }
  static Tensor jvp(Jvp<SampledProduct>& j) {
    Tensor total;
    if (j.tangent(0).defined()) add_part(total, sampled(j.tangent(0), j.in(1), j.in(2), j.in(3)));
    if (j.tangent(1).defined()) add_part(total, sampled(j.in(0), j.tangent(1), j.in(2), j.in(3)));
    return total;
  }
};

Tensor sampled(const Tensor& a, const Tensor& b, const Tensor& row, const Tensor& column) {
  return apply<SampledProduct>({}, a, b, row, column);
}

void check_numbers(const char* function, const Tensor& x, const Tensor& y, const Tensor& row,
                   const Tensor& column) {
  check(is_floating(x.dtype()) || is_complex(x.dtype()), function, ": got numbers of ",
        name(x.dtype()), ", expected floating-point or complex ones.");
  check(x.dtype() == y.dtype(), function, ": got numbers of ", name(x.dtype()), " and ",
        name(y.dtype()), ", expected one dtype. Convert one with .to(dtype).");
  check(row.dtype() == DType::Int64 && column.dtype() == DType::Int64, function, ": got rows of ",
        name(row.dtype()), " and columns of ", name(column.dtype()), ", expected int64.");
  check(row.ndim() == 1 && same(row.sizes(), column.sizes()), function, ": got rows of the shape ",
        row.shape(), " and columns of ", column.shape(), ", expected two vectors of one length.");
}

Tensor sparse_product(const Tensor& values, const Tensor& row, const Tensor& column,
                      const Tensor& x, std::int64_t rows) {
  check_numbers("_sparse_product", values, x, row, column);
  check(same(values.sizes(), row.sizes()), "_sparse_product: got values of the shape ",
        values.shape(), " and rows of ", row.shape(), ", expected two vectors of one length.");
  check(x.ndim() == 2 && rows >= 0, "_sparse_product: got x of ", x.ndim(), " dimensions and ",
        rows, " rows, expected 2 dimensions and a number that is not negative.");
  return apply<SparseProduct>({rows}, values, row, column, x);
}

Tensor sampled_product(const Tensor& a, const Tensor& b, const Tensor& row, const Tensor& column) {
  check_numbers("_sampled_product", a, b, row, column);
  check(a.ndim() == 2 && b.ndim() == 2 && a.size(1) == b.size(1), "_sampled_product: got a of the ",
        "shape ", a.shape(), " and b of ", b.shape(),
        ", expected two matrices with rows of one length.");
  return sampled(a, b, row, column);
}

const Entry entry_sparse_product(
    "_sparse_product(values, row, column, x, rows)", function<sparse_product>, kFunctionForm,
    "The product, [rows, width], of a matrix that has the values at rows and columns with x.",
    "x(5), i(5, high=3), i(5, high=4), x(4,2), 3 | xs(4), i(4, high=2), i(4, high=3), xs(3,9), 2"
    "| x(0), i(0, high=1), i(0, high=1), x(3,2), 2 | x(2), i(2, high=1), i(2, high=1), x(1,0), 1"
    "| z(4), i(4, high=2), i(4, high=3), z(3,2), 2");
const Entry entry_sampled_product(
    "_sampled_product(a, b, row, column)", function<sampled_product>, kFunctionForm,
    "The elements at rows and columns of the product of a, [m, width], with the transpose of b.",
    "x(3,2), x(4,2), i(5, high=3), i(5, high=4) | xs(3,9), xs(2,9), i(4, high=3), i(4, high=2)"
    "| x(3,2), x(4,2), i(0, high=1), i(0, high=1) | x(1,0), x(1,0), i(2, high=1), i(2, high=1)"
    "| z(2,2), z(3,2), i(4, high=2), i(4, high=3)");

}  // namespace
}  // namespace pullback
