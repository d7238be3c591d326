"""Tickets whose answers depend on the picture, for tests that must notice a wrong artifact.

Random weights behind random batch norm give nearly the same logit for every picture, and then no comparison
of logits can tell a right artifact from a wrong one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from edgedf.contract import Contract
from edgedf.models import is_state
from edgedf.parity.golden import golden_crop, golden_pictures
from edgedf.ticket import Ticket
from tests.ticket_samples import sample_ticket


@lru_cache(maxsize=8)
def lively_ticket(arch: str = "mesonet", size: int = 64, sparsity: float = 0.5, seed: int = 0) -> Ticket:
    """A sample ticket with batch norm statistics of real activations and logits of about -4..4.

    Made on one thread: the last bits of PyTorch's sums depend on their number, which other tests change.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _lively(arch, size, sparsity, seed)
    finally:
        torch.set_num_threads(before)


def _lively(arch: str, size: int, sparsity: float, seed: int) -> Ticket:
    ticket = sample_ticket(arch, size=size, sparsity=sparsity, seed=seed)
    contract = Contract(size=size)
    crops = np.stack([golden_crop(picture, contract) for picture in golden_pictures(contract, [])])
    x_nchw = torch.from_numpy(crops.transpose(0, 3, 1, 2).astype(np.float32))
    module = ticket.module().train()
    for layer in module.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.momentum = 1.0
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    with torch.no_grad():
        module(x_nchw)
        logits = module.eval()(x_nchw)
        *_, head = (layer for layer in module.modules() if isinstance(layer, torch.nn.Linear))
        gain = 2.0 / float(logits.std())
        head.weight *= gain
        head.bias *= gain
        head.bias -= gain * logits.mean()
    weights = {n: np.array(t.numpy()) for n, t in module.state_dict().items() if is_state(n)}
    return replace(ticket, weights=weights)
