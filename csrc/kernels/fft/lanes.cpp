// See lines.h.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/dispatch.h"
#include "kernels/fft/lines.h"
#include "kernels/parallel.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(FftLanes fft_lanes();)

namespace {

const FftLanes& functions() {
  static const FftLanes found = PULLBACK_ISA_SELECT(fft_lanes)();
  return found;
}
template <typename T>
int lanes() {
  if constexpr (sizeof(T) == sizeof(float)) return functions().lanes_of_float;
  return functions().lanes_of_double;
}
void run(const LaneGroup<float>& group) { functions().of_float(group); }
void run(const LaneGroup<double>& group) { functions().of_double(group); }

struct Root {
  double re, im;
  Root operator*(const Root& o) const { return {re * o.re - im * o.im, re * o.im + im * o.re}; }
};

// exp(-2 pi i k / n) for k up to n / 2, by angles of at most an eighth of a turn.
Root root(std::int64_t k, std::int64_t n) {
  const double turn = 2 * std::numbers::pi;
  const auto part = [&](std::int64_t a, std::int64_t b) { return turn * double(a) / double(b); };
  if (8 * k <= n) return {std::cos(part(k, n)), -std::sin(part(k, n))};
  if (8 * k <= 3 * n) {
    const double left = part(n - 4 * k, 4 * n);
    return {std::sin(left), -std::cos(left)};
  }
  const double left = part(n - 2 * k, 2 * n);
  return {-std::cos(left), -std::sin(left)};
}

// All of them; where n has the factors 4 and 8, most follow from the others.
std::vector<Root> roots(std::int64_t n) {
  std::vector<Root> all(static_cast<std::size_t>(n));
  Root* const at = all.data();
  for (std::int64_t k = 0; 2 * k <= n; ++k) {
    if (n % 4 == 0 && 4 * k > n) {
      at[k] = {at[k - n / 4].im, -at[k - n / 4].re};
    } else if (n % 8 == 0 && 8 * k > n) {
      at[k] = {-at[n / 4 - k].im, -at[n / 4 - k].re};
    } else {
      at[k] = root(k, n);
    }
  }
  for (std::int64_t k = n / 2 + 1; k < n; ++k) at[k] = {at[n - k].re, -at[n - k].im};
  return all;
}

constexpr std::int64_t kMostInLanes = 4096, kLeastLong = 1024;

bool is_smooth(std::int64_t n) {
  for (const int r : {2, 3, 5}) {
    while (n % r == 0) n /= r;
  }
  return n == 1;
}

}  // namespace

bool fits_lanes(std::int64_t n) { return n >= 2 && n <= kMostInLanes && is_smooth(n); }

std::int64_t split_of(std::int64_t n) {
  if (n < kLeastLong || !is_smooth(n)) return 0;
  for (auto d = static_cast<std::int64_t>(std::sqrt(double(n))); d > 1; --d) {
    if (n % d == 0) return n / d <= kMostInLanes ? d : 0;
  }
  return 0;
}

template <typename T>
LaneTransform<T>::LaneTransform(std::int64_t n, LaneKind kind, bool backward)
    : kind_(kind), backward_(backward) {
  plan_.n = n;
  std::int64_t left = n;
  for (const int r : {4, 2, 3, 5}) {
    for (; left % r == 0; left /= r) plan_.radix[plan_.stages++] = static_cast<std::int8_t>(r);
  }
  const auto put = [](std::vector<T>& table, const Root& r) {
    table.push_back(static_cast<T>(r.re));
    table.push_back(static_cast<T>(r.im));
  };
  table_.reserve(static_cast<std::size_t>(2 * n));
  const std::int64_t every = kind == LaneKind::Complex ? 1 : 2;
  const std::vector<Root> all = roots(every * n);
  for (std::int64_t k = 0; k < n; ++k) put(table_, all[static_cast<std::size_t>(every * k)]);
  for (std::int64_t k = 0; every == 2 && 2 * k <= n; ++k) {
    put(real_table_, all[static_cast<std::size_t>(k)]);
  }
  plan_.real_table = real_table_.data();
  plan_.table = table_.data();
}

template <typename T>
std::int64_t LaneTransform<T>::group() {
  return lanes<T>();
}

template <typename T>
std::size_t LaneTransform<T>::room() const {
  return static_cast<std::size_t>(4 * (plan_.n + 1) * lanes<T>()) * sizeof(T);
}

template <typename T>
void LaneTransform<T>::run(LaneLines<const T> in, LaneLines<T> out, std::int64_t count, T factor,
                           T* room) const {
  for (std::int64_t first = 0; first < count; first += lanes<T>()) {
    LaneGroup<T> group{&plan_, in, out, kind_, 0, backward_, factor, {}, room};
    group.in.data += 2 * first * in.between;
    group.out.data += 2 * first * out.between;
    group.count = static_cast<int>(std::min<std::int64_t>(lanes<T>(), count - first));
    kernels::run(group);
  }
}

template <typename T>
void LaneTransform<T>::run_twisted(LaneLines<const T> in, LaneLines<T> out, std::int64_t first,
                                   int count, const Turns& turns, T* room) const {
  constexpr int low = LaneTwist<T>::kLow;
  const std::int64_t width = lanes<T>(), above = (plan_.n + low - 1) / low;
  std::vector<T> factors(static_cast<std::size_t>(2 * (above + low) * width));
  T* at = factors.data();
  const auto put = [&](std::int64_t k) {
    for (int line = 0; line < count; ++line) turns.put((first + line) * k, at + 2 * line);
    at += 2 * width;
  };
  for (std::int64_t k = 0; k < above; ++k) put(k * low);
  for (std::int64_t k = 0; k < low && k < plan_.n; ++k) put(k);
  LaneGroup<T> group{&plan_, in, out, kind_, count, backward_, T(1), {}, room};
  group.in.data += 2 * first * in.between;
  group.out.data += 2 * first * out.between;
  group.twist = {factors.data(), factors.data() + 2 * above * width};
  kernels::run(group);
}

Turns::Turns(std::int64_t n) {
  while ((std::int64_t{1} << 2 * shift_) < n) ++shift_;
  const std::int64_t low = std::int64_t{1} << shift_;
  const auto fill = [&](std::vector<double>& to, std::int64_t count, std::int64_t step) {
    for (std::int64_t k = 0; k < count; ++k) {
      const std::int64_t m = k * step % n;
      const Root r = 2 * m <= n ? root(m, n) : root(n - m, n);
      to.push_back(r.re);
      to.push_back(2 * m <= n ? r.im : -r.im);
    }
  };
  fill(low_, low, 1);
  fill(high_, (n + low - 1) / low, low);
}

template <typename T>
void Turns::put(std::int64_t m, T* pair) const {
  const double* const a = high_.data() + 2 * (m >> shift_);
  const double* const b = low_.data() + 2 * (m & ((std::int64_t{1} << shift_) - 1));
  const Root r = Root{a[0], a[1]} * Root{b[0], b[1]};
  pair[0] = static_cast<T>(r.re);
  pair[1] = static_cast<T>(r.im);
}

template <typename T>
LongTransform<T>::LongTransform(std::int64_t n, std::int64_t rows, bool backward)
    : columns_(rows, LaneKind::Complex, backward),
      rows_(n / rows, LaneKind::Complex, backward),
      turns_(n) {}

template <typename T>
void LongTransform<T>::run(LaneLines<const T> in, LaneLines<T> out, T factor, T* middle) const {
  const std::int64_t n1 = columns_.size(), n2 = rows_.size(), width = lanes<T>();
  const auto each = [&](std::int64_t lines, const LaneTransform<T>& of, auto&& body) {
    const std::int64_t groups = (lines + width - 1) / width;
    const std::int64_t grain = std::max<std::int64_t>(1, 32768 / (of.size() * width));
    parallel_for(groups, grain, [&](std::int64_t begin, std::int64_t end) {
      Block room(of.room());
      for (std::int64_t g = begin; g < end; ++g) {
        body(g * width, static_cast<int>(std::min(width, lines - g * width)),
             reinterpret_cast<T*>(room.data()));
      }
    });
  };
  each(n2, columns_, [&](std::int64_t first, int count, T* room) {
    columns_.run_twisted({in.data, n2 * in.step, in.step}, {middle, n2, 1}, first, count, turns_,
                         room);
  });
  each(n1, rows_, [&](std::int64_t first, int count, T* room) {
    rows_.run({middle + 2 * first * n2, 1, n2},
              {out.data + 2 * first * out.step, n1 * out.step, out.step}, count, factor, room);
  });
}

template class LaneTransform<float>;
template class LaneTransform<double>;
template class LongTransform<float>;
template class LongTransform<double>;

}  // namespace pullback::kernels
