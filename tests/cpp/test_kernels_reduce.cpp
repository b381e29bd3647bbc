// Reductions, arg-reductions, moments, scans and softmax against plain loops over random layouts.
#include <cmath>
#include <limits>

#include "arrays.h"
#include "catch.h"
#include "core/error.h"
#include "kernels/nn/softmax.h"
#include "kernels/parallel.h"
#include "kernels/reduce/reduce.h"
#include "kernels/reduce/scan.h"

namespace {

using namespace pullback;
using namespace pullback::kernels;
using namespace arrays;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

bool same(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b));
}

// The row-major output position that an input position is reduced into.
std::int64_t target(std::int64_t position, const Shape& in, const Shape& out) {
  std::int64_t result = 0, step = 1;
  for (std::size_t d = in.size(); d-- > 0;) {
    if (out[d] != 1) result += position % in[d] * step;
    step *= out[d];
    position /= in[d];
  }
  return result;
}

// Groups of the input's elements, one for each output.
template <typename T>
std::vector<std::vector<T>> groups(Array<T>& in, const Shape& out) {
  std::int64_t count = 1;
  for (const auto s : out) count *= s;
  std::vector<std::vector<T>> result(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < in.numel(); ++i) {
    result[static_cast<std::size_t>(target(i, in.sizes, out))].push_back(in[i]);
  }
  return result;
}

Shape some_reduced(const Shape& in, std::mt19937& random) {
  Shape out = in;
  for (auto& s : out) {
    if (random() % 2 == 0) s = 1;
  }
  return out;
}

template <typename T, typename Out>
void check_reductions(std::mt19937& random, const Shape& sizes) {
  auto in = random_array<T>(sizes, random);
  const Shape reduced = some_reduced(sizes, random);
  auto sums = scattered<Out>(reduced, random);
  auto extremes = scattered<T>(reduced, random);
  auto flags = scattered<std::uint8_t>(reduced, random);
  flags.dtype = DType::Bool;
  const auto expected = groups(in, reduced);
  const auto each = [&](auto& out, auto function) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double got = static_cast<double>(out[static_cast<std::int64_t>(i)]);
      if (!same(got, function(expected[i]), 1e-6)) return false;
    }
    return true;
  };
  const auto total = [](const std::vector<T>& v) {
    double s = 0;
    for (const T x : v) s += static_cast<double>(x);
    return s;
  };
  reduce(Reduce::Sum, sums.view(), in.view());
  CHECK(each(sums, total));
  reduce(Reduce::Max, extremes.view(), in.view());
  CHECK(each(extremes, [](const std::vector<T>& v) {
    return static_cast<double>(*std::max_element(v.begin(), v.end()));
  }));
  reduce(Reduce::Min, extremes.view(), in.view());
  CHECK(each(extremes, [](const std::vector<T>& v) {
    return static_cast<double>(*std::min_element(v.begin(), v.end()));
  }));
  reduce(Reduce::All, flags.view(), in.view());
  CHECK(each(flags, [](const std::vector<T>& v) {
    return std::count(v.begin(), v.end(), T(0)) == 0 ? 1.0 : 0.0;
  }));
  reduce(Reduce::Any, flags.view(), in.view());
  CHECK(each(flags, [](const std::vector<T>& v) {
    return std::count(v.begin(), v.end(), T(0)) < static_cast<std::ptrdiff_t>(v.size()) ? 1.0 : 0.0;
  }));
  if constexpr (std::is_floating_point_v<T>) {
    for (const double p : {0.0, 1.0, 2.0, 3.0, kInf, -kInf}) {
      reduce(Reduce::NormP, extremes.view(), in.view(), p);
      CHECK(each(extremes, [p](const std::vector<T>& v) {
        double s = p < 0 ? kInf : 0;
        for (const T x : v) {
          const double a = std::abs(static_cast<double>(x));
          s = p == kInf ? std::max(s, a)
              : p < 0   ? std::min(s, a)
              : p == 0  ? s + (a != 0)
                        : s + std::pow(a, p);
        }
        return p == 0 || std::isinf(p) ? s : std::pow(s, 1 / p);
      }));
    }
    auto variance = scattered<T>(reduced, random), mean = scattered<T>(reduced, random);
    var_mean(variance.view(), mean.view(), in.view(), 1);
    CHECK(each(mean,
               [&](const std::vector<T>& v) { return total(v) / static_cast<double>(v.size()); }));
    CHECK(each(variance, [&](const std::vector<T>& v) {
      const double m = total(v) / static_cast<double>(v.size());
      double s = 0;
      for (const T x : v) s += (static_cast<double>(x) - m) * (static_cast<double>(x) - m);
      return s / (static_cast<double>(v.size()) - 1);
    }));
    logsumexp(extremes.view(), in.view());
    CHECK(each(extremes, [](const std::vector<T>& v) {
      const double top = static_cast<double>(*std::max_element(v.begin(), v.end()));
      double s = 0;
      for (const T x : v) s += std::exp(static_cast<double>(x) - top);
      return top + std::log(s);
    }));
  }
}

}  // namespace

TEST_CASE("reductions equal plain loops over any layout") {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    const Shape sizes = random_shape(random, 4, 9);
    check_reductions<float, float>(random, sizes);
    check_reductions<double, double>(random, sizes);
    check_reductions<std::int32_t, std::int64_t>(random, sizes);
    check_reductions<std::uint8_t, std::int64_t>(random, sizes);
  }
  check_reductions<float, float>(random, {3, 2500});
  check_reductions<double, double>(random, {2500, 7});
  check_reductions<std::int64_t, std::int64_t>(random, {70, 5, 40});
}

TEST_CASE("reductions of nothing give the identity") {
  auto in = contiguous<double>({3, 0});
  auto out = contiguous<double>({3, 1}, {7, 7, 7});
  reduce(Reduce::Sum, out.view(), in.view());
  CHECK(out.values() == std::vector<double>{0, 0, 0});
  reduce(Reduce::Prod, out.view(), in.view());
  CHECK(out.values() == std::vector<double>{1, 1, 1});
  auto flags = contiguous<std::uint8_t>({3, 1});
  flags.dtype = DType::Bool;
  reduce(Reduce::All, flags.view(), in.view());
  CHECK(flags.values() == std::vector<std::uint8_t>{1, 1, 1});
  reduce(Reduce::Any, flags.view(), in.view());
  CHECK(flags.values() == std::vector<std::uint8_t>{0, 0, 0});
}

TEST_CASE("extremes and positions propagate NaN, the first position wins") {
  for (const std::int64_t n : {3, 40, 3000}) {
    auto in = contiguous<double>({n});
    auto value = contiguous<double>({1});
    auto position = contiguous<std::int64_t>({1});
    in[1] = 5;
    in[2] = 5;
    arg_reduce(true, value.view(), position.view(), in.view(), 0);
    CHECK(value[0] == 5);
    CHECK(position[0] == 1);
    in[n - 1] = kNan;
    reduce(Reduce::Min, value.view(), in.view());
    CHECK(std::isnan(value[0]));
    arg_reduce(false, value.view(), position.view(), in.view(), 0);
    CHECK(std::isnan(value[0]));
    CHECK(position[0] == n - 1);
  }
}

TEST_CASE("positions of extremes in strided rows") {
  std::mt19937 random(2);
  for (int round = 0; round < 40; ++round) {
    const Shape sizes = random_shape(random, 3, 7);
    auto in = random_array<float>(sizes, random);
    const auto dim = random() % sizes.size();
    Shape reduced = sizes;
    reduced[dim] = 1;
    auto position = scattered<std::int64_t>(reduced, random);
    View none = position.view();
    none.data = nullptr;
    arg_reduce(false, none, position.view(), in.view(), static_cast<int>(dim));
    const auto expected = groups(in, reduced);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto found = std::min_element(expected[i].begin(), expected[i].end());
      CHECK(position[static_cast<std::int64_t>(i)] == found - expected[i].begin());
    }
  }
}

TEST_CASE("float sums are accurate and the same at any number of threads") {
  const std::int64_t n = 1000003;
  auto in = contiguous<float>({n});
  for (std::int64_t i = 0; i < n; ++i) in[i] = 0.1f;
  auto out = contiguous<float>({1});
  reduce(Reduce::Sum, out.view(), in.view());
  CHECK(out[0] == static_cast<float>(static_cast<double>(0.1f) * n));

  std::mt19937 random(3);
  auto matrix = contiguous<double>({3000, 300});
  for (double& x : matrix.memory) x = std::ldexp(1.0, static_cast<int>(random() % 40)) / 3;
  const int before = num_threads();
  std::vector<std::vector<double>> results;
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    std::vector<double> all;
    for (const Shape& shape : {Shape{1, 1}, Shape{3000, 1}, Shape{1, 300}}) {
      auto sum = contiguous<double>(shape);
      reduce(Reduce::Sum, sum.view(), matrix.view());
      const auto values = sum.values();
      all.insert(all.end(), values.begin(), values.end());
    }
    auto narrow = contiguous<double>({1, 9});
    auto tall = contiguous<double>({100000, 9}, matrix.memory);
    reduce(Reduce::Sum, narrow.view(), tall.view());
    const auto values = narrow.values();
    all.insert(all.end(), values.begin(), values.end());
    results.push_back(all);
  }
  set_num_threads(before);
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE("scans run along a dimension") {
  std::mt19937 random(4);
  for (int round = 0; round < 40; ++round) {
    const Shape sizes = random_shape(random, 3, 6);
    const auto dim = random() % sizes.size();
    auto in = random_array<double>(sizes, random);
    auto sums = scattered<double>(sizes, random), logs = scattered<double>(sizes, random);
    scan(Scan::Sum, sums.view(), in.view(), static_cast<int>(dim));
    scan(Scan::LogSumExp, logs.view(), in.view(), static_cast<int>(dim));
    Shape reduced = sizes;
    reduced[dim] = 1;
    std::vector<double> running(groups(in, reduced).size(), 0), exponentials(running);
    for (std::int64_t i = 0; i < in.numel(); ++i) {
      const auto row = static_cast<std::size_t>(target(i, sizes, reduced));
      running[row] += in[i];
      exponentials[row] += std::exp(in[i]);
      CHECK(sums[i] == running[row]);
      CHECK(same(logs[i], std::log(exponentials[row]), 1e-12));
    }
  }
  auto small = contiguous<std::int32_t>({4}, {3, -2, 5, 2});
  auto wide = contiguous<std::int64_t>({4});
  scan(Scan::Prod, wide.view(), small.view(), 0);
  CHECK(wide.values() == std::vector<std::int64_t>{3, -6, -30, -60});
  auto narrow = contiguous<std::uint8_t>({4});
  CHECK_THROWS_AS(scan(Scan::Sum, narrow.view(), small.view(), 0), Error);
}

TEST_CASE("running extremes keep the latest position, and NaN for good") {
  auto in =
      contiguous<float>({6}, {1, 3, 3, static_cast<float>(kNan), 9, static_cast<float>(kNan)});
  auto values = contiguous<float>({6});
  auto positions = contiguous<std::int64_t>({6});
  cum_extreme(true, values.view(), positions.view(), in.view(), 0);
  CHECK(positions.values() == std::vector<std::int64_t>{0, 1, 2, 3, 3, 5});
  CHECK(values[2] == 3);
  CHECK(std::isnan(values[4]));
  auto ints = contiguous<std::int64_t>({4}, {1, 0, 0, 1});
  auto lowest = contiguous<std::int64_t>({4});
  cum_extreme(false, lowest.view(), ints.view(), ints.view(), 0);
  CHECK(lowest.values() == std::vector<std::int64_t>{1, 0, 0, 0});
}

TEST_CASE("softmax, log-softmax and their gradients equal their definitions") {
  std::mt19937 random(5);
  std::vector<Shape> shapes = {{3, 40}, {40, 3}, {2, 30, 33}, {1, 1}, {20, 5}};
  for (int round = 0; round < 30; ++round) shapes.push_back(random_shape(random, 3, 8));
  for (const Shape& sizes : shapes) {
    for (std::size_t dim = 0; dim < sizes.size(); ++dim) {
      const int d = static_cast<int>(dim);
      auto in = random_array<double>(sizes, random), g = random_array<double>(sizes, random);
      auto y = scattered<double>(sizes, random), log_y = scattered<double>(sizes, random);
      auto dy = scattered<double>(sizes, random), dlog_y = scattered<double>(sizes, random);
      softmax(y.view(), in.view(), d);
      log_softmax(log_y.view(), in.view(), d);
      softmax_grad(dy.view(), g.view(), y.view(), d);
      log_softmax_grad(dlog_y.view(), g.view(), log_y.view(), d);
      Shape reduced = sizes;
      reduced[dim] = 1;
      const auto rows = groups(in, reduced);
      std::vector<double> totals, weighted(rows.size(), 0), sums(rows.size(), 0);
      for (const auto& row : rows) {
        double s = 0;
        for (const double x : row) s += std::exp(x);
        totals.push_back(s);
      }
      for (std::int64_t i = 0; i < in.numel(); ++i) {
        const auto row = static_cast<std::size_t>(target(i, sizes, reduced));
        weighted[row] += g[i] * y[i];
        sums[row] += g[i];
      }
      bool good = true;
      for (std::int64_t i = 0; i < in.numel(); ++i) {
        const auto row = static_cast<std::size_t>(target(i, sizes, reduced));
        const double expected = std::exp(in[i]) / totals[row];
        good = good && same(y[i], expected, 1e-13) && same(log_y[i], std::log(expected), 1e-13) &&
               same(dy[i], expected * (g[i] - weighted[row]), 1e-11) &&
               same(dlog_y[i], g[i] - expected * sums[row], 1e-11);
      }
      CHECK(good);
    }
  }
}

TEST_CASE("softmax of rows with infinities") {
  for (const std::int64_t n : {3, 50}) {
    auto in = contiguous<float>({n});
    for (float& x : in.memory) x = static_cast<float>(-kInf);
    auto out = contiguous<float>({n});
    softmax(out.view(), in.view(), 0);
    CHECK(std::isnan(out[1]));
    auto one = contiguous<float>({1});
    logsumexp(one.view(), in.view());
    CHECK(one[0] == -kInf);
    in[1] = 2;
    softmax(out.view(), in.view(), 0);
    CHECK(out[0] == 0);
    CHECK(out[1] == 1);
    log_softmax(out.view(), in.view(), 0);
    CHECK(out[0] == -kInf);
    CHECK(out[1] == 0);
  }
}
