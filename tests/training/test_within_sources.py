"""The loss in two parts, against torch's cross-entropy and its parts by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from lungscope.data.split import SplitEntry
from lungscope.errors import InvalidSetting
from lungscope.training.within_sources import WithinSources, weigh_cells

NORMAL = 1


def entries(*pairs):
    """Images of labels and sources."""
    return [
        SplitEntry(f"{n}.png", label, f"{n}", f"{n}", "train", source)
        for n, (label, source) in enumerate(pairs)
    ]


@given(seed=st.integers(0, 1000), smoothing=st.sampled_from([0.0, 0.1]), mixed=st.booleans())
def test_where_all_cells_count_the_same_it_is_the_plain_cross_entropy(seed, smoothing, mixed):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn((6, 3), generator=generator, dtype=torch.float64)
    targets = torch.randint(3, (6,), generator=generator)
    if mixed:
        targets = torch.rand((6, 3), generator=generator, dtype=torch.float64).softmax(dim=1)
    cells = torch.randint(2, (6,), generator=generator)
    found = WithinSources(torch.ones(2), NORMAL).losses(logits, targets, cells, smoothing)
    plain = cross_entropy(logits, targets, label_smoothing=smoothing, reduction="none")
    torch.testing.assert_close(found, plain)


def test_a_cell_that_does_not_count_teaches_the_kind_alone():
    logits = torch.randn((2, 3), requires_grad=True)
    loss = WithinSources(torch.tensor([0.0, 1.0]), NORMAL)
    ill, well = loss.losses(logits, torch.tensor([2, NORMAL]), torch.tensor([0, 0]), 0.0)
    kinds = logits[0, [0, 2]]
    torch.testing.assert_close(ill, -torch.log_softmax(kinds, dim=0)[1])
    assert well.item() == 0
    ill.backward()
    assert logits.grad[0, NORMAL].abs() < 1e-6  # moving normal up or down changes nothing
    assert logits.grad[0, 2] < 0


def test_sources_with_only_normal_or_only_abnormal_images_count_less():
    found = weigh_cells(
        entries((0, "both"), (NORMAL, "both"), (2, "ill"), (0, "ill"), (NORMAL, "well")),
        NORMAL,
        reduction=0.75,
    )
    # in the order of class and source: 0 both, 0 ill, 1 both, 1 well, 2 ill
    assert found.tolist() == [1.0, 0.25, 1.0, 0.25, 0.25]


def test_without_a_class_of_normal_images_it_is_refused():
    with pytest.raises(InvalidSetting, match=r"a, b is named Normal; leave it at 0"):
        WithinSources.of(entries((0, "x"), (1, "x")), ("a", "b"), 0.5)
