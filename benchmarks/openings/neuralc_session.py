"""A file of neuralc through its own runtime: `neuralc_session.py MODEL INPUT.npy OUTPUT.npy`."""

import sys

import numpy as np
from neuralc.runtime.session import open_session

model, given, wanted = sys.argv[1:]
session = open_session(model, provider="cpu")
(entry,) = session.inputs
(answer,) = session.run({entry.name: np.load(given)}).values()
np.save(wanted, answer)
