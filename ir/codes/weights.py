"""The codes of messages about weights and seeds."""

from __future__ import annotations

from .code import Code

CODES = {
    "E0401": Code(
        "weights file cannot be read",
        "The file that a weight comes from does not exist, may not be read, or could not be read "
        "to its end.",
    ),
    "E0402": Code(
        "not a safetensors file",
        "The file's header and its length do not agree with the safetensors format: it is another "
        "kind of file, or was cut off while it was copied.",
    ),
    "E0403": Code(
        "element type not supported",
        "A tensor in a weights file has an element type that neuralc does not read. It reads "
        "booleans, integers of 8 (signed or not), 32 and 64 bits, and floats of 16 (both kinds), "
        "32 and 64.",
    ),
    "E0404": Code(
        "tensor not in the weights file",
        "A weight is said to come from a tensor that the file does not have. The file may have "
        "been replaced since the program was compiled.",
    ),
    "E0405": Code(
        "stored tensor does not fit",
        "A tensor in a weights file has another shape than the weight that it is for, or numbers "
        "that the weight's element type cannot hold.",
    ),
    "E0410": Code(
        "weight without a value",
        "A weight of the program has no tensor in the weights file. The file belongs to another "
        "program, has other names (see `neural layers PROGRAM --weights` for those of the "
        "program, and `--weights-from` for those of other libraries), or is incomplete.",
    ),
    "E0411": Code(
        "tensor without a weight",
        "A tensor in the weights file belongs to no weight of the program. Either the program "
        "lacks a layer that the file was trained with, or the file holds more than the program.",
    ),
    "E0412": Code(
        "weight of another shape",
        "A tensor in the weights file has another shape than the weight of its name: a size in "
        "the program differs from the one that the file was trained with.",
    ),
    "E0413": Code(
        "weight of another kind of number",
        "A weight is made of floating-point numbers and the tensor in the file of whole numbers, "
        "or the other way round. Floating-point numbers of any width are converted.",
    ),
    "E0414": Code(
        "names of another library",
        "The tensors of a weights file are not named in the way that was asked for. Without "
        "`--weights-from` their names are the paths of the weights; with it, those of a library.",
    ),
    "E0415": Code(
        "checkpoint of a related model",
        "The names in the checkpoint are those that were asked for, but the model computes "
        "something else, so that its weights would load and give wrong results.",
    ),
    "E0416": Code(
        "unknown kind of checkpoint",
        "`--weights-from` names a library whose checkpoints can be read.",
    ),
    "N0401": Code(
        "weights are random",
        "No trained weights were given, so they are drawn from the seed: the model has "
        "the right shape and speed, and learned nothing. Give trained ones with "
        "`--weights`.",
    ),
    "N0410": Code(
        "tensors left out",
        "A checkpoint holds tensors that the program has no use for and that do not change its "
        "result, for example the heads it was trained with. They are listed and not loaded.",
    ),
}
