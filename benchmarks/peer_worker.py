"""One process that is one contender; `peers.py` starts it.

    python peer_worker.py prepare CONTENDER MODEL FOLDER
    python peer_worker.py serve CONTENDER MODEL FOLDER THREADS CLOCK

In: a folder with the model's weights. Out of `prepare`: a line of JSON, after the contender's files
are written. `serve` opens them, writes its answers to the model's probes to FOLDER/CONTENDER.npy
and then answers requests: the milliseconds of so many runs, on the wall or of this process's CPU
time. A run goes through all batches of the model.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from contenders import CONTENDERS
from memory import resident
from models import MODELS
from turns import serve


def main() -> None:
    verb, name, which, place, *rest = sys.argv[1:]
    contender, model, folder = CONTENDERS[name], MODELS[which], Path(place)
    # Exporters speak on stdout, which is for answers here.
    with contextlib.redirect_stdout(sys.stderr):
        if verb == "prepare":
            start = time.perf_counter()
            notes = contender.module.prepare(name, model, folder)
            answer = {"seconds": time.perf_counter() - start, "notes": notes}
        else:
            threads, clock = rest
            run = contender.module.open(name, model, folder, int(threads))
            batches = model.batches()
            answers = [np.array(model.answer(np.asarray(run(inputs)))) for inputs in batches]
            answered, peak = time.time(), resident("VmHWM")
            answers += [
                np.array(model.answer(np.asarray(run(inputs)))) for inputs in model.more_probes()
            ]
            np.save(folder / f"{name}.npy", np.concatenate(answers))
            del answers
    if verb == "prepare":
        print(json.dumps(answer))
        return
    now = time.process_time if clock == "cpu" else time.perf_counter

    def measure(request: dict[str, Any]) -> Any:
        times = []
        for _ in range(request["runs"]):
            start = now()
            for inputs in batches:
                run(inputs)
            times.append((now() - start) * 1e3)
        return {"times": times, "peak_rss": peak, "answered": answered}

    serve(measure)


if __name__ == "__main__":
    main()
