"""Graph → files for runtimes: ONNX for a target, MLIR text.

In: an `ir` graph and a target. Out: an `OnnxProgram`, which `weights.py` writes, or text.
`onnx_lowering.py` drives; one file per family of ops says how each becomes ONNX nodes.
"""
