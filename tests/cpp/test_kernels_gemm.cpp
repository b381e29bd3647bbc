// Matrix products of every size class, layout and dtype.
#include <cmath>
#include <limits>

#include "arrays.h"
#include "catch.h"
#include "core/error.h"
#include "kernels/linalg/blas.h"
#include "kernels/linalg/gemm.h"
#include "kernels/parallel.h"

namespace {

using namespace pullback;
using namespace pullback::kernels;
using namespace arrays;

// Rows first, columns first, gaps in both, or one element for all.
template <typename T>
Array<T> random_matrix(std::int64_t rows, std::int64_t columns, unsigned layout,
                       std::mt19937& random) {
  auto a = contiguous<T>({rows, columns});
  if (layout == 1) a.strides = {1, std::max<std::int64_t>(1, rows)};
  if (layout == 2) a.strides = {2 * columns, 2};
  if (layout == 3) a.strides = {1, 0};
  a.memory.resize(static_cast<std::size_t>(4 * rows * columns + 4));
  for (T& x : a.memory)
    x = static_cast<T>(static_cast<int>(random() % 9) - (std::is_signed_v<T> ? 4 : 0));
  return a;
}

// Small integers, so every order of summation gives the exact result.
template <typename T>
void check_product(std::int64_t m, std::int64_t n, std::int64_t k, std::mt19937& random) {
  auto a = random_matrix<T>(m, k, random() % 4, random),
       b = random_matrix<T>(k, n, random() % 4, random);
  auto out = random_matrix<T>(m, n, random() % 3, random);
  const bool accumulate = random() % 2 == 0;
  if constexpr (std::is_floating_point_v<T>) {
    if (!accumulate)
      std::fill(out.memory.begin(), out.memory.end(), std::numeric_limits<T>::quiet_NaN());
  }
  std::vector<T> expected;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      T sum = accumulate ? out[i * n + j] : T(0);
      for (std::int64_t l = 0; l < k; ++l) sum = static_cast<T>(sum + a[i * k + l] * b[l * n + j]);
      expected.push_back(sum);
    }
  }
  gemm(out.view(), a.view(), b.view(), accumulate);
  INFO(m << " " << n << " " << k);
  CHECK(out.values() == expected);
}

}  // namespace

TEST_CASE("products of all sizes and layouts") {
  std::mt19937 random(1);
  const auto size = [&random] { return static_cast<std::int64_t>(random() % 24); };
  for (int round = 0; round < 150; ++round) {
    const std::int64_t m = size(), n = size(), k = size();
    check_product<float>(m, n, k, random);
    check_product<double>(m, n, k, random);
    check_product<std::int64_t>(m, n, k, random);
    check_product<std::uint8_t>(m, n, k, random);
  }
  for (const auto& [m, n, k] : std::vector<std::tuple<int, int, int>>{
           {1, 1, 3000},
           {1, 300, 200},
           {300, 1, 200},
           {40, 50, 60},
           {130, 70, 90},
           {600, 3, 50},
           // Parts of k and of the columns, and each width of a last panel.
           {20, 33, 600},
           {47, 515, 513},
           {53, 66, 257},
           {39, 73, 300},
           {41, 81, 70},
           {30, 63, 64},
           // Few rows or columns, with long and with short inner products.
           {14, 200, 80},
           {16, 90, 600},
           {200, 15, 65},
           {5, 600, 300},
           {90, 2, 700},
           {9, 100, 40}}) {
    for (int round = 0; round < 8; ++round) {
      check_product<float>(m, n, k, random);
      check_product<double>(m, n, k, random);
    }
  }
}

TEST_CASE("batched products, one operand shared") {
  std::mt19937 random(2);
  for (const std::int64_t n : {3, 40}) {
    auto a = random_array<double>({5, n, n}, random), b = random_array<double>({5, n, n}, random);
    b.strides[0] = 0;
    auto out = scattered<double>({5, n, n}, random);
    gemm(out.view(), a.view(), b.view());
    bool good = true;
    for (std::int64_t i = 0; i < out.numel(); ++i) {
      double sum = 0;
      for (std::int64_t l = 0; l < n; ++l) sum += a[i / n * n + l] * b[l * n + i % n];
      good = good && out[i] == sum;
    }
    CHECK(good);
  }
}

TEST_CASE("large products have the same bits at any number of threads") {
  std::mt19937 random(3);
  const int before = num_threads();
  for (const std::int64_t m : {300, 9}) {
    for (const bool turned : {false, true}) {
      auto a = contiguous<float>({m, 400}), b = contiguous<float>({400, 700});
      if (turned) b.strides = {1, 400};
      for (float& x : a.memory) x = static_cast<float>(random() % 1000) / 999.0f;
      for (float& x : b.memory) x = static_cast<float>(random() % 1000) / 999.0f;
      std::vector<std::vector<float>> results;
      for (const int threads : {1, 2, 3}) {
        set_num_threads(threads);
        auto out = contiguous<float>({m, 700});
        gemm(out.view(), a.view(), b.view());
        results.push_back(out.memory);
      }
      CHECK(results[0] == results[1]);
      CHECK(results[0] == results[2]);
    }
  }
  set_num_threads(before);
  CHECK_FALSE(blas().path.empty());
}

TEST_CASE("inner products of every length") {
  std::mt19937 random(4);
  for (const std::int64_t n : {0, 1, 7, 100, 8192, 30001}) {
    auto a = random_array<float>({n}, random), b = random_array<float>({n}, random);
    auto out = contiguous<float>({});
    dot(out.view(), a.view(), b.view());
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i)
      sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    CHECK(out[0] == static_cast<float>(sum));
  }
}

TEST_CASE("an unknown BLAS function is named") {
  try {
    blas_symbol("dnonsense_");
    FAIL("no error");
  } catch (const Error& e) {
    CHECK(std::string(e.what()).find("dnonsense_") != std::string::npos);
  }
}
