// Random numbers at every level of vmap: see draw.h.
#include "ops/make/draw.h"

#include "core/error.h"
#include "ops/assign.h"
#include "ops/levels.h"

namespace pullback {

kernels::Generator& generator() {
  return mode.generator ? *mode.generator : kernels::default_generator();
}

DType inexact(OptionalDType dtype, const char* name) {
  const DType type = dtype.value_or(default_dtype());
  check(ErrorKind::NotImplemented, is_differentiable(type), "\"", name, "\" not implemented for '",
        info(type).scalar_name, "'");
  return type;
}

DType floating(OptionalDType dtype, const char* name) {
  const DType type = inexact(dtype, name);
  check(ErrorKind::NotImplemented, is_floating(type), "\"", name, "\" not implemented for '",
        info(type).scalar_name, "'");
  return type;
}

namespace {

// The innermost vmap at this depth or outside of it, 0 for none.
int vmap_at(int depth) {
  while (depth > 0 && mode.levels[depth].kind != LevelKind::Vmap) --depth;
  check(
      depth == 0 || mode.levels[depth].randomness != Randomness::Error,
      "vmap: called random operation while in randomness error mode. Please either use the 'same' "
      "or 'different' randomness flags on vmap or perform the randomness operation out of vmap");
  return depth;
}

bool draws_same(int level) { return mode.levels[level].randomness == Randomness::Same; }

}  // namespace

Tensor draw(Sizes sizes, DType dtype, const Fill& fill, const Tensor& like, int depth) {
  const int level = vmap_at(depth);
  if (level && draws_same(level)) return draw(sizes, dtype, fill, like, level - 1);
  if (level) {
    Dims all(sizes);
    all.insert(0, mode.levels[level].batch);
    return make_batched(draw(all, dtype, fill, {}, level - 1), level);
  }
  Destination* const target = Destination::claim();
  Tensor out = target ? target->take(sizes, dtype) : Tensor();
  if (!out.defined()) {
    out = like.defined() ? empty_strided_like(like, dtype) : Tensor::empty(sizes, dtype);
  }
  fill(out);
  return out;
}

Tensor draw_from(const std::vector<Tensor>& inputs, const Draw& sample, int depth) {
  const int level = vmap_at(depth);
  if (!level) return sample(inputs);
  std::vector<const Tensor*> pointers;
  for (const Tensor& t : inputs) pointers.push_back(&t);
  const In in(pointers.data(), static_cast<int>(pointers.size()));
  const bool batched = detail::batch_level(in) == level;
  if (draws_same(level)) {
    check(
        !batched,
        "Vmap does not currently support same randomness with a batched tensor input. Please file "
        "an issue with functorch");
    return draw_from(inputs, sample, level - 1);
  }
  const OuterLevels outer(level);
  std::vector<Tensor> all;
  for (const Tensor& t : inputs) {
    if (t.has(kBatched) && meta_of(t)->level == level) {
      all.push_back(meta_of(t)->batch);
    } else {
      Dims sizes = t.shape();
      sizes.insert(0, mode.levels[level].batch);
      all.push_back(expand(t, sizes));
    }
  }
  return make_batched(draw_from(all, sample, level - 1), level);
}

Tensor take_out(const Target& target, std::initializer_list<const Tensor*> operands, Sizes sizes,
                DType dtype) {
  if (!target) return {};
  const In in(operands.begin(), static_cast<int>(operands.size()));
  return target.destination()->take_out(in, {sizes, dtype});
}

void fill_in_place(const Tensor& target, const Fill& fill, int depth) {
  const int level = vmap_at(depth);
  if (!level) return fill(target);
  if (!target.has(kBatched) || meta_of(target)->level != level) {
    check(draws_same(level),
          "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will "
          "appear like same randomness. If this is necessary for your usage, please file an issue "
          "with functorch.");
    return fill_in_place(target, fill, level - 1);
  }
  const OuterLevels outer(level);
  const Tensor& all = meta_of(target)->batch;
  if (draws_same(level)) {
    copy_into(all, draw(target.sizes(), target.dtype(), fill, {}, level - 1));
  } else {
    fill_in_place(all, fill, level - 1);
  }
}

}  // namespace pullback
