// Fourier transforms as operators: complex to complex, real to half a spectrum, and back.
//
// Each is linear. The adjoint of complex to complex is the same in the other direction; those of
// the two with real numbers are each other's, with the bins that stand for two counted once or
// twice: a half spectrum names bin k and n - k together, except bin 0 and, for even n, bin n / 2.
#include "ops/fft/transform.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/copy.h"
#include "kernels/elementwise.h"
#include "kernels/fft/transform.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"

namespace pullback {
namespace {

using kernels::Fft;

Dims behind_batch(Dims dims) {
  for (std::int64_t& d : dims) ++d;
  return dims;
}

// As torch lays results out: the transformed dimensions innermost, both groups in the order of the
// strides of the input; with real numbers the last one is the innermost of all.
Tensor laid_out(const Dims& dims, bool last_is_last, const Tensor& x, const Spec& spec) {
  const Tensor made = Tensor::empty(spec.sizes, spec.dtype);
  const bool innermost = std::all_of(dims.begin(), dims.end(),
                                     [&](std::int64_t d) { return d >= x.ndim() - dims.size(); });
  if (x.is_contiguous() && innermost && (!last_is_last || dims[dims.size() - 1] == x.ndim() - 1)) {
    return made;
  }
  std::vector<int> order(static_cast<std::size_t>(x.ndim()));
  std::iota(order.begin(), order.end(), 0);
  const auto group = [&](int d) {
    if (std::find(dims.begin(), dims.end(), d) == dims.end()) return 0;
    return last_is_last && d == dims[dims.size() - 1] ? 2 : 1;
  };
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    if (group(a) != group(b)) return group(a) < group(b);
    return x.stride(a) > x.stride(b);
  });
  Dims strides(x.ndim());
  std::int64_t stride = 1;
  for (auto d = order.rbegin(); d != order.rend(); ++d) {
    strides[*d] = stride;
    stride *= std::max<std::int64_t>(spec.sizes[*d], 1);
  }
  return made.alias(spec.sizes, strides);
}

// Along all of the dimensions but `count` last ones, the one with neighbouring elements first.
void transform_each(Fft kind, const Dims& dims, int count, const Tensor& out, const Tensor* in,
                    double factor) {
  std::vector<int> order(dims.begin(), dims.begin() + count);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return out.stride(a) < out.stride(b); });
  for (const int d : order) {
    kernels::fft(kind, view_of(out), view_of(in ? *in : out), d, factor);
    in = nullptr;
    factor = 1;
  }
}

struct ComplexToComplex {
  static constexpr const char* kNode = "FftC2CBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  static constexpr bool kLinear = true;
  struct Attrs {
    Dims dims;
    double factor;
    bool forward;
    Attrs batched(std::int64_t) const { return {behind_batch(dims), factor, forward}; }
  };
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static Tensor make_for(const Attrs& a, In in, const Spec& spec) {
    return laid_out(a.dims, false, in[0], spec);
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    if (a.dims.empty()) return copy_values(out, in[0]);
    transform_each(a.forward ? Fft::Forward : Fft::Backward, a.dims, a.dims.size(), out, &in[0],
                   a.factor);
  }
  static void vjp(Vjp<ComplexToComplex>& v) {
    const Attrs& a = v.attrs();
    v.give(0, fft_c2c(v.grad(), a.dims, a.factor, !a.forward));
  }
};

// Those bins of a half spectrum of n along `dim` that stand for two of the whole, times `weight`.
Tensor weigh_pairs(const Tensor& half, std::int64_t dim, std::int64_t n, double weight) {
  const int d = static_cast<int>(dim);
  if (n <= 2) return half;
  Dims sizes(half.ndim() - d, 1);
  sizes[0] = n / 2 + 1;
  const DType dtype = real_of(half.dtype());
  const Tensor weights = Tensor::full(sizes, Scalar(weight), dtype);
  const auto item = static_cast<std::int64_t>(item_size(dtype));
  Scalar(1).store(dtype, weights.bytes());
  if (n % 2 == 0) Scalar(1).store(dtype, weights.bytes() + n / 2 * item);
  return mul(half, weights);
}

struct RealToComplex {
  static constexpr const char* kNode = "FftR2CBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  static constexpr bool kLinear = true;
  struct Attrs {
    Dims dims;
    double factor;
    std::int64_t last;  // numbers along the last of them
    bool onesided;
    int last_dim() const { return static_cast<int>(dims[dims.size() - 1]); }
    Attrs batched(std::int64_t) const { return {behind_batch(dims), factor, last, onesided}; }
  };
  static Spec spec(const Attrs& a, In in) {
    Dims sizes = in[0].shape();
    if (a.onesided) sizes[a.last_dim()] = a.last / 2 + 1;
    return {std::move(sizes), complex_of(in[0].dtype())};
  }
  static Tensor make_for(const Attrs& a, In in, const Spec& spec) {
    return laid_out(a.dims, true, in[0], spec);
  }
  // Elements first, first + step, ... along `dim`.
  static Tensor part(const Tensor& t, int dim, std::int64_t first, std::int64_t count,
                     std::int64_t step) {
    Dims sizes = t.shape(), strides(t.strides());
    const std::int64_t offset = first * strides[dim];
    sizes[dim] = count;
    strides[dim] *= step;
    return t.alias(sizes, strides, offset);
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    const int d = a.last_dim();
    if (a.onesided) {
      kernels::fft(Fft::Half, view_of(out), view_of(in[0]), d, a.factor);
      transform_each(Fft::Forward, a.dims, a.dims.size() - 1, out, nullptr, 1);
      return;
    }
    const std::int64_t rest = (a.last - 1) / 2;
    const Tensor half = part(out, d, 0, a.last / 2 + 1, 1);
    kernels::fft(Fft::Half, view_of(half), view_of(in[0]), d, a.factor);
    const Tensor pairs = part(out, d, 1, rest, 1), others = part(out, d, a.last - 1, rest, -1);
    const kernels::Pairs from(view_of(pairs)), to(view_of(others));
    kernels::copy(to.part(0), from.part(0));
    kernels::apply(kernels::unary<"neg">, to.part(1), {from.part(1)});
  }
  static void vjp(Vjp<RealToComplex>& v) {
    const Attrs& a = v.attrs();
    if (a.onesided) {
      const Tensor half = weigh_pairs(v.grad(), a.last_dim(), a.last, 0.5);
      v.give(0, fft_c2r(half, a.dims, a.factor, a.last));
    } else {
      v.give(0, real(fft_c2c(v.grad(), a.dims, a.factor, false)));
    }
  }
};

struct ComplexToReal {
  static constexpr const char* kNode = "FftC2RBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  static constexpr bool kLinear = true;
  struct Attrs {
    Dims dims;
    double factor;
    std::int64_t last;
    int last_dim() const { return static_cast<int>(dims[dims.size() - 1]); }
    Attrs batched(std::int64_t) const { return {behind_batch(dims), factor, last}; }
  };
  static Spec spec(const Attrs& a, In in) {
    Dims sizes = in[0].shape();
    sizes[a.last_dim()] = a.last;
    return {std::move(sizes), real_of(in[0].dtype())};
  }
  static Tensor make_for(const Attrs& a, In in, const Spec& spec) {
    return laid_out(a.dims, true, in[0], spec);
  }
  static void workspace(const Attrs& a, In in, const Tensor&, Workspace& w) {
    if (a.dims.size() > 1) w.need(0, in[0].sizes(), in[0].dtype());
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    double factor = a.factor;
    if (a.dims.size() > 1) {
      transform_each(Fft::Backward, a.dims, a.dims.size() - 1, w[0], &in[0], factor);
      factor = 1;
    }
    kernels::fft(Fft::Whole, view_of(out), view_of(a.dims.size() > 1 ? w[0] : in[0]), a.last_dim(),
                 factor);
  }
  static void vjp(Vjp<ComplexToReal>& v) {
    const Attrs& a = v.attrs();
    v.give(0, weigh_pairs(fft_r2c(v.grad(), a.dims, a.factor, true), a.last_dim(), a.last, 2));
  }
};

}  // namespace

Tensor fft_c2c(const Tensor& x, const Dims& dims, double factor, bool forward) {
  return apply<ComplexToComplex>({dims, factor, forward}, x);
}
Tensor fft_r2c(const Tensor& x, const Dims& dims, double factor, bool onesided) {
  return apply<RealToComplex>(
      {dims, factor, x.size(static_cast<int>(dims[dims.size() - 1])), onesided}, x);
}
Tensor fft_c2r(const Tensor& x, const Dims& dims, double factor, std::int64_t last) {
  return apply<ComplexToReal>({dims, factor, last}, x);
}

Tensor fft_operand(const Tensor& x, bool complex) {
  const DType from = x.dtype();
  check(!is_floating(from) || !is_narrow(from), "Unsupported dtype ", info(from).scalar_name,
        ": expected float32, float64 or complex numbers. Use x.float().");
  const DType wide = is_differentiable(from) ? from : default_dtype();
  return cast(x, complex ? complex_of(wide) : wide);
}

}  // namespace pullback
