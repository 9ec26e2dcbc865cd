"""SASRec with cross-entropy over all items, small enough for two cores: the result of a neural network on this split.

Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018; the loss after Klenitskiy and Vasilev, "Turning
Dross Into Gold Loss", RecSys 2023. Needs torch, which no other module here needs.
"""

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.recommenders.holdout import Holdout

LENGTH, WIDTH, BLOCKS, HEADS, DROPOUT = 100, 64, 2, 1, 0.2
EPOCHS, BATCH, RATE = 20, 32, 1e-3


class SASRec:
    """A trained network; item 0 is padding, and all other items are one higher than elsewhere."""

    def __init__(self, holdout: Holdout, epochs: int = EPOCHS) -> None:
        torch: Any = importlib.import_module("torch")
        torch.manual_seed(0)
        torch.set_num_threads(1)  # with a thread per core, other work on them makes it crawl
        self.torch, nn = torch, torch.nn
        self.item = nn.Embedding(len(holdout.learnt.item_ids) + 1, WIDTH, padding_idx=0)
        self.place = nn.Embedding(LENGTH, WIDTH)
        nn.init.normal_(self.item.weight, std=0.02)
        block = nn.TransformerEncoderLayer(
            WIDTH, HEADS, WIDTH, DROPOUT, activation="gelu", batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(block, BLOCKS, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.whole = nn.ModuleList([self.item, self.place, self.body])
        self.ahead = torch.triu(torch.ones(LENGTH, LENGTH, dtype=torch.bool), 1)
        self._train(_windows(holdout.histories), epochs)
        self.whole.eval()

    def _train(self, windows: NDArray[np.int64], epochs: int) -> None:
        torch, chance = self.torch, np.random.default_rng(0)
        optimiser = torch.optim.Adam(self.whole.parameters(), RATE, betas=(0.9, 0.98))
        for _ in range(epochs):
            for rows in np.array_split(chance.permutation(windows), -(-len(windows) // BATCH)):
                batch = torch.from_numpy(rows)
                known, wanted = batch[:, :-1], batch[:, 1:]
                kept = wanted > 0
                states = self._states(known)[kept]
                loss = torch.nn.functional.cross_entropy(states @ self.item.weight[1:].T, wanted[kept] - 1)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()

    def _states(self, known: Any) -> Any:
        places = self.torch.arange(LENGTH)
        # The padding is at the end, and no state looks ahead: padding has no effect.
        return self.body(self.item(known) * WIDTH**0.5 + self.place(places), mask=self.ahead)

    def score(self, histories: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:
        """The scores of the next item after each history (m, n_items); the same for every empty history."""
        newest = [history[-LENGTH:] + 1 for history in histories]
        rows = np.zeros((len(newest), LENGTH), np.int64)
        for row, items in zip(rows, newest, strict=True):
            row[: len(items)] = items
        last = [max(0, len(items) - 1) for items in newest]
        with self.torch.inference_mode():
            states = self._states(self.torch.from_numpy(rows))[np.arange(len(rows)), last]
            return np.asarray((states @ self.item.weight[1:].T).numpy(), np.float32)


def _windows(histories: Sequence[NDArray[np.int32]]) -> NDArray[np.int64]:
    """Every history in pieces of LENGTH + 1 items (n, LENGTH + 1), the newest piece whole; 0 pads the end."""
    pieces = [
        history[max(0, end - LENGTH - 1) : end] + 1 for history in histories for end in range(len(history), 1, -LENGTH)
    ]
    rows = np.zeros((len(pieces), LENGTH + 1), np.int64)
    for row, items in zip(rows, pieces, strict=True):
        row[: len(items)] = items
    return rows
