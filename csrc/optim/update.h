// One step of an optimizer on one parameter, in place.
//
// The kernels want flat memory: tensors of one dense layout are taken as they are, others through
// row-major copies.  Every tensor written counts a new version, so that a graph which saved it
// notices.  Start reading at Optimizer::step; the formulas are in kernels/optim/rules.
#pragma once

#include <string>
#include <vector>

#include "core/tensor.h"
#include "kernels/optim/rule.h"

namespace pullback {

// A rule with its names looked up.
class Optimizer {
 public:
  // A setting of which `count` numbers are read.
  struct Read {
    std::string name;
    int count;
  };
  // The settings of a group, and which slots a parameter has under them.
  struct Settings {
    double numbers[kernels::kMaxOptions];
    int slots[kernels::kMaxSlots];
    int count;
    int at[kernels::kMaxSlots];  // of a slot, among those like the parameter; -1 for a number
  };

  explicit Optimizer(const kernels::Rule& rule);

  const kernels::Rule& rule() const { return rule_; }
  const kernels::Slot& slot(int i) const { return rule_.slots[static_cast<std::size_t>(i)]; }
  const std::vector<Read>& reads() const { return reads_; }
  // Fills in all but the numbers.
  void choose_slots(Settings& settings) const;
  // The value at the start.
  Tensor initial(int slot, const Tensor& param, const Settings& settings) const;
  // `state` has a tensor for each of settings.slots; `made`: it is new.  Unrecorded.
  void step(const Tensor& param, const Tensor& grad, const Tensor* state, const Settings& settings,
            bool made) const;
  // The same by recorded writes: what `differentiable` asks for.
  void step_recorded(const Tensor& param, const Tensor& grad, const Tensor* state,
                     const Settings& settings, bool made) const;

 private:
  int option(const char* name) const;
  void check_tensors(const Tensor& param, const Tensor& grad, const Tensor* state,
                     const Settings& settings) const;
  // Calls `prepare` between reading and writing the numbers of the state.
  void prepare(const Tensor* state, const Settings& settings, bool made, void* constants) const;

  kernels::Rule rule_;
  std::vector<Read> reads_;
  int when_[kernels::kMaxSlots];
  int initial_option_[kernels::kMaxSlots];
  double initial_number_[kernels::kMaxSlots];
};

// All optimizers, in the order of kernels::optimizer_rules().
const std::vector<Optimizer>& optimizers();

// Sets .grad to nothing or, when it exists, to zeros; a recorded gradient loses its history.
void clear_grad(const Tensor& param, bool set_to_none);

}  // namespace pullback
