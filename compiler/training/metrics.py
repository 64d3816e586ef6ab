"""Metrics, as Keras calls them; every loss is a metric, too."""

from __future__ import annotations

from ..layers.spec import Parameter, Wants
from .losses import LOSSES
from .spec import NAME, CallSpec, count, flag, number, table, text

_THRESHOLD = number("threshold", "from where on a probability counts as yes", 0.5)
_THRESHOLDS = Parameter("thresholds", Wants.ANYTHING, None, "one or several", optional=True)
_AVERAGE = text("average", "over the classes", "micro", "macro", "weighted", "none")
_CLASSES = (
    _THRESHOLDS,
    count("top_k", "how many of the likeliest classes count"),
    Parameter("class_id", Wants.INTEGER, None, "one class alone", optional=True, minimum=0),
    NAME,
)
_OVERLAP = (count("num_classes", "how many there are", required=True), NAME)

METRICS = {**LOSSES, **table(
    CallSpec("accuracy", "share of right answers", (NAME,), ("acc",)),
    CallSpec("binary_accuracy", "of yes or no", (NAME, _THRESHOLD)),
    CallSpec("categorical_accuracy", "of distributions", (NAME,)),
    CallSpec("sparse_categorical_accuracy", "of classes by number", (NAME,)),
    CallSpec("top_k_categorical_accuracy", "right among the k likeliest",
             (count("k", "how many", 5), NAME)),
    CallSpec("sparse_top_k_categorical_accuracy", "right among the k likeliest, by number",
             (count("k", "how many", 5), NAME)),
    CallSpec("precision", "share of the found that is right", _CLASSES),
    CallSpec("recall", "share of the right that is found", _CLASSES),
    CallSpec("f1_score", "harmonic mean of precision and recall",
             (_AVERAGE, Parameter("threshold", Wants.NUMBER, None, "from where on it is yes",
                                  optional=True), NAME), ("f1",)),
    CallSpec("fbeta_score", "weighted mean of precision and recall",
             (_AVERAGE, number("beta", "weight of the recall", 1.0, above=0), NAME)),
    CallSpec("auc", "area under a curve",
             (count("num_thresholds", "points of the curve", 200, minimum=2),
              text("curve", "which", "roc", "pr"), NAME, flag("multi_label", "one each label"),
              flag("from_logits", "the last layer gives logits"))),
    CallSpec("true_positives", "how many", (_THRESHOLDS, NAME)),
    CallSpec("true_negatives", "how many", (_THRESHOLDS, NAME)),
    CallSpec("false_positives", "how many", (_THRESHOLDS, NAME)),
    CallSpec("false_negatives", "how many", (_THRESHOLDS, NAME)),
    CallSpec("mean_io_u", "overlap, mean over the classes", _OVERLAP, ("mean_iou", "iou")),
    CallSpec("root_mean_squared_error", "root of the mean of squares", (NAME,), ("rmse",)),
    CallSpec("r2_score", "share of the variance explained", (NAME,), ("r2",)),
    CallSpec("mean", "of what is given", (NAME,)),
    CallSpec("perplexity", "exponential of the cross-entropy",
             (flag("from_logits", "the last layer gives logits"), NAME)),
    CallSpec("bleu", "overlap of n-grams", (NAME,)),
    CallSpec("rouge", "overlap with a summary", (NAME,)),
)}  # fmt: skip
"""Metrics by every spelling."""
