import pytest

from dacl_edu.data import EXPRESSIONS, canonical_index
from dacl_edu.data.classes import parsed_classes
from dacl_edu.errors import UserError


def test_the_order_is_that_of_rafdb_and_the_paper():
    assert EXPRESSIONS == ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")


@pytest.mark.parametrize(
    ("names", "index"),
    [
        ("surprise Surprised SURPRISE", 0),
        ("fear fearful Afraid", 1),
        ("disgust Disgusted", 2),
        ("happy Happiness", 3),
        ("sad sadness", 4),
        ("angry Anger", 5),
        ("Neutral", 6),
    ],
)
def test_synonyms_in_any_case(names, index):
    assert [canonical_index(name) for name in names.split()] == [index] * len(names.split())


def test_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UserError, match=r"'hapiness'.*did you mean 'happiness'"):
        canonical_index("hapiness")
    with pytest.raises(UserError, match="'contempt'"):
        canonical_index("contempt")


@pytest.mark.parametrize("classes", [",,,", "", " ", [], ()])
def test_classes_that_name_none_are_not_all_classes(classes):
    with pytest.raises(UserError, match="name none"):
        parsed_classes(classes)
