// The distributions, each with torch's use of the generator (see random.h).
//
// Everything draws one element after the other, in memory order; only the arithmetic of large
// float32 normals is vectorised, after the uniform numbers have been drawn.
#include "kernels/make/random.h"

#include <cmath>
#include <numbers>

#include "kernels/copy.h"
#include "kernels/dispatch.h"
#include "kernels/make/draw.h"
#include "kernels/narrow.h"
#include "kernels/order/sort.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(void normal_blocks(float* values, std::int64_t blocks, float mean, float std);)

namespace {

// The number as half or bfloat16.
float rounded(double value, DType dtype) {
  const auto number = static_cast<float>(value);
  return dtype == DType::Float16 ? to_float(to_half(number)) : to_float(to_bfloat16(number));
}

bool is_contiguous(const View& v) {
  std::int64_t expected = 1;
  for (int d = v.ndim - 1; d >= 0; --d) {
    if (v.sizes[d] == 0) return true;
    if (v.sizes[d] != 1 && v.strides[d] != expected) return false;
    expected *= v.sizes[d];
  }
  return true;
}

void box_muller(float* values, std::int64_t blocks, double mean, double std) {
  static const auto function = PULLBACK_ISA_SELECT(normal_blocks);
  function(values, blocks, static_cast<float>(mean), static_cast<float>(std));
}

void box_muller(double* values, std::int64_t blocks, double mean, double std) {
  for (; blocks > 0; --blocks, values += 16) {
    for (int j = 0; j < 8; ++j) {
      const double radius = std::sqrt(-2.0 * std::log(1.0 - values[j]));
      const double theta = 2.0 * std::numbers::pi * values[j + 8];
      values[j] = std::fma(radius * std::cos(theta), std, mean);
      values[j + 8] = std::fma(radius * std::sin(theta), std, mean);
    }
  }
}

// 16 elements and more: blocks of 16, and the last 16 drawn anew where blocks do not fit.
template <typename T>
void fill_normal(T* values, std::int64_t n, double mean, double std, Generator& g) {
  for (std::int64_t i = 0; i < n; ++i) values[i] = uniform01<T>(g);
  constexpr std::int64_t chunk = kBlockElements / 16;
  parallel_for(n / 16, chunk, [&](std::int64_t begin, std::int64_t end) {
    box_muller(values + 16 * begin, end - begin, mean, std);
  });
  if (n % 16 == 0) return;
  T* last = values + n - 16;
  for (int i = 0; i < 16; ++i) last[i] = uniform01<T>(g);
  box_muller(last, 1, mean, std);
}

// The same for half and bfloat16, but that nothing is drawn for the part of a block, so that only
// the last 16 differ.
void fill_narrow_normal(const View& out, std::int64_t n, double mean, double std, Generator& g) {
  std::vector<float> values(static_cast<std::size_t>(n));
  const auto blocks = [&](float* first, std::int64_t count) {
    for (std::int64_t i = 0; i < 16 * count; ++i) first[i] = uniform01<float>(g);
    box_muller(first, count, mean, std);
  };
  blocks(values.data(), n / 16);
  if (n % 16 != 0) blocks(values.data() + n - 16, 1);
  cast_loop(out.dtype, DType::Float32)(out.data, reinterpret_cast<const char*>(values.data()), 2, 4,
                                       n, nullptr);
}

template <typename T>
void draw_with_replacement(const T* p, std::int64_t stride, std::int64_t n, std::int64_t* out,
                           std::int64_t out_stride, std::int64_t samples, Generator& g) {
  std::vector<T> cumulated(static_cast<std::size_t>(n));
  T sum = 0;
  for (std::int64_t i = 0; i < n; ++i)
    cumulated[static_cast<std::size_t>(i)] = sum += p[i * stride];
  for (T& c : cumulated) c /= sum;
  cumulated.back() = 1;
  for (std::int64_t i = 0; i < samples; ++i) {
    const double u = uniform01<double>(g);
    const auto found = std::partition_point(cumulated.begin(), cumulated.end(),
                                            [u](T c) { return static_cast<double>(c) < u; });
    out[i * out_stride] = found - cumulated.begin();
  }
}

}  // namespace

void uniform(const View& out, double lo, double hi, Generator& generator) {
  check(lo <= hi, "uniform_ expects to return a [from, to) range, but found from=", lo,
        " > to=", hi);
  if (is_complex(out.dtype)) return uniform(Pairs(out), lo, hi, generator);
  const Lock lock(generator.mutex());
  visit_floating(wide_of(out.dtype), "uniform", [&]<typename T>() {
    const T from = static_cast<T>(lo), range = static_cast<T>(hi) - from;
    if (is_narrow(out.dtype)) {
      // What is rounded to the upper bound becomes the lower one, as in torch.
      const T top = static_cast<T>(rounded(hi, out.dtype));
      return fill_in_order<T>(out, [&] {
        const T value = std::fma(uniform01<T>(generator), range, from);
        return rounded(static_cast<double>(value), out.dtype) == top ? from : value;
      });
    }
    fill_in_order<T>(out, [&] { return std::fma(uniform01<T>(generator), range, from); });
  });
}

void normal(const View& out, double mean, double std, Generator& generator) {
  check(std >= 0, "normal expects std >= 0.0, but found std ", std);
  // Half of the variance in each part, and the mean in both, as in torch.
  if (is_complex(out.dtype)) return normal(Pairs(out), mean, std / std::numbers::sqrt2, generator);
  const Lock lock(generator.mutex());
  const std::int64_t n = out.numel();
  visit_floating(wide_of(out.dtype), "normal", [&]<typename T>() {
    if (is_narrow(out.dtype) && n >= 16 && is_contiguous(out)) {
      return fill_narrow_normal(out, n, mean, std, generator);
    }
    if (n >= 16 && is_contiguous(out)) {
      return fill_normal(reinterpret_cast<T*>(out.data), n, mean, std, generator);
    }
    fill_in_order<T>(out,
                     [&] { return static_cast<T>(std::fma(single_normal(generator), std, mean)); });
  });
}

void exponential(const View& out, double lambda, Generator& generator) {
  check(lambda > 0, "exponential_ expects lambda > 0.0, but found lambda=", lambda);
  const Lock lock(generator.mutex());
  visit_floating(wide_of(out.dtype), "exponential", [&]<typename T>() {
    fill_in_order<T>(out, [&] {
      return static_cast<T>(-1.0 / lambda * std::log1p(-uniform01<double>(generator)));
    });
  });
}

namespace {

// The integers from 0 on that the dtype holds.
std::uint64_t full_range(DType dtype) {
  switch (dtype) {
    case DType::BFloat16:
      return (std::uint64_t{1} << 8) + 1;
    case DType::Float16:
      return (std::uint64_t{1} << 11) + 1;
    case DType::Float32:
      return (std::uint64_t{1} << 24) + 1;
    case DType::Float64:
      return (std::uint64_t{1} << 53) + 1;
    case DType::Int32:
      return std::uint64_t{1} << 31;
    case DType::Int16:
      return std::uint64_t{1} << 15;
    case DType::Int8:
      return std::uint64_t{1} << 7;
    case DType::UInt8:
      return 256;
    case DType::Bool:
      return 2;
    case DType::Int64:
      return std::uint64_t{1} << 63;
    case DType::Complex64:
    case DType::Complex128:
      break;
  }
  report_no_kernel(dtype);
}

// `range` integers from `lo` on; 0 for all of 64 bits, as they are drawn.
void random_range(const View& out, std::int64_t lo, std::uint64_t range, Generator& generator) {
  const Lock lock(generator.mutex());
  const bool wide = range == 0 || range >= (std::uint64_t{1} << 28);
  visit(wide_of(out.dtype), [&]<typename T>() {
    fill_in_order<T>(out, [&] {
      const std::uint64_t draw = wide ? generator.random64() : generator.random32();
      const std::uint64_t made = range == 0 ? draw : draw % range + static_cast<std::uint64_t>(lo);
      return static_cast<T>(static_cast<std::int64_t>(made));
    });
  });
}

}  // namespace

void random_int(const View& out, std::int64_t lo, std::int64_t hi, Generator& generator) {
  check(lo < hi, "random_ expects 'from' to be less than 'to', but got from=", lo, " >= to=", hi);
  random_range(out, lo, static_cast<std::uint64_t>(hi) - static_cast<std::uint64_t>(lo), generator);
}

void random_from(const View& out, std::int64_t lo, Generator& generator) {
  random_range(out, lo, full_range(out.dtype) - static_cast<std::uint64_t>(lo), generator);
}

void random_full(const View& out, Generator& generator) {
  const Lock lock(generator.mutex());
  visit(wide_of(out.dtype), [&]<typename T>() {
    constexpr bool wide = sizeof(T) == 8;
    const std::uint64_t range = full_range(out.dtype);
    fill_in_order<T>(out, [&] {
      const std::uint64_t draw = wide ? generator.random64() : generator.random32();
      return static_cast<T>(draw % range);
    });
  });
}

void permutation(const View& out, Generator& generator) {
  const Lock lock(generator.mutex());
  const std::int64_t n = dim_size(out, 0), stride = dim_stride(out, 0);
  auto* p = reinterpret_cast<std::int64_t*>(out.data);
  for (std::int64_t i = 0; i < n; ++i) p[i * stride] = i;
  const bool wide = n >= INT64_C(0xffffffff) / 20;
  for (std::int64_t i = 0; i < n - 1; ++i) {
    const std::uint64_t draw = wide ? generator.random64() : generator.random32();
    const auto other = i + static_cast<std::int64_t>(draw % static_cast<std::uint64_t>(n - i));
    std::swap(p[i * stride], p[other * stride]);
  }
}

void bernoulli(const View& out, const View& p, Generator& generator) {
  const Lock lock(generator.mutex());
  const MemoryOrder order(out, p);
  visit_floating(p.dtype, "bernoulli", [&]<typename P>() {
    for_elements(std::array{&order.other}, [&](const auto& at, std::int64_t n) {
      for (std::int64_t i = 0; i < n; ++i) {
        const P value = *reinterpret_cast<const P*>(at[0] + i * at.inner_stride(0));
        check(value >= 0 && value <= 1,
              "Expected p_in >= 0 && p_in <= 1 to be true, but got false.");
      }
    });
    visit(out.dtype, [&]<typename T>() {
      for_elements(std::array{&order.view, &order.other}, [&](const auto& at, std::int64_t n) {
        for (std::int64_t i = 0; i < n; ++i) {
          const P chance = *reinterpret_cast<const P*>(at[1] + i * at.inner_stride(1));
          *reinterpret_cast<T*>(at[0] + i * at.inner_stride(0)) =
              static_cast<T>(uniform01<P>(generator) < chance);
        }
      });
    });
  });
}

void bernoulli(const View& out, double p, Generator& generator) {
  check(p >= 0 && p <= 1, "bernoulli_ expects p to be in [0, 1], but got p=", p);
  const Lock lock(generator.mutex());
  visit(wide_of(out.dtype), [&]<typename T>() {
    fill_in_order<T>(out, [&] { return static_cast<T>(uniform01<double>(generator) < p); });
  });
}

void dropout_mask(const View& out, double p, Generator& generator) {
  const Lock lock(generator.mutex());
  const double chance = 1 - p;
  visit_floating(wide_of(out.dtype), "dropout", [&]<typename T>() {
    const T kept = T(1) / static_cast<T>(chance);
    fill_in_order<T>(out, [&] { return uniform01<double>(generator) < chance ? kept : T(0); });
  });
}

void dropout_bits(const View& out, std::int64_t n, double p, Generator& generator) {
  const Lock lock(generator.mutex());
  const double chance = 1 - p;
  for_elements(std::array{&out}, [&](const auto& at, std::int64_t bytes) {
    auto* to = reinterpret_cast<std::uint8_t*>(at[0]);
    const std::int64_t row = (n + 7) / 8;
    for (std::int64_t i = 0; i < bytes; ++i) {
      const std::int64_t bits = std::min<std::int64_t>(8, n - i % row * 8);
      unsigned byte = 0;
      for (std::int64_t b = 0; b < bits; ++b) {
        byte |= unsigned{uniform01<double>(generator) < chance} << b;
      }
      to[i] = static_cast<std::uint8_t>(byte);
    }
  });
}

void multinomial(const View& out, const View& probs, bool replacement, Generator& generator) {
  const int last = probs.ndim - 1;
  const std::int64_t n = probs.sizes[last], samples = out.sizes[last];
  const std::int64_t rows = probs.ndim == 1 ? 1 : probs.sizes[0];
  const std::int64_t stride = probs.strides[last], out_stride = out.strides[last];
  check(replacement || samples <= n,
        "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  visit_floating(probs.dtype, "multinomial", [&]<typename T>() {
    const auto row_at = [&](std::int64_t r) {
      return reinterpret_cast<const T*>(probs.data) + (probs.ndim == 1 ? 0 : r * probs.strides[0]);
    };
    for (std::int64_t r = 0; r < rows; ++r) {
      double sum = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        const T p = row_at(r)[i * stride];
        check(p >= 0 && std::isfinite(p),
              "probability tensor contains either `inf`, `nan` or element < 0");
        sum += static_cast<double>(p);
      }
      check(sum > 0, "invalid multinomial distribution (sum of probabilities <= 0)");
    }
    std::vector<T> race;
    // In the order in which the probabilities lie in memory.
    const bool by_column = probs.ndim == 2 && probs.strides[0] > 0 && probs.strides[0] < stride;
    const std::int64_t row_step = by_column ? 1 : n, step = by_column ? rows : 1;
    if (!replacement || samples == 1) {
      // The smallest of exponential numbers with rates p falls on i with probability p_i.
      race.resize(static_cast<std::size_t>(rows * n));
      const std::int64_t size = rows * n, one = 1;
      exponential(View{reinterpret_cast<char*>(race.data()), &size, &one, 1, probs.dtype}, 1,
                  generator);
    }
    const std::int64_t one = 1;
    std::vector<T> best(static_cast<std::size_t>(samples));
    for (std::int64_t r = 0; r < rows; ++r) {
      auto* to =
          reinterpret_cast<std::int64_t*>(out.data) + (out.ndim == 1 ? 0 : r * out.strides[0]);
      if (race.empty()) {
        const Lock lock(generator.mutex());
        draw_with_replacement(row_at(r), stride, n, to, out_stride, samples, generator);
        continue;
      }
      T* times = race.data() + r * row_step;
      for (std::int64_t i = 0; i < n; ++i) {
        times[i * step] = row_at(r)[i * stride] / times[i * step];
      }
      topk(View{reinterpret_cast<char*>(best.data()), &samples, &one, 1, probs.dtype},
           View{reinterpret_cast<char*>(to), &samples, &out_stride, 1, DType::Int64},
           View{reinterpret_cast<char*>(times), &n, &step, 1, probs.dtype}, 0, true, true);
    }
  });
}

}  // namespace pullback::kernels
