// Loops of activation functions and of their derivatives, each in one go.
//
// A derivative takes the incoming gradient g first.  The conventions at kinks are PyTorch's.
#include "kernels/loops.h"
#include "kernels/vecmath_normal.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {
namespace {

template <typename T>
struct Silu {
  T operator()(T x) const { return silu(x); }
};
const Register<"silu", MathUnary, Silu, Floats> kSilu;
// sigmoid(x) and 1 - sigmoid(x), both with all their digits.
template <typename T>
struct Logistic {
  T value, rest;
};
template <typename T>
PULLBACK_INLINE Logistic<T> logistic(T x) {
  const T e = exp_nonpositive(-absolute(x));
  const T large = T(1) / (T(1) + e);
  const T small = e * large;
  return {x < T(0) ? small : large, x < T(0) ? large : small};
}
template <typename T>
struct SiluGrad {
  T operator()(T g, T x) const {
    const Logistic<T> s = logistic(x);
    return g * (s.value * (T(1) + x * s.rest));
  }
};
const Register<"silu_grad", MathBinary, SiluGrad, Floats> kSiluGrad;

template <typename T>
struct Gelu {
  T operator()(T x) const { return x * normal(x).cdf; }
};
const Register<"gelu", MathUnary, Gelu, Floats> kGelu;
template <typename T>
struct GeluGrad {
  T operator()(T g, T x) const {
    const Normal<T> n = normal(x);
    return g * (n.cdf + x * (n.e * T(0.39894228040143268)));
  }
};
const Register<"gelu_grad", MathBinary, GeluGrad, Floats> kGeluGrad;

// tanh's approximation x/2 (1 + tanh u) is x sigmoid(2u) with 2u = x (c + d x^2).
template <typename T>
struct GeluTanh {
  static constexpr T c = T(1.5957691216057308), d = T(0.071354816272600253);
  T operator()(T x) const { return x * sigmoid(x * (c + d * x * x)); }
};
const Register<"gelu_tanh", MathUnary, GeluTanh, Floats> kGeluTanh;
template <typename T>
struct GeluTanhGrad {
  T operator()(T g, T x) const {
    constexpr T c = GeluTanh<T>::c, d = GeluTanh<T>::d;
    const T square = x * x;
    const Logistic<T> s = logistic(x * (c + d * square));
    return g * (s.value + x * (s.value * s.rest) * (c + T(3) * d * square));
  }
};
const Register<"gelu_tanh_grad", MathBinary, GeluTanhGrad, Floats> kGeluTanhGrad;

// Op::outer(x, Op::inner(x)), each in a pass of its own over a stretch of the row: a logarithm of
// an exponential is so long a chain that a CPU looks ahead to the next elements of one loop too
// late.
template <typename Op, typename T>
struct TwoPasses : Traits<Cost::Math> {
  using Out = T;
  [[gnu::noinline, gnu::flatten]] static void contiguous(T* out, const T* in, int64_t n,
                                                         const double* params) {
    const Op op = make<Op>(params);
    decltype(op.inner(T{})) inner[kStage];
    for (int64_t begin = 0; begin < n; begin += kStage) {
      const int64_t m = whole(n - begin < kStage ? n - begin : kStage);
#pragma GCC ivdep
      for (int64_t i = 0; i < m; ++i) inner[i] = op.inner(in[begin + i]);
#pragma GCC ivdep
      for (int64_t i = 0; i < m; ++i) {
        out[begin + i] = static_cast<T>(op.outer(in[begin + i], inner[i]));
      }
    }
  }
  static void run(char* out, const char* in, int64_t so, int64_t si, int64_t n,
                  const double* params) {
    staged_unary<TwoPasses, T>(out, in, so, si, n, params);
  }
};

template <typename T>
struct LogSigmoid {
  T inner(T x) const { return exp_nonpositive(-absolute(x)); }
  T outer(T x, T e) const { return (x < T(0) ? x : T(0)) - log1p(e); }
};
const Register<"log_sigmoid", TwoPasses, LogSigmoid, Floats> kLogSigmoid;

// A factor of the argument is applied in double, since exp magnifies the rounding of the product;
// where the factor is 1, Op::Unscaled works in T.
template <template <typename, typename> typename Loop, typename Op, typename T>
struct Scaled : Traits<Cost::Math> {
  using Out = T;
  static void run(char* out, const char* in, int64_t so, int64_t si, int64_t n,
                  const double* params) {
    const auto loop =
        params[Op::kFactor] == 1.0 ? Loop<typename Op::Unscaled, T>::run : Loop<Op, T>::run;
    loop(out, in, so, si, n, params);
  }
};
template <typename Op, typename T>
struct ScaledUnary : Scaled<MathUnary, Op, T> {};
template <typename Op, typename T>
struct ScaledTwoPasses : Scaled<TwoPasses, Op, T> {};

template <typename T>
struct UnscaledSoftplus {
  explicit UnscaledSoftplus(const double* p) : threshold(static_cast<T>(p[1])) {}
  T inner(T x) const { return exp_nonpositive(-absolute(x)); }
  T outer(T x, T e) const { return select(x > threshold, x, (x < T(0) ? T(0) : x) + log1p(e)); }
  T threshold;
};
template <typename T>
struct Softplus {
  using Unscaled = UnscaledSoftplus<T>;
  static constexpr int kFactor = 0;
  explicit Softplus(const double* p) : beta(p[0]), threshold(p[1]) {}
  double inner(double x) const { return exp(x * beta); }
  double outer(double x, double e) const {
    return select(x * beta > threshold, x, log1p(e) / beta);
  }
  double beta, threshold;
};
const Register<"softplus", ScaledTwoPasses, Softplus, Floats> kSoftplus;
template <typename T>
struct SoftplusGrad {
  explicit SoftplusGrad(const double* p)
      : beta(static_cast<T>(p[0])), threshold(static_cast<T>(p[1])) {}
  T operator()(T g, T x) const {
    const T scaled = x * beta;
    return scaled > threshold ? g : g * sigmoid(scaled);
  }
  T beta, threshold;
};
const Register<"softplus_grad", MathBinary, SoftplusGrad, Floats> kSoftplusGrad;

template <typename T>
struct LeakyRelu {
  explicit LeakyRelu(const double* p) : slope(static_cast<T>(p[0])) {}
  T operator()(T x) const { return x > T(0) ? x : x * slope; }
  T slope;
};
const Register<"leaky_relu", LightUnary, LeakyRelu, Floats> kLeakyRelu;
template <typename T>
struct LeakyReluGrad {
  explicit LeakyReluGrad(const double* p) : slope(static_cast<T>(p[0])) {}
  T operator()(T g, T x) const { return x > T(0) ? g : g * slope; }
  T slope;
};
const Register<"leaky_relu_grad", LightBinary, LeakyReluGrad, Floats> kLeakyReluGrad;

template <typename T>
struct UnscaledElu {
  explicit UnscaledElu(const double* p)
      : negative(static_cast<T>(p[0] * p[1])), positive(static_cast<T>(p[1])) {}
  T operator()(T x) const { return x < T(0) ? expm1(x) * negative : x * positive; }
  T negative, positive;
};
template <typename T>
struct Elu {
  using Unscaled = UnscaledElu<T>;
  static constexpr int kFactor = 2;
  explicit Elu(const double* p) : negative(p[0] * p[1]), positive(p[1]), inner(p[2]) {}
  double operator()(double x) const { return x < 0.0 ? expm1(x * inner) * negative : x * positive; }
  double negative, positive, inner;
};
const Register<"elu", ScaledUnary, Elu, Floats> kElu;
template <typename T>
struct EluGrad {
  explicit EluGrad(const double* p)
      : negative(static_cast<T>(p[0] * p[1] * p[2])),
        positive(static_cast<T>(p[1])),
        inner(static_cast<T>(p[2])) {}
  T operator()(T g, T x) const { return x <= T(0) ? g * negative * exp(x * inner) : g * positive; }
  T negative, positive, inner;
};
const Register<"elu_grad", MathBinary, EluGrad, Floats> kEluGrad;

// tanh(log(1 + e)) = n / (n + 2) with n = e (e + 2); it is 1 to the last bit from 20 on.
template <typename T>
struct Mish {
  T operator()(T x) const {
    const T e = exp(x < T(20) ? x : T(20));
    const T n = e * (e + T(2));
    return x * (n / (n + T(2)));
  }
};
const Register<"mish", MathUnary, Mish, Floats> kMish;
template <typename T>
PULLBACK_INLINE T ramp(T x) {
  const T shifted = x + T(3);
  const T low = shifted < T(0) ? T(0) : shifted;
  return (low > T(6) ? T(6) : low) / T(6);
}
template <typename T>
struct Hardswish {
  T operator()(T x) const { return x * ramp(x); }
};
const Register<"hardswish", LightUnary, Hardswish, Floats> kHardswish;
template <typename T>
struct Hardsigmoid {
  T operator()(T x) const { return ramp(x); }
};
const Register<"hardsigmoid", LightUnary, Hardsigmoid, Floats> kHardsigmoid;
template <typename T>
struct Threshold {
  explicit Threshold(const double* p) : threshold(parameter<T>(p[0])), value(parameter<T>(p[1])) {}
  T operator()(T x) const { return x <= threshold ? value : x; }
  T threshold, value;
};
const Register<"threshold", LightUnary, Threshold, Numbers> kThreshold;
template <typename T>
struct Hardshrink {
  explicit Hardshrink(const double* p) : limit(static_cast<T>(p[0])) {}
  T operator()(T x) const { return absolute(x) <= limit ? T(0) : x; }
  T limit;
};
const Register<"hardshrink", LightUnary, Hardshrink, Floats> kHardshrink;
template <typename T>
struct Softshrink {
  explicit Softshrink(const double* p) : limit(static_cast<T>(p[0])) {}
  T operator()(T x) const {
    const T moved = x < T(0) ? x + limit : x - limit;
    return absolute(x) <= limit ? T(0) : moved;
  }
  T limit;
};
const Register<"softshrink", LightUnary, Softshrink, Floats> kSoftshrink;
template <typename T>
struct Prelu {
  T operator()(T x, T slope) const { return x > T(0) ? x : slope * x; }
};
const Register<"prelu", LightBinary, Prelu, Floats> kPrelu;

template <typename T>
struct SmoothL1 {
  explicit SmoothL1(const double* p) : beta(static_cast<T>(p[0])) {}
  T operator()(T a, T b) const {
    const T d = absolute(a - b);
    return d < beta ? T(0.5) * d * d / beta : d - T(0.5) * beta;
  }
  T beta;
};
const Register<"smooth_l1", LightBinary, SmoothL1, Floats> kSmoothL1;
template <typename T>
struct Huber {
  explicit Huber(const double* p) : delta(static_cast<T>(p[0])) {}
  T operator()(T a, T b) const {
    const T d = absolute(a - b);
    return d <= delta ? T(0.5) * d * d : delta * (d - T(0.5) * delta);
  }
  T delta;
};
const Register<"huber", LightBinary, Huber, Floats> kHuber;

// The gradients of losses of a difference: g is that of the loss.
template <typename T>
struct MseGrad {
  T operator()(T a, T b, T g) const { return (a - b) * T(2) * g; }
};
const Register<"mse_grad", LightTernary, MseGrad, Floats> kMseGrad;
template <typename T>
PULLBACK_INLINE T limited(T x, T limit) {
  const T low = x < -limit ? -limit : x;
  return low > limit ? limit : low;
}
template <typename T>
struct SmoothL1Grad {
  explicit SmoothL1Grad(const double* p) : beta(static_cast<T>(p[0])) {}
  T operator()(T a, T b, T g) const { return limited((a - b) / beta, T(1)) * g; }
  T beta;
};
const Register<"smooth_l1_grad", LightTernary, SmoothL1Grad, Floats> kSmoothL1Grad;
template <typename T>
struct HuberGrad {
  explicit HuberGrad(const double* p) : delta(static_cast<T>(p[0])) {}
  T operator()(T a, T b, T g) const { return limited(a - b, delta) * g; }
  T delta;
};
const Register<"huber_grad", LightTernary, HuberGrad, Floats> kHuberGrad;

template <typename T>
struct ReluGrad {
  T operator()(T g, T x) const { return x <= T(0) ? T(0) : g; }
};
const Register<"relu_grad", LightBinary, ReluGrad, Floats> kReluGrad;
template <typename T>
struct TanhGrad {
  T operator()(T g, T y) const { return g * (T(1) - y * y); }
};
const Register<"tanh_grad", LightBinary, TanhGrad, Floats> kTanhGrad;
template <typename T>
struct SigmoidGrad {
  T operator()(T g, T y) const { return g * ((T(1) - y) * y); }
};
const Register<"sigmoid_grad", LightBinary, SigmoidGrad, Floats> kSigmoidGrad;

}  // namespace

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
