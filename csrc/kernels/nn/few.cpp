// See few.h.  The patches of all positions lie in rows [position, channel * taps].
#include "kernels/nn/few.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/nn/slide.h"
#include "kernels/parallel.h"
#include "kernels/room.h"

namespace pullback::kernels {
namespace {

constexpr std::int64_t kMostPositions = 100;
constexpr std::int64_t kMostProducts = 257;
// Below, how the weights are read does not matter.
constexpr std::int64_t kFewestWeights = std::int64_t{1} << 14;
// Numbers of a row of patches that are summed up at once, and of a row of weights that are
// weighted.
constexpr std::int64_t kRowPart = 1024;
constexpr std::int64_t kWeighted = 256;
// Outputs of one block of work, and rows of weights that are read side by side.
constexpr std::int64_t kOutputs = 24;
constexpr std::int64_t kSideBySide = 32;

// Calls visit(position, place in the row of a patch, pixel in the image) for what channels `begin`
// to `end` of a group of all images see; pixels outside are left out.
template <typename Visit>
void for_patches(const ConvShape& s, std::int64_t group, std::int64_t begin, std::int64_t end,
                 Visit&& visit) {
  const std::int64_t channels = s.channels / s.groups;
  for (std::int64_t p = 0; p < s.batch * s.positions(); ++p) {
    const std::int64_t n = p / s.positions(), o2 = p % s.out[2], o1 = p / s.out[2] % s.out[1];
    const std::int64_t o0 = p / (s.out[2] * s.out[1]) % s.out[0];
    for (std::int64_t t = 0; t < s.taps(); ++t) {
      const std::int64_t k2 = t % s.kernel[2], k1 = t / s.kernel[2] % s.kernel[1];
      const std::int64_t k0 = t / (s.kernel[2] * s.kernel[1]);
      const std::int64_t i0 = o0 * s.stride[0] + k0 * s.dilation[0] - s.padding[0];
      const std::int64_t i1 = o1 * s.stride[1] + k1 * s.dilation[1] - s.padding[1];
      const std::int64_t i2 = o2 * s.stride[2] + k2 * s.dilation[2] - s.padding[2];
      if (i0 < 0 || i0 >= s.in[0] || i1 < 0 || i1 >= s.in[1] || i2 < 0 || i2 >= s.in[2]) continue;
      const std::int64_t pixel = (i0 * s.in[1] + i1) * s.in[2] + i2;
      const std::int64_t first = (n * s.channels + group * channels) * s.pixels() + pixel;
      for (std::int64_t c = begin; c < end; ++c) {
        visit(p, c * s.taps() + t, first + c * s.pixels());
      }
    }
  }
}

std::vector<std::int64_t> multiples(std::int64_t count, std::int64_t step) {
  std::vector<std::int64_t> list(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) list[static_cast<std::size_t>(i)] = i * step;
  return list;
}

template <typename T>
void gather_patches(T* patches, const T* image, const ConvShape& s, std::int64_t group) {
  const std::int64_t channels = s.channels / s.groups, row = channels * s.taps();
  parallel_for(channels, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = 0; p < s.batch * s.positions(); ++p) {
      std::fill_n(patches + p * row + begin * s.taps(), (end - begin) * s.taps(), T{0});
    }
    for_patches(s, group, begin, end, [&](std::int64_t p, std::int64_t at, std::int64_t pixel) {
      patches[p * row + at] = image[pixel];
    });
  });
}

// gradient[panel][output][position of the panel] of a group, panels of kMostRows positions.
template <typename T>
void by_panels_of_positions(T* to, const T* out, const ConvShape& s, std::int64_t group) {
  const std::int64_t outputs = s.out_channels / s.groups, positions = s.batch * s.positions();
  for (std::int64_t p = 0; p < positions; ++p) {
    const std::int64_t n = p / s.positions(), place = p % s.positions();
    const std::int64_t first = p / kMostRows * kMostRows;
    const std::int64_t rows = std::min<std::int64_t>(kMostRows, positions - first);
    const T* from = out + (n * s.out_channels + group * outputs) * s.positions() + place;
    T* const panel = to + first * outputs + (p - first);
    for (std::int64_t o = 0; o < outputs; ++o) panel[o * rows] = from[o * s.positions()];
  }
}

// gradient[panel][position][output of the panel] of a group, panels of kMostRows outputs.
template <typename T>
void by_panels_of_outputs(T* to, const T* out, const ConvShape& s, std::int64_t group) {
  const std::int64_t outputs = s.out_channels / s.groups, positions = s.batch * s.positions();
  for (std::int64_t first = 0; first < outputs; first += kMostRows) {
    const std::int64_t rows = std::min<std::int64_t>(kMostRows, outputs - first);
    for (std::int64_t p = 0; p < positions; ++p) {
      const std::int64_t n = p / s.positions(), place = p % s.positions();
      const std::int64_t channel = n * s.out_channels + group * outputs + first;
      for (std::int64_t r = 0; r < rows; ++r) {
        *to++ = out[(channel + r) * s.positions() + place];
      }
    }
  }
}

bool is_few(const ConvShape& s, std::int64_t most) {
  const std::int64_t row = s.channels / s.groups * s.taps(), positions = s.batch * s.positions();
  const std::int64_t strip = std::lcm(slide_kernels<float>().strip, slide_kernels<double>().strip);
  return positions > 0 && positions < most && row > 0 && row % strip == 0 &&
         s.out_channels * row >= kFewestWeights;
}

}  // namespace

bool has_few_positions(const ConvShape& s) { return is_few(s, kMostPositions); }
bool has_few_products(const ConvShape& s) { return is_few(s, kMostProducts); }

template <typename T>
void conv_few(T* out, const T* image, const T* weight, const T* bias, const ConvShape& s) {
  const std::int64_t channels = s.channels / s.groups, outputs = s.out_channels / s.groups;
  const std::int64_t row = channels * s.taps(), positions = s.batch * s.positions();
  const Room<T> patches(positions * row), sums(positions * outputs);
  const std::vector<std::int64_t> offsets = multiples(outputs, row);
  for (std::int64_t group = 0; group < s.groups; ++group) {
    gather_patches(patches.data(), image, s, group);
    std::fill_n(sums.data(), positions * outputs, T{0});
    parallel_for(outputs, kOutputs, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t at = 0; at < row; at += kRowPart) {
        slide_kernels<T>().inner_products(
            {patches.data() + at, row, weight + group * outputs * row + at, offsets.data() + begin,
             sums.data() + begin, outputs, positions, end - begin, std::min(kRowPart, row - at)});
      }
      for (std::int64_t p = 0; p < positions; ++p) {
        const std::int64_t n = p / s.positions(), place = p % s.positions();
        for (std::int64_t o = begin; o < end; ++o) {
          const std::int64_t channel = group * outputs + o;
          out[(n * s.out_channels + channel) * s.positions() + place] =
              sums.data()[p * outputs + o] + (bias ? bias[channel] : T{0});
        }
      }
    });
  }
}

template <typename T>
void conv_input_few(T* image, const T* out, const T* weight, const T* bias, const ConvShape& s) {
  const std::int64_t channels = s.channels / s.groups, outputs = s.out_channels / s.groups;
  const std::int64_t row = channels * s.taps(), positions = s.batch * s.positions();
  const Room<T> patches(positions * row), gradients(outputs * positions);
  const std::vector<std::int64_t> offsets = multiples(outputs, row);
  for (std::int64_t i = 0; i < s.batch * s.channels; ++i) {
    std::fill_n(image + i * s.pixels(), s.pixels(), bias ? bias[i % s.channels] : T{0});
  }
  for (std::int64_t group = 0; group < s.groups; ++group) {
    by_panels_of_positions(gradients.data(), out, s, group);
    parallel_for(row, kWeighted, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t o = 0; o < outputs; o += kSideBySide) {
        for (std::int64_t first = 0; first < positions; first += kMostRows) {
          const std::int64_t rows = std::min<std::int64_t>(kMostRows, positions - first);
          slide_kernels<T>().weighted_rows(
              {gradients.data() + first * outputs + o * rows,
               weight + group * outputs * row + begin, offsets.data() + o,
               patches.data() + first * row + begin, row, std::min(kSideBySide, outputs - o),
               end - begin, static_cast<int>(rows), o > 0});
        }
      }
    });
    parallel_for(channels, 64, [&](std::int64_t begin, std::int64_t end) {
      for_patches(s, group, begin, end, [&](std::int64_t p, std::int64_t at, std::int64_t pixel) {
        image[pixel] += patches.data()[p * row + at];
      });
    });
  }
}

template <typename T>
void conv_weight_few(T* weight, const T* image, const T* out, const ConvShape& s) {
  const std::int64_t channels = s.channels / s.groups, outputs = s.out_channels / s.groups;
  const std::int64_t row = channels * s.taps(), positions = s.batch * s.positions();
  const Room<T> patches(positions * row), gradients(outputs * positions);
  const std::vector<std::int64_t> offsets = multiples(positions, row);
  for (std::int64_t group = 0; group < s.groups; ++group) {
    gather_patches(patches.data(), image, s, group);
    by_panels_of_outputs(gradients.data(), out, s, group);
    parallel_for(row, kWeighted, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t o = 0; o < outputs; o += kMostRows) {
        const std::int64_t rows = std::min<std::int64_t>(kMostRows, outputs - o);
        slide_kernels<T>().weighted_rows({gradients.data() + o * positions, patches.data() + begin,
                                          offsets.data(),
                                          weight + (group * outputs + o) * row + begin, row,
                                          positions, end - begin, static_cast<int>(rows), false});
      }
    });
  }
}

template void conv_few(float*, const float*, const float*, const float*, const ConvShape&);
template void conv_few(double*, const double*, const double*, const double*, const ConvShape&);
template void conv_input_few(float*, const float*, const float*, const float*, const ConvShape&);
template void conv_input_few(double*, const double*, const double*, const double*,
                             const ConvShape&);

template void conv_weight_few(float*, const float*, const float*, const ConvShape&);
template void conv_weight_few(double*, const double*, const double*, const ConvShape&);

}  // namespace pullback::kernels
