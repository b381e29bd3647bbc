// See saved.h.
#include "graph/saved.h"

#include <bit>

#include "core/error.h"
#include "graph/meta.h"
#include "graph/mode.h"

namespace pullback {

Tensor SavedTensor::keep_dual(const Tensor& tensor) {
  Tensor data = dual_twin(tensor, ~std::uint64_t{0});
  for (std::uint64_t levels = dual_levels(data); levels; levels &= levels - 1) {
    Level& level = mode.levels[std::countr_zero(levels)];
    if (!level.cleanup) level.cleanup = new Cleanup;
    level.cleanup->bodies.push_back(data.ref());
  }
  return data;
}

Tensor SavedTensor::read_output(const Node& node) const {
  const Tensor data(body_);
  if (!mode.grad || !is_floating(data.dtype())) return data;
  const Tensor output = dual_twin(data, mode.dual);
  set_history(output, const_cast<Node*>(&node), body_->output_nr);
  return output;
}

void SavedTensor::report_inference() {
  fail(
      "Inference tensors cannot be saved for backward. Please do not use Tensors created in "
      "inference mode in computation tracked by autograd. To work around this, you can make a "
      "clone to get a normal tensor and use it in autograd, or use `torch.no_grad()` instead of "
      "`torch.inference_mode()`.");
}

void SavedTensor::report_overwritten(const Node& node) const {
  const Tensor tensor(body_);
  const Node* maker = is_output_ ? &node : node_of(tensor);
  std::ostringstream what;
  what << "one of the variables needed for gradient computation has been modified by an inplace "
          "operation: [torch."
       << info(tensor.dtype()).scalar_name << "Tensor " << tensor.shape() << "]";
  if (maker) {
    what << ", which is output " << tensor.body()->output_nr << " of " << maker->name() << ",";
  }
  fail(what.str(), " is at version ", tensor.version(), "; expected version ", version_,
       " instead.", node.recorded_at(),
       " Write the in-place operation out of place (x = x + 1 for x += 1), or clone the tensor "
       "before it is modified.");
}

void report_released(const Node& node) {
  fail(
      "Trying to backward through the graph a second time (or directly access saved tensors after "
      "they have already been freed). Saved intermediate values of the graph are freed when you "
      "call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward "
      "through the graph a second time or if you need to access saved tensors after calling "
      "backward.",
      node.recorded_at());
}

}  // namespace pullback
