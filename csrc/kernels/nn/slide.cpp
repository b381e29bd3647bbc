// See slide.h.  Start reading at Plan, then run().
#include "kernels/nn/slide.h"

#include <algorithm>
#include <set>
#include <span>
#include <vector>

#include "kernels/dispatch.h"
#include "kernels/nn/slide_layout.h"
#include "kernels/parallel.h"
#include "kernels/room.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(SlideTable slide_table();)

template <typename T>
const SlideKernels<T>& slide_kernels() {
  static const SlideTable table = PULLBACK_ISA_SELECT(slide_table)();
  if constexpr (sizeof(T) == 4) {
    return table.float32;
  } else {
    return table.float64;
  }
}
template const SlideKernels<float>& slide_kernels();
template const SlideKernels<double>& slide_kernels();

namespace {

using namespace sliding;

// Positions that are summed up at once, and panels of outputs of one block of work.
constexpr std::int64_t kTile = 256;
constexpr std::int64_t kPanels = 8;
// Those that are taken one panel after the other, while their pixels are in the nearest cache.
constexpr std::int64_t kNear = 64;
// Weights of an output that are brought into order together, if others lie between them.
constexpr std::int64_t kNearWeights = 32;
// Terms whose pixels should stay near.
constexpr std::int64_t kTerms = 256;
// Numbers of the layouts of images that are worked on at once, if one image is not larger.
constexpr std::int64_t kLaidOut = std::int64_t{1} << 17;
// The share of the positions between rows, 1 of so many, from which they are worth a layout without
// them, and how many products take as long as a number that is moved.
constexpr std::int64_t kFewestBetween = 20;
constexpr std::int64_t kDearerMoves = 8;
// Outputs whose gradients one thread takes, a multiple of the rows of inner products.
std::int64_t rows_at_once(std::int64_t outputs) { return outputs >= 32 ? 12 : 6; }
// Positions of inner products, whose sums are in registers meanwhile.
constexpr std::int64_t kInner = 1024;
// With fewer positions it does not pay to bring the weights into order.
constexpr std::int64_t kFewestPositions = 48;
// With fewer products the sum of a vector's elements is the dearer part.
constexpr std::int64_t kFewestProducts = 96;

// How the images of a batch are taken together.
template <typename T>
struct Plan {
  Layout layout;
  std::int64_t images, rounds;
  std::int64_t positions, padded;  // of so many images; in whole strips
  std::int64_t cells, channel;     // of a phase and of a channel
  bool in_place;                   // the images lie as they should

  explicit Plan(const Sliding& s) : layout(s) {
    const std::int64_t strip = slide_kernels<T>().strip;
    const std::int64_t one =
        std::max<std::int64_t>(1, s.channels * layout.num_phases() * product(layout.pitch));
    images = std::clamp<std::int64_t>(kLaidOut / one, 1, s.batch);
    rounds = (s.batch + images - 1) / images;
    images = (s.batch + rounds - 1) / rounds;
    positions = layout.positions(images);
    padded = ceil_div(positions, strip) * strip;
    // An odd number of lines of the cache, so that channels do not push each other out of it.
    constexpr std::int64_t line = 64 / sizeof(T);
    cells = (ceil_div(padded + layout.last_offset, line) | 1) * line;
    channel = layout.num_phases() * cells;
    in_place = s.groups == 1 && is_in_place(s, strip);
    if (!in_place) return;
    images = 1;
    rounds = s.batch;
    positions = padded = cells = channel = product(s.source);
  }
  // Positions are the pixels, in whole strips, and channels not so far apart that they push each
  // other out of the cache.
  static bool is_in_place(const Sliding& s, std::int64_t strip) {
    constexpr Three none{0, 0, 0}, one{1, 1, 1};
    return s.taps.size() == 1 && s.taps[0].shift == none && s.step == one && s.before == none &&
           s.source == s.grid && product(s.grid) % strip == 0 && product(s.grid) % 1024 != 0;
  }
  // Numbers for a group that is laid out.
  std::int64_t room(const Sliding& s) const { return in_place ? 0 : s.channels * channel; }
  // Channels that are laid out by one thread.
  std::int64_t grain() const { return 1 + 32768 / (channel + 1); }
  // The share of what is computed that is wanted.
  double share() const {
    return static_cast<double>(images * product(layout.grid)) / static_cast<double>(padded);
  }
};

// That of the rounds of a batch, of which the last one may have fewer images.
class Rounds {
 public:
  template <typename T>
  Rounds(const Sliding& s, const Plan<T>& plan, std::int64_t tile)
      : each_(s, plan.layout, plan.cells, plan.padded, tile, plan.images),
        last_(s, plan.layout, plan.cells, plan.padded, tile,
              s.batch - (plan.rounds - 1) * plan.images),
        rounds_(plan.rounds) {}
  const Moved& operator[](std::int64_t round) const { return round + 1 == rounds_ ? last_ : each_; }
  // Whether the layout of the round before has other places, so that the zeros between them are
  // to be made.
  bool is_new(std::int64_t round) const {
    return round == 0 || (*this)[round].images != (*this)[round - 1].images;
  }

 private:
  Moved each_, last_;
  std::int64_t rounds_;
};

// Channels `begin` to `end` of a group, for the images from `first` on; what is between them is
// zero already, or `fill` asks for it.
template <typename T>
void lay_out(T* room, const T* source, const Sliding& s, const Plan<T>& plan, const Moved& moved,
             std::int64_t group, std::int64_t first, bool fill, std::int64_t begin,
             std::int64_t end) {
  const std::int64_t channels = s.groups * s.channels;
  for (std::int64_t c = begin; c < end; ++c) {
    const T* from = source + (first * channels + group * s.channels + c) * product(s.source);
    T* to = room + c * plan.channel;
    if (fill) std::fill_n(to, plan.channel, T{0});
    slide_kernels<T>().bring(
        {from, to, moved.rows.data(), moved.rows.size(), s.step[2], product(s.source)});
  }
}

// All channels of the only group; where they lie.
template <typename T>
const T* lay_out_all(T* room, const T* source, const Sliding& s, const Plan<T>& plan,
                     const Rounds& rounds, std::int64_t round) {
  const std::int64_t first = round * plan.images;
  if (plan.in_place) return source + first * s.channels * product(s.source);
  parallel_for(s.channels, plan.grain(), [&](std::int64_t begin, std::int64_t end) {
    lay_out(room, source, s, plan, rounds[round], 0, first, rounds.is_new(round), begin, end);
  });
  return room;
}

// Outputs are taken in panels of nearly equal numbers of rows.
struct Panels {
  std::int64_t outputs, count;

  explicit Panels(std::int64_t n) : outputs(n), count((n + kMostRows - 1) / kMostRows) {}
  std::int64_t begin(std::int64_t panel) const { return panel * outputs / count; }
  int rows(std::int64_t panel) const { return static_cast<int>(begin(panel + 1) - begin(panel)); }
};

// The weights of each panel by channel, tap and row.
template <typename T>
void pack(T* to, const T* weight, const Sliding& s, const Panels& panels) {
  const auto taps = static_cast<std::int64_t>(s.taps.size());
  const std::int64_t terms = s.channels * taps;
  // Where all taps are there, they are neighbours.
  bool all = true;
  for (std::int64_t t = 0; t < taps; ++t) all &= s.taps[static_cast<std::size_t>(t)].weight == t;
  const bool neighbours = all && s.weight_channel == taps;  // the terms of an output
  const auto pack_panel = [&](std::int64_t number, std::int64_t c, std::int64_t channels) {
    const std::int64_t g = number / panels.count, panel = number % panels.count;
    const int rows = panels.rows(panel);
    const T* from =
        weight + g * s.weights + panels.begin(panel) * s.weight_output + c * s.weight_channel;
    T* at = to + (g * s.outputs + panels.begin(panel)) * terms + c * taps * rows;
    if (all) {
      return slide_kernels<T>().interleave({from, at, s.weight_output, s.weight_channel,
                                            neighbours ? 1 : channels,
                                            neighbours ? channels * taps : taps, rows});
    }
    for (std::int64_t end = c + channels; c < end; ++c, from += s.weight_channel) {
      for (const Tap& tap : s.taps) {
        for (int r = 0; r < rows; ++r) *at++ = from[tap.weight + r * s.weight_output];
      }
    }
  };
  parallel_for(s.groups * panels.count, kPanels, [&](std::int64_t begin, std::int64_t end) {
    // Weights are read in their order: those of an output, or of a channel, are neighbours.
    const std::int64_t at_once = s.weight_output < s.weight_channel
                                     ? kNearWeights / std::max<std::int64_t>(1, taps) + 1
                                     : s.channels;
    for (std::int64_t c = 0; c < s.channels; c += at_once) {
      for (std::int64_t number = begin; number < end; ++number) {
        pack_panel(number, c, std::min(at_once, s.channels - c));
      }
    }
  });
}

// Where the terms of a group, by channel and tap, find their pixels.
template <typename T>
std::vector<std::int64_t> offsets_of(const Sliding& s, const Plan<T>& plan) {
  std::vector<std::int64_t> offsets;
  for (std::int64_t c = 0; c < s.channels; ++c) {
    for (std::size_t t = 0; t < s.taps.size(); ++t) {
      offsets.push_back(c * plan.channel + plan.layout.phase_of[t] * plan.cells +
                        plan.layout.offsets[t]);
    }
  }
  return offsets;
}

// What all blocks of work share.
template <typename T>
struct Run {
  const Sliding& s;
  const Plan<T> plan;
  const Panels panels;
  const std::vector<std::int64_t> offsets;
  const std::int64_t taps, terms, terms_at_once, tile, tiles, blocks;
  const Rounds rounds;
  const Room<T> packed;
  T* const target;
  const T* const bias;

  Run(const Sliding& sliding, T* to, const T* weight, const T* shift)
      : s(sliding),
        plan(s),
        panels(s.outputs),
        offsets(offsets_of(s, plan)),
        taps(static_cast<std::int64_t>(s.taps.size())),
        terms(s.channels * taps),
        terms_at_once(taps * std::max<std::int64_t>(1, kTerms / std::max<std::int64_t>(1, taps))),
        tile(kTile * std::max<std::int64_t>(1, kPanels / panels.count)),
        tiles(ceil_div(plan.padded, tile)),
        blocks(ceil_div(panels.count, kPanels)),
        rounds(s, plan, tile),
        packed(s.groups * s.outputs * terms),
        target(to),
        bias(shift) {
    pack(packed.data(), weight, s, panels);
  }

  // Some outputs of a group at some positions, from the images laid out.
  void work(const T* laid_out, std::int64_t group, std::int64_t round, std::int64_t number) const {
    constexpr std::int64_t line = 64 / sizeof(T);
    alignas(64) T sums[std::size_t(kPanels * kMostRows * (kTile + line))];
    const std::int64_t row = tile + line;
    const std::int64_t begin = number % tiles * tile;
    const std::int64_t width = std::min(tile, plan.padded - begin);
    const std::int64_t first = number / tiles * kPanels;
    const std::int64_t last = std::min(first + kPanels, panels.count);
    const std::int64_t near = last - first > 1 ? kNear : width;
    if (terms == 0) std::fill(std::begin(sums), std::end(sums), T{0});
    for (std::int64_t term = 0; term < terms; term += terms_at_once) {
      for (std::int64_t at = 0; at < width; at += near) {
        for (std::int64_t panel = first; panel < last; ++panel) {
          const std::int64_t output = panels.begin(panel), rows = panels.rows(panel);
          const T* weights = packed.data() + (group * s.outputs + output) * terms + term * rows;
          slide_kernels<T>().weighted_rows({weights, laid_out + begin + at, offsets.data() + term,
                                            sums + (output - panels.begin(first)) * row + at, row,
                                            std::min(terms_at_once, terms - term),
                                            std::min(near, width - at), static_cast<int>(rows),
                                            term > 0});
        }
      }
    }
    const std::span<const Stretch> wanted = rounds[round].wanted_of(number % tiles);
    const std::int64_t channels = s.groups * s.outputs;
    for (std::int64_t o = panels.begin(first); o < panels.begin(last); ++o) {
      const std::int64_t channel = group * s.outputs + o;
      T* const to = target + (round * plan.images * channels + channel) * product(s.target);
      slide_kernels<T>().put({sums + (o - panels.begin(first)) * row, to, wanted.data(),
                              wanted.size(), s.target_step[2], product(s.target)},
                             bias ? bias[channel] : T{0});
    }
  }
};

template <typename T>
void run(T* target, const T* source, const T* weight, const T* bias, const Sliding& s) {
  if (s.batch == 0 || s.outputs == 0 || product(s.grid) == 0) return;
  const Run<T> all(s, target, weight, bias);
  const Plan<T>& plan = all.plan;
  if (s.groups == 1) {
    const Room<T> room(plan.room(s));
    for (std::int64_t round = 0; round < plan.rounds; ++round) {
      const T* const laid_out = lay_out_all(room.data(), source, s, plan, all.rounds, round);
      parallel_for(all.tiles * all.blocks, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) all.work(laid_out, 0, round, i);
      });
    }
    return;
  }
  const std::int64_t grain = std::max<std::int64_t>(1, s.groups * plan.rounds / 64);
  parallel_for(s.groups * plan.rounds, grain, [&](std::int64_t begin, std::int64_t end) {
    const Room<T> room(s.channels * plan.channel);
    for (std::int64_t unit = begin; unit < end; ++unit) {
      const std::int64_t group = unit % s.groups, round = unit / s.groups;
      const bool fill = unit == begin || (group == 0 && all.rounds.is_new(round));
      lay_out(room.data(), source, s, plan, all.rounds[round], group, round * plan.images, fill, 0,
              s.channels);
      for (std::int64_t i = 0; i < all.tiles * all.blocks; ++i) {
        all.work(room.data(), group, round, i);
      }
    }
  });
}

std::int64_t weights_of_group(const ConvShape& s) {
  return s.out_channels / s.groups * (s.channels / s.groups) * s.taps();
}

// Gives each tap along a row a phase of its own, so that rows lie side by side and nothing is
// computed between them, where that is more than what it takes to lay them out.
void spread_taps(Sliding& s) {
  const Layout plain(s);
  std::set<std::int64_t> of_row;
  for (const Tap& tap : s.taps) of_row.insert(tap.phase[2] + tap.shift[2] * s.step[2]);
  const auto taps = static_cast<std::int64_t>(s.taps.size());
  const auto copies = static_cast<std::int64_t>(of_row.size());
  const std::int64_t between = plain.pitch[2] - s.grid[2];
  const bool pays = between * kFewestBetween > plain.pitch[2] &&
                    s.channels * product(s.source) * copies <= kLaidOut &&
                    between * taps * s.outputs > kDearerMoves * (copies - 1) * (15 + s.grid[2]);
  if (!pays) return;
  for (Tap& tap : s.taps) {
    tap.phase[2] += tap.shift[2] * s.step[2];
    tap.shift[2] = 0;
  }
}

Sliding forward(const ConvShape& s) {
  Sliding f{s.batch,
            s.groups,
            s.channels / s.groups,
            s.out_channels / s.groups,
            s.in,
            s.out,
            s.out,
            s.stride,
            s.padding,
            {1, 1, 1},
            {0, 0, 0},
            {},
            s.channels / s.groups * s.taps(),
            s.taps(),
            weights_of_group(s)};
  for (std::int64_t t = 0; t < s.taps(); ++t) {
    const Three k{t / (s.kernel[2] * s.kernel[1]), t / s.kernel[2] % s.kernel[1], t % s.kernel[2]};
    Tap tap{{}, {}, t};
    for (std::size_t d = 0; d < 3; ++d) {
      tap.phase[d] = k[d] * s.dilation[d] % s.stride[d];
      tap.shift[d] = k[d] * s.dilation[d] / s.stride[d];
    }
    f.taps.push_back(tap);
  }
  spread_taps(f);
  return f;
}

// The pixels of the image with the same remainders `phase` when they are divided by the strides:
// pixel q * stride + phase gets, at a tap, from position q + (phase + padding - k * dilation) /
// stride.
Sliding backward(const ConvShape& s, const Three& phase) {
  Sliding b{s.batch,
            s.groups,
            s.out_channels / s.groups,
            s.channels / s.groups,
            s.out,
            s.in,
            {},
            {1, 1, 1},
            {0, 0, 0},
            s.stride,
            phase,
            {},
            s.taps(),
            s.channels / s.groups * s.taps(),
            weights_of_group(s)};
  for (std::size_t d = 0; d < 3; ++d) b.grid[d] = ceil_div(s.in[d] - phase[d], s.stride[d]);
  for (std::int64_t t = 0; t < s.taps(); ++t) {
    const Three k{t / (s.kernel[2] * s.kernel[1]), t / s.kernel[2] % s.kernel[1], t % s.kernel[2]};
    Tap tap{{0, 0, 0}, {}, t};
    bool meets = true;
    for (std::size_t d = 0; d < 3; ++d) {
      const std::int64_t far = phase[d] + s.padding[d] - k[d] * s.dilation[d];
      meets &= far % s.stride[d] == 0;
      tap.shift[d] = far / s.stride[d];
    }
    if (meets) b.taps.push_back(tap);
  }
  for (std::size_t d = 0; d < 3; ++d) {
    for (const Tap& tap : b.taps) b.before[d] = std::max(b.before[d], -tap.shift[d]);
    for (Tap& tap : b.taps) tap.shift[d] += b.before[d];
  }
  spread_taps(b);
  return b;
}

// Gradients laid out at their positions; the zeros between them as in lay_out.
template <typename T>
void lay_out_gradients(T* to, std::int64_t row, const T* out, const Sliding& s,
                       const std::vector<Stretch>& places, bool fill, std::int64_t begin,
                       std::int64_t end) {
  for (std::int64_t o = begin; o < end; ++o) {
    T* const at = to + o * row;
    if (fill) std::fill_n(at, row, T{0});
    slide_kernels<T>().bring(
        {out + o * product(s.target), at, places.data(), places.size(), 1, product(s.target)});
  }
}

// From the places in a channel of the target to the positions.
std::vector<Stretch> turned(std::span<const Stretch> wanted) {
  std::vector<Stretch> list;
  for (const Stretch& part : wanted) list.push_back({part.to, part.from, part.count});
  return list;
}

// weight[o][term] of a group, some outputs and all terms, from the images laid out.
template <typename T>
void add_inner_products(T* weight, const T* gradients, std::int64_t row, const T* laid_out,
                        const std::vector<std::int64_t>& offsets, std::int64_t positions,
                        std::int64_t outputs) {
  const auto terms = static_cast<std::int64_t>(offsets.size());
  for (std::int64_t at = 0; at < positions; at += kInner) {
    slide_kernels<T>().inner_products({gradients + at, row, laid_out + at, offsets.data(), weight,
                                       terms, outputs, terms, std::min(kInner, positions - at)});
  }
}

template <typename T>
void run_for_weight(T* weight, const T* image, const T* out, const Sliding& s) {
  const Plan<T> plan(s);
  const std::vector<std::int64_t> offsets = offsets_of(s, plan);
  const std::int64_t row = plan.padded, outputs = s.groups * s.outputs;
  const Rounds rounds(s, plan, row);
  std::vector<std::vector<Stretch>> places;
  for (std::int64_t round = 0; round < plan.rounds; ++round) {
    places.push_back(turned(rounds[round].wanted_of(0)));
  }
  const auto places_of = [&](std::int64_t round) -> const std::vector<Stretch>& {
    return places[static_cast<std::size_t>(round)];
  };
  std::fill_n(weight, s.groups * s.weights, T{0});
  if (s.groups == 1) {
    const Room<T> room(plan.room(s)), gradients(plan.in_place ? 0 : s.outputs * row);
    for (std::int64_t round = 0; round < plan.rounds; ++round) {
      const T* const laid_out = lay_out_all(room.data(), image, s, plan, rounds, round);
      parallel_for(s.outputs, rows_at_once(s.outputs), [&](std::int64_t begin, std::int64_t end) {
        const T* rows = out + round * plan.images * outputs * product(s.target);
        if (!plan.in_place) {
          lay_out_gradients(gradients.data(), row, rows, s, places_of(round), rounds.is_new(round),
                            begin, end);
          rows = gradients.data();
        }
        add_inner_products(weight + begin * s.weight_output, rows + begin * row, row, laid_out,
                           offsets, row, end - begin);
      });
    }
    return;
  }
  const std::int64_t grain = std::max<std::int64_t>(1, s.groups / 64);
  parallel_for(s.groups, grain, [&](std::int64_t begin, std::int64_t end) {
    const Room<T> room(s.channels * plan.channel), gradients(s.outputs * row);
    std::int64_t images = 0;  // for which there are zeros
    for (std::int64_t group = begin; group < end; ++group) {
      for (std::int64_t round = 0; round < plan.rounds; ++round) {
        const Moved& moved = rounds[round];
        const bool fill = moved.images != images;
        images = moved.images;
        const std::int64_t first = round * plan.images;
        lay_out(room.data(), image, s, plan, moved, group, first, fill, 0, s.channels);
        lay_out_gradients(gradients.data(), row,
                          out + (first * outputs + group * s.outputs) * product(s.target), s,
                          places_of(round), fill, 0, s.outputs);
        add_inner_products(weight + group * s.weights, gradients.data(), row, room.data(), offsets,
                           row, s.outputs);
      }
    }
  });
}

bool pays(const Sliding& s) {
  const Plan<float> plan(s);
  return s.batch * product(s.grid) >= kFewestPositions && plan.share() > 0.5;
}

}  // namespace

bool slides(const ConvShape& s) {
  return s.batch > 0 && s.positions() > 0 && s.channels > 0 && pays(forward(s));
}

bool slides_back(const ConvShape& s) {
  return s.batch > 0 && s.positions() > 0 && s.out_channels > 0 && s.pixels() > 0 &&
         pays(backward(s, {0, 0, 0}));
}

bool slides_for_weight(const ConvShape& s) {
  return slides(s) && Plan<float>(forward(s)).padded >= kFewestProducts;
}

template <typename T>
void slide(T* out, const T* image, const T* weight, const T* bias, const ConvShape& s) {
  run(out, image, weight, bias, forward(s));
}

template <typename T>
void slide_back(T* image, const T* out, const T* weight, const T* bias, const ConvShape& s) {
  for (std::int64_t i = 0; i < product(s.stride); ++i) {
    const Three phase{i / (s.stride[2] * s.stride[1]), i / s.stride[2] % s.stride[1],
                      i % s.stride[2]};
    if (phase[0] >= s.in[0] || phase[1] >= s.in[1] || phase[2] >= s.in[2]) continue;
    run(image, out, weight, bias, backward(s, phase));
  }
}

template <typename T>
void slide_for_weight(T* weight, const T* image, const T* out, const ConvShape& s) {
  run_for_weight(weight, image, out, forward(s));
}

template void slide(float*, const float*, const float*, const float*, const ConvShape&);
template void slide(double*, const double*, const double*, const double*, const ConvShape&);
template void slide_back(float*, const float*, const float*, const float*, const ConvShape&);
template void slide_back(double*, const double*, const double*, const double*, const ConvShape&);
template void slide_for_weight(float*, const float*, const float*, const ConvShape&);
template void slide_for_weight(double*, const double*, const double*, const ConvShape&);

}  // namespace pullback::kernels
