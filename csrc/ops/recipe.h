// Recipes of operators (graph/recipe.h): made only while a memory budget is in force.
#pragma once

#include "graph/mode.h"
#include "graph/node.h"
#include "graph/saved.h"
#include "ops/operation.h"

namespace pullback::detail {

// Hands the recipe of a new node to the budget.  A result of no bytes is a view.
void note_recipe(Node& node, const Operation& op, const void* attrs, In in,
                 std::int64_t result_bytes);

// Tells the recipe the version of the memory that has the first result.
void note_result(Node& node, const Tensor& result);

inline bool wants_recipes() { return mode.saved_hooks && mode.saved_hooks->wants_recipes(); }

}  // namespace pullback::detail
