"""What torch.onnx.export writes, in ONNX Runtime: as it is, and after transformers.optimizer."""

from __future__ import annotations

from pathlib import Path

from models import Network

from . import CONTENDERS, Run, first_output, onnx_session


def prepare(name: str, model: Network, folder: Path) -> str:
    return optimize(model, folder) if name == "optimizer" else export(name, model, folder)


def open(name: str, model: Network, folder: Path, threads: int) -> Run:
    return first_output(onnx_session(folder / f"{name}.onnx", threads))


def export(name: str, model: Network, folder: Path) -> str:
    write_export(model, folder, folder / f"{name}.onnx", sliced=CONTENDERS[name].sliced)
    return ""


def write_export(
    model: Network, folder: Path, path: Path, *, sliced: bool = False, half: bool = False
) -> None:
    """With a fixed batch, which can only help the runtime, unless the lengths are mixed; `half` in
    two-byte precision."""
    import torch
    from torch_models import example, module_of

    axes = {
        name: {place: torch.export.Dim(axis) for place, axis in enumerate(names)}
        for name, names in model.open_axes.items()
    }
    inputs, module = example(model), module_of(model, folder, sliced)
    if half:
        module = module.half()
        inputs = {n: x.half() if x.is_floating_point() else x for n, x in inputs.items()}
    with torch.no_grad():
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            path,
            input_names=list(inputs),
            dynamic_shapes=axes or None,
            dynamo=True,
            verbose=False,
        )


def optimize(model: Network, folder: Path) -> str:
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
