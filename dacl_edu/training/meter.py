"""What is counted during an epoch, and the checks that stop a run whose numbers are no numbers any more."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from dacl_edu.centers import ClassCenters
from dacl_edu.errors import UserError
from dacl_edu.evaluation.metrics import AttentionMeter
from dacl_edu.losses import LossTerms
from dacl_edu.model import DACL
from dacl_edu.runs.folder import RunFolder


class EpochMeter:
    """Sums of an epoch that stay on the device, so that counting does not slow training."""

    def __init__(self, device: torch.device) -> None:
        self.sums = torch.zeros(4, dtype=torch.float32, device=device)  # total, softmax, metric, correct answers
        self.attention = AttentionMeter()
        self.images = 0

    @torch.no_grad()
    def add(self, terms: LossTerms, logits: Tensor, labels: Tensor, attention: Tensor) -> None:
        """Count one micro-batch."""
        correct = (logits.argmax(dim=1) == labels).float().mean()
        self.sums += len(labels) * torch.stack([*(term.detach().float() for term in terms), correct])
        self.attention.add(attention)
        self.images += len(labels)

    def check_finite(self, name: str, step: int, folder: RunFolder) -> float:
        """Return the mean loss so far; stop the run when a term is not a number any more."""
        total, softmax, metric, _ = (self.sums / self.images).tolist()
        if not math.isfinite(total):
            terms = {"softmax loss": softmax, "metric loss": metric, "sum of the losses": total}
            which = [f"the {term} is {value}" for term, value in terms.items() if not math.isfinite(value)]
            # Where both terms went at once, neither can be blamed alone.
            said = " and ".join(which[:-1] or which)
            raise UserError(f"{name}, step {step + 1}: {said}{_kept(folder)}", hint="lower --lr or --lam")
        return total

    def summary(self) -> dict[str, Any]:
        """Return the means of the epoch, over all processes."""
        if dist.is_available() and dist.is_initialized():
            self._join()
        total, softmax, metric, accuracy = (self.sums / self.images).tolist()
        train = {"loss": total, "softmax_loss": softmax, "metric_loss": metric, "accuracy": accuracy}
        return {"train": train, "attention": self.attention.stats()}

    def _join(self) -> None:
        """Add up what each process has seen."""
        counts = torch.tensor([self.images, self.attention.samples], dtype=torch.float64, device=self.sums.device)
        assert self.attention.sums is not None
        joined = torch.cat([self.sums.double(), self.attention.sums.double(), counts])
        dist.all_reduce(joined)
        self.sums, self.attention.sums, counts = joined.split([4, 3, 2])
        self.images, self.attention.samples = (int(count) for count in counts)


def check_weights(network: DACL, centers: ClassCenters, name: str, folder: RunFolder) -> None:
    """Stop before a checkpoint is written: a loss can be finite where its gradient is not."""
    for tensor_name, tensor in [*network.named_parameters(), *centers.named_buffers()]:
        if not tensor.isfinite().all():
            raise UserError(
                f"{name}: the losses are finite, but their gradient made {tensor_name} infinite or nan{_kept(folder)}",
                hint="look for a root or a quotient at zero in your loss, or lower --lr",
            )


def _kept(folder: RunFolder) -> str:
    return f"; the last good epoch is in {folder.checkpoint_last}" if folder.checkpoint_last.exists() else ""
