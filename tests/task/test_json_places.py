"""The lines of keys in JSON."""

import json

import pytest

from distill.task.json_places import line_of_path

TEXT = """{
  "type": "object",
  "properties": {
    "a \\"quoted\\" {name}": {
      "type": "string"},
    "list": {"anyOf": [
      {"type": "null"},
      {"type": "array", "items": {
        "x": [1,
          2]}}]}
  }
}
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("type",), 2),
        (("properties",), 3),
        (("properties", 'a "quoted" {name}'), 4),
        (("properties", 'a "quoted" {name}', "type"), 5),
        (("properties", "list", "anyOf", "0"), 7),
        (("properties", "list", "anyOf", "1"), 8),
        (("properties", "list", "anyOf", "1", "items", "x"), 9),
        (("properties", "list", "missing", "x"), 6),
        (("nothing",), 1),
    ],
)
def test_a_path_has_the_line_of_its_nearest_part(path: tuple[str, ...], line: int) -> None:
    json.loads(TEXT)
    assert line_of_path(TEXT, path) == line
