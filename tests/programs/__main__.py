"""`python tests/programs NUMBER...` runs programs with both libraries, explains what differs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

import pullback as pb
from programs import explain

for number in sys.argv[1:]:
    print(explain(int(number), torch, pb))
