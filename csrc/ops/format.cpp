// See format.h.
#include "ops/format.h"

#include <algorithm>
#include <array>
#include <span>

#include "core/error.h"
#include "ops/basic.h"

namespace pullback {
namespace {

constexpr std::array<int, 4> kOf4 = {1, 3, 2, 0};  // the dimensions, innermost first
constexpr std::array<int, 5> kOf5 = {1, 4, 3, 2, 0};

std::span<const int> order_of(MemoryFormat format) {
  if (format == MemoryFormat::ChannelsLast) return kOf4;
  return kOf5;
}

bool is_of_images(MemoryFormat format) {
  return format == MemoryFormat::ChannelsLast || format == MemoryFormat::ChannelsLast3d;
}

// Strides that do not fall from the innermost dimension outwards, and that could not be row-major
// as well: of one channel, and of one element in each plane, they are.
bool looks_like(MemoryFormat format, const Tensor& t) {
  if (t.stride(1) == 0) return false;
  std::int64_t least = 0;
  for (const int d : order_of(format)) {
    if (t.size(d) == 0 || t.stride(d) < least) return false;
    if (d == 0 && least == t.stride(1)) return false;
    least = t.stride(d) * std::max<std::int64_t>(t.size(d), 1);
  }
  return true;
}

}  // namespace

Dims strides_in(MemoryFormat format, Sizes sizes) {
  if (!is_of_images(format)) return contiguous_strides(sizes);
  const auto order = order_of(format);
  check(sizes.size() == order.size(), "required rank ", order.size(), " tensor to use ",
        format == MemoryFormat::ChannelsLast ? "channels_last" : "channels_last_3d",
        " format: got ", sizes.size(), " dimensions.");
  Dims strides(static_cast<int>(sizes.size()));
  std::int64_t next = 1;
  for (const int d : order) {
    strides[d] = next;
    next *= sizes[static_cast<std::size_t>(d)];
  }
  return strides;
}

Tensor empty_in(MemoryFormat format, Sizes sizes, DType dtype) {
  const Tensor made = Tensor::empty(sizes, dtype);
  return is_of_images(format) ? made.alias(sizes, strides_in(format, sizes)) : made;
}

bool is_in(MemoryFormat format, const Tensor& t) {
  if (!is_of_images(format)) return t.is_contiguous();
  const auto order = order_of(format);
  if (t.ndim() != static_cast<int>(order.size())) return false;
  std::int64_t next = 1;
  for (const int d : order) {
    if (t.size(d) != 1 && t.stride(d) != next) return false;
    next *= t.size(d);
  }
  return true;
}

void check_outside_of_batch(MemoryFormat format) {
  check(ErrorKind::NotImplemented, !is_of_images(format),
        "vmap: got a memory format of images, expected contiguous_format or preserve_format. Lay "
        "the batch out before vmap.");
}

MemoryFormat format_of(const Tensor& t) {
  if (t.ndim() == 4 && looks_like(MemoryFormat::ChannelsLast, t)) return MemoryFormat::ChannelsLast;
  if (t.ndim() == 5 && looks_like(MemoryFormat::ChannelsLast3d, t))
    return MemoryFormat::ChannelsLast3d;
  return MemoryFormat::Contiguous;
}

MemoryFormat format_of(const Tensor& image, const Tensor& weight) {
  const MemoryFormat format = format_of(image);
  return is_of_images(format) ? format : format_of(weight);
}

Tensor laid_out(const Tensor& result, MemoryFormat format) {
  if (!is_of_images(format) || result.has(kBatched) || is_in(format, result)) return result;
  return clone(result, format);
}

void Laid::finish() const {
  if (dense_.defined()) copy_values(out_, dense_);
}

}  // namespace pullback
