"""Windows that slide over images: what convolution and pooling share.

In: sizes, strides, dilations and the kind of padding, as Keras defines them. Out: the sizes that
result, and the pads that the IR's channels-first ops take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...ir.dim import Dim
from ..checking.site import Site, longest
from .spec import Parameter, Wants

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction

Pads = tuple[tuple[int, int], ...]


def window_parameters(
    axes: int, *, causal: bool = False, transposed: bool = False
) -> tuple[Parameter, ...]:
    """Strides' companions `padding` and `data_format` for windows over `axes` axes."""
    meaning = "valid: only whole windows; same: as many as without stride 1, edges padded"
    if transposed:
        meaning = "valid: all that a window reaches; same: the size times the stride"
    choices = ("valid", "same", "causal") if causal else ("valid", "same")
    return (
        Parameter(
            "padding",
            Wants.CHOICE,
            "valid",
            meaning,
            choices=choices,
        ),
        Parameter(
            "data_format",
            Wants.CHOICE,
            "channels_last",
            "the order of axes",
            choices=("channels_last",),
            pending=("channels_first",),
            named_only=True,
        ),
    )


def sliding(
    site: Site,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    window_argument: str,
) -> tuple[Dim, ...] | None:
    """The spatial sizes that result; reports a window that does not fit.

    valid: (size - span) // stride + 1 with span = dilation · (window - 1) + 1; same and causal:
    size / stride, rounded up.
    """
    padding = site.arguments["padding"]
    result: list[Dim] = []
    for axis, size in enumerate(site.arriving.shape[1:-1]):
        span = dilations[axis] * (window[axis] - 1) + 1
        if padding == "valid":
            most = longest(size)
            if most is not None and most < span:
                site.error(
                    "E0304",
                    f"a window of {span} does not fit a size of {size}",
                    window_argument,
                    labels=site.origin_label("{name}"),
                    help='a smaller window, or padding="same"',
                )
                return None
            result.append((size - span) // strides[axis] + 1)
        elif isinstance(size, int) or strides[axis] == 1 or padding == "causal":
            result.append((size - 1) // strides[axis] + 1)
        else:
            site.error(
                "E0307",
                f'padding="same" with a stride of {strides[axis]} depends on the size of an axis '
                f"that is open (`{size}`)",
                "padding",
                labels=site.origin_label("{name}"),
                help='give the input a fixed size, or use padding="valid"',
            )
            return None
    return tuple(result)


def pads(
    padding: str,
    sizes: tuple[Dim, ...],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
) -> Pads:
    """Zeros before and after each axis. An odd sum has its larger half behind, as in TensorFlow."""
    result: list[tuple[int, int]] = []
    for size, count, stride, dilation in zip(sizes, window, strides, dilations, strict=True):
        span = dilation * (count - 1) + 1
        if padding == "valid":
            result.append((0, 0))
        elif padding == "causal":
            result.append((span - 1, 0))
        elif isinstance(size, int):
            total = max((-(-size // stride) - 1) * stride + span - size, 0)
            result.append((total // 2, total - total // 2))
        else:
            result.append(((span - 1) // 2, span - 1 - (span - 1) // 2))
    return tuple(result)


def channels_first(make: Construction, x: Value) -> Value:
    """[batch, spatial…, channels] -> [batch, channels, spatial…]."""
    rank = x.type.rank
    return make("transpose", x, permutation=(0, rank - 1, *range(1, rank - 1)))


def channels_last(make: Construction, x: Value) -> Value:
    """[batch, channels, spatial…] -> [batch, spatial…, channels]."""
    rank = x.type.rank
    return make("transpose", x, permutation=(0, *range(2, rank), 1))
