// See normalize.h.
//
// Where each element of a row has a weight of its own (layers) rows are read in blocks, whose sums
// for the weights are added in order; else a weight belongs to a piece of a row, whose sums serve
// both gradients.  A group is summed by one thread.
#include "kernels/nn/normalize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/dispatch.h"
#include "kernels/nn/normalize_kernels.h"
#include "kernels/rows.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(NormalizeKernels normalize_kernels();)

namespace {

// Rows whose sums for the weights of a layer are made together.
constexpr std::int64_t kBlockRows = 64;

template <typename T>
const NormalizeRows<T>& rows_of() {
  static const NormalizeKernels table = PULLBACK_ISA_SELECT(normalize_kernels)();
  if constexpr (std::is_same_v<T, float>)
    return table.float32;
  else
    return table.float64;
}

// The same for rows of a few elements, where calls and lanes would cost more than the sums.
template <typename T>
const NormalizeRows<T>& short_rows_of() {
  static const NormalizeRows<T> table = [] {
    NormalizeRows<T> rows = rows_of<T>();
    rows.sum = [](const T* x, std::int64_t n) {
      double sum = 0;
      for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]);
      return sum;
    };
    rows.squares = [](const T* x, T shift, std::int64_t n) {
      double sum = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        const auto d = static_cast<double>(x[i] - shift);
        sum += d * d;
      }
      return sum;
    };
    rows.gradient_sums = [](const T* g, const T* x, T mean, std::int64_t n) {
      TwoSums sums{0, 0};
      for (std::int64_t i = 0; i < n; ++i) {
        sums.first += static_cast<double>(g[i]);
        sums.second += static_cast<double>(g[i] * (x[i] - mean));
      }
      return sums;
    };
    return rows;
  }();
  return table;
}
constexpr std::int64_t kShortRow = 8;

template <typename T>
const T* numbers(const View& v) {
  return reinterpret_cast<const T*>(v.data);
}

template <typename T>
struct Shape {
  std::int64_t outer, groups, inner, kinds, channels, span;
  const T* weight;
  const T* bias;

  Shape(const View& v, const Affine& a)
      : outer(v.sizes[0]),
        groups(v.sizes[1]),
        inner(v.sizes[2]),
        kinds(a.kinds),
        channels(a.channels),
        span(inner / std::max<std::int64_t>(1, a.channels)),
        weight(static_cast<const T*>(a.weight)),
        bias(static_cast<const T*>(a.bias)) {}
  double size() const { return static_cast<double>(outer * inner); }
  // A weight for each element of a row.
  bool by_columns() const { return kinds == 1 && outer == 1 && span == 1; }
  std::int64_t grain() const {
    return std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, outer * inner));
  }
  std::int64_t row(std::int64_t o, std::int64_t g) const { return (o * groups + g) * inner; }
  std::int64_t first_channel(std::int64_t g) const { return g % kinds * channels; }
  T weight_at(std::int64_t c) const { return weight ? weight[c] : T(1); }
  T bias_at(std::int64_t c) const { return bias ? bias[c] : T(0); }
};

template <typename T>
struct Moments {
  T* mean;
  T* variance;
  T* scale;
  Moments(const View& v, std::int64_t groups)
      : mean(reinterpret_cast<T*>(v.data)), variance(mean + groups), scale(variance + groups) {}
};

template <typename T>
void forward_group(T* out, const Moments<T>& m, const T* in, const Shape<T>& s, std::int64_t g,
                   double eps) {
  const NormalizeRows<T>& rows = s.inner < kShortRow ? short_rows_of<T>() : rows_of<T>();
  double sum = 0, squares = 0;
  for (std::int64_t o = 0; o < s.outer; ++o) sum += rows.sum(in + s.row(o, g), s.inner);
  const double mean = sum / s.size();
  const T middle = static_cast<T>(mean);
  for (std::int64_t o = 0; o < s.outer; ++o) {
    squares += rows.squares(in + s.row(o, g), middle, s.inner);
  }
  const double off = mean - static_cast<double>(middle);
  const double variance = std::max(squares / s.size() - off * off, 0.0);
  const double scale = 1 / std::sqrt(variance + eps);
  m.mean[g] = middle;
  m.variance[g] = static_cast<T>(variance);
  m.scale[g] = static_cast<T>(scale);
  const T factor = m.scale[g];
  const std::int64_t first = s.first_channel(g);
  for (std::int64_t o = 0; o < s.outer; ++o) {
    const std::int64_t at = s.row(o, g);
    if (s.span == 1 && s.channels > 1) {
      rows.write_columns(out + at, in + at, middle, factor, s.weight ? s.weight + first : nullptr,
                         s.bias ? s.bias + first : nullptr, s.inner);
      continue;
    }
    for (std::int64_t c = 0; c < s.channels; ++c) {
      rows.write(out + at + c * s.span, in + at + c * s.span, middle,
                 factor * s.weight_at(first + c), s.bias_at(first + c), s.span);
    }
  }
}

// What the gradient of one group adds to each element: (x - mean) slope + shift.
template <typename T>
struct Rest {
  T slope, shift;
  // The sums of w g and of w g (x - mean).
  Rest(TwoSums sums, T scale, double n)
      : slope(static_cast<T>(-sums.second / n * std::pow(static_cast<double>(scale), 3))),
        shift(static_cast<T>(-sums.first / n * static_cast<double>(scale))) {}
};

template <typename T>
void backward_layers(T* dx, T* d_weight, T* d_bias, const T* g, const T* in, const Moments<T>& m,
                     const Shape<T>& s) {
  const std::int64_t n = s.inner, blocks = (s.groups + kBlockRows - 1) / kBlockRows;
  std::vector<T> sums(static_cast<std::size_t>(2 * n * blocks));
  parallel_for(blocks, std::max<std::int64_t>(1, s.grain() / kBlockRows),
               [&](std::int64_t begin, std::int64_t end) {
                 const NormalizeRows<T>& rows = rows_of<T>();
                 for (std::int64_t b = begin; b < end; ++b) {
                   T* const dw = sums.data() + 2 * n * b;
                   const std::int64_t last = std::min(s.groups, (b + 1) * kBlockRows);
                   for (std::int64_t r = b * kBlockRows; r < last; ++r) {
                     const T *x = in + r * n, *gradient = g + r * n;
                     const T mean = m.mean[r], scale = m.scale[r];
                     const Rest<T> rest(rows.gradient_sums_columns(gradient, x, mean, s.weight, n),
                                        scale, s.size());
                     rows.gradient_columns(dx + r * n, gradient, x, mean, scale, s.weight,
                                           rest.slope, rest.shift, dw, dw + n, n);
                   }
                 }
               });
  std::vector<double> total(static_cast<std::size_t>(2 * n));
  for (std::int64_t b = 0; b < blocks; ++b) {
    const T* const from = sums.data() + 2 * n * b;
    for (std::int64_t i = 0; i < 2 * n; ++i) {
      total[static_cast<std::size_t>(i)] += static_cast<double>(from[i]);
    }
  }
  for (std::int64_t i = 0; i < n; ++i) {
    d_weight[i] = static_cast<T>(total[static_cast<std::size_t>(i)]);
    d_bias[i] = static_cast<T>(total[static_cast<std::size_t>(n + i)]);
  }
}

template <typename T>
void backward_group(T* dx, TwoSums* of_channels, const T* g, const T* in, const Moments<T>& m,
                    const Shape<T>& s, std::int64_t group) {
  const NormalizeRows<T>& rows = s.span < kShortRow ? short_rows_of<T>() : rows_of<T>();
  const T mean = m.mean[group], scale = m.scale[group];
  const std::int64_t first = s.first_channel(group);
  TwoSums all{0, 0};
  for (std::int64_t c = 0; c < s.channels; ++c) {
    TwoSums sums{0, 0};
    for (std::int64_t o = 0; o < s.outer; ++o) {
      const std::int64_t at = s.row(o, group) + c * s.span;
      const TwoSums part = rows.gradient_sums(g + at, in + at, mean, s.span);
      sums.first += part.first;
      sums.second += part.second;
    }
    // Of no elements the scale is NaN, and the sum of their products is 0.
    of_channels[c] = {sums.first, s.size() > 0 ? sums.second * static_cast<double>(scale) : 0.0};
    const auto weight = static_cast<double>(s.weight_at(first + c));
    all.first += weight * sums.first;
    all.second += weight * sums.second;
  }
  const Rest<T> rest(all, scale, s.size());
  for (std::int64_t o = 0; o < s.outer; ++o) {
    for (std::int64_t c = 0; c < s.channels; ++c) {
      const std::int64_t at = s.row(o, group) + c * s.span;
      rows.gradient(dx + at, g + at, in + at, mean, scale * s.weight_at(first + c), rest.slope,
                    rest.shift, s.span);
    }
  }
}

// The sums of groups that share their weights.
template <typename T>
void add_groups(T* dw, T* db, const std::vector<TwoSums>& sums, const Shape<T>& s) {
  for (std::int64_t c = 0; c < s.kinds * s.channels; ++c) {
    TwoSums total{0, 0};
    for (std::int64_t k = c / s.channels; k < s.groups; k += s.kinds) {
      const TwoSums& part = sums[static_cast<std::size_t>(k * s.channels + c % s.channels)];
      total.first += part.first;
      total.second += part.second;
    }
    dw[c] = static_cast<T>(total.second);
    db[c] = static_cast<T>(total.first);
  }
}

}  // namespace

void normalize(const View& out, const View& moments, const View& in, const Affine& affine,
               double eps) {
  visit_floating(in.dtype, "normalize", [&]<typename T>() {
    const Shape<T> s(in, affine);
    const Moments<T> m(moments, s.groups);
    parallel_for(s.groups, s.grain(), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t g = begin; g < end; ++g) {
        forward_group(reinterpret_cast<T*>(out.data), m, numbers<T>(in), s, g, eps);
      }
    });
  });
}

void normalize_grad(const View& dx, const View& d_weight, const View& d_bias, const View& g,
                    const View& in, const View& moments, const Affine& affine) {
  visit_floating(in.dtype, "normalize", [&]<typename T>() {
    const Shape<T> s(in, affine);
    const Moments<T> m(moments, s.groups);
    T* const to = reinterpret_cast<T*>(dx.data);
    T* const dw = reinterpret_cast<T*>(d_weight.data);
    T* const db = reinterpret_cast<T*>(d_bias.data);
    if (s.by_columns()) return backward_layers(to, dw, db, numbers<T>(g), numbers<T>(in), m, s);
    std::vector<TwoSums> sums(static_cast<std::size_t>(s.groups * s.channels));
    parallel_for(s.groups, s.grain(), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) {
        backward_group(to, sums.data() + k * s.channels, numbers<T>(g), numbers<T>(in), m, s, k);
      }
    });
    add_groups(dw, db, sums, s);
  });
}

void scale_channels(const View& out, const View& in, const Affine& affine) {
  visit_floating(in.dtype, "normalize", [&]<typename T>() {
    const Shape<T> s(in, affine);
    T* const to = reinterpret_cast<T*>(out.data);
    const T* const from = numbers<T>(in);
    const std::int64_t pieces = s.outer * s.groups;
    const std::int64_t grain =
        std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, s.inner));
    parallel_for(pieces, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) {
        const std::int64_t first = s.first_channel(p % s.groups);
        for (std::int64_t c = 0; c < s.channels; ++c) {
          const std::int64_t at = p * s.inner + c * s.span;
          rows_of<T>().write(to + at, from + at, T(0), s.weight_at(first + c), s.bias_at(first + c),
                             s.span);
        }
      }
    });
  });
}

void channel_sums(const View& d_weight, const View& d_bias, const View& g, const View& in,
                  const Affine& affine) {
  visit_floating(in.dtype, "normalize", [&]<typename T>() {
    const Shape<T> s(in, affine);
    const NormalizeRows<T>& rows = s.span < kShortRow ? short_rows_of<T>() : rows_of<T>();
    std::vector<TwoSums> sums(static_cast<std::size_t>(s.groups * s.channels));
    parallel_for(s.groups, s.grain(), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin * s.channels; k < end * s.channels; ++k) {
        TwoSums total{0, 0};
        for (std::int64_t o = 0; o < s.outer; ++o) {
          const std::int64_t at = s.row(o, k / s.channels) + k % s.channels * s.span;
          const TwoSums part =
              rows.gradient_sums(numbers<T>(g) + at, numbers<T>(in) + at, T(0), s.span);
          total.first += part.first;
          total.second += part.second;
        }
        sums[static_cast<std::size_t>(k)] = total;
      }
    });
    add_groups(reinterpret_cast<T*>(d_weight.data), reinterpret_cast<T*>(d_bias.data), sums, s);
  });
}

}  // namespace pullback::kernels
