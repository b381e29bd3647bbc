// See recipe.h.
#include "ops/recipe.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "graph/meta.h"
#include "graph/recipe.h"
#include "ops/op.h"

namespace pullback::detail {
namespace {

class OperationRecipe final : public Recipe {
 public:
  OperationRecipe(const Operation& op, const void* attrs) : op_(op), attrs_(op, attrs) {}
  std::vector<Tensor> run(std::span<const Tensor> inputs) const override {
    std::vector<const Tensor*> pointers;
    for (const Tensor& t : inputs) pointers.push_back(&t);
    std::vector<Tensor> results;
    execute(op_, attrs_.get(), In(pointers.data(), static_cast<int>(pointers.size())), results);
    return results;
  }

 private:
  const Operation& op_;
  const Attributes attrs_;
};

std::int64_t bytes_of(const Tensor& t) {
  return t.numel() * static_cast<std::int64_t>(item_size(t.dtype()));
}

// For [m, k] and [k, n] the square root of the product of all sizes is m k n.
double products(In in, std::int64_t result_bytes) {
  double sizes = static_cast<double>(result_bytes);
  for (int i = std::max(0, in.size() - 2); i < in.size(); ++i) {
    if (in[i].defined()) sizes *= static_cast<double>(bytes_of(in[i]));
  }
  return std::sqrt(sizes);
}

}  // namespace

void note_recipe(Node& node, const Operation& op, const void* attrs, In in,
                 std::int64_t result_bytes) {
  auto recipe = std::make_unique<OperationRecipe>(op, attrs);
  recipe->cost = static_cast<double>(result_bytes);
  for (int i = 0; i < in.size(); ++i) {
    const Tensor& t = in[i];
    Recipe::Source source;
    source.absent = !t.defined();
    if (t.defined()) {
      const Edge& edge = node.edge(i);
      if (!is_single(t) || t.has(kInference)) return;
      if (!edge || edge.is_leaf()) {
        // Without its value before the write there is no running again.
        if (mode.overwritten && is_overwritten(t)) return;
        source.tensor = edge ? t : detached(t);
      }
      source.version = t.version();
      recipe->cost += static_cast<double>(bytes_of(t));
    }
    recipe->sources.push_back(std::move(source));
  }
  if (op.matrix_product) recipe->cost += products(in, result_bytes);
  if (result_bytes == 0) recipe->cost = 1;
  mode.saved_hooks->note(node, std::move(recipe));
}

void note_result(Node& node, const Tensor& result) {
  Recipe* recipe = node.extra() ? node.extra()->recipe.get() : nullptr;
  if (recipe) recipe->result_version = result.version();
}

}  // namespace pullback::detail
