// Samplers with parameters by element: gamma, Poisson and binomial numbers, Dirichlet points.
//
// Marsaglia and Tsang, "A simple method for generating gamma variables" (2000); Hoermann, "The
// transformed rejection method for generating Poisson random variables" and "The generation of
// binomial random variates" (1993).  Everything is drawn one element after the other, in row-major
// order.  Start reading at the functions at the end.
#include "kernels/make/samplers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "kernels/make/draw.h"
#include "kernels/special/gamma.h"

namespace pullback::kernels {
namespace {

// As in torch what is made of the shape alone has the shape's precision, and a third is one of
// single precision: with an exact one numbers differ in the eighth digit.
template <typename T>
double gamma_number(T shape, Generator& g) {
  double scale = 1;
  if (shape < 1) {
    if (shape == 0) return 0;
    // A number of shape + 1 times a power of a uniform one.
    scale = std::pow(1 - uniform01<double>(g), 1 / shape);
    shape += 1;
  }
  const double d = shape - static_cast<T>(1.0F / 3);
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    double x, root;
    do {
      x = single_normal(g);
      root = 1 + c * x;
    } while (root <= 0);
    const double v = root * root * root;
    const double u = 1 - uniform01<double>(g);
    const double square = x * x;
    if (u < 1 - 0.0331 * square * square) return scale * d * v;
    if (std::log(u) < 0.5 * square + d * (1 - v + std::log(v))) return scale * d * v;
  }
}

double poisson_number(double rate, Generator& g) {
  if (rate == 0) return 0;
  if (rate < 10) {
    // How many uniform numbers have a product above exp(-rate).
    const double limit = std::exp(-rate);
    double product = uniform01<double>(g);
    double count = 0;
    for (; product > limit; product *= uniform01<double>(g)) ++count;
    return count;
  }
  const double root = std::sqrt(rate), log_rate = std::log(rate);
  const double b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double inside = 0.9277 - 3.6224 / (b - 2);
  while (true) {
    const double u = uniform01<double>(g) - 0.5;
    const double v = uniform01<double>(g);
    const double edge = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / edge + b) * u + rate + 0.43);
    if (edge >= 0.07 && v <= inside) return k;
    if (k < 0 || (edge < 0.013 && v > edge)) continue;
    const double left = std::log(v) + std::log(inverse_alpha) - std::log(a / (edge * edge) + b);
    if (left <= -rate + k * log_rate - log_gamma(k + 1)) return k;
  }
}

// The number of successes by the waiting times between them.
double binomial_by_waiting(double count, double chance, Generator& g) {
  const double log_failure = std::log1p(-chance);
  double waited = 0, successes = 0;
  while (true) {
    waited += std::ceil(std::log(uniform01<double>(g)) / log_failure);
    if (waited > count) return successes;
    successes += 1;
  }
}

// What Stirling's formula lacks of log(k!).
double stirling_rest(double k) {
  static constexpr double kRest[] = {0.0810614667953272,  0.0413406959554092, 0.0276779256849983,
                                     0.02079067210376509, 0.0166446911898211, 0.0138761288230707,
                                     0.0118967099458917,  0.0104112652619720, 0.00925546218271273,
                                     0.00833056343336287};
  if (k <= 9) return kRest[static_cast<int>(k)];
  const double square = (k + 1) * (k + 1);
  return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1);
}

double binomial_by_rejection(double count, double chance, Generator& g) {
  const double deviation = std::sqrt(count * chance * (1 - chance));
  const double b = 1.15 + 2.53 * deviation;
  const double a = -0.0873 + 0.0248 * b + 0.01 * chance;
  const double c = count * chance + 0.5;
  const double inside = 0.92 - 4.2 / b;
  const double odds = chance / (1 - chance);
  const double alpha = (2.83 + 5.1 / b) * deviation;
  const double mode = std::floor((count + 1) * chance);
  while (true) {
    const double u = uniform01<double>(g) - 0.5;
    const double v = uniform01<double>(g);
    const double edge = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / edge + b) * u + c);
    if (edge >= 0.07 && v <= inside) return k;
    if (k < 0 || k > count) continue;
    const double left = std::log(v * alpha / (a / (edge * edge) + b));
    const double right = (mode + 0.5) * std::log((mode + 1) / (odds * (count - mode + 1))) +
                         (count + 1) * std::log((count - mode + 1) / (count - k + 1)) +
                         (k + 0.5) * std::log(odds * (count - k + 1) / (k + 1)) +
                         stirling_rest(mode) + stirling_rest(count - mode) - stirling_rest(k) -
                         stirling_rest(count - k);
    if (left <= right) return k;
  }
}

double binomial_number(double count, double chance, Generator& g) {
  if (count <= 0 || chance <= 0) return 0;
  if (chance >= 1) return count;
  if (std::isnan(count) || std::isnan(chance)) return std::numeric_limits<double>::quiet_NaN();
  const double rarer = chance <= 0.5 ? chance : 1 - chance;
  const double found = count * rarer >= 10 ? binomial_by_rejection(count, rarer, g)
                                           : binomial_by_waiting(count, rarer, g);
  return chance <= 0.5 ? found : count - found;
}

// out[i] = number(parameters[i]...) one after the other.
template <std::size_t N, typename Number>
void draw_each(const View& out, std::array<View, N> parameters, Generator& generator,
               const char* name, const Number& number) {
  const Lock lock(generator.mutex());
  std::array<const View*, N + 1> views{&out};
  for (std::size_t i = 0; i < N; ++i) views[i + 1] = &parameters[i];
  visit_floating(out.dtype, name, [&]<typename T>() {
    for_elements(views, [&](const auto& at, std::int64_t n) {
      const auto value = [&](std::size_t k, std::int64_t i) {
        return *reinterpret_cast<const T*>(at[k] + i * at.inner_stride(k));
      };
      for (std::int64_t i = 0; i < n; ++i) {
        auto* const to = reinterpret_cast<T*>(at[0] + i * at.inner_stride(0));
        if constexpr (N == 1) {
          *to = static_cast<T>(number(value(1, i)));
        } else {
          *to = static_cast<T>(number(value(1, i), value(2, i)));
        }
      }
    });
  });
}

}  // namespace

void standard_gamma(const View& out, const View& shape, Generator& generator) {
  draw_each(out, std::array{shape}, generator, "gamma", [&]<typename T>(T a) {
    const T drawn = static_cast<T>(gamma_number(a, generator));
    return std::max(std::numeric_limits<T>::min(), drawn);
  });
}

void poisson(const View& out, const View& rate, Generator& generator) {
  draw_each(out, std::array{rate}, generator, "poisson", [&]<typename T>(T lambda) {
    check(lambda >= 0, "invalid Poisson rate, expected rate to be non-negative");
    return poisson_number(static_cast<double>(lambda), generator);
  });
}

void binomial(const View& out, const View& count, const View& chance, Generator& generator) {
  draw_each(out, std::array{count, chance}, generator, "binomial",
            [&]<typename T>(T n, T p) { return binomial_number(double(n), double(p), generator); });
}

void cauchy(const View& out, double median, double sigma, Generator& generator) {
  const Lock lock(generator.mutex());
  visit_floating(wide_of(out.dtype), "cauchy", [&]<typename T>() {
    fill_in_order<T>(out, [&] {
      const double angle = std::numbers::pi * (uniform01<double>(generator) - 0.5);
      return static_cast<T>(median + sigma * std::tan(angle));
    });
  });
}

void log_normal(const View& out, double mean, double std, Generator& generator) {
  const Lock lock(generator.mutex());
  visit_floating(wide_of(out.dtype), "log_normal", [&]<typename T>() {
    fill_in_order<T>(
        out, [&] { return static_cast<T>(std::exp(single_normal(generator) * std + mean)); });
  });
}

void geometric(const View& out, double p, Generator& generator) {
  const Lock lock(generator.mutex());
  visit(wide_of(out.dtype), [&]<typename T>() {
    fill_in_order<T>(out, [&] {
      const double trials = std::log(uniform01<double>(generator)) / std::log1p(-p);
      return static_cast<T>(std::ceil(trials));
    });
  });
}

void dirichlet(const View& out, const View& concentration, Generator& generator) {
  const Lock lock(generator.mutex());
  const std::int64_t n = out.ndim == 0 ? 1 : out.sizes[out.ndim - 1];
  std::vector<double> row;
  row.reserve(static_cast<std::size_t>(n));
  std::vector<void*> places;
  visit_floating(out.dtype, "dirichlet", [&]<typename T>() {
    const T least = std::numeric_limits<T>::min();
    const T most = std::nextafter(T(1), T(0));
    for_elements(std::array{&out, &concentration}, [&](const auto& at, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) {
        const T a = *reinterpret_cast<const T*>(at[1] + i * at.inner_stride(1));
        // As in torch a number that underflows counts as the least one: a row is never 0 / 0.
        row.push_back(std::max(std::numeric_limits<double>::min(),
                               gamma_number(static_cast<double>(a), generator)));
        places.push_back(at[0] + i * at.inner_stride(0));
        if (static_cast<std::int64_t>(row.size()) < n) continue;
        double sum = 0;
        for (const double each : row) sum += each;
        for (std::size_t j = 0; j < row.size(); ++j) {
          *static_cast<T*>(places[j]) = std::clamp(static_cast<T>(row[j] / sum), least, most);
        }
        row.clear();
        places.clear();
      }
    });
  });
}

}  // namespace pullback::kernels
