"""The codes of messages about surroundings: files, packages, providers."""

from __future__ import annotations

from .code import Code

CODES = {
    "E0501": Code("file not found", "There is no file of this name."),
    "E0502": Code("not a file", "The path is a directory, where a file is needed."),
    "E0503": Code(
        "file cannot be read",
        "The operating system refused to read the file, for example for lack of permission.",
    ),
    "E0504": Code(
        "cannot be written",
        "The operating system refused to write the file: its directory does not exist, "
        "permission is missing, or the disk is full. What stood there before is "
        "unchanged.",
    ),
    "E0505": Code(
        "output is an input",
        "The result would overwrite the program, the weights or the data that it is "
        "made from. Give another path with `-o`.",
    ),
    "E0506": Code(
        "not enough memory",
        "The machine has not enough memory for what was asked. Make the batch or the "
        "sequence smaller.",
    ),
    "E0507": Code(
        "package not installed",
        "A package that this command needs is not installed. ONNX Runtime comes with "
        "`neuralc[cpu]`, `neuralc[gpu]` or `neuralc[openvino]`; they exclude each other.",
    ),
    "E0508": Code(
        "execution provider missing",
        "The provider that was asked for is not there: ONNX Runtime was built without "
        "it, or its libraries or driver could not be loaded. Nothing runs on another "
        "provider unless you ask for `auto`.",
    ),
    "E0510": Code(
        "option has no such value",
        "An option of the command, or an argument of `neuralc.compile`, has a value "
        "that it cannot have.",
    ),
    "E0511": Code(
        "options exclude each other",
        "Two options were given that cannot both be followed.",
    ),
    "E0512": Code(
        "not an ONNX model",
        "The file is no ONNX model, or a damaged one. Compile the program first.",
    ),
    "E0513": Code(
        "model refused by the runtime",
        "ONNX Runtime could not load the model. Files name the oldest runtime that they "
        "need: `neural inspect MODEL.onnx`.",
    ),
    "E0514": Code(
        "no such entry",
        "`neural explain`, `neural layers` and the like were asked for a name that they "
        "do not list.",
    ),
    "E0515": Code(
        "not there yet",
        "This part of the tool is planned and not written yet.",
    ),
    "E0516": Code(
        "runtime too old",
        "The file was compiled for a newer ONNX Runtime than is installed. An older one may load "
        "it and compute masked attention otherwise. `--target portable` is for older ones.",
    ),
    "E0520": Code(
        "not formatted",
        "The formatter makes sure that its result is the same program with the same comments, and "
        "that formatting it again changes nothing. Here that failed, and the file was left alone.",
    ),
    "E0522": Code(
        "language server not installed",
        "The server speaks with editors through a package that is not installed with the compiler.",
    ),
    "E0525": Code(
        "program wanted",
        "The command reads programs in the language, not files that were compiled from them.",
    ),
    "E0526": Code(
        "no such open axis",
        "A size was given for an axis that the network does not have, or that is not open.",
    ),
    "E0527": Code(
        "no such kind of picture",
        "The ending of the output's name says what it is: `.html`, `.svg` or `.png`.",
    ),
    "E0528": Code(
        "renderer of PNG pictures missing",
        "PNG pictures are made by a package that is not installed with the compiler.",
    ),
}
