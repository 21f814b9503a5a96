"""The JSON Schema of `translink.toml`, for editors: what may be written there, and what it means.

Made from the models themselves. What pydantic cannot know is added: how an address is written, that a list
of words may be written `a, b` and a name as a number, and the description of each setting, which stands
below it in the source. The loader refuses more than a schema can say.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from translink.settings.model import Settings

SCHEMA = "http://json-schema.org/draft-07/schema#"
"""What editors' TOML plug-ins (taplo, Even Better TOML) read."""

_ADDRESS_SHAPE = {
    "description": "`host:port`; a port alone means loopback.",
    "anyOf": [
        {"type": "string", "pattern": r"^((\[[^\]]+\]|[^:\s]*):)?\d{1,5}$"},
        {"type": "integer", "minimum": 0, "maximum": 65_535},
    ],
}
_STRING = ["string", "integer"]


def schema() -> dict[str, Any]:
    """The JSON Schema of `translink.toml`."""
    made = Settings.model_json_schema()
    shapes = made["$defs"]
    shapes["Address"] = _ADDRESS_SHAPE
    described = dict(_descriptions())
    for name, shape in [("Settings", made), *shapes.items()]:
        for field, value in shape.get("properties", {}).items():
            value.pop("title", None)
            if (text := described.get((name, field))) is not None:
                shape["properties"][field] = {
                    "description": " ".join(text.split()),
                    **_written(value),
                }
            else:
                shape["properties"][field] = _written(value)
    made["title"] = "translink.toml"
    return {"$schema": SCHEMA, **made}


def _written(value: Any) -> Any:
    """How it may be written, where that is more than what it becomes."""
    if isinstance(value, list):
        return [_written(each) for each in value]
    if not isinstance(value, dict):
        return value
    out = {
        # Of draft 7, where a tuple's items were a list.
        "items" if key == "prefixItems" else key: _written(each)
        for key, each in value.items()
        if key not in ("default", "writeOnly", "format")
    }
    if "$ref" in out and len(out) > 1:
        out = {"allOf": [{"$ref": out.pop("$ref")}], **out}
    if out.get("type") == "string" and "enum" not in out and "const" not in out:
        out["type"] = _STRING
    if out.get("type") == "array" and _is_word(value.get("items")):
        return {"anyOf": [out, {"type": "string"}]}
    if "default" in value and value["default"] is not None:
        out["default"] = value["default"]
    return out


def _is_word(items: object) -> bool:
    return isinstance(items, dict) and items.get("type") == "string"


def _descriptions() -> Iterator[tuple[tuple[str, str], str]]:
    """(class, field) and the string below it."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ClassDef):
                continue
            for statement, after in zip(node.body, node.body[1:], strict=False):
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    text = after.value if isinstance(after, ast.Expr) else None
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        yield (node.name, statement.target.id), text.value
