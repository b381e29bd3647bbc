// Choosing the inner loop of a reduction, loading its input and storing its results.
//
// The table of row kernels is filled at the first use for the instruction set of this CPU.
#include "kernels/reduce/reduce_plan.h"

#include <cmath>

#include "kernels/dispatch.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(RowKernel row_kernel(RowOp op, DType dtype);)

namespace {

// In the place of the kernels that there are not.
void refuse(const void*, std::int64_t, std::int64_t, std::int64_t, void*) {
  fail("internal error: a reduction got elements of a dtype without a loop. Please report it.");
}

RowKernel find_kernel(RowOp op, DType dtype) {
  struct Table {
    RowKernel kernels[5][kNumDTypes];
  };
  static const Table table = [] {
    Table t;
    const auto select = PULLBACK_ISA_SELECT(row_kernel);
    for (int o = 0; o < 5; ++o) {
      for (int d = 0; d < kNumDTypes; ++d) {
        t.kernels[o][d] = select(static_cast<RowOp>(o), static_cast<DType>(d));
        if (!t.kernels[o][d].rows) t.kernels[o][d] = {&refuse, &refuse};
      }
    }
    return t;
  }();
  return table.kernels[static_cast<int>(op)][static_cast<int>(dtype)];
}

template <typename To, typename From>
void store_as(char* out, std::int64_t stride, const void* from, std::int64_t n, const Plan& plan) {
  const From* a = static_cast<const From*>(from);
  for (std::int64_t i = 0; i < n; ++i, out += stride) {
    From value = a[i];
    if constexpr (std::is_same_v<From, double>) {
      if (plan.finish == Finish::Sqrt) value = std::sqrt(value);
      if (plan.finish == Finish::Root) value = std::pow(value, 1 / plan.param);
    }
    *reinterpret_cast<To*>(out) = static_cast<To>(value);
  }
}

template <typename From>
void store_from(char* out, DType dtype, std::int64_t stride, const void* from, std::int64_t n,
                const Plan& plan) {
  visit(dtype, [&]<typename To>() { store_as<To, From>(out, stride, from, n, plan); });
}

template <typename T, typename To, typename Function>
void load_with(const char* base, const Region& region, std::int64_t begin, std::int64_t n, To* to,
               Function function) {
  const std::int64_t stride = region.inner_stride();
  while (n > 0) {
    std::int64_t row;
    const char* p = base + region.offset(begin, &row);
    row = std::min(row, n);
    if (stride == static_cast<std::int64_t>(sizeof(T))) {
      const T* q = reinterpret_cast<const T*>(p);
      for (std::int64_t i = 0; i < row; ++i) to[i] = static_cast<To>(function(q[i]));
    } else {
      for (std::int64_t i = 0; i < row; ++i, p += stride) {
        to[i] = static_cast<To>(function(*reinterpret_cast<const T*>(p)));
      }
    }
    to += row;
    begin += row;
    n -= row;
  }
}

Plan new_plan(Reduce op, DType in, double param) {
  switch (op) {
    case Reduce::Sum:
      return make_plan(RowOp::Sum, in);
    case Reduce::Prod:
      return make_plan(RowOp::Prod, in);
    case Reduce::Max:
      return make_plan(RowOp::Max, in);
    case Reduce::Min:
      return make_plan(RowOp::Min, in);
    case Reduce::SumSq:
      return make_plan(RowOp::SumSq, in);
    case Reduce::All:
    case Reduce::Any: {
      Plan plan = make_plan(op == Reduce::All ? RowOp::Min : RowOp::Max, DType::UInt8);
      if (item_size(in) != 1) plan.load = Load::NonZero;
      return plan;
    }
    case Reduce::NormP:
      break;
  }
  Plan plan;
  if (param == 2) {
    plan = make_plan(RowOp::SumSq, in);
    plan.finish = Finish::Sqrt;
  } else if (std::isinf(param)) {
    plan = make_plan(param > 0 ? RowOp::Max : RowOp::Min, in);
    plan.load = Load::Abs;
  } else if (param == 1) {
    plan = make_plan(RowOp::Sum, in);
    plan.load = Load::Abs;
  } else if (param == 0) {
    plan = make_plan(RowOp::Sum, DType::UInt8);
    plan.load = Load::NonZero;
  } else {
    plan = make_plan(RowOp::Sum, DType::Float64);
    plan.load = Load::Power;
    plan.finish = Finish::Root;
  }
  plan.param = param;
  return plan;
}

}  // namespace

Plan make_plan(RowOp op, DType loaded) {
  Plan plan;
  plan.kernel = find_kernel(op, loaded);
  plan.loaded = loaded;
  plan.accumulator = loaded;
  if (op == RowOp::Sum || op == RowOp::SumSq) {
    plan.adds = is_floating(loaded);
    plan.accumulator = plan.adds ? DType::Float64 : DType::Int64;
  } else if (op == RowOp::Prod && !is_floating(loaded)) {
    plan.accumulator = DType::Int64;
  } else if (loaded == DType::Bool) {
    plan.accumulator = DType::UInt8;
  }
  plan.merge = find_kernel(op == RowOp::SumSq ? RowOp::Sum : op, plan.accumulator).columns;
  return plan;
}

// Plans of the common reductions are made once.
Plan make_plan(Reduce op, DType in, double param) {
  constexpr int count = static_cast<int>(Reduce::SumSq) + 1;
  struct Table {
    Plan plans[count][kNumDTypes];
  };
  static const Table table = [] {
    Table t;
    for (int o = 0; o < count; ++o) {
      for (int d = 0; d < kNumDTypes; ++d) {
        t.plans[o][d] = new_plan(static_cast<Reduce>(o), static_cast<DType>(d), 2);
      }
    }
    return t;
  }();
  if (op == Reduce::NormP && param != 2) return new_plan(op, in, param);
  return table.plans[static_cast<int>(op)][static_cast<int>(in)];
}

void store(char* out, DType dtype, std::int64_t stride, const void* accumulators, std::int64_t n,
           const Plan& plan) {
  switch (plan.accumulator) {
    case DType::Float64:
      return store_from<double>(out, dtype, stride, accumulators, n, plan);
    case DType::Float32:
      return store_as<float, float>(out, stride, accumulators, n, plan);
    case DType::Int64:
      return store_from<std::int64_t>(out, dtype, stride, accumulators, n, plan);
    case DType::Int32:
      return store_as<std::int32_t, std::int32_t>(out, stride, accumulators, n, plan);
    case DType::Bool:
    case DType::UInt8:
      if (dtype != DType::Bool) {
        return store_as<std::uint8_t, std::uint8_t>(out, stride, accumulators, n, plan);
      }
      return store_as<bool, std::uint8_t>(out, stride, accumulators, n, plan);
    case DType::Int8:
    case DType::Int16:
    case DType::Float16:
    case DType::BFloat16:
    case DType::Complex64:
    case DType::Complex128:
      break;
  }
  report_no_kernel(plan.accumulator);
}

void load(const Plan& plan, DType in, const char* base, const Region& region, std::int64_t begin,
          std::int64_t n, void* buffer) {
  switch (plan.load) {
    case Load::Plain:
      visit_size(in, [&]<typename T>() {
        load_with<T>(base, region, begin, n, static_cast<T*>(buffer), [](T x) { return x; });
      });
      return;
    case Load::NonZero:
      visit_or_complex(in, [&]<typename T>() {
        load_with<T>(base, region, begin, n, static_cast<std::uint8_t*>(buffer),
                     [](T x) { return x != T(0); });
      });
      return;
    case Load::Abs:
      visit_floating(in, "norm", [&]<typename T>() {
        load_with<T>(base, region, begin, n, static_cast<T*>(buffer),
                     [](T x) { return std::abs(x); });
      });
      return;
    case Load::Power:
      visit_floating(in, "norm", [&]<typename T>() {
        load_with<T>(base, region, begin, n, static_cast<double*>(buffer), [p = plan.param](T x) {
          return std::pow(std::abs(static_cast<double>(x)), p);
        });
      });
      return;
    case Load::Deviation:
      visit_floating(in, "var", [&]<typename T>() {
        load_with<T>(base, region, begin, n, static_cast<double*>(buffer),
                     [mean = plan.param](T x) {
                       const double d = static_cast<double>(x) - mean;
                       return d * d;
                     });
      });
      return;
  }
}

}  // namespace pullback::kernels
