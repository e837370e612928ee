"""What every test shares."""

from __future__ import annotations

import os

import pytest
import torch
from photographs import photographs_file


def pytest_configure() -> None:
    # Two test processes of two threads each on two cores wait for one another: one thread each is many times faster.
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    if item.get_closest_marker("real") and photographs_file() is None:
        pytest.skip("no photographs: set DACL_EDU_PHOTOGRAPHS")


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(20210105)
