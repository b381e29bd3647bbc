// See resample.h.
//
// Every mode is a sparse map along the dimension (ops/nn/taps.h).  Positions are computed in the
// dtype of the elements (nearest: in float32), as in torch, so that they round alike.
#include "ops/nn/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "ops/basic.h"
#include "ops/nn/taps.h"

namespace pullback {
namespace {

using kernels::Taps;

// The convolution kernel of cubic interpolation (Keys, 1981) at distance |x| with the parameter a.
template <typename T>
T cubic(T x, T a) {
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : T{0};
}

template <typename T>
T triangle(T x) {
  x = std::abs(x);
  return x < 1 ? 1 - x : T{0};
}

// The sinc function in a window of its own widened three times (Duchon, 1979).
template <typename T>
T lanczos(T x) {
  const auto sinc = [](T y) {
    return y == 0 ? T{1} : std::sin(std::numbers::pi_v<T> * y) / (std::numbers::pi_v<T> * y);
  };
  return std::abs(x) < 3 ? sinc(x) * sinc(x / 3) : T{0};
}

struct Line {
  std::int64_t in;
  std::int64_t out;
  double step;
  bool align_corners;

  template <typename T>
  T scale() const {
    if (align_corners) return out > 1 ? static_cast<T>(in - 1) / static_cast<T>(out - 1) : T{0};
    return step > 0 ? static_cast<T>(step) : static_cast<T>(in) / static_cast<T>(out);
  }
  template <typename T>
  T source(std::int64_t o, bool clipped) const {
    if (align_corners) return scale<T>() * static_cast<T>(o);
    const T at = scale<T>() * (static_cast<T>(o) + T(0.5)) - T(0.5);
    return clipped ? std::max(at, T{0}) : at;
  }
};

void nearest(Taps& taps, const Line& line, bool exact) {
  const float scale = line.scale<float>();
  for (std::int64_t o = 0; o < line.out; ++o) {
    const float at = (static_cast<float>(o) + (exact ? 0.5f : 0.0f)) * scale;
    taps.add(std::min(static_cast<std::int64_t>(std::floor(at)), line.in - 1), 1);
    taps.end_output();
  }
}

template <typename T>
void linear(Taps& taps, const Line& line) {
  for (std::int64_t o = 0; o < line.out; ++o) {
    const T at = line.source<T>(o, true);
    const std::int64_t first = std::min(static_cast<std::int64_t>(at), line.in - 1);
    const T share = std::clamp(at - static_cast<T>(first), T{0}, T{1});
    taps.add(first, static_cast<double>(1 - share));
    taps.add(std::min(first + 1, line.in - 1), static_cast<double>(share));
    taps.end_output();
  }
}

template <typename T>
void cubic_of_four(Taps& taps, const Line& line) {
  for (std::int64_t o = 0; o < line.out; ++o) {
    const T at = line.source<T>(o, false);
    const T floor = std::floor(at);
    const T share = at - floor;
    for (int k = -1; k <= 2; ++k) {
      const auto i = static_cast<std::int64_t>(floor) + k;
      taps.add(std::clamp<std::int64_t>(i, 0, line.in - 1),
               static_cast<double>(cubic(share - static_cast<T>(k), T(-0.75))));
    }
    taps.end_output();
  }
}

// Where the result has fewer elements the kernel, which is 0 from `radius` on, is so much wider.
template <typename T, typename Kernel>
void antialiased(Taps& taps, const Line& line, int radius, Kernel kernel) {
  const T scale = line.scale<T>();
  const T widened = std::max(scale, T{1});
  const T reach = static_cast<T>(radius) * widened;
  for (std::int64_t o = 0; o < line.out; ++o) {
    const T centre = scale * (static_cast<T>(o) + T(0.5));
    const auto from = std::max<std::int64_t>(static_cast<std::int64_t>(centre - reach + T(0.5)), 0);
    const auto to = std::min(static_cast<std::int64_t>(centre + reach + T(0.5)), line.in);
    T total{0};
    const auto weight = [&](std::int64_t i) {
      return kernel((static_cast<T>(i) - centre + T(0.5)) / widened);
    };
    for (std::int64_t i = from; i < to; ++i) total += weight(i);
    for (std::int64_t i = from; i < to; ++i) taps.add(i, static_cast<double>(weight(i) / total));
    taps.end_output();
  }
}

const char* node_of(const Resampling& how) {
  static constexpr const char* kNearest[] = {
      "UpsampleNearest1DBackward0", "UpsampleNearest2DBackward0", "UpsampleNearest3DBackward0"};
  static constexpr const char* kExact[] = {"UpsampleNearestExact1DBackward0",
                                           "UpsampleNearestExact2DBackward0",
                                           "UpsampleNearestExact3DBackward0"};
  static constexpr const char* kLinear[] = {
      "UpsampleLinear1DBackward0", "UpsampleBilinear2DBackward0", "UpsampleTrilinear3DBackward0"};
  if (how.mode == "nearest") return kNearest[how.dims - 1];
  if (how.mode == "nearest-exact") return kExact[how.dims - 1];
  if (how.mode == "lanczos") return "UpsampleLanczos2DAaBackward0";
  if (how.mode == "cubic") {
    return how.antialias ? "UpsampleBicubic2DAaBackward0" : "UpsampleBicubic2DBackward0";
  }
  return how.antialias ? "UpsampleBilinear2DAaBackward0" : kLinear[how.dims - 1];
}

template <typename T>
void fill_taps(Taps& taps, const Line& line, const Resampling& how) {
  if (how.mode == "lanczos") return antialiased<T>(taps, line, 3, lanczos<T>);
  if (how.mode == "cubic") {
    if (!how.antialias) return cubic_of_four<T>(taps, line);
    return antialiased<T>(taps, line, 2, [](T x) { return cubic(x, T(-0.5)); });
  }
  how.antialias ? antialiased<T>(taps, line, 1, triangle<T>) : linear<T>(taps, line);
}

}  // namespace

Tensor resample(const Tensor& input, int dim, std::int64_t size, double step,
                const Resampling& how) {
  check(size > 0 && input.size(dim) > 0,
        "interpolate: Input and output sizes should be greater than 0, but got input size ",
        input.size(dim), " and output size ", size, " in dimension ", dim);
  check(ErrorKind::NotImplemented, !is_complex(input.dtype()), "\"interpolate\" not implemented ",
        "for '", info(input.dtype()).scalar_name, "'");
  const Line line{input.size(dim), size, step, how.align_corners};
  Taps taps;
  taps.num_inputs = line.in;
  if (how.mode == "nearest" || how.mode == "nearest-exact") {
    nearest(taps, line, how.mode == "nearest-exact");
  } else if (input.dtype() == DType::Float64) {
    fill_taps<double>(taps, line, how);
  } else {
    check(ErrorKind::NotImplemented, is_floating(input.dtype()), "\"interpolate\" not implemented ",
          "for '", info(input.dtype()).scalar_name, "'");
    fill_taps<float>(taps, line, how);
  }
  return apply_taps(input, dim, share(std::move(taps)), node_of(how));
}

}  // namespace pullback
