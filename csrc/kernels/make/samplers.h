// Random numbers whose distribution has parameters by element, and fills that follow from others.
//
// Floating views; the parameters have the shape and dtype of `out`.  The numbers are torch's.
#pragma once

#include "kernels/make/random.h"

namespace pullback::kernels {

// Gamma numbers of scale 1, never zero.
void standard_gamma(const View& out, const View& shape, Generator& generator);
// Rates are checked not to be negative.
void poisson(const View& out, const View& rate, Generator& generator);
void binomial(const View& out, const View& count, const View& chance, Generator& generator);
// Points of the simplex along the last dimension, inside of it.
void dirichlet(const View& out, const View& concentration, Generator& generator);

void cauchy(const View& out, double median, double sigma, Generator& generator);
void log_normal(const View& out, double mean, double std, Generator& generator);
// Any dtype: the number of trials up to the first success.
void geometric(const View& out, double p, Generator& generator);

}  // namespace pullback::kernels
