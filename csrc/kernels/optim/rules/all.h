// The list of optimizers: a new one is its file in this folder and its name here.
#pragma once

#include "kernels/optim/rules/adadelta.h"
#include "kernels/optim/rules/adagrad.h"
#include "kernels/optim/rules/adam.h"
#include "kernels/optim/rules/adamax.h"
#include "kernels/optim/rules/asgd.h"
#include "kernels/optim/rules/nadam.h"
#include "kernels/optim/rules/radam.h"
#include "kernels/optim/rules/rmsprop.h"
#include "kernels/optim/rules/rprop.h"
#include "kernels/optim/rules/sgd.h"

namespace pullback::kernels::PULLBACK_ISA {

template <typename... Records>
struct Optimizers {};

using AllOptimizers =
    Optimizers<ASGD, Adadelta, Adagrad, Adam, AdamW, Adamax, NAdam, RAdam, RMSprop, Rprop, SGD>;

template <typename List>
inline constexpr Rule kRules[1] = {};
template <typename... Records>
inline constexpr Rule kRules<Optimizers<Records...>>[] = {describe<Records>()...};

}  // namespace pullback::kernels::PULLBACK_ISA
