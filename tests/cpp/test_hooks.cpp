// Hooks, edges and packed tensors, without Python: the classes of graph/hooks.h and graph/saved.h.
#include <cmath>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.h"
#include "core/allocator.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/saved.h"
#include "ops/basic.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/math.h"
#include "transform/engine.h"

namespace {

using namespace pullback;

Tensor leaf(double value) {
  const Tensor t = Tensor::scalar(Scalar(value), DType::Float64);
  t.set(kRequiresGrad, true);
  return t;
}

void backward(const Tensor& root, bool retain = false) {
  const Tensor seed;
  run_backward({.roots = {&root, 1},
                .seeds = {&seed, 1},
                .retain_graph = retain,
                .create_graph = false,
                .inputs = {},
                .accumulate = true});
}

Tensor grad(const Tensor& root, const Tensor& input, bool create = false) {
  const Tensor seed;
  return run_backward({.roots = {&root, 1},
                       .seeds = {&seed, 1},
                       .retain_graph = create,
                       .create_graph = create,
                       .inputs = {&input, 1},
                       .accumulate = false})[0];
}

double grad_of(const Tensor& t) { return meta_of(t)->grad.item().to_double(); }

bool close(const Tensor& a, double b) {
  return std::abs(a.item().to_double() - b) <= 1e-12 * std::abs(b);
}

using Log = std::vector<std::string>;

struct Hook final : TensorHooks {
  explicit Hook(std::function<void(Tensor&)> body) : body(std::move(body)) {}
  void run(Tensor& gradient) override { body(gradient); }
  std::function<void(Tensor&)> body;
};

struct Around final : NodeHooks {
  explicit Around(Log& log) : log(log) {}
  void before(std::span<Tensor> arrived) override {
    log.push_back("before");
    for (Tensor& t : arrived) {
      if (t.defined()) t = t * 2.0;
    }
  }
  bool has_after() const override { return true; }
  void after(std::span<Tensor> given, std::span<const Tensor>) override {
    log.push_back("after");
    for (Tensor& t : given) {
      if (t.defined()) t = t + 1.0;
    }
  }
  Log& log;
};

void hook(const Tensor& t, std::function<void(Tensor&)> body) {
  auto made = std::make_unique<Hook>(std::move(body));
  if (Node* node = node_of(t)) {
    node->make_extra().outputs.push_back(
        {t.body()->raw_output_nr, hook_level(t.raw_flags()), std::move(made)});
    return;
  }
  AutogradMeta& meta = make_meta(t);
  if (!meta.hooks) meta.hooks = std::make_unique<LeafHooks>();
  meta.hooks->tensor = std::move(made);
  t.set(kHooked, true);
}

TEST_CASE("hooks run in order and replace gradients", "[hooks]") {
  Log log;
  const Tensor x = leaf(3);
  const Tensor y = x * 5.0;
  hook(x, [&](Tensor& g) {
    log.push_back("leaf");
    g = g * 10.0;
  });
  hook(y, [&](Tensor&) { log.push_back("output"); });
  node_of(y)->make_extra().hooks.push_back({kRequiresGrad, std::make_unique<Around>(log)});
  retain_grad(y);
  backward(y);
  CHECK(log == Log{"output", "before", "after", "leaf"});
  CHECK(grad_of(y) == 1);                     // before the node's hooks
  CHECK(grad_of(x) == (1 * 2 * 5 + 1) * 10);  // before, the node, after, the leaf's hook
}

TEST_CASE("a kept gradient follows the history of its tensor", "[hooks]") {
  const Tensor x = leaf(3);
  const Tensor y = x * 5.0;
  retain_grad(y);
  const Tensor z = y * 2.0;
  set_history(y, node_of(z));  // as an in-place operation does
  move_retention(y);
  backward(y * 7.0);
  CHECK(grad_of(y) == 7);
  CHECK(grad_of(x) == 70);
}

TEST_CASE("an exception of a hook leaves the graph usable", "[hooks]") {
  const Tensor x = leaf(3);
  const Tensor y = x * x;
  bool fails = true;
  hook(y, [&](Tensor&) {
    if (fails) throw std::logic_error("stop");
  });
  const Tensor z = y * y;
  CHECK_THROWS_AS(backward(z, true), std::logic_error);
  CHECK(mode.pass == nullptr);
  fails = false;
  backward(z);
  CHECK(grad_of(x) == 4 * 27);
}

TEST_CASE("a pass inside a hook over the same graph", "[hooks]") {
  const Tensor x = leaf(2);
  const Tensor y = x * x;
  const Tensor z = y * x;
  int depth = 0;
  double inner = 0;
  hook(y, [&](Tensor&) {
    if (depth++ > 2) return;
    inner = grad(z, x, true).item().to_double();
  });
  backward(z, true);
  CHECK(depth >= 3);
  CHECK(inner == 12);
  CHECK(grad_of(x) == 12);
  node_of(y)->extra()->outputs.clear();
}

TEST_CASE("the pass says where it is going", "[hooks]") {
  const Tensor x = leaf(2), w = leaf(3);
  const Tensor y = x * 2.0, v = w * 3.0;
  const Tensor z = y * v;
  std::vector<bool> reached;
  hook(z, [&](Tensor&) {
    REQUIRE(mode.pass);
    reached = {mode.pass->reaches(*node_of(y)), mode.pass->reaches(*node_of(v)),
               mode.pass->reaches(*x.body()), mode.pass->reaches(*w.body())};
  });
  backward(z, true);
  CHECK(reached == std::vector<bool>{true, true, true, true});
  grad(z, x, true);
  CHECK(reached == std::vector<bool>{true, false, true, false});
  CHECK(mode.pass == nullptr);
}

TEST_CASE("edges are roots and inputs", "[hooks]") {
  const Tensor x = leaf(2);
  Tensor y = x * x;
  const Tensor z = y * 3.0;
  const Edge edge(y);
  y = Tensor();
  const Tensor none, seed = Tensor::scalar(Scalar(1), DType::Float64);
  const std::vector<Tensor> upstream = run_backward({.roots = {&z, 1},
                                                     .seeds = {&seed, 1},
                                                     .retain_graph = true,
                                                     .inputs = {&none, 1},
                                                     .input_edges = {&edge, 1},
                                                     .accumulate = false});
  CHECK(upstream[0].item().to_double() == 3);
  const std::vector<Tensor> whole = run_backward({.roots = {&none, 1},
                                                  .root_edges = {&edge, 1},
                                                  .seeds = upstream,
                                                  .retain_graph = true,
                                                  .inputs = {&x, 1},
                                                  .accumulate = false});
  CHECK(whole[0].item().to_double() == 12);
  CHECK_THROWS(run_backward({.roots = {&none, 1},
                             .root_edges = {&edge, 1},
                             .seeds = {&none, 1},
                             .inputs = {&x, 1},
                             .accumulate = false}));
}

struct Halves final : PackedTensor {
  explicit Halves(const Tensor& t) : value(t.detach() * 0.5) {}
  Tensor unpack() override { return value * 2.0; }
  Tensor value;
};
struct Halving final : SavedHooks {
  std::unique_ptr<PackedTensor> pack(const Tensor& t) override {
    ++packed;
    return std::make_unique<Halves>(t);
  }
  int packed = 0;
};

TEST_CASE("packed tensors get their history back", "[hooks]") {
  const Tensor x = leaf(3);
  Halving hooks;
  mode.saved_hooks = &hooks;
  const Tensor y = x * x;
  const Tensor z = exp(y);
  mode.saved_hooks = nullptr;
  CHECK(hooks.packed == 3);
  const Tensor first = grad(z, x, true);
  const double e = std::exp(9.0);
  CHECK(close(first, 6 * e));
  CHECK(close(grad(first, x), 38 * e));
}

TEST_CASE("hooks leave nothing behind", "[hooks]") {
  const memory::Stats before = memory::stats();
  {
    Log log;
    const Tensor x = leaf(3);
    Halving hooks;
    mode.saved_hooks = &hooks;
    const Tensor y = exp(x * x);
    mode.saved_hooks = nullptr;
    hook(x, [](Tensor&) {});
    hook(y, [](Tensor&) {});
    node_of(y)->make_extra().hooks.push_back({kRequiresGrad, std::make_unique<Around>(log)});
    retain_grad(y);
    backward(y);
  }
  const memory::Stats after = memory::stats();
  CHECK(after.tensors == before.tensors);
  CHECK(after.nodes == before.nodes);
  CHECK(after.storages == before.storages);
}

}  // namespace
