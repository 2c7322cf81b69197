from collections import Counter

import pytest
import torch

from lungscope.audit.attributions import compute_attribution, has_attributions, spread
from lungscope.data.split import SplitEntry
from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.models import Shape, build_network
from lungscope.models.checkpoint import Checkpoint


def entries(groups):
    """Images of each class in groups of these sizes."""
    return [
        SplitEntry(f"{label}-{group}-{k}.png", label, f"{label}-{group}-{k}", f"g{group}", "test")
        for label, sizes in enumerate(groups)
        for group, size in enumerate(sizes)
        for k in range(size)
    ]


def test_classes_are_drawn_as_evenly_as_they_can_be():
    found = spread(entries([[1] * 30, [1] * 30, [1] * 4]), 20)
    assert Counter(entry.label for entry in found) == {0: 8, 1: 8, 2: 4}
    for end in (3, 6, 9, 12):
        assert set(Counter(entry.label for entry in found[:end]).values()) == {end // 3}


def test_a_group_gives_a_second_image_only_when_all_of_its_class_gave_one():
    found = spread(entries([[9, 1, 1, 5], [2, 2]]), 12)
    given = Counter(entry.group for entry in found if entry.label == 0)
    assert set(given) == {"g0", "g1", "g2", "g3"}
    assert spread(entries([[9, 1, 1, 5]]), 4)[3].group not in {
        entry.group for entry in spread(entries([[9, 1, 1, 5]]), 3)
    }


def test_the_draw_depends_on_the_seed_alone_and_takes_all_where_there_are_few():
    there = entries([[3] * 10, [3] * 10])
    assert spread(there, 10) == spread(there, 10) != spread(there, 10, seed=1)
    assert set(spread(there, 100)) == set(there)
    assert len(spread(there)) == 60


@pytest.mark.parametrize(
    ("name", "size", "has"),
    [("vgg11", 64, False), ("squeezenet1_1", 32, False), ("squeezenet1_1", 64, True)],
)
def test_a_heatmap_takes_an_activation_map_of_nine_cells(name, size, has):
    with torch.device("meta"):  # shapes alone, for VGG's weights take seconds
        network = build_network(name, Shape(3))
    description = Description(name, 16, ("a", "b", "c"), Preprocessing(size, 0.5, 0.25), "")
    assert has_attributions(Checkpoint(network, description)) is has


def test_attribution_is_the_contribution_of_each_cell_to_the_score_of_the_class_asked_for():
    torch.manual_seed(0)
    network = build_network("resnet18", Shape(3)).eval()
    with torch.inference_mode():
        maps = network.features(torch.randn(2, 3, 96, 96))
        found = compute_attribution(network, maps, torch.tensor([2, 0]))
        logits = network.classifier(network.pool(maps)) - network.classifier.bias
    torch.testing.assert_close(found.sum(dim=(1, 2)), logits[[0, 1], [2, 0]])
