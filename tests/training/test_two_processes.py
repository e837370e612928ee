"""Two processes, started as torchrun starts them, train what one process trains."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as mp
from training.tiny import StillDACL, tiny_config

from dacl_edu.centers import ClassCenters
from dacl_edu.runs.checkpoint import load_checkpoint
from dacl_edu.training import RunFolder, build, train

# 41 images: batches of 16, 16 and 9, so that the processes' last shares are 5 and 4; each is cut in two. Of 9 images
# and 7 classes some class is on one process only.
CHANGES = {
    "epochs": 2, "lam": 0.3, "lr": 0.02, "schedule": "constant", "limit": 41, "accumulate": 2, "precision": "64-true",
    "augment": "random_crop",
}  # fmt: skip


def _train_watched(faces: Path, out: Path, **changes: Any) -> tuple[dict[str, Any], list[ClassCenters]]:
    """Train with still BatchNorm layers; return the result and the centers that this process ended with."""
    made: list[ClassCenters] = []

    class Watched(ClassCenters):
        def __init__(self, *arguments: Any, **keywords: Any) -> None:
            super().__init__(*arguments, **keywords)
            made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "DACL", StillDACL)
        patch.setattr(build, "ClassCenters", Watched)
        return train(tiny_config(faces, **CHANGES, **changes), out, progress=False), made


def _process(rank: int, port: int, faces: str, out: str) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "test",
    }  # fmt: skip
    result, made = _train_watched(Path(faces), Path(out) / "run", devices=2)
    torch.save(made[0].centers, f"{out}/centers{rank}.pt")
    Path(f"{out}/result{rank}.json").write_text(json.dumps(result))
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_train_what_one_trains(faces: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(_process, (port, str(faces), str(tmp_path)), nprocs=2)
    expected, made = _train_watched(faces, tmp_path / "alone")

    centers = [torch.load(tmp_path / f"centers{rank}.pt") for rank in (0, 1)]
    assert torch.equal(centers[0], centers[1])
    torch.testing.assert_close(centers[0], made[0].centers, rtol=0, atol=1e-6)

    together, alone = (load_checkpoint(RunFolder(tmp_path / name).checkpoint_last) for name in ("run", "alone"))
    assert torch.equal(together["centers"]["centers"], centers[0])
    for name, weight in alone["model"].items():
        torch.testing.assert_close(together["model"][name], weight, rtol=0, atol=1e-6)
    # SGD's momentum is a sum of all gradients so far.
    for ours, theirs in zip(together["optimizer"]["state"].values(), alone["optimizer"]["state"].values(), strict=True):
        torch.testing.assert_close(ours["momentum_buffer"], theirs["momentum_buffer"], rtol=0, atol=1e-6)
    assert together["images"] == alone["images"] == 2 * 41
    for ours, theirs in zip(together["history"], alone["history"], strict=True):
        assert ours["train"] == pytest.approx(theirs["train"], abs=1e-6)
        assert ours["attention"] == pytest.approx(theirs["attention"], abs=1e-6)

    results = [json.loads((tmp_path / f"result{rank}.json").read_text()) for rank in (0, 1)]
    assert results[0]["confusion"] == results[1]["confusion"] == expected["confusion"]
    assert RunFolder(tmp_path / "run").result() == results[0]
