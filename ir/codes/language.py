"""The codes of messages about what a program means: names, layers, arguments, shapes."""

from __future__ import annotations

from .code import Code

CODES = {
    "E0201": Code(
        "unknown layer",
        "No layer and no macro has this name. Case does not matter; `neural layers` lists all.",
    ),
    "E0202": Code(
        "layer cannot be compiled yet",
        "The language has this layer, but the compiler cannot build it so far. No layer is ever "
        "left out silently.",
    ),
    "E0204": Code(
        "unknown argument",
        "The layer or macro has no parameter of this name. `neural layers NAME` lists them.",
    ),
    "E0205": Code(
        "missing argument",
        "A parameter without a default was not given a value.",
    ),
    "E0206": Code(
        "wrong kind of value",
        "An argument wants another kind of value, for example a whole number and not a text.",
    ),
    "E0207": Code(
        "value out of range",
        "A number (or a name) is of the right kind but not allowed here: sizes are at least 1, "
        "rates lie between 0 and 1.",
    ),
    "E0208": Code(
        "not one of the words that are known",
        "The argument takes one of a few words: an activation, an initializer, a mode.",
    ),
    "E0209": Code("argument given twice", "Each parameter gets one value, by position or by name."),
    "E0210": Code(
        "too many arguments",
        "More arguments without a name are given than the layer or macro has parameters.",
    ),
    "E0211": Code(
        "argument without a name behind one with a name",
        "Arguments without a name come first: once a name has been used, order means nothing.",
    ),
    "E0212": Code(
        "option cannot be compiled yet",
        "The language has this option of the layer, but the compiler cannot build it so far.",
    ),
    "E0213": Code(
        "heads do not divide the width",
        "Each head takes an equal part of the width, so the number of heads must divide it. "
        "MultiHeadAttention with an explicit key_dim is free of this.",
    ),
    "E0214": Code(
        "block where none may stand, or missing block",
        "A `{ … }` behind a layer is the part that it works on: ResidualConnection and Parallel "
        "need one, the transformer blocks may have one, other layers have none.",
    ),
    "E0215": Code(
        "options contradict each other",
        "Two options of one layer cannot both be meant.",
    ),
    "E0216": Code(
        "macro uses itself",
        "A macro stands for the layers in its body; one that contains itself would never end.",
    ),
    "E0217": Code(
        "unknown parameter",
        "`$name` stands for a parameter of the macro around it, and that has none of this name.",
    ),
    "E0218": Code(
        "impossible number of repetitions",
        "`* N` repeats what stands before it 1 to 10000 times.",
    ),
    "E0219": Code(
        "name used twice",
        "Layers, inputs and outputs of one network have names of their own: they name weights.",
    ),
    "E0220": Code(
        "open choice",
        "`HPO(…)` leaves a value open for a search. One network is compiled, so the value must be "
        "chosen before.",
    ),
    "E0221": Code(
        "nothing to attend to",
        "Cross-attention reads the encoder's memory: the value that arrives at the first "
        "TransformerDecoder behind a TransformerEncoder.",
    ),
    "E0222": Code(
        "cannot be calculated",
        "Arithmetic works on numbers, and nothing can be divided by zero.",
    ),
    "E0223": Code("no such network", "The program has no network of the name that was asked for."),
    "E0224": Code(
        "network without input or layers",
        "A network needs the shape of its input and at least one layer.",
    ),
    "E0225": Code(
        "not exactly one network",
        "One network is compiled at a time: choose with `--network NAME` where a program has "
        "several, and write one where it has none.",
    ),
    "E0226": Code(
        "masks contradict each other",
        "`attention_mask` is one input with one shape: padding [batch, S], or pairwise "
        "[batch, S, S].",
    ),
    "E0227": Code("unknown device", "A device is cpu, gpu, cuda, cuda with a number, or auto."),
    "E0228": Code(
        "two of one name",
        "The networks and the macros of a program have different names.",
    ),
    "E0229": Code(
        "section cannot be understood",
        "The value of a section such as `loss` or `optimizer` is not of a kind that it can have.",
    ),
    "E0230": Code(
        "result or input not used",
        "Everything that a network computes or is given must reach its output. Something here "
        "would be computed in vain, which is surely not meant.",
    ),
    "E0231": Code(
        "nothing to merge",
        "Add, Concatenate and their kind make one value of several branches. In a chain one value "
        "arrives at each layer; ResidualConnection adds the result of a part to its input.",
    ),
    "E0232": Code(
        "several values for one",
        "Branches end at a layer that takes one value. A merge layer makes one of them; "
        "cross-attention takes two: the last one's value, which attends to the first one's.",
    ),
    "E0233": Code(
        "branches without an end",
        "A block gives one value, so branches within it must be joined in it. Only at the end of a "
        "network may branches stay apart: each is an output then.",
    ),
    "E0234": Code(
        "branches do not fit together",
        "Layers that join element by element need one shape, Concatenate needs all axes but one "
        "to agree. Axes of size 1 are repeated.",
    ),
    "E0235": Code(
        "branch of no input",
        "With several inputs, a branch at the top of the layers starts from the input of its name.",
    ),
    "E0236": Code(
        "no such axis",
        "Axes count from the batch at 0, or from -1 at the end. The batch itself cannot be joined.",
    ),
    "E0237": Code(
        "wrong number of branches",
        "Subtract and Dot take two branches, other merges two or more.",
    ),
    "E0240": Code(
        "activation that a recurrent step cannot have",
        "Within each step of LSTM, GRU and SimpleRNN the runtime's kernel bends gates and state; "
        "it has a few functions for that, and others cannot be put in.",
    ),
    "E0241": Code(
        "not a layer to run both ways",
        "Bidirectional runs one recurrent layer over the sequence forwards and backwards.",
    ),
    "E0242": Code(
        "open choice that offers nothing",
        "`choice` and `categorical` list values, `range`, `int_range` and `log_range` go from one "
        "number up to another; a default is one of what is offered.",
    ),
    "E0243": Code(
        "no such place to set",
        "`--set PATH=VALUE` names an argument of the program. A path reads like those of weights, "
        "`layer[n].argument`, and may leave out what is not needed to tell it from others.",
    ),
    "E0244": Code(
        "value that cannot be read",
        "The value of `--set` is written as in a program: a number, a name, a text in quotes, "
        "true, false, none or a list of these.",
    ),
    "E0245": Code(
        "not among what is offered",
        "The value chosen for an open choice is one of its values, or lies in its range and on its "
        "steps.",
    ),
    "E0252": Code(
        "pieces that do not fit",
        "A piecewise schedule has increasing boundaries, and one value more than boundaries: for "
        "what lies before the first, between two, and behind the last.",
    ),
    "E0301": Code(
        "wrong number of dimensions",
        "The layer takes values of another rank: sequences are (length, width), images (height, "
        "width, channels), the batch aside.",
    ),
    "E0302": Code(
        "width does not fit",
        "`d_model` says how wide a transformer block is. A block adds its result to its input, so "
        "this must be the width that arrives.",
    ),
    "E0303": Code(
        "Embedding gets something else than ids",
        "An Embedding looks up one vector for each token id, so its input has one dimension, the "
        "length, and nothing stands between it and the input.",
    ),
    "E0304": Code(
        "window does not fit",
        "The window of a convolution or a pooling is larger than what it slides over.",
    ),
    "E0305": Code(
        "ids where vectors are needed",
        "Token ids are names, not quantities: only an Embedding can make vectors of them.",
    ),
    "E0306": Code(
        "unknown width",
        "Weights have sizes that are known when the network is compiled; the axis that they "
        "depend on must have a number.",
    ),
    "E0307": Code(
        "axis of open length",
        "The layer needs to know all sizes, and an axis that arrives is only known when the model "
        "runs.",
    ),
    "E0308": Code(
        "table of positions too short",
        "Learned positions are a table with a row for each position, so the sequence must have a "
        "bound, and no more positions than the table has rows.",
    ),
    "E0309": Code(
        "block changes the shape",
        "What a residual adds must have the shape of what it is added to.",
    ),
    "E0310": Code(
        "groups do not divide the channels",
        "A grouped convolution cuts its channels and its filters into equal parts.",
    ),
    "E0311": Code(
        "elements do not fill the shape",
        "Reshape keeps every element: the sizes before and after have the same product.",
    ),
    "E0312": Code(
        "impossible input shape",
        "A shape has at least one dimension beside the batch, and each is at least 1.",
    ),
    "E0313": Code(
        "tensor too large",
        "A tensor may have 2^40 elements, for one row of the batch.",
    ),
    "E0314": Code(
        "network too large",
        "A network may have 100000 operations; what repetitions would make is counted before.",
    ),
    "E0315": Code(
        "mask of computed length",
        "A mask is an input and needs a length that an input can have; the sequence at this layer "
        "has one that is computed from another.",
    ),
    "E0316": Code(
        "no such position",
        "A position counts from 0, or from -1 backwards from the last one, and lies within the "
        "sequence. In one of open length it lies within the largest length.",
    ),
    "E0317": Code(
        "output padding of a stride or more",
        "A transposed convolution writes a window every so many places; `output_padding` adds some "
        "behind the last one, fewer than a stride has.",
    ),
    "E0318": Code(
        "nothing is left of an axis",
        'A transposed convolution with `padding="same"` cuts off what its windows reach beyond '
        "the size that is asked for; with an `output_padding` of its own that can be everything.",
    ),
    "E0319": Code(
        "not a formula",
        "A Lambda holds arithmetic over `x` in quotes. It is read as a formula and never runs as "
        "Python.",
    ),
    "E0320": Code(
        "formula without a use",
        "A Lambda whose formula does not depend on `x`, or whose numbers have no value in float32, "
        "computes nothing.",
    ),
    "N0201": Code(
        "positions added",
        "Attention does not see order. Where no PositionalEncoding stands before the first "
        "transformer block of a sequence, positions are added there once.",
    ),
    "N0202": Code(
        "leading None",
        "A leading `None` is the batch, which shapes may leave out, if the rest is what the layers "
        "need; otherwise it is an axis of open length.",
    ),
    "N0203": Code(
        "decoder has an input of its own",
        "Decoders behind encoders read a second sequence, the target's, and attend to the result "
        "of the encoders. What stands before the encoders is applied to both, with one set of "
        "weights.",
    ),
    "N0204": Code(
        "padding mask has no reader",
        "`--padding-mask` adds an input for layers that can leave padding out; there is none.",
    ),
    "N0207": Code(
        "checked with defaults",
        "A program may have open choices. A check takes their defaults for them; to compile, the "
        "values must be chosen.",
    ),
    "W0201": Code(
        "Embedding's input with a width",
        "An Embedding makes the width itself; its input is the ids, one for each position.",
    ),
    "W0202": Code(
        "macro hides a layer",
        "A macro has the name of a built-in layer, which is then out of reach outside the macro.",
    ),
    "W0203": Code(
        "unknown setting",
        "The section, or the call in it, has no setting of this name. It is kept in the model's "
        "metadata.",
    ),
    "W0204": Code(
        "loss does not fit the last layer",
        "Cross-entropies want probabilities (softmax, or sigmoid for binary), regression losses "
        "want plain values.",
    ),
    "W0205": Code(
        "arguments within quotes",
        'Old programs write `optimizer: "Adam(learning_rate=0.001)"`. It is read, but calls are '
        "better written without quotes.",
    ),
    "W0206": Code(
        "unknown loss, optimizer, schedule or metric",
        "The name is kept in the model's metadata, but nothing is known of it.",
    ),
    "W0207": Code(
        "arguments look swapped",
        "The sizes are possible, but so unusual that two of them are probably in the wrong order.",
    ),
    "W0208": Code(
        "option without effect",
        "`--dynamic` or `--max` names an axis that the network does not have.",
    ),
    "W0224": Code(
        "loss of no output",
        "Losses in `{ … }` go by the names of the outputs; a network with one output calls it "
        "`output`, or by its last layer's name.",
    ),
    "W0211": Code(
        "unusual head size",
        "Width divided by heads is usually 64 to 128. Far smaller heads see little, far larger "
        "ones are few. A hint, off with `--no-lint`.",
    ),
    "W0212": Code(
        "long dense attention",
        "Dense attention compares every position with every other one: beyond 1024 positions the "
        "square weighs. A hint, off with `--no-lint`.",
    ),
    "W0213": Code(
        "attention without positions",
        "Attention alone gives the same result for any order of what arrives. A hint, off with "
        "`--no-lint`.",
    ),
    "W0301": Code(
        "looks channels-first",
        "Images are (height, width, channels); a first dimension of 1 or 3 before two large ones "
        "looks like another order.",
    ),
    "W0302": Code(
        "Dense on an image",
        "Dense acts on the last axis, the channels of each pixel; usually `Flatten()` or a global "
        "pooling stands in between.",
    ),
    "W0303": Code(
        "sequence longer than its positions",
        "The sequence may be longer than the `max_len` of its positions. Sines and cosines have no "
        "table that could end, so it is compiled as it is; learned positions would be an error.",
    ),
}
