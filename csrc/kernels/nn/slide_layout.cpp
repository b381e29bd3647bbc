// See slide_layout.h.
#include "kernels/nn/slide_layout.h"

#include <algorithm>

namespace pullback::kernels::sliding {

Layout::Layout(const Sliding& s) : grid(s.grid), extent(s.grid) {
  for (const Tap& tap : s.taps) {
    for (std::size_t d = 0; d < 3; ++d) extent[d] = std::max(extent[d], s.grid[d] + tap.shift[d]);
    const auto found = std::ranges::find(phases, tap.phase);
    phase_of.push_back(found - phases.begin());
    if (found == phases.end()) phases.push_back(tap.phase);
  }
  for (std::size_t d = 0; d < 3; ++d) {
    std::int64_t shared = extent[d] - s.grid[d];
    for (const Three& phase : phases) {
      const std::int64_t first = ceil_div(s.before[d] - phase[d], s.step[d]);
      const std::int64_t end = ceil_div(s.source[d] + s.before[d] - phase[d], s.step[d]);
      shared = std::min({shared, std::max<std::int64_t>(0, first), extent[d] - end});
    }
    pitch[d] = extent[d] - std::max<std::int64_t>(0, shared);
  }
  for (const Tap& tap : s.taps) {
    offsets.push_back((tap.shift[0] * pitch[1] + tap.shift[1]) * pitch[2] + tap.shift[2]);
    last_offset = std::max(last_offset, offsets.back());
  }
}

namespace {

// Positions along one dimension that see a pixel of the source without a shift.
struct Seen {
  std::int64_t begin, end;

  Seen(const Sliding& s, const Layout& l, const Three& phase, std::size_t d) {
    begin = std::max<std::int64_t>(0, ceil_div(s.before[d] - phase[d], s.step[d]));
    end = std::min(l.extent[d], ceil_div(s.source[d] + s.before[d] - phase[d], s.step[d]));
  }
};

// Appends what lies on from the last stretch, behind the first ones that others use, to it.
void append(std::vector<Stretch>& list, std::size_t first, const Stretch& next) {
  if (list.size() > first && list.back().from + list.back().count == next.from &&
      list.back().to + list.back().count == next.to) {
    list.back().count += next.count;
  } else if (next.count > 0) {
    list.push_back(next);
  }
}

// The rows of a channel of some images: from its first pixel to its place in the layout.
std::vector<Stretch> rows_of(const Sliding& s, const Layout& l, std::int64_t cells,
                             std::int64_t images) {
  std::vector<Stretch> list;
  const std::int64_t image = s.groups * s.channels * product(s.source);
  for (std::int64_t i = 0; i < images * l.num_phases(); ++i) {
    const std::int64_t n = i / l.num_phases(), number = i % l.num_phases();
    const Three& phase = l.phases[static_cast<std::size_t>(number)];
    const Seen planes(s, l, phase, 0), rows(s, l, phase, 1), seen(s, l, phase, 2);
    for (std::int64_t q0 = planes.begin; q0 < planes.end; ++q0) {
      for (std::int64_t q1 = rows.begin; q1 < rows.end; ++q1) {
        const std::int64_t x0 = q0 * s.step[0] + phase[0] - s.before[0];
        const std::int64_t x1 = q1 * s.step[1] + phase[1] - s.before[1];
        const std::int64_t x2 = seen.begin * s.step[2] + phase[2] - s.before[2];
        const std::int64_t row = (n * l.pitch[0] + q0) * l.pitch[1] + q1;
        const Stretch next{n * image + (x0 * s.source[1] + x1) * s.source[2] + x2,
                           number * cells + row * l.pitch[2] + seen.begin, seen.end - seen.begin};
        if (s.step[2] == 1) {
          append(list, 0, next);
        } else if (next.count > 0) {
          list.push_back(next);
        }
      }
    }
  }
  return list;
}

// The positions from `begin` to `end` that are wanted: from their places behind `begin` to those
// in a channel of the target.
void append_wanted(std::vector<Stretch>& list, const Sliding& s, const Layout& l,
                   std::int64_t begin, std::int64_t end) {
  const std::int64_t image = s.groups * s.outputs * product(s.target);
  const std::size_t first_of_tile = list.size();
  for (std::int64_t row = begin / l.pitch[2]; row * l.pitch[2] < end; ++row) {
    const std::int64_t q1 = row % l.pitch[1], q0 = row / l.pitch[1] % l.pitch[0];
    const std::int64_t n = row / (l.pitch[1] * l.pitch[0]);
    if (q1 >= l.grid[1] || q0 >= l.grid[0]) continue;
    const std::int64_t start = row * l.pitch[2];
    const std::int64_t first = std::max(begin - start, std::int64_t{0});
    const std::int64_t count = std::min(end - start, l.grid[2]) - first;
    if (count <= 0) continue;
    const std::int64_t y0 = q0 * s.target_step[0] + s.target_first[0];
    const std::int64_t y1 = q1 * s.target_step[1] + s.target_first[1];
    const std::int64_t y2 = first * s.target_step[2] + s.target_first[2];
    const Stretch next{start + first - begin,
                       n * image + (y0 * s.target[1] + y1) * s.target[2] + y2, count};
    if (s.target_step[2] == 1) {
      append(list, first_of_tile, next);
    } else {
      list.push_back(next);
    }
  }
}

}  // namespace

Moved::Moved(const Sliding& s, const Layout& l, std::int64_t cells, std::int64_t padded,
             std::int64_t tile, std::int64_t num_images)
    : images(num_images), rows(rows_of(s, l, cells, images)) {
  for (std::int64_t begin = 0; begin < padded; begin += tile) {
    append_wanted(wanted, s, l, begin, std::min(begin + tile, l.positions(images)));
    first_of_tile.push_back(wanted.size());
  }
}

}  // namespace pullback::kernels::sliding
