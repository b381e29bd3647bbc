// Products: prod, cumprod, and the linear recurrence behind their derivatives.
//
// Start reading at NOTE [Recurrences] in scan.h.
#include "kernels/copy.h"
#include "kernels/reduce/recurrence.h"
#include "kernels/reduce/reduce.h"
#include "kernels/reduce/scan.h"
#include "ops/absorb.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/reduce/reduction.h"
#include "ops/reduce/scan.h"
#include "ops/table.h"

namespace pullback {
namespace {

struct AlongAttrs {
  Along where;
  double fill = 0;
  AlongAttrs batched(std::int64_t) const { return {where.batched(), fill}; }
};

struct Shift {
  static constexpr const char* kNode = "ShiftBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  using Attrs = AlongAttrs;
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    if (out.numel() == 0) return;
    const int dim = a.where.dim;
    const std::int64_t length = out.size(dim);
    Dims sizes = out.shape();
    const auto part = [&](const Tensor& t, std::int64_t start) {
      return t.alias(sizes, t.strides(), start * t.stride(dim));
    };
    sizes[dim] = 1;
    Element element;
    Scalar(a.fill).store(out.dtype(), &element);
    kernels::fill(view_of(part(out, a.where.reverse ? length - 1 : 0)), &element);
    sizes[dim] = length - 1;
    const std::int64_t from = a.where.reverse ? 1 : 0;
    kernels::copy(view_of(part(out, 1 - from)), view_of(part(in[0], from)));
  }
  static void vjp(Vjp<Shift>& v) { v.give(0, shift(v.grad(), v.attrs().where.back())); }
  static Tensor jvp(Jvp<Shift>& j) { return shift(j.tangent(0), j.attrs().where); }
};

struct Recurrence {
  static constexpr const char* kNode = "RecurrenceBackward0";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  using Attrs = AlongAttrs;
  static Spec spec(const Attrs&, In in) { return {in[1].shape(), in[1].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::recurrence(Directed(out, a.where), Directed(in[0], a.where), Directed(in[1], a.where),
                        a.where.dim);
  }
  static constexpr Reads kReads[] = {kReadsA | kReadsY, kReadsA};
  static void vjp(Vjp<Recurrence>& v) {
    const Along where = v.attrs().where;
    const Tensor to_b = recurrence(shift(conj(v.in(0)), where.back()), v.grad(), where.back());
    if (v.wants(0)) v.give(0, to_b * conj(shift(v.out(), where)));
    if (v.wants(1)) v.give(1, to_b);
  }
  static Tensor jvp(Jvp<Recurrence>& j) {
    const Along where = j.attrs().where;
    Tensor source = j.tangent(1);
    if (j.tangent(0).defined()) {
      const Tensor part = j.tangent(0) * shift(j.out(), where);
      source = source.defined() ? source + part : part;
    }
    return recurrence(j.in(0), source, where);
  }
};

struct Cumprod {
  static constexpr const char* kNode = "CumprodBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  using Attrs = AlongAttrs;
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    if (a.where.dim < 0) return copy_values(out, in[0]);
    kernels::scan(kernels::Scan::Prod, Directed(out, a.where), Directed(in[0], a.where),
                  a.where.dim);
  }
  static constexpr Reads kReads = kReadsX | kReadsY;
  static void vjp(Vjp<Cumprod>& v) {
    const Along where = v.attrs().where;
    if (where.dim < 0 || v.grad().size(where.dim) == 1) return v.give(0, v.grad());
    const Along back = where.back();
    v.give(0, absorb_rows(v.grad(), where.dim,
                          recurrence(shift(conj(v.in(0)), back), v.grad(), back) *
                              conj(shift(v.out(), where, 1))));
  }
  static Tensor jvp(Jvp<Cumprod>& j) {
    const Along where = j.attrs().where;
    if (where.dim < 0) return j.tangent(0);
    return recurrence(j.in(0), j.tangent(0) * shift(j.out(), where, 1), where);
  }
};

// The reduced dimensions are all of one example or one.
struct Prod {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  struct Attrs {
    Dims from;
    DimSet dims;
    bool keepdim;
    bool full;
    Attrs batched(std::int64_t batch) const {
      Attrs b = *this;
      b.from.insert(0, batch);
      b.dims = dims.batched();
      return b;
    }
  };
  static const char* node_name(const Attrs& a) {
    return a.full ? "ProdBackward0" : "ProdBackward1";
  }
  static Spec spec(const Attrs& a, In in) {
    return {reduced_sizes(in[0].sizes(), a.dims, a.keepdim), in[0].dtype()};
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::reduce(kernels::Reduce::Prod, KeepView(out, a.dims, in[0].sizes(), a.keepdim),
                    view_of(in[0]));
  }
  static constexpr Reads kReads = kReadsX;
  // For each element the product of the others.
  static Tensor others(const Attrs& a, const Tensor& x) {
    if (a.dims.count() != 1) {
      Dims sizes = a.from;
      const int first = a.dims.first();
      const std::int64_t length = reduced_count(sizes, a.dims);
      for (int k = 0; k < a.dims.count(); ++k) sizes.erase(first);
      sizes.insert(first, length);
      const Attrs flat{sizes, DimSet::one(first), a.keepdim, a.full};
      return reshape(others(flat, reshape(x, sizes)), a.from);
    }
    const Along up{a.dims.first()};
    return shift(cumprod(x, up), up, 1) * shift(cumprod(x, up.back()), up.back(), 1);
  }
  static void vjp(Vjp<Prod>& v) {
    const Attrs& a = v.attrs();
    if (a.dims.empty()) return v.give(0, v.grad());
    const Tensor g = restore(v.grad(), a.dims, a.from.size(), a.keepdim);
    v.give(0, absorb(g, g * conj(others(a, v.in(0)))));
  }
  static Tensor jvp(Jvp<Prod>& j) {
    const Attrs& a = j.attrs();
    if (a.dims.empty()) return j.tangent(0);
    return sum(j.tangent(0) * others(a, j.in(0)), a.dims, a.keepdim);
  }
};

Tensor prod_over(const Tensor& input, DimSet dims, bool keepdim, bool full) {
  return apply<Prod>({input.shape(), dims, keepdim, full}, input);
}

Tensor prod(const Tensor& input, std::optional<DType> dtype) {
  const Tensor x = accumulating(input, dtype);
  return prod_over(x, DimSet::all(x.ndim()), false, true);
}

Tensor prod_dim(const Tensor& input, std::int64_t dim, bool keepdim, std::optional<DType> dtype) {
  const Tensor x = accumulating(input, dtype);
  return prod_over(x, reduced_dim(dim, x.ndim()), keepdim, false);
}

Tensor cumprod_entry(const Tensor& input, std::int64_t dim, std::optional<DType> dtype,
                     Target target) {
  const Along where = along(dim, input.ndim());
  const Tensor read = running(input, where, dtype, "cumprod_out_cpu", target);
  const Offer last(target);
  return cumprod(read, running_along(read, where));
}

}  // namespace

Along along(std::int64_t dim, int ndim) {
  const int d = wrap_dim(dim, ndim);
  return {ndim == 0 ? -1 : d};
}

Tensor accumulating(const Tensor& input, std::optional<DType> dtype) {
  const DType wide = is_differentiable(input.dtype()) ? input.dtype() : DType::Int64;
  const DType to = dtype.value_or(wide);
  if (to == input.dtype()) return input;
  return cast(input, to);
}

Tensor running(const Tensor& input, Along where, std::optional<DType> dtype, const char* name,
               const Target& target) {
  const DType wide = is_differentiable(input.dtype()) ? input.dtype() : DType::Int64;
  const DType written = target.dtype_or(dtype.value_or(wide));
  if (dtype && *dtype != written) {
    fail("Bad in-place call: input tensor dtype ", info(written).c_name,
         " and output tensor dtype ", info(*dtype).c_name, " should match");
  }
  check(ErrorKind::NotImplemented, written != DType::Bool || where.dim < 0 || input.numel() == 0,
        "\"", name, "\" not implemented for 'Bool'");
  return accumulating(input, written);
}

Along running_along(const Tensor& read, Along where) {
  return read.dtype() == DType::Bool ? Along{-1} : where;
}

Tensor shift(const Tensor& input, Along where, double fill) {
  return apply<Shift>({where, fill}, input);
}

Tensor recurrence(const Tensor& a, const Tensor& b, Along where) {
  return apply<Recurrence>({where}, a, b);
}

Tensor cumprod(const Tensor& input, Along where) { return apply<Cumprod>({where}, input); }

static const Entry entry_prod("prod(input, *, dtype=None)", function<prod>, kCastBoth,
                              "The product of all elements; its derivatives are exact at zeros.",
                              "x(3,4) | x() | x(0,3) | xs(2,3) | x(2,3), dtype=float64");
static const Entry entry_prod_dim("prod(input, dim, keepdim=False, *, dtype=None)",
                                  function<prod_dim>, kCastBoth,
                                  "The products along one dimension; exact at zeros.",
                                  "x(3,4), 0 | x(3,4), -1, True | x(), 0 | x(0,3), 0 | xs(3,4), 1 "
                                  "| x(2,3), dim=1, dtype=float64");
static const Entry entry_cumprod("cumprod(input, dim, *, dtype=None)", function<cumprod_entry>,
                                 kPointwise, "The running products along dim; exact at zeros.",
                                 "x(3,4), 0 | x(3,4), -1 | xs(3,4), 0 | x(), 0 | x(0), 0");

}  // namespace pullback
