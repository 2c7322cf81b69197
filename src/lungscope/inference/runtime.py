"""ONNX Runtime, set up for graphs that threads of ours run."""

import onnxruntime as ort

from lungscope.errors import ModelDamaged
from lungscope.text import describe_fault

_ERRORS_ONLY = 3


def open_graph(graph: bytes, name: str, threads: int = 1) -> ort.InferenceSession:
    """Prepares a graph; several threads may run it at once.

    Args:
        graph: the content of a `.onnx` file.
        name: of that file, for the message.
        threads: that work on one call, >= 1. With 1 the calling thread does it all.

    Raises:
        ModelDamaged: not a graph that can be run.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # A spinning thread takes a processor from its neighbours while it waits.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(graph, options, ["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions have no common class of their own
        raise ModelDamaged(
            f"{name}: not a graph that can be run ({describe_fault(error)})"
        ) from error
