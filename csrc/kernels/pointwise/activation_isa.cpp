// Loops of activation functions and of their derivatives, each in one go.
//
// A derivative takes the incoming gradient g first.  The conventions at kinks are PyTorch's.
#include "kernels/loops.h"
#include "kernels/vecmath.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {
namespace {

template <typename T>
struct Silu {
  T operator()(T x) const { return silu(x); }
};
// sigmoid(x) and 1 - sigmoid(x), both with all their digits.
template <typename T>
struct Logistic {
  T value, rest;
};
template <typename T>
PULLBACK_INLINE Logistic<T> logistic(T x) {
  const T e = exp(-absolute(x));
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

template <typename T>
struct Gelu {
  T operator()(T x) const { return x * normal(x).cdf; }
};
template <typename T>
struct GeluGrad {
  T operator()(T g, T x) const {
    const Normal<T> n = normal(x);
    return g * (n.cdf + x * (n.e * T(0.39894228040143268)));
  }
};

// tanh's approximation x/2 (1 + tanh u) is x sigmoid(2u) with 2u = x (c + d x^2).
template <typename T>
struct GeluTanh {
  static constexpr T c = T(1.5957691216057308), d = T(0.071354816272600253);
  T operator()(T x) const { return x * sigmoid(x * (c + d * x * x)); }
};
template <typename T>
struct GeluTanhGrad {
  T operator()(T g, T x) const {
    constexpr T c = GeluTanh<T>::c, d = GeluTanh<T>::d;
    const T square = x * x;
    const Logistic<T> s = logistic(x * (c + d * square));
    return g * (s.value + x * (s.value * s.rest) * (c + T(3) * d * square));
  }
};

template <typename T>
struct LogSigmoid {
  double operator()(double x) const { return (x < 0.0 ? x : 0.0) - log1p(exp(-absolute(x))); }
};
template <typename T>
struct Softplus {
  explicit Softplus(const double* p) : beta(p[0]), threshold(p[1]) {}
  double operator()(double x) const {
    const double scaled = x * beta;
    return scaled > threshold ? x : log1p(exp(scaled)) / beta;
  }
  double beta, threshold;
};
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

template <typename T>
struct LeakyRelu {
  explicit LeakyRelu(const double* p) : slope(static_cast<T>(p[0])) {}
  T operator()(T x) const { return x > T(0) ? x : x * slope; }
  T slope;
};
template <typename T>
struct LeakyReluGrad {
  explicit LeakyReluGrad(const double* p) : slope(static_cast<T>(p[0])) {}
  T operator()(T g, T x) const { return x > T(0) ? g : g * slope; }
  T slope;
};

template <typename T>
struct Elu {
  explicit Elu(const double* p) : negative(p[0] * p[1]), positive(p[1]), inner(p[2]) {}
  double operator()(double x) const { return x < 0.0 ? expm1(x * inner) * negative : x * positive; }
  double negative, positive, inner;
};
template <typename T>
struct EluGrad {
  explicit EluGrad(const double* p)
      : negative(static_cast<T>(p[0] * p[1] * p[2])),
        positive(static_cast<T>(p[1])),
        inner(static_cast<T>(p[2])) {}
  T operator()(T g, T x) const { return x <= T(0) ? g * negative * exp(x * inner) : g * positive; }
  T negative, positive, inner;
};

// tanh(log(1 + e)) = n / (n + 2) with n = e (e + 2); it is 1 to the last bit from 20 on.
template <typename T>
struct Mish {
  T operator()(T x) const {
    const T e = exp(x < T(20) ? x : T(20));
    const T n = e * (e + T(2));
    return x * (n / (n + T(2)));
  }
};
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
template <typename T>
struct Hardsigmoid {
  T operator()(T x) const { return ramp(x); }
};
template <typename T>
struct Threshold {
  explicit Threshold(const double* p) : threshold(parameter<T>(p[0])), value(parameter<T>(p[1])) {}
  T operator()(T x) const { return x <= threshold ? value : x; }
  T threshold, value;
};
template <typename T>
struct Hardshrink {
  explicit Hardshrink(const double* p) : limit(static_cast<T>(p[0])) {}
  T operator()(T x) const { return absolute(x) <= limit ? T(0) : x; }
  T limit;
};
template <typename T>
struct Softshrink {
  explicit Softshrink(const double* p) : limit(static_cast<T>(p[0])) {}
  T operator()(T x) const {
    const T moved = x < T(0) ? x + limit : x - limit;
    return absolute(x) <= limit ? T(0) : moved;
  }
  T limit;
};
template <typename T>
struct Prelu {
  T operator()(T x, T slope) const { return x > T(0) ? x : slope * x; }
};

template <typename T>
struct SmoothL1 {
  explicit SmoothL1(const double* p) : beta(static_cast<T>(p[0])) {}
  T operator()(T a, T b) const {
    const T d = absolute(a - b);
    return d < beta ? T(0.5) * d * d / beta : d - T(0.5) * beta;
  }
  T beta;
};
template <typename T>
struct Huber {
  explicit Huber(const double* p) : delta(static_cast<T>(p[0])) {}
  T operator()(T a, T b) const {
    const T d = absolute(a - b);
    return d <= delta ? T(0.5) * d * d : delta * (d - T(0.5) * delta);
  }
  T delta;
};

template <typename T>
struct ReluGrad {
  T operator()(T g, T x) const { return x <= T(0) ? T(0) : g; }
};
template <typename T>
struct TanhGrad {
  T operator()(T g, T y) const { return g * (T(1) - y * y); }
};
template <typename T>
struct SigmoidGrad {
  T operator()(T g, T y) const { return g * ((T(1) - y) * y); }
};

}  // namespace

void fill_activation(ElementwiseTable& t) {
  set<MathUnary, Silu, float, double>(t, Unary::Silu);
  set<MathUnary, Gelu, float, double>(t, Unary::Gelu);
  set<MathUnary, GeluTanh, float, double>(t, Unary::GeluTanh);
  set<MathUnary, LogSigmoid, float, double>(t, Unary::LogSigmoid);
  set<MathUnary, Softplus, float, double>(t, Unary::Softplus);
  set<MathUnary, Elu, float, double>(t, Unary::Elu);
  set<LightUnary, LeakyRelu, float, double>(t, Unary::LeakyRelu);
  set<LightBinary, ReluGrad, float, double>(t, Binary::ReluGrad);
  set<LightBinary, TanhGrad, float, double>(t, Binary::TanhGrad);
  set<LightBinary, SigmoidGrad, float, double>(t, Binary::SigmoidGrad);
  set<LightBinary, LeakyReluGrad, float, double>(t, Binary::LeakyReluGrad);
  set<MathBinary, SiluGrad, float, double>(t, Binary::SiluGrad);
  set<MathBinary, GeluGrad, float, double>(t, Binary::GeluGrad);
  set<MathBinary, GeluTanhGrad, float, double>(t, Binary::GeluTanhGrad);
  set<MathBinary, SoftplusGrad, float, double>(t, Binary::SoftplusGrad);
  set<MathBinary, EluGrad, float, double>(t, Binary::EluGrad);
  set<MathUnary, Mish, float, double>(t, Unary::Mish);
  set<LightUnary, Hardswish, float, double>(t, Unary::Hardswish);
  set<LightUnary, Hardsigmoid, float, double>(t, Unary::Hardsigmoid);
  set<LightUnary, Hardshrink, float, double>(t, Unary::Hardshrink);
  set<LightUnary, Softshrink, float, double>(t, Unary::Softshrink);
  set<LightUnary, Threshold, uint8_t, int32_t, int64_t, float, double>(t, Unary::Threshold);
  set<LightBinary, Prelu, float, double>(t, Binary::Prelu);
  set<LightBinary, SmoothL1, float, double>(t, Binary::SmoothL1);
  set<LightBinary, Huber, float, double>(t, Binary::Huber);
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
