"""torch, imported at its first use.

The API validates, resolves and catalogues every plug-in but computes with none of them;
importing torch would cost it more than a second and 200 MB. Plug-ins write
`from core.tensors import torch` and pay when their maths first runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch as torch
else:

    class _Lazy:
        """Stands for a module; the first access of each name imports it and keeps the name."""

        def __init__(self, name: str) -> None:
            self.__name = name

        def __getattr__(self, attribute: str) -> Any:  # Any: it is whatever the module holds
            value = getattr(import_module(self.__name), attribute)
            setattr(self, attribute, value)
            return value

    torch = _Lazy("torch")
