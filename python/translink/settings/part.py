"""A section of the settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, model_validator

from translink.settings.secrets import SECRET_NAMES


class Part(BaseModel):
    """Frozen; refuses names that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _an_empty_secret_is_not_set(cls, given: object) -> object:
        """As an empty variable: a guard would take it for a secret, and the check for none."""
        if not isinstance(given, dict):
            return given
        fields = cls.model_fields
        free = {name for name in SECRET_NAMES if name in fields and not fields[name].is_required()}
        return {
            name: value
            for name, value in given.items()
            if not (name in free and isinstance(value, str) and not value.strip())
        }
