"""The figure behind a picture, and where its texts lie."""

import pytest
from matplotlib.figure import Figure

from lungscope.figures import style


@pytest.fixture
def figures(monkeypatch):
    """The figures that were drawn, in their order."""
    drawn = []

    class Kept(Figure):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            drawn.append(self)

    monkeypatch.setattr(style, "Figure", Kept)
    return drawn


@pytest.fixture
def overlaps():
    """A figure's pairs of texts that lie on each other."""

    def overlaps(figure):
        figure.draw_without_rendering()  # saving cropped it, which leaves labels where they are not
        texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
        for axes in figure.axes:
            texts += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
            for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
                texts += [
                    tick.label2 if tick.label2.get_visible() else tick.label1
                    for tick in axis.get_major_ticks()
                    if min(limits) <= tick.get_loc() <= max(limits)
                ]
        boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
        return [
            (name, other_name)
            for number, (name, box) in enumerate(boxes)
            for other_name, other in boxes[number + 1 :]
            if box.overlaps(other)
        ]

    return overlaps
