"""Lines that write into tensors: in place, through indices, `out=`, `.data` and `.grad`."""

IN_PLACE = """
{x}.add_({y})
{x}.mul_({y})
{x}.sub_({y}, alpha=2)
{x}.copy_({y})
{x}.mul_({c})
{x}.add_({c})
{x}.neg_()
{x}.zero_()
{x}.fill_({c})
{x}.fill_({y})
{x}.clamp_(0.5, 1.2)
{f}.sin_()
{q}.mul_(1j)
{q}.add_({y}, alpha=1j)
{f}.exp_()
{f}.sigmoid_()
{f}.square_()
{f}.relu_()
{f}.div_(1 + {g} * {g})
{f}.cumsum_({d})
{f}.lerp_({g}, 0.3)
{f}.addcmul_({g}, {h})
{x}.masked_fill_({y} > 0.6, {c})
{x}.masked_fill_({x} > 0.6, {c})
{x}.index_fill_({d}, T.tensor([0]), {c})
{x}.index_add_({d}, T.tensor([0]), {y})
{x}.index_copy_({d}, T.tensor([0]), {y})
{x}.scatter_({d}, T.zeros_like({x}, dtype=T.int64), {c})
{x}.scatter_add_({d}, T.zeros_like({y}, dtype=T.int64), {y})
{x}.index_put_((T.tensor([0, 0]),), {y}, accumulate={bit})
{x}.put_(T.tensor([0]), {y})
{f}.uniform_(0.4, 1.6)
{f}.bernoulli_(0.5)
{f}.normal_()
{x}.tril_()
{x}.logical_not_()
"""
ITEMS = """
{x}[0] = {y}
{x}[0] = {c}
{x}[...] = {y}
{x}[:] = {y}
{x}[-1:] = {y}
{x}[..., 0] = {y}
{x}[..., 1:] = {y}
{x}[[0, -1]] = {y}
{x}[{y} > 0.6] = {c}
{x}[{x} > 0.6] = {y}
{x}[T.tensor([0])] += {y}
{x}[..., 0] *= {y}
{q}.real[...] = {f}
{q}.imag[...] *= {c}
{x}[0] += {y}
{x}[...] += {c}
"""
SHAPES = """
{x}.t_()
{x}.unsqueeze_({d})
{x}.squeeze_()
{x}.transpose_({d}, {e})
{x}.as_strided_((1,), (1,))
{x}.resize_({shape})
{x}.detach_()
{x}.requires_grad_()
{x}.requires_grad_({bit})
{x}.requires_grad = {bit}
{x}.data = {y}
{x}.data = {y}.clone()
{x}.data.add_({y})
{x}.data[...] = {y}
{x}.data.mul_({c})
{x}.detach().mul_({c})
{x}.set_({y})
T.autograd.graph.increment_version({x})
"""
OUT = """
T.add({x}, {y}, out={z})
T.mul({x}, {y}, out={z})
T.sin({f}, out={g})
T.exp({f}, out={g})
T.sum({x}, {d}, out={y})
T.cumsum({x}, {d}, out={y})
T.cat([{x}, {y}], out={z})
T.stack([{x}, {x}], out={z})
T.mm({f}, {g}, out={h})
T.where({x} > 0.6, {y}, {z}, out={f})
T.clamp({x}, 0.5, 1.2, out={y})
T.index_select({x}, {d}, T.tensor([0]), out={y})
T.arange(3, out={x})
T.arange(2, out={x}[..., 0])
T.full({shape}, {c}, out={x})
T.zeros({shape}, out={x})
T.rand({shape}, out={f})
T.max({x}, {d}, out=({y}, {z}))
T.sort({x}, {d}, out=({y}, {z}))
T.eq({x}, {y}, out={z})
"""
LINES = {"in_place": IN_PLACE, "items": ITEMS, "shapes": SHAPES, "out": OUT}
