"""The histograms of changes count each weight once, on its side of zero."""

from __future__ import annotations

import pytest
import torch

from dacl_edu.errors import UserError
from dacl_edu.plots import change_animation, change_histograms


def test_each_weight_is_counted_once_on_its_side() -> None:
    torch.manual_seed(0)
    changes = {"free": -torch.rand(20, 5), "network": torch.cat([torch.full((30,), 9.0), -torch.rand(70)])}
    figure = change_histograms(changes)
    assert [trace.name for trace in figure.data] == ["falls", "rises"] * 2
    assert [round(sum(trace.y), 6) for trace in figure.data] == [100, 0, 70, 30]
    assert all(x < 0 for trace in figure.data[::2] for x in trace.x)
    assert all(x > 0 for trace in figure.data[1::2] for x in trace.x)
    assert "free: 0 % rise; network: 30 % rise" in figure.layout.meta["alt"]


@pytest.mark.parametrize("changes", [{}, {"still": torch.zeros(3)}, {"broken": torch.tensor([float("nan")])}])
def test_nothing_to_draw_is_said(changes: dict[str, torch.Tensor]) -> None:
    with pytest.raises(UserError):
        change_histograms(changes)


def test_the_animation_ends_with_the_histograms_and_says_the_share_at_each_step() -> None:
    path = [torch.tensor([-1.0, -1.0, 1.0, -1.0]), torch.tensor([-2.0, 1.0, 2.0, -2.0])]
    figure = change_animation({"net": path}, [1, 8], unit="epoch")
    assert [frame.name for frame in figure.frames] == ["1", "8"]
    assert [frame.layout.annotations[0].text for frame in figure.frames] == ["net: 75 % fall", "net: 50 % fall"]
    assert [sum(trace.y) for trace in figure.frames[0].data] == [75, 25]
    assert [list(trace.y) for trace in figure.frames[1].data] == [list(trace.y) for trace in figure.data]
    assert figure.layout.annotations[0].text == "net: 50 % fall"
    assert max(max(trace.y) for trace in figure.data) <= figure.layout.yaxis.range[1]


def test_an_animation_of_another_length_is_said() -> None:
    with pytest.raises(UserError, match="number of steps"):
        change_animation({"net": [torch.ones(2)]}, [1, 2])
