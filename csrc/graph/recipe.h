// How to compute the results of a node once more, for memory budgets (transform/budget.h).
//
// An operator that is recorded while a budget is in force leaves a recipe with its node: itself,
// its attributes, and the inputs that have no node of their own.  The other inputs are results of
// the nodes that the edges lead to.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace pullback {

class Recipe {
 public:
  // An input, in the order of the edges: the tensor if it has no node (else the edge leads to it),
  // and the version of its memory.  `absent` for one that is not there.
  struct Source {
    Tensor tensor;
    std::uint32_t version = 0;
    bool absent = false;
  };

  Recipe() = default;
  Recipe(const Recipe&) = delete;
  Recipe& operator=(const Recipe&) = delete;
  virtual ~Recipe() = default;

  // The results for these inputs; nothing is recorded.
  virtual std::vector<Tensor> run(std::span<const Tensor> inputs) const = 0;

  std::vector<Source> sources;
  std::uint32_t result_version = 0;  // of the results' memory when they were made
  double cost = 0;                   // of one run, about in bytes moved
  double chain = 0;  // the same with what must be run before because it is never saved
};

}  // namespace pullback
