// See loss.h.  The loops walk targets one by one and read one element of x for each, so they are
// plain; sums over the result are left to reduce().
#include "kernels/nn/loss.h"

#include <vector>

#include "kernels/rows.h"

namespace pullback::kernels {
namespace {

// Calls visit(i, offsets of `target`, `a` and `b` at element i) in row-major order.
template <typename Visit>
void walk(const View& target, const std::int64_t* a, const std::int64_t* b, Visit visit) {
  const std::int64_t n = target.numel();
  std::vector<std::int64_t> index(static_cast<std::size_t>(target.ndim), 0);
  std::int64_t at = 0, at_a = 0, at_b = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    visit(at, at_a, at_b);
    for (int d = target.ndim - 1; d >= 0; --d) {
      const auto k = static_cast<std::size_t>(d);
      at += target.strides[d];
      at_a += a[d];
      at_b += b[d];
      if (++index[k] < target.sizes[d]) break;
      at -= target.strides[d] * target.sizes[d];
      at_a -= a[d] * target.sizes[d];
      at_b -= b[d] * target.sizes[d];
      index[k] = 0;
    }
  }
}

const std::int64_t* targets(const View& v) { return reinterpret_cast<const std::int64_t*>(v.data); }

// The strides of x without those of its classes.
std::vector<std::int64_t> other_strides(const View& x, int dim) {
  std::vector<std::int64_t> strides;
  for (int d = 0; d < x.ndim; ++d) {
    if (d != dim) strides.push_back(x.strides[d]);
  }
  return strides;
}

template <typename T>
T weight_of(const Classes& classes, std::int64_t target) {
  return classes.weight ? static_cast<const T*>(classes.weight)[target] : T{1};
}

template <typename T>
void nll_of(const View& loss, const View& x, const View& target, const Classes& classes) {
  const std::vector<std::int64_t> strides = other_strides(x, classes.dim);
  const std::int64_t step = x.strides[classes.dim];
  auto* out = reinterpret_cast<T*>(loss.data);
  auto* in = reinterpret_cast<const T*>(x.data);
  walk(target, loss.strides, strides.data(),
       [&](std::int64_t at, std::int64_t at_loss, std::int64_t at_x) {
         const std::int64_t t = targets(target)[at];
         out[at_loss] =
             t == classes.ignore ? T{0} : -weight_of<T>(classes, t) * in[at_x + t * step];
       });
}

template <typename T>
void nll_grad_of(const View& out, const View& grad, const View& target, const Classes& classes,
                 double scale) {
  const std::vector<std::int64_t> strides = other_strides(out, classes.dim);
  const std::int64_t step = out.strides[classes.dim];
  auto* to = reinterpret_cast<T*>(out.data);
  auto* g = reinterpret_cast<const T*>(grad.data);
  const T factor = static_cast<T>(scale);
  walk(target, grad.strides, strides.data(),
       [&](std::int64_t at, std::int64_t at_grad, std::int64_t at_out) {
         const std::int64_t t = targets(target)[at];
         if (t == classes.ignore) return;
         to[at_out + t * step] = -weight_of<T>(classes, t) * (g[at_grad] * factor);
       });
}

}  // namespace

void check_targets(const View& target, std::int64_t num_classes, std::int64_t ignore) {
  walk(target, target.strides, target.strides, [&](std::int64_t at, std::int64_t, std::int64_t) {
    const std::int64_t t = targets(target)[at];
    if ((t < 0 || t >= num_classes) && t != ignore) [[unlikely]] {
      fail(ErrorKind::Index, "Target ", t, " is out of bounds. There are ", num_classes,
           " classes.");
    }
  });
}

void nll(const View& loss, const View& x, const View& target, const Classes& classes) {
  visit_floating(x.dtype, "nll_loss", [&]<typename T>() { nll_of<T>(loss, x, target, classes); });
}

void nll_grad(const View& out, const View& grad, const View& target, const Classes& classes,
              double scale) {
  visit_floating(out.dtype, "nll_loss",
                 [&]<typename T>() { nll_grad_of<T>(out, grad, target, classes, scale); });
}

double nll_weight(const View& target, DType dtype, const Classes& classes) {
  double total = 0;
  walk(target, target.strides, target.strides, [&](std::int64_t at, std::int64_t, std::int64_t) {
    const std::int64_t t = targets(target)[at];
    if (t == classes.ignore) return;
    total += visit_floating(dtype, "nll_loss", [&]<typename T>() {
      return static_cast<double>(weight_of<T>(classes, t));
    });
  });
  return total;
}

}  // namespace pullback::kernels
