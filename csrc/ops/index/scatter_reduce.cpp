// scatter_reduce: sum, product, mean and extremes of what src puts at each place.
//
// The derivative is one pair of slopes for all of them: out changes by slope_x * dx, and by the sum
// of slope_src * dsrc over the elements that src puts there.
#include <cmath>
#include <limits>

#include "kernels/copy.h"
#include "kernels/index/index.h"
#include "kernels/rows.h"
#include "ops/basic.h"
#include "ops/index/indexing.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/table.h"

namespace pullback {
namespace {

enum class Reduction : std::uint8_t { Sum, Prod, Mean, Max, Min };

// What a reduction starts from.
template <typename T>
T neutral(Reduction op) {
  using Limits = std::numeric_limits<T>;
  if (op == Reduction::Prod) return T(1);
  if constexpr (Limits::is_specialized) {
    if (op == Reduction::Max) {
      return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    }
    if (op == Reduction::Min) return Limits::has_infinity ? Limits::infinity() : Limits::max();
  }
  return T(0);
}

// A NaN wins.  Complex numbers have no extremes.
template <typename T>
T combine(Reduction op, T a, T b) {
  if (op == Reduction::Prod) return T(a * b);
  if constexpr (std::numeric_limits<T>::is_specialized) {
    if (op == Reduction::Max) return b > a || b != b ? b : a;
    if (op == Reduction::Min) return b < a || b != b ? b : a;
  }
  return T(a + b);
}

// All tensors row-major; calls visit(place in out, place in index) for every entry of the index.
template <typename Visit>
void for_entries(const Tensor& index, const Tensor& out, int dim, Visit visit) {
  const std::int64_t* at = index.data<std::int64_t>();
  const std::int64_t size = out.size(dim);
  for (std::int64_t k = 0; k < index.numel(); ++k) {
    check(at[k] >= 0 && at[k] < size, "index ", at[k], " is out of bounds for dimension ", dim,
          " with size ", size);
  }
  Dims counter(index.ndim());
  for (std::int64_t k = 0; k < index.numel(); ++k) {
    std::int64_t place = 0;
    for (int d = 0; d < index.ndim(); ++d) {
      place += (d == dim ? at[k] : counter[d]) * out.stride(d);
    }
    visit(place, k);
    for (int d = index.ndim() - 1; d >= 0 && ++counter[d] == index.size(d); --d) counter[d] = 0;
  }
}

struct ScatterReduce {
  static constexpr const char* kNode = "ScatterReduceBackward0";
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  struct Attrs {
    int dim;
    Reduction op;
    bool include_self;
    Attrs batched(std::int64_t) const { return {dim + 1, op, include_self}; }
  };
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  // Index and source row-major, the counts of a mean, and the result where out is not row-major.
  static void workspace(const Attrs& a, In in, const Tensor& out, Workspace& w) {
    if (a.op == Reduction::Sum) return;
    w.need_dense(0, in[1], DType::Int64);
    w.need_dense(1, in[2], out.dtype());
    if (a.op == Reduction::Mean) w.need(2, out.sizes(), DType::Int64);
    w.need_dense(3, out);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    if (a.op == Reduction::Sum) return add_all(a, in, out);
    const Tensor& result = out.is_contiguous() ? out : w[3];
    kernels::copy(view_of(result), view_of(in[0]));
    const Tensor& index = w.dense(0, in[1]);
    const Tensor& src = w.dense(1, in[2]);
    if (w[2].defined()) fill_values(w[2], Scalar(0));
    std::int64_t* counts = w[2].defined() ? w[2].data<std::int64_t>() : nullptr;
    kernels::visit_or_complex(out.dtype(),
                              [&]<typename T>() { reduce<T>(a, result, index, src, counts); });
    if (!result.is_same(out)) kernels::copy(view_of(out), view_of(result));
  }
  static void add_all(const Attrs& a, In in, const Tensor& out) {
    kernels::copy(view_of(out), view_of(in[0]));
    if (!a.include_self) {
      const NumberView none(Scalar(0), out.dtype(), in[1].sizes());
      kernels::scatter(view_of(out), view_of(in[1]), none, a.dim);
    }
    kernels::scatter_add(view_of(out), view_of(in[1]), view_of(in[2]), a.dim);
  }
  template <typename T>
  static void reduce(const Attrs& a, const Tensor& result, const Tensor& index, const Tensor& src,
                     std::int64_t* counts) {
    T* to = result.data<T>();
    const T* from = src.data<T>();
    if (!a.include_self) {
      for_entries(index, result, a.dim,
                  [&](std::int64_t place, std::int64_t) { to[place] = neutral<T>(a.op); });
    }
    for_entries(index, result, a.dim, [&](std::int64_t place, std::int64_t k) {
      to[place] = combine(a.op, to[place], from[k]);
      if (counts) ++counts[place];
    });
    for (std::int64_t place = 0; counts && place < result.numel(); ++place) {
      if (counts[place] == 0) continue;
      const auto count = static_cast<double>(counts[place] + (a.include_self ? 1 : 0));
      if constexpr (std::numeric_limits<T>::is_specialized) {
        const double mean = static_cast<double>(to[place]) / count;
        to[place] = static_cast<T>(is_floating(result.dtype()) ? mean : std::floor(mean));
      } else {
        to[place] /= static_cast<typename T::value_type>(count);
      }
    }
  }

  struct Slopes {
    Tensor x;
    Tensor src;
  };
  static Slopes slopes(const Attrs& a, const Tensor& x, const Tensor& index, const Tensor& src,
                       const Tensor& out) {
    const DType dtype = x.dtype();
    const Tensor one = Tensor::full({}, Scalar(1), dtype);
    // Of x: zero at the places that do not count.
    const auto own = [&](const Tensor& t) {
      return a.include_self ? t : scatter_value(t, a.dim, index, Scalar(0));
    };
    const auto put = [&](const Tensor& t) {
      return scatter_add(expanded_zeros(x.sizes(), dtype), a.dim, index, t);
    };
    const Tensor ones_x = expand(one, x.sizes());
    const Tensor ones_src = expand(one, src.sizes());
    switch (a.op) {
      case Reduction::Sum:
        return {own(ones_x), ones_src};
      case Reduction::Mean: {
        const Tensor share = reciprocal(own(ones_x) + put(ones_src));
        return {own(share), gather(share, a.dim, index)};
      }
      case Reduction::Max:
      case Reduction::Min: {
        const Tensor mine = own(cast(eq(x, out), dtype));
        const Tensor theirs = cast(eq(src, gather(out, a.dim, index)), dtype);
        const Tensor count = mine + put(theirs);
        return {mine / count, theirs / gather(count, a.dim, index)};
      }
      case Reduction::Prod:
        break;
    }
    // A single zero leaves the product of the others.
    const Tensor filled = masked_fill(x, eq(x, Scalar(0)), Scalar(1));
    const Attrs b{a.dim, Reduction::Prod, true};
    const Tensor slope_x = own(apply<ScatterReduce>(b, filled, index, src) / filled);
    const Tensor zero = eq(src, Scalar(0));
    const Tensor zeros = gather(put(cast(zero, dtype)), a.dim, index);
    const Tensor single = logical_and(zero, eq(zeros, Scalar(1)));
    const Tensor others = apply<ScatterReduce>(a, x, index, masked_fill(src, single, Scalar(1)));
    return {slope_x, where(single, gather(others, a.dim, index),
                           gather(out, a.dim, index) / masked_fill(src, zero, Scalar(1)))};
  }
  // What x gets: nothing, also of infinity, at the places that do not count.
  static Tensor counted(const Attrs& a, const Tensor& t, const Tensor& index) {
    return a.include_self ? t : scatter_value(t, a.dim, index, Scalar(0));
  }
  static constexpr Reads kReads = kReadsA | kReadsB | kReadsC | kReadsY;
  static void vjp(Vjp<ScatterReduce>& v) {
    const Attrs& a = v.attrs();
    const Tensor index = v.in(1);
    const Slopes s = slopes(a, v.in(0), index, v.in(2), v.out());
    if (v.wants(0)) v.give(0, counted(a, v.grad() * conj(s.x), index));
    if (v.wants(2)) v.give(2, gather(v.grad(), a.dim, index) * conj(s.src));
  }
  static Tensor jvp(Jvp<ScatterReduce>& j) {
    const Attrs& a = j.attrs();
    const Slopes s = slopes(a, j.in(0), j.in(1), j.in(2), j.out());
    const Tensor start = j.tangent(0).defined() ? counted(a, j.tangent(0) * s.x, j.in(1))
                                                : expanded_zeros(j.in(0).sizes(), j.in(0).dtype());
    if (!j.tangent(2).defined()) return start;
    return scatter_add(start, a.dim, j.in(1), j.tangent(2) * s.src);
  }
};

Reduction parse_reduction(std::string_view reduce) {
  if (reduce == "sum") return Reduction::Sum;
  if (reduce == "prod") return Reduction::Prod;
  if (reduce == "mean") return Reduction::Mean;
  if (reduce == "amax") return Reduction::Max;
  check(reduce == "amin", "reduce argument must be either sum, prod, mean, amax or amin, got ",
        reduce);
  return Reduction::Min;
}

}  // namespace

Tensor scatter_reduce(const Tensor& input, std::int64_t dim, const Tensor& index, const Tensor& src,
                      std::string_view reduce, bool include_self) {
  const Reduction op = parse_reduction(reduce);
  check(ErrorKind::NotImplemented,
        !is_complex(input.dtype()) || (op != Reduction::Max && op != Reduction::Min),
        "\"scatter_reduce_", reduce, "\" not implemented for '", info(input.dtype()).scalar_name,
        "'. Complex numbers have no order.");
  if (input.ndim() == 0) {
    const auto vector = [](const Tensor& t) { return reshape(t, {{-1}}); };
    return reshape(
        scatter_reduce(vector(input), dim, vector(index), vector(src), reduce, include_self), {});
  }
  const ScatterArguments arguments = check_scatter(input, dim, index, src);
  return apply<ScatterReduce>({arguments.dim, op, include_self}, input, arguments.index,
                              arguments.src);
}

// torch's older form.
static Tensor scatter_with(const Tensor& input, std::int64_t dim, const Tensor& index,
                           const Tensor& src, std::string_view reduce) {
  if (reduce == "add") return scatter_add(input, dim, index, src);
  check(reduce == "multiply", "reduce argument must be either add or multiply.");
  return scatter_reduce(input, dim, index, src, "prod");
}
static Tensor scatter_value_with(const Tensor& input, std::int64_t dim, const Tensor& index,
                                 Scalar value, std::string_view reduce) {
  const Tensor src =
      expand(Tensor::full({}, fitting(value, input.dtype()), input.dtype()), index.sizes());
  return scatter_with(input, dim, index, src, reduce);
}

inline constexpr std::uint32_t kScatter = kBoth | kInPlaceForm | kWritesPart;
static const Entry entry_scatter_with(
    "scatter(input, dim, index, src, *, reduce)", function<scatter_with>, kScatter,
    "A copy of input with what src puts at each place added (reduce='add') or multiplied "
    "(reduce='multiply').",
    "x(3,4), 0, i(2,4, high=3), x(2,4), reduce='add' | x(3,4), 1, i(3,3, high=4), x(3,3), "
    "reduce='multiply'");
static const Entry entry_scatter_value_with(
    "scatter(input, dim, index, value, *, reduce)", function<scatter_value_with>, kScatter,
    "A copy of input with value added or multiplied at each place.",
    "x(3,4), 0, i(2,4, high=3), 1.5, reduce='add' | x(3,4), 1, i(3,1, high=4), 2.0, "
    "reduce='multiply'");
static const Entry entry_scatter_reduce(
    "scatter_reduce(input, dim, index, src, reduce, *, include_self=True)",
    function<scatter_reduce>, kScatter,
    "A copy of input with the sum, prod, mean, amax or amin of what src puts at each place.",
    "x(3,4), 0, i(2,4, high=3), x(2,4), 'sum' | x(3,4), 0, i(2,4, high=3), x(2,4), 'mean' "
    "| x(3,4), 1, i(3,6, high=4), x(3,6), 'sum', include_self=False | x(3,4), 0, i(4,4, high=3), "
    "x(4,4), 'prod' | x(3,4), 1, i(3,3, high=4), x(3,3), 'amax', include_self=False "
    "| x(3,4), 0, i(4,4, high=3), x(4,4), reduce='amin' | xs(3,4), 0, i(4,4, high=3), xs(4,4), "
    "'mean', include_self=False | x(4), 0, i(6, high=4), x(6), 'prod', include_self=False");

}  // namespace pullback
