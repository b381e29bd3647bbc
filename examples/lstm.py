"""An LSTM on a task of memory: the sum of two marked numbers of a long sequence.

Each step of a sequence has a number and a mark; two of the marks are set, one in each half, and the
answer is the sum of their numbers (Hochreiter and Schmidhuber, 1997). Guessing 1 has the squared
error 1/6; the network must carry the first number over many steps. Draws the error and answers of
the test into lstm.png.

    pip install ".[examples]" && python examples/lstm.py
"""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from tqdm import tqdm

import pullback as pb
from pullback import nn

STEPS = 1500
BATCH = 64
LENGTH = 40
WIDTH = 64
TESTED = 512
PICTURE = "lstm.png"


def sequences(count: int) -> tuple[pb.Tensor, pb.Tensor]:
    """Numbers in 0..1 and marks, [count, LENGTH, 2], and the sums of the marked ones."""
    numbers = pb.rand(count, LENGTH)
    half = LENGTH // 2
    places = pb.stack([pb.randint(half, (count,)), half + pb.randint(LENGTH - half, (count,))], 1)
    marks = pb.zeros(count, LENGTH).scatter(1, places, 1.0)
    return pb.stack([numbers, marks], -1), (numbers * marks).sum(1)


class Adder(nn.Module):
    """An LSTM and a layer that reads its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2, WIDTH, batch_first=True)
        self.head = nn.Linear(WIDTH, 1)
        with pb.no_grad():  # a gate that forgets nothing at first
            self.lstm.bias_ih_l0[WIDTH : 2 * WIDTH] = 1.0

    def forward(self, x: pb.Tensor) -> pb.Tensor:
        """[batch, LENGTH, 2] to [batch]."""
        _, (last, _) = self.lstm(x)
        return self.head(last[-1]).squeeze(1)


def train(model: Adder) -> list[float]:
    """Trains in place and returns the squared error of every step."""
    optimizer = pb.optim.Adam(model.parameters(), lr=1e-2)
    schedule = pb.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    losses = []
    with tqdm(range(STEPS), desc="training", unit="step") as bar:
        for _ in bar:
            x, y = sequences(BATCH)
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            bar.set_postfix(error=f"{losses[-1]:.5f}")
    return losses


def draw(losses: list[float], sums: pb.Tensor, answers: pb.Tensor) -> None:
    """Writes the error, and the answers beside the sums, into PICTURE."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    left.semilogy(range(1, len(losses) + 1), losses)
    left.axhline(1 / 6, color="gray", linestyle="--", label="guessing 1")
    left.set(xlabel="step", ylabel="squared error", title=f"Sequences of {LENGTH} steps")
    left.legend()
    left.grid(visible=True, alpha=0.3)
    right.plot((0, 2), (0, 2), color="gray")
    right.scatter(sums.numpy(), answers.numpy(), s=6)
    right.set(xlabel="sum", ylabel="answer", title="Sequences it has never seen")
    right.grid(visible=True, alpha=0.3)
    figure.savefig(PICTURE, dpi=110)


def main() -> None:
    """Trains, tests, draws."""
    pb.manual_seed(0)
    model = Adder()
    losses = train(model)
    x, y = sequences(TESTED)
    with pb.no_grad():
        answers = model(x)
    error = nn.functional.mse_loss(answers, y).item()
    draw(losses, y, answers)
    print(f"squared error on {TESTED} new sequences: {error:.5f}; picture in {PICTURE}")


if __name__ == "__main__":
    main()
