"""The least that a script does with a file of OpenVINO: `… MODEL.xml INPUT.npy OUTPUT.npy`."""

import sys

import numpy as np
import openvino

model, given, wanted = sys.argv[1:]
settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
compiled = openvino.Core().compile_model(model, "CPU", settings)
np.save(wanted, compiled([np.load(given)])[0])
