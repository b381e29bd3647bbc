// Recipes of operators (graph/recipe.h): made only while a memory budget is in force.
#pragma once

#include <memory>
#include <vector>

#include "graph/mode.h"
#include "graph/node.h"
#include "graph/recipe.h"
#include "graph/saved.h"

namespace pullback::detail {

// Hands the recipe of a new node to the budget; `inputs` are those that are tensors, `edges` the
// numbers of their edges.
void note_recipe(Node& node, std::unique_ptr<Recipe> recipe, std::span<const Tensor> inputs,
                 std::vector<int> edges, std::int64_t result_bytes);

// Tells the recipe the version of the memory that has the first result.
void note_result(Node& node, const Tensor& result);

inline bool wants_recipes() { return mode.saved_hooks && mode.saved_hooks->wants_recipes(); }

}  // namespace pullback::detail
