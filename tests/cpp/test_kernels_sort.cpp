// Sorting, selection, search, distinct values and histograms.
#include <cmath>
#include <limits>

#include "arrays.h"
#include "catch.h"
#include "core/error.h"
#include "kernels/order/sort.h"

namespace {

using namespace pullback;
using namespace pullback::kernels;
using namespace arrays;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
using Positions = std::vector<std::int64_t>;

// NaN is the greatest value.
template <typename T>
bool before(T a, T b) {
  return a < b || (a == a && b != b);
}

template <typename T>
void check_order(std::int64_t n, std::mt19937& random) {
  auto in = contiguous<T>({n, 2});
  for (T& x : in.memory)
    x = static_cast<T>(static_cast<int>(random() % 61) - (std::is_signed_v<T> ? 30 : 0));
  if constexpr (std::is_floating_point_v<T>) {
    in[2] = std::numeric_limits<T>::quiet_NaN();
    in[4] = -std::numeric_limits<T>::infinity();
    in[0] = -T(0);
  }
  const auto value = [&](std::int64_t i) { return in[2 * i]; };
  for (const bool descending : {false, true}) {
    Positions expected(static_cast<std::size_t>(n));
    std::iota(expected.begin(), expected.end(), 0);
    std::stable_sort(expected.begin(), expected.end(), [&](std::int64_t a, std::int64_t b) {
      return descending ? before(value(b), value(a)) : before(value(a), value(b));
    });
    auto values = scattered<T>({n, 2}, random);
    auto indices = scattered<std::int64_t>({n, 2}, random);
    sort(values.view(), indices.view(), in.view(), 0, descending, true);
    const std::int64_t k = n / 3 + 1;
    auto top = scattered<T>({k, 2}, random);
    auto top_indices = scattered<std::int64_t>({k, 2}, random);
    topk(top.view(), top_indices.view(), in.view(), 0, descending, true);
    auto kth = scattered<T>({1, 2}, random);
    auto kth_index = scattered<std::int64_t>({1, 2}, random);
    kthvalue(kth.view(), kth_index.view(), in.view(), k, 0);
    bool good = true;
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t position = expected[static_cast<std::size_t>(i)];
      good = good && indices[2 * i] == position && !before(values[2 * i], value(position)) &&
             !before(value(position), values[2 * i]);
      if (i < k) good = good && top_indices[2 * i] == position;
      if (i == k - 1 && !descending) good = good && kth_index[0] == position;
    }
    CHECK(good);
  }
}

}  // namespace

TEST_CASE("sorting is stable, NaN is the greatest, at every length") {
  std::mt19937 random(1);
  for (const std::int64_t n : {3, 10, 24, 25, 300, 2047, 5000}) {
    check_order<float>(n, random);
    check_order<double>(n, random);
    check_order<std::int32_t>(n, random);
    check_order<std::int64_t>(n, random);
    check_order<std::uint8_t>(n, random);
  }
}

TEST_CASE("median is the lower one, NaN wins unless it is ignored") {
  const auto median_of = [](std::vector<float> values, bool nan_ignored) {
    auto in = contiguous<float>({static_cast<std::int64_t>(values.size())}, values);
    auto value = contiguous<float>({1});
    auto index = contiguous<std::int64_t>({1});
    median(value.view(), index.view(), in.view(), 0, nan_ignored);
    return std::pair(value[0], index[0]);
  };
  CHECK(median_of({2, 1, 4, 3}, false) == std::pair(2.0f, std::int64_t{0}));
  CHECK(median_of({2, 1, 2, 1, 2, 1}, false) == std::pair(1.0f, std::int64_t{5}));
  CHECK(median_of({3, 1, kNan, 2, kNan}, false).second == 2);
  CHECK(median_of({3, 1, kNan, 2, kNan}, true) == std::pair(2.0f, std::int64_t{3}));
  CHECK(std::isnan(median_of({kNan, kNan}, true).first));
  auto in = contiguous<float>({3});
  auto value = contiguous<float>({1});
  auto index = contiguous<std::int64_t>({1});
  CHECK_THROWS_AS(kthvalue(value.view(), index.view(), in.view(), 4, 0), Error);
}

TEST_CASE("searchsorted finds both insertion points, in one row or in each") {
  auto sorted = contiguous<double>({2, 4}, {1, 3, 3, 7, 0, 2, 4, 6});
  auto values = contiguous<double>({2, 3}, {3, 0, 9, 3, 0, 9});
  auto out = contiguous<std::int64_t>({2, 3});
  searchsorted(out.view(), sorted.view(), values.view(), false);
  CHECK(out.values() == Positions{1, 0, 4, 2, 0, 4});
  searchsorted(out.view(), sorted.view(), values.view(), true);
  CHECK(out.values() == Positions{3, 0, 4, 2, 1, 4});
  auto one = contiguous<double>({4}, {1, 3, 3, 7});
  auto narrow = contiguous<std::int32_t>({2, 3});
  searchsorted(narrow.view(), one.view(), values.view(), true);
  CHECK(narrow.values() == std::vector<std::int32_t>{3, 0, 4, 3, 0, 4});
}

TEST_CASE("distinct values with inverse and counts") {
  auto in = contiguous<std::int32_t>({7}, {5, -1, 5, 5, -1, 9, 9});
  std::vector<std::int32_t> values(7);
  Positions inverse(7), counts(7);
  CHECK(unique(in.view(), reinterpret_cast<char*>(values.data()), inverse.data(), counts.data()) ==
        3);
  CHECK(std::vector<std::int32_t>(values.begin(), values.begin() + 3) ==
        std::vector<std::int32_t>{-1, 5, 9});
  CHECK(inverse == Positions{1, 0, 1, 1, 0, 2, 2});
  CHECK(Positions(counts.begin(), counts.begin() + 3) == Positions{2, 3, 2});
  CHECK(unique_consecutive(in.view(), reinterpret_cast<char*>(values.data()), inverse.data(),
                           counts.data()) == 5);
  CHECK(inverse == Positions{0, 1, 2, 2, 3, 4, 4});
  CHECK(Positions(counts.begin(), counts.begin() + 5) == Positions{1, 1, 2, 1, 2});
  auto floats = contiguous<float>({5}, {kNan, 0.0f, -0.0f, kNan, 1.0f});
  std::vector<float> found(5);
  CHECK(unique(floats.view(), reinterpret_cast<char*>(found.data()), nullptr, counts.data()) == 4);
  CHECK(found[1] == 1);
  CHECK(std::isnan(found[3]));
  CHECK(Positions(counts.begin(), counts.begin() + 4) == Positions{2, 1, 1, 1});
}

TEST_CASE("bincount and histc") {
  auto in = contiguous<std::int64_t>({5}, {0, 3, 3, 1, 3});
  auto counts = contiguous<std::int64_t>({4});
  bincount(counts.view(), in.view(), nullptr);
  CHECK(counts.values() == Positions{1, 1, 0, 3});
  auto weights = contiguous<double>({5}, {1, 2, 3, 4, 5});
  auto sums = contiguous<double>({4});
  const View weight_view = weights.view();
  bincount(sums.view(), in.view(), &weight_view);
  CHECK(sums.values() == std::vector<double>{1, 4, 0, 10});
  in[0] = -1;
  CHECK_THROWS_AS(bincount(counts.view(), in.view(), nullptr), Error);

  auto data = contiguous<float>({5}, {1, 2, 3, 2.5f, 10});
  auto bins = contiguous<float>({4});
  histc(bins.view(), data.view(), 1, 3);
  CHECK(bins.values() == std::vector<float>{1, 0, 1, 2});
  histc(bins.view(), data.view(), 0, 0);
  CHECK(bins.values() == std::vector<float>{4, 0, 0, 1});
  data[0] = kNan;
  CHECK_THROWS_AS(histc(bins.view(), data.view(), 0, 0), Error);
  CHECK_THROWS_AS(histc(bins.view(), data.view(), 3, 1), Error);
}
