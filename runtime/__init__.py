"""Compiled files to running sessions: providers, input checks, profiles by source line.

In: an ONNX file or its bytes. Out: a `Session`.
"""
