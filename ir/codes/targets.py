"""The codes of messages about targets, lowering and limits."""

from __future__ import annotations

from .code import Code

CODES = {
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
    "W0626": Code(
        "no lower precision within the error",
        "`--max-error` bounds how far the outputs may be from those at float32. Every product that "
        "was tried in lower precision errs more than that on the calibration inputs, so that the "
        "model is compiled at float32.",
    ),
    "E0624": Code(
        "size needed for the memory plan",
        "A memory plan is made for definite sizes. An axis without a maximum needs one: declare "
        "it in the program, or give it on the command line.",
    ),
    "E0640": Code(
        "tuning record is damaged",
        "`--tuning FILE` takes what `--save-tuning` wrote, or a model that -O3 compiled. The "
        "message says what in the file is not as it should be. Measure again: compile without "
        "`--tuning`.",
    ),
    "E0641": Code(
        "tuning record of something else",
        "What a tuning record says holds for one target and precision, at sizes that it names, and "
        "for the operations that were measured. This one was made for others.",
    ),
    "E0642": Code(
        "measured form cannot be used here",
        "A tuning record names a form in which this operation cannot be computed, or one that this "
        "version of the compiler does not have. Measure again: compile without `--tuning`.",
    ),
    "E0643": Code(
        "measuring failed",
        "-O3 runs the open choices on this machine, in processes of their own. One of them could "
        "not be started or ended by itself; the message has its last words.",
    ),
    "N0640": Code(
        "choices not measured",
        "-O3 had no time left for some choices of forms, or the tuning record says nothing of "
        "them. The target's cost table decides those, as at -O2.",
    ),
}
