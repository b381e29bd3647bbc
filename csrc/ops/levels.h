// How tensors enter and leave a level; NOTE [Levels] in graph/level.h.
//
// Each pair is what one kind of transform does to the arguments of the user's function and to its
// results.  The levels around it go on seeing the tensors: entering is a recorded operation.
#pragma once

#include <functional>
#include <string>

#include "graph/meta.h"

namespace pullback {

// A fresh input to differentiate by, and a result without what belongs to the level: a view of what
// entered if it shares memory with that.
Tensor enter_grad(const Tensor& input, int level);
Tensor leave_grad(const Tensor& result, int level);

// Views with a tangent of their own at this level, and without one.  Undefined tangents stand for
// zeros.
Tensor enter_dual(const Tensor& primal, const Tensor& tangent, int level);
Tensor leave_dual(const Tensor& result, int level);

// The examples lie along `dim`; a result that has none is the same for all of them.
Tensor enter_batch(const Tensor& examples, int dim, int level);
Tensor leave_batch(const Tensor& result, int dim, int level);

// A new tensor of this shape for each example of `model`: `make` gets the shape of all of them.
Tensor make_for_batch(const Tensor& model, Sizes sizes, const std::function<Tensor(Sizes)>& make);

// Writes a result into a batched target: into the memory of all examples.  `name`: of the operator.
void write_batch(const std::string& name, const Tensor& target, const Tensor& result);

// Refuses to give the value of a batched tensor to Python: torch's sentences.
void refuse_item(const Tensor& tensor);
void refuse_condition(const Tensor& tensor);
void refuse_memory(const Tensor& tensor);

}  // namespace pullback
