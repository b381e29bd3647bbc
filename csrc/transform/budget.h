// Memory budgets: saved tensors are dropped and computed again when backward needs them.
//
// NOTE [Budgets]
// While a budget is in force it takes the place of saved-tensor hooks: what a node would save goes
// into a ledger, by the node and the output that made it.  Each new node leaves a recipe
// (graph/recipe.h).  When the tensors in the ledger take more memory than the budget allows, those
// that cost least to compute again for their size are dropped, the block of memory being the unit.
// Costs are estimates from sizes; a dropped tensor adds its cost to those that are made from it.
// What has no recipe stays: tensors without a history (data, random masks), results of custom
// functions and of in-place writes into views.  If that alone is more than the budget, it is an
// error at the operation that saves too much.
//
// To compute a dropped tensor again, the nodes between it and what is still there run in the order
// of recording, without recording.  The same kernels on the same values and layouts give the same
// bits.  What they give for other nodes that wait is put back if the budget has room.  An input
// without history that was overwritten in the meantime is an error, as it is for saved tensors.
#pragma once

#include <cstdint>
#include <memory>

#include "graph/saved.h"

namespace pullback {

class Ledger;

class Budget final : public SavedHooks {
 public:
  explicit Budget(std::int64_t bytes);
  ~Budget() override;

  std::unique_ptr<PackedTensor> pack(const Tensor& tensor) override;
  bool wants_recipes() const override { return true; }
  void note(Node& node, std::unique_ptr<Recipe> recipe) override;

  struct Stats {
    std::int64_t budget = 0;
    std::int64_t held = 0;
    std::int64_t peak = 0;
    std::int64_t dropped = 0;     // tensors, ever
    std::int64_t recomputed = 0;  // runs of nodes, ever
    std::int64_t refused = 0;     // errors of the budget, ever
  };
  // They go on counting after the budget is no longer in force.
  std::shared_ptr<const Ledger> ledger() const { return ledger_; }

 private:
  std::shared_ptr<Ledger> ledger_;
};

Budget::Stats stats_of(const Ledger& ledger);

}  // namespace pullback
