"""A recipe and a split become a trained model in a run folder, under Lightning."""

import logging
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import lightning as L
from lightning.pytorch.callbacks import (
    Callback,
    EMAWeightAveraging,
)

from lungscope.data.cache import Cache, compute_pixel_statistics, open_cache
from lungscope.data.split import Split
from lungscope.images import Preprocessing
from lungscope.models import Shape, build_network, get_architecture
from lungscope.models.checkpoint import Checkpoint
from lungscope.models.weights import IMAGENET, NONE, hash_imagenet_file
from lungscope.progress import OnProgress, ignore
from lungscope.training.best_checkpoint import save_best_checkpoint
from lungscope.training.callbacks import (
    AtomicCheckpointIO,
    EpochCheckpoint,
    HistoryWriter,
    OnEpoch,
    PatientStopping,
    StopAfterEpoch,
)
from lungscope.training.cells import number_cells, sampling_weights
from lungscope.training.distillation import Teaching
from lungscope.training.execution import Execution, Precision
from lungscope.training.frozen import FrozenBackbone, features_where_they_fit
from lungscope.training.history import Epoch, best_epoch
from lungscope.training.loading import (
    CachedImages,
    SubsetImages,
    training_batches,
    validation_batches,
)
from lungscope.training.module import LungTraining
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder
from lungscope.training.surroundings import find_lung_masks
from lungscope.training.teachers import load_teachers
from lungscope.training.within_sources import WithinSources

MONITOR = "validation_score"
_PRECISIONS: dict[Precision, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "32": "32-true",
    "bf16": "bf16-mixed",
    "16": "16-mixed",
}


@dataclass(frozen=True)
class FitCallbacks:
    """Functions that are called while a training runs; none do anything by default.

    Attributes:
        caching: called with (done, total) for each image that is decoded.
        epoch: called after each epoch.
        interrupt: called when Ctrl-C was pressed and the epoch is being finished.
        callbacks: Lightning callbacks that change nothing, e.g. a progress bar.
        features: called with (done, total) for each view of an image whose features a frozen
            backbone has computed.
        lungs: called with (done, total) for each training image whose lungs were looked for.
    """

    caching: OnProgress = ignore
    epoch: OnEpoch = lambda _: None
    interrupt: Callable[[], None] = lambda: None
    callbacks: Sequence[Callback] = ()
    features: OnProgress = ignore
    lungs: OnProgress = ignore


@dataclass(frozen=True)
class FitResult:
    """The result of a training.

    Attributes:
        history: all epochs, those before a resumption included.
        best: the epoch whose weights are in `checkpoint/`.
        finished: False if it was interrupted and can be resumed.
    """

    history: tuple[Epoch, ...]
    best: Epoch
    finished: bool


def check_initial_weights(recipe: Recipe) -> None:
    """Loads a recipe's initial weights, downloading them if need be, and lets them go again.

    To be called before a run is created, or replaced: a training that cannot start is refused then.

    Raises:
        NotFound: no such file.
        WeightsUnavailable: ImageNet weights are neither cached nor downloadable.
        InvalidSetting: a bundled model's weights are not of the recipe's model.
        InvalidData: the weights do not fit the model.
    """
    if recipe.weights != NONE:
        build_network(recipe.model, Shape(2, recipe.se_reduction), recipe.weights)


def fit(
    run: RunFolder,
    data: Path,
    execution: Execution,
    cache_folder: Path | None = None,
    callbacks: FitCallbacks = FitCallbacks(),
) -> FitResult:
    """Trains the run's recipe, from the start or from where `last.ckpt` stands.

    Stops after `patience` epochs without a better validation score, and keeps the weights of
    the best epoch (paper, section III-B). Call it again on a run that was interrupted or killed
    and it continues; on the same CPU the weights are bit for bit those of one go. The features of
    a frozen backbone are computed before the first epoch where it can be held
    (`lungscope.training.frozen`); the epochs' seconds leave it out.

    Args:
        run: a folder made by `RunFolder.create`.
        data: the folder that the split's files are relative to.
        execution: where and in which precision.
        cache_folder: where decoded images are kept; the user's cache folder by default.
        callbacks: functions to call on progress.

    Raises:
        InvalidSetting: the run is finished or being trained by another process, the device cannot
            be used, or the loss became infinite or not a number.
        InvalidData: the data is not the split's.
        WeightsUnavailable: the initial weights are neither cached nor downloadable.
        ModelDamaged: a teacher is damaged or another.
        KeyboardInterrupt: Ctrl-C was pressed twice, or before the first epoch began.
    """
    with run.alone():
        return _fit(run, data, execution, cache_folder, callbacks)


def _fit(
    run: RunFolder,
    data: Path,
    execution: Execution,
    cache_folder: Path | None,
    callbacks: FitCallbacks,
) -> FitResult:
    run.refuse_finished()
    recipe, split = run.recipe, run.split
    teachers = load_teachers(run)
    split.verify(data)  # before hours of training on images that are not the split's
    execution.prepare()
    run.note(precision=execution.precision)
    if recipe.weights == IMAGENET and not run.last.exists():
        run.note(imagenet_sha256=hash_imagenet_file(get_architecture(recipe.model)))
    cache = open_cache(
        data, split.entries, recipe.size, cache_folder, on_progress=callbacks.caching
    )
    preprocessing = _preprocessing(cache, split, recipe)

    history = HistoryWriter(run, get_architecture(recipe.model).title, callbacks.epoch)
    stop = StopAfterEpoch(callbacks.interrupt)
    early = PatientStopping(MONITOR, mode="max", patience=recipe.patience)
    with _quiet():
        L.seed_everything(recipe.seed, verbose=False)
        training = _training(recipe, split, preprocessing, teachers, run.last)
        trainer = L.Trainer(
            accelerator=execution.accelerator,
            devices=1,
            precision=_PRECISIONS[execution.precision],
            max_epochs=recipe.epochs,
            num_sanity_val_steps=0,  # the first epoch ends in a validation anyway
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            # some CUDA kernels (of adaptive pooling) have no deterministic form
            deterministic="warn",
            default_root_dir=run.folder,
            plugins=[AtomicCheckpointIO()],
            # in this order: the history is complete before a checkpoint stores it
            callbacks=[
                *callbacks.callbacks,
                *_averaging(recipe),
                early,
                history,
                stop,
                *_checkpoints(run),
            ],
        )
        train, validation = _subsets(training, cache, split, trainer, callbacks)
        with _as_interrupt(stop):
            trainer.fit(
                training,
                training_batches(
                    train,
                    recipe.batch_size,
                    recipe.seed,
                    sampling_weights(split.subset("train"), recipe),
                ),
                # without gradients, twice the images take about the same memory
                validation_batches(validation, 2 * recipe.batch_size),
                ckpt_path=run.last if run.last.exists() else None,
                weights_only=True,  # a checkpoint is data: nothing in it is executed
            )
    # Ctrl-C in the very epoch that exhausted the patience interrupted nothing
    finished = not stop.interrupted or early.stopped_epoch > 0
    run.remove_replaced()
    best = best_epoch(history.epochs)
    save_best_checkpoint(run, cache, preprocessing, best, execution.accelerator)
    if finished:
        run.note(finished=True)  # first: a kill in between leaves a file too many, not a lost run
        run.best.unlink()
        shutil.rmtree(run.teachers, ignore_errors=True)
    return FitResult(history.epochs, best, finished)


def _training(
    recipe: Recipe,
    split: Split,
    preprocessing: Preprocessing,
    teachers: Sequence[Checkpoint],
    last: Path,
) -> LungTraining:
    # a resumed run has its weights in last.ckpt: the pre-trained ones may be out of reach by now
    resumed = last.exists()
    weights = NONE if resumed else recipe.weights
    classes = len(split.classes)
    network = build_network(recipe.model, Shape(classes, recipe.se_reduction), weights)
    entries = split.subset("train")
    cells = len(set(number_cells(entries).tolist()))
    within = None
    if recipe.within_sources:
        within = WithinSources.of(entries, split.classes, recipe.within_sources)
    teaching = (
        Teaching(teachers, split.classes, recipe.distillation_temperature) if teachers else None
    )
    training = LungTraining(network, classes, recipe, preprocessing, cells, teaching, within)
    if resumed:  # Lightning does this too, but after a frozen backbone is needed
        saved = AtomicCheckpointIO().load_checkpoint(last, weights_only=True)
        training.load_state_dict(saved["state_dict"])
    return training


def _subsets(
    training: LungTraining, cache: Cache, split: Split, trainer: L.Trainer, callbacks: FitCallbacks
) -> tuple[SubsetImages, SubsetImages]:
    entries = split.subset("train")
    lungs = None
    if training.recipe.swap_surroundings:
        lungs = find_lung_masks(cache.pixels[cache.rows(entries)], callbacks.lungs)
    train = CachedImages(cache, entries, lungs)
    validation = CachedImages(cache, split.subset("validation"))
    if not training.network.frozen:
        return train, validation
    network = training.to(trainer.strategy.root_device).network
    backbone = FrozenBackbone(network, training.preprocessing)
    with trainer.precision_plugin.forward_context():  # the arithmetic of the steps
        return features_where_they_fit(
            backbone, train, validation, training.recipe, callbacks.features
        )


def _preprocessing(cache: Cache, split: Split, recipe: Recipe) -> Preprocessing:
    # of training images alone: those of the others would leak into the model
    rows = cache.rows(split.subset("train"))
    statistics = compute_pixel_statistics(cache.pixels[row] for row in rows)
    return Preprocessing(recipe.size, statistics.mean, statistics.std, recipe.normalisation)


def _averaging(recipe: Recipe) -> list[Callback]:
    return [EMAWeightAveraging(decay=recipe.ema)] if recipe.ema else []


def _checkpoints(run: RunFolder) -> list[Callback]:
    """The best epoch, then the last one: `last.ckpt` also knows which was best."""
    return [
        EpochCheckpoint(
            run.folder,
            filename=run.best.stem,
            monitor=MONITOR,
            mode="max",
            # callbacks are not asked for weights alone, and the averaged ones are a callback's
            save_weights_only=not run.recipe.ema,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        ),
        EpochCheckpoint(
            run.folder,
            filename=run.last.stem,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        ),
    ]


@contextmanager
def _as_interrupt(stop: StopAfterEpoch) -> Iterator[None]:
    """Lets a second Ctrl-C be a KeyboardInterrupt, where Lightning leaves the process."""
    try:
        yield
    except SystemExit as leaving:
        raise KeyboardInterrupt from leaving
    finally:
        stop.restore()


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences Lightning's advice on what is intended here."""
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # batches come from memory: workers would only copy them between processes
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            # a frozen backbone stays in evaluation mode
            warnings.filterwarnings("ignore", message="Found .* in eval mode at the start")
            # the run folder holds the recipe and the split before training starts
            warnings.filterwarnings(
                "ignore", message="Checkpoint directory .* exists and is not empty"
            )
            warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
            # Lightning 2.6 on torch 2.15 asks a tree in a way that torch is about to drop
            warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
            yield
    finally:
        logger.setLevel(before)
