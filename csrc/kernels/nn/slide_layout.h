// Where sliding sums (slide.h) have the pixels that they see, and what is moved there and back.
//
// The images lie in rows of planes with the zeros of their padding between them; positions are
// places in the same grid.  Start reading at Layout.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/nn/conv.h"
#include "kernels/nn/slide_kernels.h"

namespace pullback::kernels::sliding {

using Three = ConvShape::Three;

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return a >= 0 ? (a + b - 1) / b : -(-a / b);
}

inline std::int64_t product(const Three& t) { return t[0] * t[1] * t[2]; }

// Position q sees, at a tap, the source pixel (q + shift) * step + phase - before.
struct Tap {
  Three phase, shift;
  std::int64_t weight;  // which of the weights of a channel
};

// A sum of one source over taps and channels, for a grid of positions.
struct Sliding {
  std::int64_t batch, groups;
  std::int64_t channels, outputs;  // of a group
  Three source, target;
  Three grid, step, before;
  Three target_step, target_first;  // where the pixels of the grid go
  std::vector<Tap> taps;
  std::int64_t weight_output, weight_channel;  // strides of the weights
  std::int64_t weights;                        // of a group
};

// Where the pixels of some images lie, seen by one channel: rows of planes of images, where the
// zeros behind one row are those before the next one.
struct Layout {
  Three pitch;  // rows, planes and images are as far apart as the product of these
  std::vector<Three> phases;
  std::vector<std::int64_t> offsets;  // of taps, without that of the phase
  std::vector<std::int64_t> phase_of;
  std::int64_t last_offset = 0;
  Three grid, extent;  // positions, and pixels that they see

  explicit Layout(const Sliding& s);
  // From the first to behind the last.
  std::int64_t positions(std::int64_t images) const {
    const std::int64_t plane = (images - 1) * pitch[0] + grid[0] - 1;
    return ((plane * pitch[1]) + grid[1] - 1) * pitch[2] + grid[2];
  }
  std::int64_t num_phases() const { return static_cast<std::int64_t>(phases.size()); }
};

// What is moved for some images, the same for every channel: rows into the layout, and what is
// wanted of each tile of positions.
struct Moved {
  std::int64_t images;
  std::vector<Stretch> rows, wanted;
  std::vector<std::size_t> first_of_tile{0};

  Moved(const Sliding& s, const Layout& l, std::int64_t cells, std::int64_t padded,
        std::int64_t tile, std::int64_t num_images);
  std::span<const Stretch> wanted_of(std::int64_t tile) const {
    const auto t = static_cast<std::size_t>(tile);
    return std::span(wanted).subspan(first_of_tile[t], first_of_tile[t + 1] - first_of_tile[t]);
  }
};

}  // namespace pullback::kernels::sliding
