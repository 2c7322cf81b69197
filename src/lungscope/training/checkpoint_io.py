"""Lightning's checkpoints, written whole or not at all."""

from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from lungscope.atomic import written
from lungscope.errors import LungscopeError


class AtomicCheckpointIO(TorchCheckpointIO):
    """Saves beside the old checkpoint, syncs, and renames.

    Lightning's own writes to the system's temporary folder and moves the file; where that is
    another disk, a kill in the middle of the move leaves neither the old checkpoint nor the new.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Saves a checkpoint; the one that is there stays until the new one is on disk."""
        content = BytesIO()  # torch.save tells a full disk as a RuntimeError without a reason
        torch.save(checkpoint, content)
        with written(Path(path)) as temporary:
            temporary.write_bytes(content.getbuffer())

    def load_checkpoint(self, path: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Loads a checkpoint.

        Raises:
            LungscopeError: the file is damaged.
        """
        try:
            return super().load_checkpoint(path, *arguments, **options)
        except Exception as error:  # torch.load documents no exceptions; all mean the same here
            raise LungscopeError(
                f"{path}: is damaged ({type(error).__name__}): remove it to start this run anew"
            ) from error
