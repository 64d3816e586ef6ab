"""The settings of the sections that are blocks of them: `train`, `execution`, `hpo`."""

from __future__ import annotations

from ..layers.spec import Parameter, Wants
from .spec import anything, count, flag, number, text

_DEVICE = text("device", "cpu, gpu, cuda, cuda:0, auto")
_SEED = count("seed", "of what is random", minimum=0)
_SEARCH = (
    text("search_method", "how values are searched", "random", "grid", "bayesian", "evolutionary",
         "hyperband", "tpe"),
    count("num_trials", "how many values are tried"),
)  # fmt: skip

TRAIN = (
    count("epochs", "how often all data is seen"),
    count("batch_size", "samples in one step"),
    number("validation_split", "share of the data held back", minimum=0, below=1),
    anything("validation_data", "where the held back data is"),
    count("validation_steps", "batches of one validation"),
    count("steps_per_epoch", "batches of one epoch"),
    count("initial_epoch", "where it goes on", minimum=0),
    count("gradient_accumulation_steps", "steps that are summed to one"),
    number("gradient_clip", "the largest norm of a gradient", above=0),
    Parameter("early_stopping", Wants.ANYTHING, None, "true, or patience and the rest in { … }",
              optional=True),
    count("patience", "epochs without gain before it stops", minimum=0),
    text("monitor", "what is watched"),
    number("min_delta", "the least gain that counts", minimum=0),
    flag("shuffle", "mix the data of each epoch", True),
    *_SEARCH,
    number("learning_rate", "where the optimizer says none", above=0),
    count("warmup_steps", "steps over which the rate grows", minimum=0),
    anything("data", "where the data is"),
    anything("callbacks", "what is called on the way"),
    anything("class_weight", "weights of the classes"),
    anything("checkpoint", "where weights are kept"),
    Parameter("verbose", Wants.ANYTHING, None, "how much is told", optional=True),
    _SEED,
    _DEVICE,
    anything("mixed_precision", "compute in half precision"),
)  # fmt: skip
EXECUTION = (
    _DEVICE,
    anything("mixed_precision", "compute in half precision"),
    flag("gradient_checkpointing", "compute activations twice to save memory"),
    text("precision", "of the arithmetic", "fp32", "float32", "fp16", "float16", "bf16", "bfloat16",
         "mixed"),
    count("num_workers", "processes that read data", minimum=0),
    flag("distributed", "on several devices"),
    anything("strategy", "how it is distributed"),
)  # fmt: skip
HPO = (
    *_SEARCH,
    text("method", "the same as search_method"),
    count("trials", "the same as num_trials"),
    count("max_trials", "the same as num_trials"),
    text("objective", "what is searched for"),
    text("metric", "what is compared"),
    text("direction", "which is better", "minimize", "maximize", "min", "max"),
    number("timeout", "seconds", above=0),
    _SEED,
)

SETTINGS = {"train": TRAIN, "execution": EXECUTION, "hpo": HPO}
EARLY_STOPPING = (
    text("monitor", "what is watched"),
    number("min_delta", "the least gain that counts", minimum=0),
    count("patience", "epochs without gain before it stops", minimum=0),
    text("mode", "which is better", "auto", "min", "max"),
    number("baseline", "what must be reached at all"),
    flag("restore_best_weights", "go back to the best"),
    count("start_from_epoch", "where watching starts", minimum=0),
    count("verbose", "how much is told", minimum=0),
)
"""What `early_stopping: { … }` may hold."""
