"""The names that the sections about training know: losses, optimizers, schedules, settings.

In: nothing. Out: tables, and `loss_named` for the many spellings of a loss.
"""

from __future__ import annotations

LOSSES = (
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "huber",
    "log_cosh",
    "hinge",
    "squared_hinge",
    "categorical_hinge",
    "kl_divergence",
    "poisson",
    "cosine_similarity",
    "ctc",
    "dice",
    "tversky",
)
LOSS_ALIASES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "huber_loss": "huber",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "crossentropy": "categorical_crossentropy",
    "logcosh": "log_cosh",
    "bce": "binary_crossentropy",
}

COMMON_OPTIMIZER = (
    "learning_rate",
    "lr",
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "epsilon",
    "name",
)
OPTIMIZERS: dict[str, tuple[str, ...]] = {
    "Adam": ("beta_1", "beta_2", "betas", "amsgrad"),
    "AdamW": ("beta_1", "beta_2", "betas", "amsgrad"),
    "SGD": ("momentum", "nesterov"),
    "RMSprop": ("rho", "momentum", "centered"),
    "Adagrad": ("initial_accumulator_value",),
    "Nadam": ("beta_1", "beta_2", "betas"),
}
"""Optimizers with the arguments that each has beside the common ones."""

SCHEDULES = (
    "ExponentialDecay",
    "CosineDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "InverseTimeDecay",
    "StepDecay",
)

TRAIN_KEYS = (
    "epochs",
    "batch_size",
    "validation_split",
    "validation_data",
    "gradient_accumulation_steps",
    "gradient_clip",
    "early_stopping",
    "shuffle",
    "search_method",
    "num_trials",
    "learning_rate",
    "warmup_steps",
    "data",
    "seed",
    "verbose",
    "patience",
    "monitor",
    "device",
)
HPO_KEYS = (
    "search_method",
    "method",
    "num_trials",
    "trials",
    "max_trials",
    "objective",
    "metric",
    "direction",
    "timeout",
    "seed",
)
EXECUTION_KEYS = ("device", "mixed_precision", "gradient_checkpointing", "precision", "@")
SETTINGS = {"train": TRAIN_KEYS, "execution": EXECUTION_KEYS, "hpo": HPO_KEYS}
"""The settings of each section that is a block of them."""


def loss_named(text: str) -> str | None:
    """The proper name of a loss in any of its spellings, None for an unknown one."""
    letters: list[str] = []
    for index, letter in enumerate(text):
        if letter.isupper() and index and text[index - 1].islower():
            letters.append("_")
        letters.append(letter.lower())
    name = "".join(letters).replace("cross_entropy", "crossentropy")
    name = LOSS_ALIASES.get(name, name)
    return name if name in LOSSES else None
