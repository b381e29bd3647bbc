"""Lines that take tensors over a border and back: copies, pickles, NumPy, numbers."""

COPIES = """
{new} = copy.copy({x})
{new} = copy.deepcopy({x})
{new} = copy.deepcopy([{x}, {y}, {x}])[2]
{new} = pickle.loads(pickle.dumps({x}))
{new} = pickle.loads(pickle.dumps(({x}, {y})))[0]
{new} = T.tensor({x}.tolist())
{new} = T.tensor({x})
{new} = {x}.new_tensor({y})
{new} = T.as_tensor({x})
{new} = T.asarray({x})
{new} = T.as_tensor({x}, dtype={dtype})
{new} = T.from_numpy({x}.detach().numpy())
{new} = T.from_numpy({x}.numpy())
{new} = T.as_tensor({x}.detach().numpy())
{new} = T.nn.Parameter({f})
{new} = T.nn.Parameter({f}, requires_grad={bit})
{new} = T.Tensor.clone({x})
{new} = {x} + np.ones(1)[0]
{new} = {f} * np.float64(2)
{new} = {x} + {y}.item()
{new} = T.tensor([{x}.sum().item()], dtype={dtype})
seen = {x}.tolist()
seen = float({x}), bool({x}), int({x})
seen = [each for each in {x}]
seen = len({x}), {x}.shape, {x}.is_contiguous()
seen = repr({x}.detach().double())
seen = bool(({x} == {y}).all()), T.equal({x}, {y})
"""
LINES = {"copies": COPIES}
