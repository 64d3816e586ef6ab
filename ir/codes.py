"""Every code a diagnostic may carry: what `neural explain CODE` shows.

In: nothing. Out: `CODES`, one row per code, sorted. The first letter is the severity (`E` error,
`W` warning, `N` note, `R` remark), the next two digits the part of the compiler that speaks:
01 source text and syntax, 02 names, layers and arguments, 03 shapes, 04 weights and seeds,
05 surroundings (files, packages, providers), 06 targets, lowering and limits, 07 running a model,
08 what the passes did, 09 faults of the compiler itself.
"""

from __future__ import annotations

from typing import NamedTuple

from .language_codes import LANGUAGE_CODES


class Code(NamedTuple):
    """A short title, and a few sentences for somebody who meets the message the first time."""

    title: str
    explanation: str


CODES: dict[str, Code] = {
    "E0101": Code(
        "empty program",
        "The source has no text, or nothing but blanks and comments. A program has at least one "
        "`network NAME { … }`, or bare layers.",
    ),
    "E0102": Code(
        "nesting too deep",
        "Brackets, blocks and operators may be nested 200 deep. Repeat a layer with `* N`, or "
        "give a part of the network a name with `define`.",
    ),
    "E0103": Code(
        "source is not text",
        "A program is text in UTF-8. The file holds bytes that are not, or NUL characters: it is "
        "another kind of file, or was saved in another encoding.",
    ),
    "E0104": Code(
        "source too large",
        "A source may have 1 MB. Weights and other data do not belong into a program.",
    ),
    "E0105": Code(
        "bracket never closed",
        "A `(`, `[` or `{` has no partner. The message points at the bracket that was left open "
        "and, with a label, at the place where its partner was missed.",
    ),
    "E0106": Code(
        "bracket closes nothing",
        "A `)`, `]` or `}` stands where no bracket of its kind is open.",
    ),
    "E0107": Code(
        "string never closed",
        "A string starts and ends with the same quote, \" or ', on the same line.",
    ),
    "E0108": Code(
        "comment never closed",
        "A comment that starts with `/*` lasts until `*/`. To comment out the rest of a line "
        "write `#` or `//`.",
    ),
    "E0109": Code(
        "stray character",
        "A character that has no meaning in the language stands outside strings and comments.",
    ),
    "E0110": Code(
        "something else was expected",
        "The text is not what can stand at this place. The message says what can.",
    ),
    "E0111": Code(
        "missing comma",
        "Arguments, the items of a list and the dimensions of a shape are separated by commas.",
    ),
    "E0112": Code(
        "misspelled keyword",
        "A word stands where a keyword must stand, and is nearly one: `network`, `define`, "
        "`macro` or `research` at the top of a file, a section's name within a network.",
    ),
    "E0113": Code(
        "missing name",
        "After `network`, `define` and `macro` comes a name: letters, digits and `_`, and no "
        "digit first.",
    ),
    "E0114": Code(
        "section given twice",
        "A network has each of its sections once; `input` and `inputs`, `train` and `training`, "
        "`execution` and `execute` are the same section.",
    ),
    "E0115": Code(
        "given twice after a layer",
        "After a layer may come one block `{ … }`, one repetition `* N` and one device "
        '`@"…"`, each once and in any order.',
    ),
    "E0116": Code(
        "malformed number",
        "A number is written like 64, 0.5 or 1e-4, has no letters in it, and must be small enough "
        "to be held.",
    ),
    "E0117": Code(
        "neither a section nor a branch",
        "A name with a colon among the layers is a branch, and its layers stand in braces: "
        "`left: { … }`. A section that follows the layers must have one of the names of sections.",
    ),
    "E0118": Code(
        "unknown kind of open choice",
        "`HPO(…)` holds one of choice, categorical, range, int_range and log_range.",
    ),
    "E0119": Code(
        "malformed shape",
        "A shape has at least one dimension. Each is a whole number, `None` or a name.",
    ),
    "E0120": Code(
        "missing value",
        "A colon or an equals sign must be followed by a value.",
    ),
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
        "`neuralc[cpu]` or `neuralc[gpu]`; the two exclude each other.",
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
    "E0601": Code(
        "operation the target cannot take",
        "A fault of the compiler: an operation, or a form of one, reached the writer of ONNX files "
        "for which the target has no kernel. Choosing forms should have put another in its place.",
    ),
    "E0602": Code(
        "size that cannot be computed",
        "A fault of the compiler: a shape needs a size that is no dimension of any input of the "
        "model, so that no ONNX node can compute it.",
    ),
    "E0603": Code(
        "model too large for one file",
        "A file in ONNX's format can have 2 GB. Larger models keep their weights in a file beside "
        "it.",
    ),
    "E0604": Code(
        "model cannot be written",
        "The operating system refused to write the model's files. What stood there before is "
        "unchanged.",
    ),
    "E0605": Code(
        "written model is not valid ONNX",
        "A fault of the compiler: the model that it wrote breaks a rule of ONNX. The message "
        "holds what ONNX's own checker says.",
    ),
    "E0606": Code(
        "input and output of one name",
        "The inputs and outputs of a model are told apart by their names, so no two are the same.",
    ),
    "E0607": Code(
        "not expressible in MLIR",
        "The textual MLIR form holds standard ONNX operators on tensors. The message names what "
        "it cannot hold.",
    ),
    "E0620": Code(
        "unknown target",
        "A target is a kind of runtime that files are made for: cpu, portable or cuda.",
    ),
    "E0621": Code(
        "precision not on this target",
        "Not every target computes in every precision: fp16 needs the target cuda.",
    ),
    "E0622": Code(
        "unknown form",
        "`--form OP=FORM` chooses how an operation is computed, for example "
        "`--form attention=decomposed` or `--form qkv=packed`. The message lists the names.",
    ),
    "E0623": Code(
        "form cannot be used here",
        "A kernel that was asked for by `--form` cannot compute what the program says on this "
        "target. The message gives the reason, e.g. that it takes no mask.",
    ),
    "E0624": Code(
        "size needed for the memory plan",
        "A memory plan is made for definite sizes. An axis without a maximum needs one: declare "
        "it in the program, or give it on the command line.",
    ),
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
    "E0901": Code(
        "fault in a compiler pass",
        "A pass failed, or left a graph that the verifier refuses. The program is not to blame. "
        "The intermediate representation before the pass is kept, so that the fault can be "
        "reproduced and reported; a lower -O level may get around it.",
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
    "R0801": Code(
        "fused",
        "Several operations were recognized as one, e.g. three projections, a scaled softmax and "
        "two products as an attention. Shown by `--remarks`.",
    ),
    "R0802": Code(
        "not fused",
        "Operations that look like a known pattern stayed apart; the message gives the reason. "
        "The program is right all the same, but may be slower than it could be.",
    ),
    "R0803": Code(
        "form chosen",
        "A fused operation can be computed by several kernels. The message says which one was "
        "taken for the target and why.",
    ),
    "R0804": Code(
        "remark of a pass",
        "Something that a pass did or found and that may be worth knowing.",
    ),
}

CODES |= {code: Code(*row) for code, row in LANGUAGE_CODES.items()}
CODES = dict(sorted(CODES.items()))
