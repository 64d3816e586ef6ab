"""A torch module with weights from a file: `… MODEL WEIGHTS.safetensors INPUT.npy OUTPUT.npy`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch
from models import MODELS, read_weights
from torch_models import torch_model

name, weights, given, wanted = sys.argv[1:]
module = torch_model(MODELS[name], read_weights(Path(weights)))
with torch.no_grad():
    np.save(wanted, module(torch.from_numpy(np.load(given))).numpy())
