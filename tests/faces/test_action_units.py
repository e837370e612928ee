"""Action units, prototypes and confusions agree with each other and with FACS."""

import numpy as np
import pytest

from dacl_edu.data.classes import EXPRESSIONS
from dacl_edu_faces.action_units import ACTIONS, CONFUSIONS, PROTOTYPES, facial_actions, sample_action_units
from dacl_edu_faces.factors import FACTOR_TYPES

#: ARKit's fifty-two blend shapes, as anny names them.
SIDED = [
    "browDown", "browOuterUp", "cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp",
    "eyeSquint", "eyeWide", "mouthDimple", "mouthFrown", "mouthLowerDown", "mouthPress", "mouthSmile", "mouthStretch",
    "mouthUpperUp", "noseSneer",
]  # fmt: skip
SINGLE = [
    "browInnerUp", "cheekPuff", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthFunnel",
    "mouthLeft", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthShrugUpper", "tongueOut",
]  # fmt: skip


def test_units_move_only_arkit_actions():
    for actions in ACTIONS.values():
        for action in actions:
            assert action.removesuffix("*") in (SIDED if action.endswith("*") else SINGLE)


def test_each_unit_is_a_factor():
    assert {f"au{unit}" for unit in ACTIONS} == {name for name in FACTOR_TYPES if name.startswith("au")}


def test_prototypes_know_their_units_and_shares():
    assert tuple(PROTOTYPES) == EXPRESSIONS
    for variants in PROTOTYPES.values():
        assert sum(v.share for v in variants) == pytest.approx(1.0)
        for variant in variants:
            assert set(variant.core) | set(variant.often) <= set(ACTIONS)
            assert not set(variant.core) & set(variant.often)
            assert all(0 < s <= 1 for s in variant.core.values())
            assert all(0 < s <= 1 and 0 < often < 1 for s, often in variant.often.values())


@pytest.mark.parametrize(
    ("expression", "units"),
    [("happiness", {12}), ("sadness", {1, 4, 15}), ("surprise", {1, 2, 5}), ("fear", {1, 2, 4, 5, 20}),
     ("anger", {4, 7}), ("disgust", {9})],
)  # fmt: skip
def test_every_variant_keeps_the_emfacs_core(expression, units):
    assert all(units <= set(variant.core) for variant in PROTOTYPES[expression])


def test_the_first_variant_is_the_textbooks():
    assert set(PROTOTYPES["happiness"][0].core) >= {6, 12}
    assert set(PROTOTYPES["surprise"][0].core) >= {1, 2, 5, 26}
    assert set(PROTOTYPES["fear"][0].core) >= {1, 2, 4, 5, 20, 26}
    assert set(PROTOTYPES["anger"][0].core) >= {4, 5, 7, 23}
    assert set(PROTOTYPES["disgust"][0].core) >= {9, 15, 16}


def test_confusions_are_between_different_classes():
    assert tuple(CONFUSIONS) == EXPRESSIONS
    for name, others in CONFUSIONS.items():
        assert name not in others and set(others) <= set(EXPRESSIONS)
        assert sum(others.values()) == pytest.approx(1.0)


def test_asymmetry_spares_one_side():
    actions = facial_actions({12: 0.8, 4: 0.8}, brow_side=-0.5, mouth_side=0.25)
    assert actions["mouthSmileRight"] == pytest.approx(0.75 * actions["mouthSmileLeft"])
    assert actions["browDownLeft"] == pytest.approx(0.5 * actions["browDownRight"])


def test_actions_are_bounded():
    everything = facial_actions(dict.fromkeys(ACTIONS, 1.0))
    assert max(everything.values()) <= 1.6


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_sampled_units_stay_between_0_and_1(expression):
    rng = np.random.default_rng(1)
    for _ in range(50):
        units = sample_action_units(rng, expression, 1.0)
        assert set(units) <= set(ACTIONS) and all(0 <= s <= 1 for s in units.values())


def test_unknown_expression_is_refused():
    with pytest.raises(ValueError, match="unknown expression"):
        sample_action_units(np.random.default_rng(0), "boredom", 1.0)
