import numpy as np
import torch
from torch.nn.functional import interpolate

from lungscope.audit.deletion import displace, rank_by_attribution


def test_pixels_are_ordered_by_falling_attribution():
    maps = torch.randn(3, 7, 7, generator=torch.Generator().manual_seed(0))
    order = rank_by_attribution(maps, 21)
    assert order.shape == (3, 1, 21, 21)
    large = interpolate(maps[:, None], size=21, mode="bilinear")
    for places, one in zip(order.flatten(1), large.flatten(1), strict=True):
        assert sorted((places * 441).round().tolist()) == list(range(441))
        assert (one[places.argsort()].diff() <= 0).all()


def test_a_map_is_displaced_by_whole_cells_around_the_edge_and_never_by_none():
    maps = torch.arange(12.0).reshape(1, 3, 4).repeat(200, 1, 1)
    moved = displace(maps, np.random.default_rng(0))
    rolled = [maps[0].roll((y, x), (0, 1)) for y in range(3) for x in range(4)]
    times = [sum(bool((each == one).all()) for each in moved) for one in rolled]
    assert times[0] == 0
    assert all(times[1:])
    assert sum(times) == 200
