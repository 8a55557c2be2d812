"""The writer of a stand-in's answers: a value that fits the request's schema, or a short text.

An enum gets the label that fits the question best. An array of texts gets the number of new texts
that the prompt asks for. Everything else gets any valid value. The same question always gets the
same answer.
"""

import json
import math
import re
from dataclasses import dataclass, field
from random import Random
from typing import Any

from distill.rehearsal.provider.errors import invalid
from distill.rehearsal.provider.memory import Memory

Schema = dict[str, Any]

TEXTS = 5
"""The number of texts in an array if neither the schema nor the prompt gives a number."""
MOST_TEXTS = 500
MOST_STEPS = 50
"""The maximum number of consecutive references to follow."""
NONSENSE = "That depends on how one looks at it; there is much to say for either side."

_NUMBER = re.compile(r"\b[1-9]\d{0,2}\b")
_FORMATS = {
    "date": "2026-11-20",
    "time": "12:00:00Z",
    "date-time": "2026-11-20T12:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}
_LABEL_NAMES = {"label", "answer", "category", "class", "output", "intent"}


@dataclass
class Writer:
    """The writer of the answer to a request."""

    memory: Memory
    asked: str
    """The text of the user's last message."""
    random: Random
    root: Schema = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def json(self, schema: Schema) -> str:
        """Generate a value that fits the schema, as compact JSON.

        Raises ApiError for a schema whose references never end.
        """
        self.root = schema
        try:
            value = self.value(schema, 0)
        except RecursionError:
            raise invalid("Invalid schema: its references never end.") from None
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def text(self) -> str:
        """Return a new text as the answer."""
        return self.memory.new_text(self.memory.topics(self.asked), self.taken, self.random)

    def value(self, schema: Schema, depth: int, name: str = "", label: str = "") -> Any:
        """Return a valid value of a schema.

        `name`: the name of the property; "" outside objects.
        `label`: the topic of generated texts; "" for any.
        """
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return label if label in schema["enum"] else self._one_of(schema["enum"])
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = "null" if depth > 8 and "null" in kind else kind[0]
        if kind == "object":
            return self._object(schema, depth, label)
        if kind == "array":
            return self._array(schema, depth)
        if kind in ("integer", "number"):
            return self._number(schema, whole=kind == "integer")
        if kind == "boolean":
            return self.random.random() < 0.5
        return None if kind == "null" else self._string(schema, name, label)

    def _resolved(self, schema: Schema, depth: int) -> Schema:
        """Return the schema after following references and choosing alternatives.

        Chooses null below level 8, so that a recursive schema ends. Raises RecursionError after
        MOST_STEPS references.
        """
        for _ in range(MOST_STEPS):
            if "$ref" not in schema and "anyOf" not in schema:
                return schema
            if "anyOf" in schema:
                ways = schema["anyOf"]
                ends = [way for way in ways if way.get("type") == "null"]
                schema = ends[0] if ends and depth > 8 else ways[0]
                continue
            target: Any = self.root
            for step in schema["$ref"].removeprefix("#").strip("/").split("/"):
                target = target[step] if step else target
            schema = target
        raise RecursionError

    def _one_of(self, values: list[Any]) -> Any:
        texts = {value for value in values if isinstance(value, str)}
        best = self.memory.label_of(self.asked, texts)
        return self.random.choice(values) if best is None else best

    def _object(self, schema: Schema, depth: int, label: str) -> dict[str, Any]:
        properties: dict[str, Schema] = schema.get("properties", {})
        known = self._known_object(properties)
        if known is not None:
            return known
        return {
            name: self.value(entry, depth + 1, name, label) for name, entry in properties.items()
        }

    def _known_object(self, properties: dict[str, Schema]) -> dict[str, Any] | None:
        """Return the label of the row that is most similar to the question, as an object.

        Missing properties are null. Returns None if labels are not objects with these properties.
        """
        try:
            found = json.loads(self.memory.label_of(self.asked) or self.memory.labels[0])
        except json.JSONDecodeError:
            return None
        if not isinstance(found, dict) or not set(found) <= set(properties):
            return None
        return {name: found.get(name) for name in properties}

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        items = self._resolved(schema.get("items", {}), depth)
        count = self._wanted(schema, depth)
        if "enum" in items:
            best = self._one_of(items["enum"])
            rest = [value for value in items["enum"] if value != best]
            return [best, *self.random.sample(rest, len(rest))][: schema.get("minItems", 1)]
        labels = self._labels_of(items)
        return [
            self.value(items, depth + 1, label=labels[number % len(labels)])
            for number in range(count)
        ]

    def _labels_of(self, items: Schema) -> list[str]:
        """Return the labels for the texts of an array.

        If the items have an enum, the labels are its values that the prompt names. If the prompt
        names none, all values are labels. Without an enum, all topics of the prompt are labels.
        """
        topics = self.memory.topics(self.asked)
        for entry in items.get("properties", {}).values():
            if all(isinstance(value, str) for value in entry.get("enum", [1])):
                return [label for label in topics if label in entry["enum"]] or entry["enum"]
        return topics

    def _wanted(self, schema: Schema, depth: int) -> int:
        """Return the number of items: the last number in the prompt, within the schema's bounds.

        Earlier numbers may be in examples, which precede the question.
        """
        low = int(schema.get("minItems", 0))
        high = int(schema.get("maxItems", MOST_TEXTS))
        if depth > 8:
            return low
        found = _NUMBER.findall(self.asked)
        return max(low, min(high, int(found[-1]) if found else max(low, TEXTS)))

    def _number(self, schema: Schema, *, whole: bool) -> float | int:
        step = schema.get("multipleOf", 1 if whole else 0)
        low = float(schema.get("minimum", schema.get("exclusiveMinimum", -step)))
        high: float | None = schema.get("maximum", schema.get("exclusiveMaximum"))
        if "minimum" not in schema:
            low += step if high is None else min(step, high - low)
        if not step:  # a value strictly between the bounds, which may be exclusive
            high = low + 1 if high is None else high
            return float(low + (high - low) * self.random.randint(1, 9) / 10)
        last = low + 5 * step if high is None else high - step * ("exclusiveMaximum" in schema)
        first = math.ceil(min(low, last) / step)
        value = self.random.randint(first, max(first, math.floor(last / step))) * step
        return int(value) if whole else float(value)

    def _string(self, schema: Schema, name: str, label: str) -> str:
        if "format" in schema:
            return _FORMATS[schema["format"]]
        if name in _LABEL_NAMES:
            text = label or self.memory.label_of(self.asked) or self.memory.labels[0]
        else:
            topics = [label] if label else self.memory.topics(self.asked)
            text = self.memory.new_text(topics, self.taken, self.random)
        text = text.ljust(int(schema.get("minLength", 0)), ".")
        return text[: schema["maxLength"]] if "maxLength" in schema else text
