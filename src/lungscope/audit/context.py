"""What every check of an audit is given: the model, its data, and its predictions."""

from collections.abc import Callable
from dataclasses import dataclass, field

from lungscope.audit.performance import Performance
from lungscope.data.cache import Cache
from lungscope.data.index import Index
from lungscope.data.split import Split, SplitEntry, Subset
from lungscope.data.survey import Survey
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.subset_predictions import predict_subset
from lungscope.models import get_architecture
from lungscope.models.checkpoint import Checkpoint
from lungscope.progress import OnProgress, ignore
from lungscope.text import format_count

AUDITED: Subset = "test"
"""The subset of the split that is audited."""


@dataclass(frozen=True, eq=False)
class Context:
    """A model and its data, shared by all checks of one audit.

    Attributes:
        checkpoint: the model.
        split: the split that it was trained on.
        cache: the split's images, decoded at the model's input size.
        index: the data as it is now.
        survey: what `survey_images` found about the data.
        performance: the model's predictions for the test images, and their accuracy.
        resampling: draws of the test images' groups; every interval is over these.
        device: "cpu" or "cuda".
        progress: takes the name of a step and returns the function that its progress is
            reported to.
    """

    checkpoint: Checkpoint
    split: Split
    cache: Cache
    index: Index
    survey: Survey
    performance: Performance
    resampling: Resampling
    device: str = "cpu"
    progress: Callable[[str], OnProgress] = field(default=lambda _: ignore)

    @classmethod
    def create(
        cls,
        checkpoint: Checkpoint,
        split: Split,
        cache: Cache,
        index: Index,
        survey: Survey,
        device: str = "cpu",
        progress: Callable[[str], OnProgress] = lambda _: ignore,
    ) -> "Context":
        """Predicts the test images and draws the bootstrap samples; see the class for the rest.

        Raises:
            LungscopeError: the network's scores are not finite.
        """
        predictions = predict_subset(checkpoint, cache, split.subset(AUDITED), device)
        resampling = Resampling.over(predictions.groups)
        performance = Performance.compute(predictions, split, resampling)
        return cls(
            checkpoint, split, cache, index, survey, performance, resampling, device, progress
        )

    @property
    def entries(self) -> tuple[SplitEntry, ...]:
        """The test images, in the order of the predictions."""
        return tuple(self.split.subset(AUDITED))

    @property
    def predictions(self) -> Predictions:
        """The model's predictions for the test images as they are."""
        return self.performance.predictions

    @property
    def model_title(self) -> str:
        """Name of the architecture, for figures."""
        return get_architecture(self.checkpoint.description.architecture).title

    def title(self, images: int | None = None) -> str:
        """Returns the heading of a figure: the model's name and the set of images.

        Args:
            images: how many test images are shown; all of them by default.
        """
        shown = self.performance.images if images is None else images
        return f"{self.model_title}, {format_count(shown)} test images"
