// See seeds.h.
#include "transform/seeds.h"

#include "core/error.h"
#include "graph/origin.h"
#include "ops/basic.h"

namespace pullback {
namespace {

// `origin` makes the sentence that says where the root comes from.
template <typename Origin>
Tensor make_seed(Sizes sizes, DType dtype, const Tensor& given, std::size_t k, Origin origin) {
  if (!given.defined()) {
    if (count_elements(sizes) != 1) {
      fail("grad can be implicitly created only for scalar outputs. Got shape ", Dims(sizes),
           ": pass gradient= of that shape, or reduce with .sum() or .mean().", origin());
    }
    if (is_complex(dtype)) {
      fail("grad can be implicitly created only for real scalar outputs but got torch.",
           name(dtype), ". Pass gradient=, or take .real, .imag or .abs() first.", origin());
    }
    return Tensor::full(sizes, Scalar(1), dtype);
  }
  if (!same(given.sizes(), sizes)) {
    fail("Mismatch in shape: grad_output[", k, "] has a shape of torch.Size(", given.shape(),
         ") and output[", k, "] has a shape of torch.Size(", Dims(sizes), ").", origin());
  }
  if (is_complex(given.dtype()) != is_complex(dtype)) {
    fail(
        "For complex Tensors, both grad_output and output are required to have the same dtype. "
        "Mismatch in dtype: grad_output[",
        k, "] has a dtype of torch.", name(given.dtype()), " and output[", k,
        "] has a dtype of torch.", name(dtype), ".", origin());
  }
  return given.dtype() == dtype ? given : cast(given, dtype);
}

// A root that was made anew may be made of numbers that were read.
std::string hint_of(const Tensor& root) {
  const Origin origin = root.body()->origin;
  if (origin == Origin::None) return hint_without_origin();
  return origin == Origin::Made ? last_reading() : std::string();
}

}  // namespace

Tensor make_seed(const Tensor& root, const Tensor& given, std::size_t k) {
  if (!root.requires_grad()) {
    fail("element ", k, " of tensors does not require grad and does not have a grad_fn.",
         origin_of(root), hint_of(root));
  }
  return make_seed(root.sizes(), root.dtype(), given, k, [&] { return origin_of(root); });
}

// What the output looked like is known when its node was reached through its tensor.
Tensor make_seed(const Edge& root, const Tensor& given, std::size_t k) {
  const Node& node = *root.node();
  if (node.extra()) {
    for (const OutputShape& shape : node.extra()->shapes) {
      if (shape.output_nr != root.output_nr()) continue;
      return make_seed(shape.sizes, shape.dtype, given, k, [&] { return node.recorded_at(); });
    }
  }
  check(given.defined(), "grad can be implicitly created only for scalar outputs. The shape of ",
        "output ", root.output_nr(), " of ", node.name(),
        " is not known. Pass a gradient for it, or make the edge by get_gradient_edge.");
  return given;
}

}  // namespace pullback
