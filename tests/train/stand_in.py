"""A device that stands in for an accelerator: its own tensors, the host's arithmetic.

torch registers it as a backend of its own, `stand_in`. Its tensors hold their numbers where no
operation of the host reaches them, and an operation that mixes them with the host's is refused, as
CUDA refuses it. So a program that runs here, and gives the host's numbers, is sure of where its
tensors lie; kernels of a real accelerator and their rounding are not shown.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._pytree import tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "stand_in"
HOST = torch.device("cpu")
CROSSES = {"aten::copy_"}  # may name tensors of both


class Tensor(torch.Tensor):
    """`held` has the numbers."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> Tensor:
        made: Tensor = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(NAME, 0),
        )
        made.held = held
        return made

    def __init__(self, held: torch.Tensor) -> None:
        pass

    def tolist(self) -> Any:
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None):
        return run(operation, *args, **(kwargs or {}))


def run(operation: Any, *args: Any, **kwargs: Any) -> Any:
    """An operation of torch on this device, done by the host on what its tensors hold."""
    name = operation._schema.name
    if name == "aten::_to_copy":
        target = torch.device(kwargs.pop("device", None) or args[0].device)
        copied = operation(_held(args[0]), device=HOST, **kwargs)
        return Tensor(copied) if target.type == NAME else copied

    def inner(value: Any) -> Any:
        if isinstance(value, torch.device):
            return HOST
        of_host = isinstance(value, torch.Tensor) and not isinstance(value, Tensor)
        if of_host and value.dim() > 0 and name not in CROSSES:
            raise RuntimeError(f"{name} mixes {NAME} with {value.device}, {value.shape}")
        return _held(value)

    done = operation(*tree_map(inner, args), **tree_map(inner, kwargs))
    if operation._schema.is_mutable:  # in place, or out=: the tensor that was given
        outs = [argument.name for argument in operation._schema.arguments if argument.is_out]
        return kwargs[outs[0]] if outs else args[0]
    return tree_map(lambda v: Tensor(v) if isinstance(v, torch.Tensor) else v, done)


def _held(value: Any) -> Any:
    return value.held if isinstance(value, Tensor) else value


_setup_privateuseone_for_python_backend(NAME)
LIBRARY = torch.library.Library("_", "IMPL")
LIBRARY.fallback(run, "PrivateUse1")
