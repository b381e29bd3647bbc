// Running sums, products, log-sum-exps and extremes (see scan.h).
//
// Floats accumulate in double and integers in 64 bits, as in torch.
#include "kernels/reduce/scan.h"

#include <cmath>

#include "kernels/rows.h"

namespace pullback::kernels {
namespace {

// log(exp(a) + exp(b)).
double log_add_exp(double a, double b) {
  if (is_nan(a) || is_nan(b)) return a + b;
  const double low = std::min(a, b), high = std::max(a, b);
  if (low == high && std::isinf(low)) return low;
  return high + std::log1p(std::exp(low - high));
}

using Wide = std::complex<double>;

Wide log_of_one_and(Wide z) {
  return {0.5 * std::log1p(z.real() * (2 + z.real()) + z.imag() * z.imag()),
          std::atan2(z.imag(), 1 + z.real())};
}

// Ordered by the real parts; of infinite ones the imaginary parts matter only above.
Wide log_add_exp(Wide a, Wide b) {
  if (is_nan(a) || is_nan(b)) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    return {nan, nan};
  }
  const Wide low = a.real() < b.real() ? a : b, high = a.real() < b.real() ? b : a;
  if (low.real() == high.real() && std::isinf(low.real())) {
    return low.real() < 0 ? low : std::log(std::exp(low) + std::exp(high));
  }
  return high + log_of_one_and(std::exp(low - high));
}

template <typename T, typename To, typename Accumulator, typename Fold>
void scan_rows(const View& out, const View& in, int dim, Accumulator start, Fold fold) {
  const std::int64_t n = dim_size(in, dim);
  const std::int64_t si = dim_stride(in, dim), so = dim_stride(out, dim);
  for_rows(std::array{&in, &out}, dim, n, [=](const auto& at) {
    const T* x = reinterpret_cast<const T*>(at[0]);
    To* y = reinterpret_cast<To*>(at[1]);
    Accumulator a = start;
    for (std::int64_t i = 0; i < n; ++i) {
      a = fold(a, static_cast<Accumulator>(x[i * si]));
      y[i * so] = static_cast<To>(a);
    }
  });
}

template <typename T, typename To>
void scan_typed(Scan op, const View& out, const View& in, int dim) {
  using Accumulator = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  switch (op) {
    case Scan::Sum:
      return scan_rows<T, To>(out, in, dim, Accumulator(0),
                              [](Accumulator a, Accumulator x) { return a + x; });
    case Scan::Prod:
      return scan_rows<T, To>(out, in, dim, Accumulator(1),
                              [](Accumulator a, Accumulator x) { return a * x; });
    case Scan::LogSumExp:
      break;
  }
  if constexpr (std::is_floating_point_v<T>) {
    scan_rows<T, To>(out, in, dim, -std::numeric_limits<double>::infinity(),
                     [](double a, double x) { return log_add_exp(a, x); });
  } else {
    fail("logcumsumexp: not implemented for ", name(in.dtype));
  }
}

template <typename Real>
void scan_complex(Scan op, const View& out, const View& in, int dim) {
  using T = std::complex<Real>;
  if (op == Scan::Prod) {
    return scan_rows<T, T>(out, in, dim, Wide(1), [](Wide a, Wide x) { return a * x; });
  }
  const Wide nothing(-std::numeric_limits<double>::infinity(), 0);
  scan_rows<T, T>(out, in, dim, nothing, [](Wide a, Wide x) { return log_add_exp(a, x); });
}

template <typename T>
void cum_extreme_rows(bool max, const View& values, const View& indices, const View& in, int dim) {
  const std::int64_t n = dim_size(in, dim);
  const std::int64_t si = dim_stride(in, dim), sv = dim_stride(values, dim),
                     sk = dim_stride(indices, dim);
  for_rows(std::array{&in, &values, &indices}, dim, n, [=](const auto& at) {
    const T* x = reinterpret_cast<const T*>(at[0]);
    T* v = reinterpret_cast<T*>(at[1]);
    std::int64_t* k = reinterpret_cast<std::int64_t*>(at[2]);
    T best = n == 0 ? T() : x[0];
    std::int64_t position = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const T value = x[i * si];
      if (is_nan(value) || (!is_nan(best) && (max ? value >= best : value <= best))) {
        best = value;
        position = i;
      }
      v[i * sv] = best;
      k[i * sk] = position;
    }
  });
}

}  // namespace

void scan(Scan op, const View& out, const View& in, int dim) {
  if (is_complex(in.dtype)) {
    if (op == Scan::Sum) return scan(op, Pairs(out), Pairs(in), dim);
    if (in.dtype == DType::Complex64) return scan_complex<float>(op, out, in, dim);
    return scan_complex<double>(op, out, in, dim);
  }
  visit(in.dtype, [&]<typename T>() {
    if (out.dtype == in.dtype) return scan_typed<T, T>(op, out, in, dim);
    if constexpr (!std::is_floating_point_v<T>) {
      check(out.dtype == DType::Int64, "cumsum: wrong dtype of the result: got ", name(out.dtype),
            ", expected int64");
      scan_typed<T, std::int64_t>(op, out, in, dim);
    } else {
      fail("cumsum: wrong dtype of the result: got ", name(out.dtype), ", expected ",
           name(in.dtype));
    }
  });
}

void cum_extreme(bool max, const View& values, const View& indices, const View& in, int dim) {
  visit(in.dtype, [&]<typename T>() { cum_extreme_rows<T>(max, values, indices, in, dim); });
}

}  // namespace pullback::kernels
