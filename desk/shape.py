"""Define the base of all models of HTTP."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """Base of all models: unknown fields are refused, values are frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
