"""Optimizers, as Keras calls them."""

from __future__ import annotations

from ..layers.spec import Parameter, Wants
from .spec import NAME, CallSpec, anything, count, flag, number, table


def _rate(default: float) -> Parameter:
    """Keras' default, and a schedule in the place of the number."""
    return number("learning_rate", "a number, or a schedule", default, above=0, aliases=("lr",))


def _share(name: str, default: float, doc: str) -> Parameter:
    return number(name, doc, default, minimum=0, below=1)


_EPSILON = number("epsilon", "against division by zero", 1e-7, minimum=0)
_BETAS = (
    _share("beta_1", 0.9, "decay of the first moment"),
    _share("beta_2", 0.999, "decay of the second moment"),
    _EPSILON,
)
_PAIR = Parameter(
    "betas", Wants.NUMBERS, None, "both decays, as PyTorch writes them", minimum=0, below=1,
    axes=2, optional=True, named_only=True,
)  # fmt: skip
_ALL = tuple(
    Parameter(p.name, p.wants, p.default, p.doc, p.aliases, p.minimum, p.below, p.choices,
              axes=p.axes, optional=p.optional, named_only=True, above=p.above)
    for p in (
        number("weight_decay", "share of the weights taken away at each step", None, minimum=0,
               aliases=("decay",)),
        number("clipnorm", "the largest norm of each gradient", above=0),
        number("clipvalue", "the largest element of a gradient", above=0),
        number("global_clipnorm", "the largest norm of all gradients together", above=0),
        flag("use_ema", "keep a moving average of the weights"),
        _share("ema_momentum", 0.99, "of that average"),
        count("ema_overwrite_frequency", "steps after which it replaces the weights"),
        number("loss_scale_factor", "against underflow of small gradients", above=0),
        count("gradient_accumulation_steps", "steps that are summed to one"),
        anything("jit_compile", "kept; no meaning here"),
        NAME,
    )
)  # fmt: skip

OPTIMIZERS = table(
    CallSpec("SGD", "gradient descent, with momentum or without",
             (_rate(0.01),
              number("momentum", "share of the step before that is kept", 0.0, minimum=0, below=1),
              flag("nesterov", "look ahead along the momentum"), *_ALL)),
    CallSpec("RMSprop", "gradients over the root of their mean square",
             (_rate(0.001), _share("rho", 0.9, "decay of that mean"),
              number("momentum", "share of the step before that is kept", 0.0, minimum=0, below=1),
              _EPSILON, flag("centered", "subtract the mean gradient"), *_ALL)),
    CallSpec("Adam", "momentum over the root of the mean square (Kingma and Ba, 2015)",
             (_rate(0.001), *_BETAS, flag("amsgrad", "keep the largest second moment"), _PAIR,
              *_ALL)),
    CallSpec("AdamW", "Adam with decoupled weight decay (Loshchilov and Hutter, 2019)",
             (_rate(0.001), number("weight_decay", "share of the weights taken away at each step",
                                   0.004, minimum=0, aliases=("decay",)),
              *_BETAS, flag("amsgrad", "keep the largest second moment"), _PAIR, *_ALL[1:])),
    CallSpec("Nadam", "Adam with Nesterov's momentum", (_rate(0.001), *_BETAS, _PAIR, *_ALL)),
    CallSpec("Adamax", "Adam with the largest gradient in the place of the mean square",
             (_rate(0.001), *_BETAS, _PAIR, *_ALL)),
    CallSpec("Adagrad", "gradients over the root of the sum of their squares",
             (_rate(0.001),
              number("initial_accumulator_value", "what that sum starts from", 0.1, minimum=0),
              _EPSILON, *_ALL)),
    CallSpec("Adadelta", "Adagrad over a window",
             (_rate(0.001), _share("rho", 0.95, "decay of the window"), _EPSILON, *_ALL)),
    CallSpec("Adafactor", "Adam with factored second moments",
             (_rate(0.001), number("beta_2_decay", "decay of the second moment", -0.8),
              number("epsilon_1", "against division by zero", 1e-30, minimum=0),
              number("epsilon_2", "the least scale", 1e-3, minimum=0),
              number("clip_threshold", "of an update", 1.0, above=0),
              flag("relative_step", "scale the rate with the step", True), *_ALL)),
    CallSpec("Ftrl", "follow the regularized leader",
             (_rate(0.001), number("learning_rate_power", "of the rate's decay", -0.5),
              number("initial_accumulator_value", "what the sum starts from", 0.1, minimum=0),
              number("l1_regularization_strength", "weight of the absolute values", 0.0, minimum=0),
              number("l2_regularization_strength", "weight of the squares", 0.0, minimum=0),
              number("l2_shrinkage_regularization_strength", "shrinkage", 0.0, minimum=0),
              number("beta", "added to the root", 0.0, minimum=0), *_ALL)),
    CallSpec("Lion", "the sign of the momentum (Chen et al., 2023)",
             (_rate(0.001), _share("beta_1", 0.9, "decay within the update"),
              _share("beta_2", 0.99, "decay of the momentum"), _PAIR, *_ALL)),
    CallSpec("Lamb", "Adam with a rate for each layer",
             (_rate(0.001), *_BETAS, _PAIR, *_ALL)),
)  # fmt: skip
