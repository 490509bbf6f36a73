"""Where examples that differ in length end."""

from __future__ import annotations

from core.tensors import torch


def there(lengths_RB: torch.Tensor, moments: int) -> torch.Tensor:
    """(R, B, T) bool: the moments that are there, one at least."""
    moment_T = torch.arange(moments, device=lengths_RB.device)
    found: torch.Tensor = moment_T < lengths_RB.clamp(min=1).unsqueeze(-1)
    return found
