"""Losses, as Keras calls them, in all their spellings."""

from __future__ import annotations

from ..layers.spec import Parameter, Wants
from .spec import NAME, CallSpec, flag, number, table, text

_REDUCTION = text(
    "reduction", "how a batch's losses become one number",
    "sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none",
)  # fmt: skip
_EVERY = (_REDUCTION, NAME)
_LOGITS = flag("from_logits", "the last layer gives logits, not probabilities")
_SMOOTHING = number("label_smoothing", "how far labels are moved to the middle", 0.0, minimum=0,
                    below=1)  # fmt: skip
_AXIS = Parameter("axis", Wants.INTEGER, -1, "the axis of the classes")
_ALPHA = number("alpha", "weight of the rarer class", 0.25, minimum=0)
_GAMMA = number("gamma", "how much easy samples count less", 2.0, minimum=0)

LOSSES = table(
    CallSpec("categorical_crossentropy", "one class of several, as a distribution",
             (_LOGITS, _SMOOTHING, _AXIS, *_EVERY), ("crossentropy", "softmax_crossentropy")),
    CallSpec("sparse_categorical_crossentropy", "one class of several, as its number",
             (_LOGITS, Parameter("ignore_class", Wants.INTEGER, None, "a class that counts nothing",
                                 optional=True), _AXIS, *_EVERY)),
    CallSpec("binary_crossentropy", "yes or no, each for itself",
             (_LOGITS, _SMOOTHING, _AXIS, *_EVERY), ("bce",)),
    CallSpec("binary_focal_crossentropy", "yes or no, hard samples first",
             (flag("apply_class_balancing", "weigh the classes by alpha"), _ALPHA, _GAMMA, _LOGITS,
              _SMOOTHING, _AXIS, *_EVERY)),
    CallSpec("categorical_focal_crossentropy", "one class of several, hard samples first",
             (_ALPHA, _GAMMA, _LOGITS, _SMOOTHING, _AXIS, *_EVERY)),
    CallSpec("mean_squared_error", "mean of squared differences", _EVERY, ("mse",)),
    CallSpec("mean_absolute_error", "mean of absolute differences", _EVERY, ("mae", "l1")),
    CallSpec("mean_absolute_percentage_error", "mean of relative differences", _EVERY, ("mape",)),
    CallSpec("mean_squared_logarithmic_error", "squared differences of logarithms", _EVERY,
             ("msle",)),
    CallSpec("huber", "squared near zero, absolute beyond delta",
             (number("delta", "where it changes", 1.0, above=0), *_EVERY), ("huber_loss",)),
    CallSpec("log_cosh", "the logarithm of the hyperbolic cosine", _EVERY),
    CallSpec("hinge", "for labels -1 and 1", _EVERY),
    CallSpec("squared_hinge", "the square of it", _EVERY),
    CallSpec("categorical_hinge", "for several classes", _EVERY),
    CallSpec("kl_divergence", "how far two distributions are apart", _EVERY,
             ("kld", "kullback_leibler_divergence")),
    CallSpec("poisson", "for counts", _EVERY),
    CallSpec("cosine_similarity", "the angle between two vectors", (_AXIS, *_EVERY)),
    CallSpec("circle", "distances within and between classes",
             (number("gamma", "scale", 80.0, above=0), number("margin", "between them", 0.4,
                                                              minimum=0), *_EVERY)),
    CallSpec("ctc", "sequences without an alignment", _EVERY),
    CallSpec("dice", "overlap of two masks",
             (Parameter("axis", Wants.ANYTHING, None, "axes of one mask", optional=True), *_EVERY)),
    CallSpec("tversky", "overlap with weights for either kind of error",
             (number("alpha", "weight of false positives", 0.5, minimum=0),
              number("beta", "weight of false negatives", 0.5, minimum=0),
              Parameter("axis", Wants.ANYTHING, None, "axes of one mask", optional=True),
              *_EVERY)),
)  # fmt: skip
"""Losses by every spelling. Those that a metric may be, too, are in `metrics.py`."""
