import io
import re

from rich.console import Console

from lungscope.training.execution import Execution
from lungscope.training.fitting import FitCallbacks, fit
from lungscope.training.progress_bar import EpochBar
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder


def test_the_bar_shows_epoch_images_speed_loss_and_accuracy(
    tmp_path, phantoms, phantom_split, cache_folder
):
    recipe = Recipe(model="mobilenet-v2", weights="none", size=32, epochs=2, batch_size=8)
    run = RunFolder.create(tmp_path / "run", recipe, phantom_split, phantoms, force=False)
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=120)
    callbacks = FitCallbacks(callbacks=[EpochBar(console)])
    fit(run, phantoms, Execution(device="cpu"), cache_folder, callbacks)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.getvalue())
    images = len(phantom_split.subset("train"))
    for epoch in (1, 2):
        done = rf"epoch +{epoch} .* {images}/{images} images \d+/s  loss \d\.\d{{4}}  accuracy \d\."
        assert re.search(done, plain)
