"""Definitions of tools, as OpenAI and Anthropic take them, in place of a JSON Schema.

A call of the tool is an object of the schema that the definition gives its arguments.
"""

from typing import Any, NamedTuple

SCHEMAS = ("parameters", "input_schema")  # keys of the schema of the arguments


class Tool(NamedTuple):
    """The schema of an answer, with the name of the tool that it calls; "" without a tool."""

    schema: Any
    name: str = ""


def tool_of(found: Any) -> Tool:
    """Return the schema in a file: the file itself, or that of the one tool that it defines.

    Raises ValueError, with problem and remedy, for several tools.
    """
    listed = found["tools"] if isinstance(found, dict) and "tools" in found else found
    if isinstance(listed, list) and listed:
        if len(listed) > 1:
            raise ValueError(
                f"has {len(listed)} tools, but an answer is a call of one tool; write one of them "
                "into it, and choose among tools in a classify task of their names"
            )
        (found,) = listed
    if not isinstance(found, dict) or "properties" in found:
        return Tool(found)
    inside = found.get("function")
    definition = inside if isinstance(inside, dict) else found
    name = definition.get("name")
    schema = next((definition[key] for key in SCHEMAS if key in definition), None)
    return Tool(schema, name) if isinstance(name, str) and schema is not None else Tool(found)
