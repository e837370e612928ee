import pytest

from dacl_edu.data import EXPRESSIONS, available_datasets
from dacl_edu.data.published import PUBLISHED, published_for


@pytest.mark.parametrize(
    ("name", "split", "total"),
    [
        ("rafdb", "train", 12271), ("rafdb", "test", 3068), ("affectnet", "train", 283901), ("affectnet", "val", 3500),
        ("fer2013", "train", 28709), ("fer2013", "val", 3589), ("fer2013", "test", 3589), ("ckplus", "all", 981 - 54),
        ("jaffe", "all", 213), ("expw", "all", 91793),
    ],
)  # fmt: skip
def test_counts_add_up_to_the_published_totals(name, split, total):
    assert sum(PUBLISHED[name].splits[split]) == total


def test_counts_are_in_the_canonical_order():
    assert [PUBLISHED["rafdb"].count("train", name) for name in ("happiness", "fear", "neutral")] == [4772, 281, 2524]
    assert all(len(counts) == len(EXPRESSIONS) for entry in PUBLISHED.values() for counts in entry.splits.values())


def test_names_are_those_of_the_readers():
    assert set(PUBLISHED) < set(available_datasets())
    assert published_for("affectnet:whole") is PUBLISHED["affectnet"]
    assert published_for("folder").count("train", "fear") is None
