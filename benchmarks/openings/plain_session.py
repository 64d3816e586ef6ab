"""The least a script does with an .onnx file: `plain_session.py MODEL INPUT.npy OUTPUT.npy`."""

import sys

import numpy as np
import onnxruntime

model, given, wanted = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
(entry,) = session.get_inputs()
np.save(wanted, session.run(None, {entry.name: np.load(given)})[0])
