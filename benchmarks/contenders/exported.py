"""What torch.onnx.export writes, in ONNX Runtime: as it is, and after transformers.optimizer."""

from __future__ import annotations

from pathlib import Path

from models import Model, read_weights

from . import WEIGHTS, Run, first_output, onnx_session


def prepare(name: str, model: Model, folder: Path) -> str:
    return export(model, folder) if name == "ort" else optimize(model, folder)


def open(name: str, model: Model, folder: Path, threads: int) -> Run:
    return first_output(onnx_session(folder / f"{name}.onnx", threads))


def export(model: Model, folder: Path) -> str:
    """With a fixed batch, which can only help the runtime."""
    import torch
    from torch_models import torch_model

    module = torch_model(model, read_weights(folder / WEIGHTS))
    example = (torch.from_numpy(model.inputs()["input"]),)
    with torch.no_grad():
        torch.onnx.export(module, example, folder / "ort.onnx", dynamo=True, verbose=False)
    return ""


def optimize(model: Model, folder: Path) -> str:
    from onnxruntime.transformers.optimizer import optimize_model

    kind = "vit" if model.patch else "gpt2" if model.causal else "bert"
    optimized = optimize_model(
        str(folder / "ort.onnx"),
        model_type=kind,
        num_heads=model.heads,
        hidden_size=model.width,
        opt_level=2,
    )
    optimized.save_model_to_file(str(folder / "optimizer.onnx"))
    fused = optimized.get_fused_operator_statistics()
    return ", ".join(f"{op} ×{count}" for op, count in fused.items() if count)
