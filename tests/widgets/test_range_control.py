"""The slider's values; that it is one Tab stop with a name is looked at in a browser."""

from __future__ import annotations

from dacl_edu.widgets import layout


def test_values_stay_between_the_ends_and_whole() -> None:
    control = layout.slider("number", 3, 1, 12, 1, "Which of its class.", whole=True)
    control.value = 99.0
    assert control.value == 12 and isinstance(control.value, int)
    control.max = 4
    assert control.value == 4
    control.value = -1
    assert control.value == 1


def test_only_the_named_values_are_sent_as_they_are() -> None:
    control = layout.steps("λ", (0, 0.01, 3), 0.01, "Weight of the metric loss.")
    control.value = 3
    assert control.value == 3 and control.options == [0, 0.01, 3]
