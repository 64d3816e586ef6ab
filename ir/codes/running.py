"""The codes of messages about running a model."""

from __future__ import annotations

from .code import Code

CODES = {
    "E0710": Code(
        "input missing",
        "The model has an input for which no array was given.",
    ),
    "E0711": Code(
        "unknown input",
        "An array was given for an input that the model does not have.",
    ),
    "E0712": Code(
        "input has another type",
        "The array's element type is not the input's, and cannot become it without a "
        "change of values.",
    ),
    "E0713": Code(
        "input has another rank",
        "The array has more or fewer axes than the input. The batch is the first axis.",
    ),
    "E0714": Code(
        "input has another size",
        "An axis of the array does not have the size that the model was compiled for. "
        "Compile with `--dynamic` to leave it open.",
    ),
    "E0715": Code(
        "input is empty",
        "An axis of the array has no elements.",
    ),
    "E0716": Code(
        "sizes disagree",
        "Two axes that are one size in the program have different sizes in the arrays.",
    ),
    "E0717": Code(
        "size out of bounds",
        "An open axis is longer than the maximum that the model was compiled for (see `--max`), "
        "or too short for the windows that slide over it.",
    ),
    "E0718": Code(
        "data file cannot be read",
        "The file is no .npy or .npz array file, no profile, or is damaged.",
    ),
    "E0719": Code(
        "the runtime failed",
        "ONNX Runtime stopped with an error while it ran the model.",
    ),
    "E0720": Code(
        "not exact enough",
        "`--verify` found that the compiled model errs more than twice as much as the "
        "unoptimized graph against the float64 interpreter. This is a fault of the "
        "compiler.",
    ),
    "E0721": Code(
        "size not given",
        "An open axis has no size: give one with `--sizes`.",
    ),
    "E0722": Code(
        "id outside of the vocabulary",
        "An id is below zero or not below the embedding's `input_dim`: the table has no such row.",
    ),
    "E0740": Code(
        "calibration data not usable",
        "The inputs given with `--calibrate` hold NaN or infinities, or do not have as many "
        "samples each: the first axis of every array counts the samples.",
    ),
    "E0731": Code(
        "operation impossible on these numbers",
        "An op was computed on numbers that it cannot take, such as an id that is not a row of "
        "the embedding's table. Ids lie between 0 and the size of the vocabulary less one.",
    ),
    "E0732": Code(
        "op without a reference",
        "The graph holds an op that neuralc passes through without knowing its meaning, so that "
        "the float64 interpreter cannot run it.",
    ),
}
