// See recipe.h.
#include "ops/recipe.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "graph/meta.h"
#include "ops/op.h"

namespace pullback::detail {
namespace {

bool multiplies_matrices(std::string_view name) {
  for (const char* part : {"Mm", "mm", "Mv", "Dot", "Einsum", "Linear"}) {
    if (name.find(part) != std::string_view::npos) return true;
  }
  return false;
}

std::int64_t bytes_of(const Tensor& t) {
  return t.numel() * static_cast<std::int64_t>(item_size(t.dtype()));
}

// For [m, k] and [k, n] the square root of the product of all sizes is m k n.
double products(std::span<const Tensor> inputs, std::int64_t result_bytes) {
  double sizes = static_cast<double>(result_bytes);
  for (const Tensor& t : inputs.last(std::min<std::size_t>(2, inputs.size()))) {
    if (t.defined()) sizes *= static_cast<double>(bytes_of(t));
  }
  return std::sqrt(sizes);
}

}  // namespace

void note_recipe(Node& node, std::unique_ptr<Recipe> recipe, std::span<const Tensor> inputs,
                 std::vector<int> edges, std::int64_t result_bytes) {
  double cost = static_cast<double>(result_bytes);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& t = inputs[i];
    Recipe::Source source;
    source.absent = !t.defined();
    if (t.defined()) {
      const Edge& edge = node.edge(edges[i]);
      if (!is_single(t) || t.has(kInference)) return;
      if (!edge || edge.is_leaf()) {
        // Without its value before the write there is no running again.
        if (mode.overwritten && is_overwritten(t)) return;
        source.tensor = edge ? t : detached(t);
      }
      source.version = t.version();
      cost += static_cast<double>(bytes_of(t));
    }
    recipe->sources.push_back(std::move(source));
  }
  if (multiplies_matrices(node.name())) cost += products(inputs, result_bytes);
  if (result_bytes == 0) cost = 1;  // a view
  recipe->edges = std::move(edges);
  recipe->cost = cost;
  mode.saved_hooks->note(node, std::move(recipe));
}

void note_result(Node& node, const Tensor& result) {
  Recipe* recipe = node.extra() ? node.extra()->recipe.get() : nullptr;
  if (recipe) recipe->result_version = result.version();
}

}  // namespace pullback::detail
