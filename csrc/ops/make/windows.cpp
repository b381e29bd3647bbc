// Window functions and the frequencies of Fourier transforms.
//
// A periodic window is one of a number more, without the last.  Values are computed in double and
// rounded once, frequencies as torch rounds them.
#include <cmath>
#include <numbers>
#include <optional>

#include "ops/make/generate.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/math.h"
#include "ops/pointwise/special.h"
#include "ops/table.h"

namespace pullback {
namespace {

using OptionalDType = std::optional<DType>;

constexpr std::uint32_t kMakeWindow = kFunctionForm | kFactory | kNoGrad;
constexpr Forms kMakeFrequencies{kCastOutForm | kFactory | kNoGrad, "fft"};

void check_type(const char* name, DType dtype) {
  check(is_differentiable(dtype), name,
        " expects floating point dtypes, got: ", info(dtype).scalar_name, ".");
  check(ErrorKind::NotImplemented, !is_complex(dtype), "\"arange_cpu\" not implemented for '",
        info(dtype).scalar_name, "'");
}

// `value` of numbers from 0 to 1 at equal distances.
template <typename F>
Tensor window(const char* name, std::int64_t length, bool periodic, OptionalDType dtype,
              F&& value) {
  const DType type = dtype.value_or(default_dtype());
  check_type(name, type);
  check(length >= 0, name, " requires non-negative window_length, got window_length=", length);
  if (length == 1) return Tensor::full(Dims{1}, Scalar(1), type);
  const auto steps = static_cast<double>(periodic ? length : length - 1);
  return generate(length, type,
                  [&](std::int64_t i) { return value(static_cast<double>(i) / steps); });
}

double cosine(double turns) { return std::cos(2 * std::numbers::pi * turns); }

Tensor hann_window(std::int64_t length, bool periodic, OptionalDType dtype) {
  return window("hann_window", length, periodic, dtype,
                [](double t) { return 0.5 - 0.5 * cosine(t); });
}
Tensor hamming_window(std::int64_t length, bool periodic, double alpha, double beta,
                      OptionalDType dtype) {
  return window("hamming_window", length, periodic, dtype,
                [=](double t) { return alpha - beta * cosine(t); });
}
Tensor hamming_of_alpha(std::int64_t length, bool periodic, double alpha, OptionalDType dtype) {
  return hamming_window(length, periodic, alpha, 0.46, dtype);
}
Tensor plain_hamming(std::int64_t length, bool periodic, OptionalDType dtype) {
  return hamming_window(length, periodic, 0.54, 0.46, dtype);
}
Tensor blackman_window(std::int64_t length, bool periodic, OptionalDType dtype) {
  return window("blackman_window", length, periodic, dtype,
                [](double t) { return 0.42 - 0.5 * cosine(t) + 0.08 * cosine(2 * t); });
}
Tensor bartlett_window(std::int64_t length, bool periodic, OptionalDType dtype) {
  return window("bartlett_window", length, periodic, dtype,
                [](double t) { return 1 - std::abs(2 * t - 1); });
}

// Kaiser and Schafer, "On the use of the I0-sinh window for spectrum analysis", IEEE ASSP 28
// (1980).  Bessel's function by its exponentially scaled form, which does not overflow.
Tensor kaiser_window(std::int64_t length, bool periodic, double beta, OptionalDType dtype) {
  const DType type = dtype.value_or(default_dtype());
  check_type("kaiser_window", type);
  const Tensor angle = window("kaiser_window", length, periodic, DType::Float64, [](double t) {
    const double u = 2 * t - 1;
    return std::sqrt(std::max(0.0, 1 - u * u));
  });
  const Tensor x = angle * std::abs(beta);
  const Tensor whole = Tensor::full(Dims{}, Scalar(std::abs(beta)), DType::Float64);
  return cast(exp(x - whole) * i0e(x) / i0e(whole), type);
}
Tensor plain_kaiser(std::int64_t length, bool periodic, OptionalDType dtype) {
  return kaiser_window(length, periodic, 12, dtype);
}

// The numbers counted by `number`, divided by n d.
template <typename F>
Tensor frequencies(const char* name, std::int64_t n, std::int64_t count, double d,
                   OptionalDType dtype, F&& number) {
  const DType type = dtype.value_or(default_dtype());
  check(is_differentiable(type), name, " requires a floating point or complex dtype");
  check_type(name, type);
  check(n >= 0, "Trying to create tensor with negative dimension ", n, ": [", n, "]");
  const double unit = 1 / (static_cast<double>(n) * d);
  return generate(count, type, [&](std::int64_t i) {
    const auto k = static_cast<double>(number(i));
    // Of float32 the factor is rounded before.
    return type == DType::Float32 ? k * static_cast<double>(static_cast<float>(unit)) : k * unit;
  });
}
Tensor fftfreq(std::int64_t n, double d, OptionalDType dtype) {
  return frequencies("fftfreq", n, n, d, dtype,
                     [=](std::int64_t i) { return i < (n + 1) / 2 ? i : i - n; });
}
Tensor rfftfreq(std::int64_t n, double d, OptionalDType dtype) {
  return frequencies("rfftfreq", n, n / 2 + 1, d, dtype, [](std::int64_t i) { return i; });
}

}  // namespace

static const Entry entry_hann("hann_window(window_length, periodic=True, *, dtype=None)",
                              function<hann_window>, kMakeWindow,
                              "The Hann window; periodic for Fourier transforms, else symmetric.",
                              "5 | 6, False | 1 | 0 | 7, dtype=float64");
static const Entry entry_hamming("hamming_window(window_length, periodic=True, *, dtype=None)",
                                 function<plain_hamming>, kMakeWindow,
                                 "The Hamming window, alpha - beta cos(2 pi t).",
                                 "5 | 6, False | 1 | 0");
static const Entry entry_hamming_alpha(
    "hamming_window(window_length, periodic, alpha, *, dtype=None)", function<hamming_of_alpha>,
    kMakeWindow, "The same with another alpha.", "5, True, 0.5");
static const Entry entry_hamming_both(
    "hamming_window(window_length, periodic, alpha, beta, *, dtype=None)", function<hamming_window>,
    kMakeWindow, "The same with other alpha and beta.", "5, False, 0.5, 0.3");
static const Entry entry_blackman("blackman_window(window_length, periodic=True, *, dtype=None)",
                                  function<blackman_window>, kMakeWindow, "The Blackman window.",
                                  "5 | 6, False | 1 | 0");
static const Entry entry_bartlett("bartlett_window(window_length, periodic=True, *, dtype=None)",
                                  function<bartlett_window>, kMakeWindow,
                                  "The Bartlett window, a triangle.", "5 | 6, False | 1 | 0");
static const Entry entry_kaiser("kaiser_window(window_length, periodic=True, *, dtype=None)",
                                function<plain_kaiser>, kMakeWindow,
                                "The Kaiser window with beta 12.", "5 | 6, False | 1 | 0");
static const Entry entry_kaiser_beta("kaiser_window(window_length, periodic, beta, *, dtype=None)",
                                     function<kaiser_window>, kMakeWindow,
                                     "The Kaiser window; beta says how narrow it is.",
                                     "5, True, 3.0 | 6, False, 0.0");
static const Entry entry_fftfreq("fftfreq(n, d=1.0, *, dtype=None)", function<fftfreq>,
                                 kMakeFrequencies,
                                 "The frequencies of fft of n numbers at distances d: [0, 1, ..., "
                                 "-2, -1] / (n d).",
                                 "5 | 6, 0.5 | 0 | 1");
static const Entry entry_rfftfreq(
    "rfftfreq(n, d=1.0, *, dtype=None)", function<rfftfreq>, kMakeFrequencies,
    "The frequencies of rfft of n numbers at distances d: [0, 1, ..., "
    "n // 2] / (n d).",
    "5 | 6, 0.5 | 1");

}  // namespace pullback
