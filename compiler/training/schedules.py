"""Learning-rate schedules, as Keras calls them; their arguments may stand in order."""

from __future__ import annotations

from ..layers.spec import REQUIRED, Parameter, Wants
from .spec import NAME, CallSpec, count, flag, number, table

_START = number("initial_learning_rate", "where it starts", above=0, required=True)
_STEPS = count("decay_steps", "steps of the decay", required=True)
_RATE = number("decay_rate", "by what it decays", above=0, required=True)
_STAIRS = flag("staircase", "decay at whole steps only")

SCHEDULES = table(
    CallSpec("ExponentialDecay", "rate × decay_rate^(step / decay_steps)",
             (_START, _STEPS, _RATE, _STAIRS, NAME)),
    CallSpec("InverseTimeDecay", "rate / (1 + decay_rate × step / decay_steps)",
             (_START, _STEPS, _RATE, _STAIRS, NAME)),
    CallSpec("CosineDecay", "half a cosine down to alpha, after an optional warm-up",
             (_START, _STEPS,
              number("alpha", "the share that is left at the end", 0.0, minimum=0),
              NAME,
              number("warmup_target", "the rate that the warm-up leads to", above=0),
              count("warmup_steps", "steps of the warm-up", 0, minimum=0))),
    CallSpec("CosineDecayRestarts", "cosines that start again, each longer and lower",
             (_START,
              count("first_decay_steps", "steps of the first cosine", required=True),
              number("t_mul", "how much longer each next one is", 2.0, above=0),
              number("m_mul", "how much lower each next one starts", 1.0, above=0),
              number("alpha", "the share that is left at the end", 0.0, minimum=0),
              NAME)),
    CallSpec("PolynomialDecay", "a power of what is left, down to end_learning_rate",
             (_START, _STEPS,
              number("end_learning_rate", "where it ends", 0.0001, minimum=0),
              number("power", "of the polynomial", 1.0, above=0),
              flag("cycle", "begin again after the end"),
              NAME)),
    CallSpec("PiecewiseConstantDecay", "one constant rate between two boundaries each",
             (Parameter("boundaries", Wants.NUMBERS, REQUIRED, "steps at which the rate changes",
                        minimum=0),
              Parameter("values", Wants.NUMBERS, REQUIRED, "the rates, one more than boundaries",
                        minimum=0),
              NAME)),
    CallSpec("StepDecay", "rate × drop_rate after every step_size epochs",
             (_START,
              number("drop_rate", "by what it drops", 0.5, above=0,
                     aliases=("decay_rate", "drop", "factor", "gamma")),
              Parameter("step_size", Wants.INTEGER, 10, "epochs between two drops",
                        ("decay_steps", "epochs_drop", "drop_every"), minimum=1),
              NAME)),
)  # fmt: skip
