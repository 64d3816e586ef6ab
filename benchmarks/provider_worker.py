"""One process that holds one model on one provider; `providers.py` starts it, in whatever Python
has that provider: it needs numpy and onnxruntime or openvino, and nothing of neuralc.

    python provider_worker.py PROVIDER MODEL INPUT.npy ANSWER.npy THREADS CLOCK

In: a file and its only input; PROVIDER is cpu, openvino or native (a file of OpenVINO in OpenVINO
itself). Out: the answer, and for each request the milliseconds of so many runs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from turns import serve


def on_onnxruntime(provider: str, model: str, array: Any, threads: int) -> Callable[[], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    chosen: Any = "CPUExecutionProvider"
    if provider == "openvino":
        # As neuralc's runtime/providers.py has it; what OpenVINO does not take is an error here.
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        settings = {"device_type": "CPU", "precision": "FP32", "num_of_threads": str(threads)}
        chosen = ("OpenVINOExecutionProvider", settings)
    session = onnxruntime.InferenceSession(model, options, [chosen])
    (entry,) = session.get_inputs()
    return lambda: session.run(None, {entry.name: array})[0]


def on_openvino(model: str, array: Any, threads: int) -> Callable[[], Any]:
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()

    def run() -> Any:
        request.infer([array], share_inputs=True)
        return request.get_output_tensor(0).data

    return run


def main() -> None:
    provider, model, given, wanted, threads, clock = sys.argv[1:]
    array = np.load(given)
    if provider == "native":
        run = on_openvino(model, array, int(threads))
    else:
        run = on_onnxruntime(provider, model, array, int(threads))
    np.save(wanted, run())
    now = time.process_time if clock == "cpu" else time.perf_counter

    def measure(request: dict[str, Any]) -> list[float]:
        times = []
        for _ in range(request["runs"]):
            start = now()
            run()
            times.append((now() - start) * 1e3)
        return times

    serve(measure)


if __name__ == "__main__":
    main()
