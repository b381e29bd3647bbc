"""A character transformer on text that every machine has: sources of Python's standard library.

Two blocks of causal attention learn to predict the next character. A progress bar shows the loss,
the loss on modules it has never seen is printed now and then, and in the end the model writes a few
lines itself. Draws both losses into charlm.png.

    pip install ".[examples]" && python examples/charlm.py
"""

from __future__ import annotations

import sysconfig
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from tqdm import tqdm

import pullback as pb
from pullback import nn

STEPS = 600
EVERY = 50  # steps between looks at the held-out text
BATCH = 16
LENGTH = 64
WIDTH = 96
HEADS = 4
SAMPLE = 300
PICTURE = "charlm.png"
MODULES = (
    *(
        "argparse",
        "ast",
        "calendar",
        "cmd",
        "configparser",
        "contextlib",
        "copy",
        "csv",
        "datetime",
    ),
    *("difflib", "dis", "enum", "fractions", "functools", "gzip", "heapq", "inspect", "logging"),
    *("pathlib", "pickle", "random", "shutil", "statistics", "string", "subprocess", "tarfile"),
    *("textwrap", "threading", "tokenize", "types", "typing", "unittest", "uuid", "zipfile"),
)
HELD_OUT = ("bisect", "colorsys", "fnmatch", "glob", "queue", "sched", "shelve", "timeit")


def read(modules: tuple[str, ...]) -> str:
    """The sources of those modules that are there."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    files = [
        path
        for name in modules
        for path in (folder / f"{name}.py", folder / name / "__init__.py")
        if path.is_file()
    ]
    return "".join(path.read_text(encoding="utf-8") for path in files)


class Block(nn.Module):
    """Attention to what came before, then two layers, each beside the identity."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.all_three = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)
        )

    def forward(self, x: pb.Tensor) -> pb.Tensor:
        """[batch, length, WIDTH] to the same."""
        batch, length, _ = x.shape
        parts = self.all_three(self.norm1(x)).view(batch, length, 3, HEADS, WIDTH // HEADS)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, length, WIDTH))
        return x + self.mlp(self.norm2(x))


class Writer(nn.Module):
    """From the numbers of characters to the logits of each next one."""

    def __init__(self, characters: int, blocks: int = 2) -> None:
        super().__init__()
        self.characters = nn.Embedding(characters, WIDTH)
        self.places = nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(blocks)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, characters)

    def forward(self, text: pb.Tensor) -> pb.Tensor:
        """[batch, length] to [batch, length, characters]."""
        x = self.characters(text) + self.places(pb.arange(text.shape[1]))
        return self.head(self.norm(self.blocks(x)))

    def loss(self, text: pb.Tensor) -> pb.Tensor:
        """The mean of minus the logarithm of what each character was given, in nats."""
        logits = self(text[:, :-1])
        return nn.functional.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())


def draw_batch(text: pb.Tensor) -> pb.Tensor:
    """Windows of one character more than LENGTH, at random places."""
    starts = pb.randint(len(text) - LENGTH - 1, (BATCH, 1))
    return text[starts + pb.arange(LENGTH + 1)]


def look(model: Writer, text: pb.Tensor) -> float:
    """The loss on held-out text, the same windows every time."""
    count = min(BATCH, (len(text) - 1) // LENGTH)
    windows = pb.arange(count).unsqueeze(1) * LENGTH + pb.arange(LENGTH + 1)
    with pb.no_grad():
        return model.loss(text[windows]).item()


def train(
    model: Writer, text: pb.Tensor, held_out: pb.Tensor
) -> tuple[list[float], list[tuple[int, float]]]:
    """Trains in place; the loss of every step, and those on the held-out text with their steps."""
    optimizer = pb.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    schedule = pb.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=STEPS)
    losses, looks = [], [(0, look(model, held_out))]
    with tqdm(range(1, STEPS + 1), desc="training", unit="step") as bar:
        for step in bar:
            optimizer.zero_grad()
            loss = model.loss(draw_batch(text))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            bar.set_postfix(loss=f"{losses[-1]:.3f}")
            if step % EVERY == 0 or step == STEPS:
                looks.append((step, look(model, held_out)))
                tqdm.write(f"step {step:4d}  loss {losses[-1]:.3f}  held out {looks[-1][1]:.3f}")
    return losses, looks


def write(model: Writer, alphabet: str, start: str) -> str:
    """Goes on from ``start``, one drawn character after the other."""
    text = pb.tensor([[alphabet.index(c) for c in start]])
    with pb.no_grad():
        for _ in range(SAMPLE):
            logits = model(text[:, -LENGTH:])[:, -1] / 0.7
            text = pb.cat([text, pb.multinomial(logits.softmax(1), 1)], 1)
    return "".join(alphabet[i] for i in text[0].tolist())


def draw(losses: list[float], looks: list[tuple[int, float]]) -> None:
    """Writes both curves into PICTURE."""
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    axes.plot(range(1, len(losses) + 1), losses, alpha=0.5, label="training")
    axes.plot(*zip(*looks, strict=True), marker=".", label="held out")
    axes.set(xlabel="step", ylabel="loss in nats per character", title="A character transformer")
    axes.legend()
    axes.grid(visible=True, alpha=0.3)
    figure.savefig(PICTURE, dpi=110)


def main() -> None:
    """Reads, trains, writes, draws."""
    pb.manual_seed(0)
    sources, others = read(MODULES), read(HELD_OUT)
    alphabet = "".join(sorted({*sources, *others}))
    numbers = {c: i for i, c in enumerate(alphabet)}
    text, held_out = (pb.tensor([numbers[c] for c in part]) for part in (sources, others))
    model = Writer(len(alphabet))
    count = sum(p.numel() for p in model.parameters())
    print(f"{len(text):,} characters, {len(alphabet)} different ones, {count:,} parameters")
    losses, looks = train(model, text, held_out)
    print(write(model, alphabet, "def "))
    draw(losses, looks)
    print(f"held-out loss: {looks[-1][1]:.3f} nats per character; picture in {PICTURE}")


if __name__ == "__main__":
    main()
