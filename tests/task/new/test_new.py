"""New tasks from people's data."""

import csv
import json
import random
import sqlite3
import tomllib
from collections import Counter
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from distill.core.conversation import turns_of
from distill.core.errors import InputError, InvalidInput
from distill.task import Task
from distill.task.loading import load_task
from distill.task.new import MadeTask, NewTaskOptions, new_task
from distill.task.new.sample import Sample
from distill.task.new.splitting import Row

TEAMS = {
    "billing": "I was charged {n} euros twice for {thing}",
    "delivery": "The parcel with {thing} should have come {n} days ago",
    "returns": "How do I send {thing} back as number {n}",
}
THINGS = ("a lamp", "two chairs", "the kettle", "my jacket", "a tent", "the oak table", "a bicycle")
Pair = tuple[str, str]


def labelled(count: int = 120, shares: tuple[int, ...] = (3, 2, 1)) -> list[Pair]:
    """(text, label) in skewed proportions, all texts different."""
    draw = random.Random(3)
    pool = [team for team, share in zip(TEAMS, shares, strict=True) for _ in range(share)]
    rows = []
    for number in range(count):
        team = pool[number % len(pool)]
        thing = f"{draw.choice(THINGS)} from {draw.choice(THINGS)} and {draw.choice(THINGS)}"
        rows.append((TEAMS[team].format(n=number, thing=thing), team))
    return rows


def as_csv(rows: list[Pair], delimiter: str = ",", head: Pair = ("text", "label")) -> str:
    out = StringIO()
    csv.writer(out, delimiter=delimiter).writerows([head, *rows])
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    return tmp_path


def make(folder: Path, name: str, content: str | bytes, **options: Any) -> MadeTask:
    """Make the task `tickets` from a file with this content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return new_task(folder / "prompts", "tickets", NewTaskOptions(str(path), **options))


def loaded(made: MadeTask) -> Task:
    return load_task(made.folder.parent, made.folder.name)


def all_rows(task: Task) -> list[Pair]:
    return [(row.input, row.answer) for row in (*task.gold, *task.seeds, *task.examples)]


def test_a_table_of_labels_becomes_a_task_that_loads(folder: Path) -> None:
    rows = labelled()
    made = make(folder, "tickets.csv", as_csv(rows))
    task = loaded(made)
    assert (made.task.kind, made.columns.input, made.columns.answers) == (
        "classify",
        "text",
        ("label",),
    )
    assert sorted(all_rows(task)) == sorted(rows), "no labelled row is lost"
    assert task.spec.labels == {team: team for team in ("billing", "delivery", "returns")}
    assert not task.inputs and "shop" not in "".join(task.prompts.values())


def test_each_label_is_tested_in_its_proportion(folder: Path) -> None:
    task = loaded(make(folder, "tickets.csv", as_csv(labelled(240, (8, 3, 1)))))
    counts = Counter(row.answer for row in task.gold)
    assert sum(counts.values()) == 96
    assert counts["billing"] == 64 and counts["delivery"] == 24 and counts["returns"] == 8
    seeds = Counter(row.answer for row in task.seeds)
    assert set(seeds) == set(TEAMS) and max(seeds.values()) <= 12


def test_the_order_of_the_file_does_not_decide(folder: Path) -> None:
    rows = labelled()
    one = loaded(make(folder, "tickets.csv", as_csv(rows)))
    gold = {row.input for row in one.gold}
    (folder / "prompts").rename(folder / "earlier")
    (folder / "prompts").mkdir()
    random.Random(5).shuffle(rows)
    again = loaded(make(folder, "tickets.csv", as_csv(rows)))
    assert {row.input for row in again.gold} == gold


def test_near_copies_and_groups_stay_on_one_side(folder: Path) -> None:
    rows = labelled(150)
    twins = [(f"{text}!!", label) for text, label in rows[:40]]
    task = loaded(make(folder, "tickets.csv", as_csv(rows + twins)))
    gold = {row.input for row in task.gold}
    assert all((text in gold) == (f"{text}!!" in gold) for text, _ in rows[:40])
    (folder / "prompts" / "tickets").rename(folder / "earlier")
    lines = ["text,label,customer", *(f"{t},{a},c{n % 30}" for n, (t, a) in enumerate(rows))]
    task = loaded(make(folder, "tickets.csv", "\n".join(lines), group="customer"))
    sides: dict[str, set[bool]] = {}
    gold = {row.input for row in task.gold}
    for number, (text, _) in enumerate(rows):
        sides.setdefault(f"c{number % 30}", set()).add(text in gold)
    assert all(len(side) == 1 for side in sides.values())


def test_the_newest_rows_are_tested(folder: Path) -> None:
    rows = labelled(100)
    lines = ["text,label,day"]
    lines += [f"{t},{a},2026-{1 + n // 28:02}-{1 + n % 28:02}" for n, (t, a) in enumerate(rows)]
    task = loaded(make(folder, "tickets.csv", "\n".join(lines), time="day"))
    assert {row.input for row in task.gold} == {text for text, _ in rows[-40:]}


def test_the_margin_is_what_the_test_rows_can_prove(folder: Path) -> None:
    made = make(folder, "tickets.csv", as_csv(labelled(180)))
    assert len(made.task.parts.gold) == 72
    # 72 rows: sqrt(0.1 / 72) x (1.96 + 0.842) = 0.1044
    assert loaded(made).spec.evaluate.margin == 0.11
    assert made.proves.startswith("72 test rows can prove a loss under 11 points; you need about 3")


def test_rows_without_an_answer_become_inputs(folder: Path) -> None:
    extra = [("What about this one", ""), ("And this", "NaN"), ("", "billing")]
    made = make(folder, "tickets.csv", as_csv([*labelled(), *extra]))
    assert loaded(made).inputs == ("What about this one", "And this")
    assert made.notes == ("left out 1 rows without a text in text",)


def test_contradictions_and_copies_are_left_out(folder: Path) -> None:
    rows = labelled()
    other = "returns" if rows[0][1] != "returns" else "billing"
    made = make(folder, "tickets.csv", as_csv([*rows, rows[1], (rows[0][0], other)]))
    assert len(all_rows(loaded(made))) == len(rows) - 1
    assert made.notes == ("left out 2 rows whose text has two answers, the first at tickets.csv:2",)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("semicolons.csv", as_csv(labelled(), ";")),
        ("tabs.tsv", as_csv(labelled(), "\t")),
        ("bars.csv", as_csv(labelled(), "|")),
        ("marked.csv", b"\xef\xbb\xbf" + as_csv(labelled()).encode()),
        ("utf16.csv", as_csv(labelled()).encode("utf-16")),
        ("mixed_ends.csv", as_csv(labelled()).replace("\r\n", "\n", 30)),
        ("rows.jsonl", "".join(json.dumps({"text": t, "label": a}) + "\n" for t, a in labelled())),
        ("rows.json", json.dumps([{"text": t, "label": a} for t, a in labelled()])),
        ("wrapped.json", json.dumps({"rows": [{"text": t, "label": a} for t, a in labelled()]})),
        (
            "chats.jsonl",
            "".join(
                json.dumps(
                    {
                        "messages": [
                            {"role": "system", "content": "Which team? {braces}"},
                            {"role": "user", "content": text},
                            {"role": "assistant", "content": label},
                        ]
                    }
                )
                + "\n"
                for text, label in labelled()
            ),
        ),
    ],
)
def test_every_form_of_rows_is_read(name: str, content: str | bytes, folder: Path) -> None:
    assert sorted(all_rows(loaded(make(folder, name, content)))) == sorted(labelled())


def test_latin_1_is_read_if_it_is_named(folder: Path) -> None:
    rows = [(f"{text} für Käse", label) for text, label in labelled()]
    content = as_csv(rows).encode("cp1252")
    with pytest.raises(InputError, match=r"tickets\.csv:2: not UTF-8.*--encoding cp1252"):
        make(folder, "tickets.csv", content)
    task = loaded(make(folder, "tickets.csv", content, encoding="cp1252"))
    assert sorted(all_rows(task)) == sorted(rows)


def test_parquet_excel_and_databases_are_read(folder: Path) -> None:
    import duckdb
    from openpyxl import Workbook
    from pyarrow import table
    from pyarrow.parquet import write_table

    texts, labels = zip(*labelled(), strict=True)
    write_table(table({"text": texts, "label": labels}), folder / "rows.parquet")
    book = Workbook()
    for row in [("text", "label"), *labelled()]:
        book.worksheets[0].append(row)
    book.save(folder / "rows.xlsx")
    with duckdb.connect(str(folder / "rows.duckdb")) as database:
        database.execute("CREATE TABLE t (text VARCHAR, label VARCHAR)")
        database.executemany("INSERT INTO t VALUES (?, ?)", labelled())
    with sqlite3.connect(folder / "rows.sqlite") as lite:
        lite.execute("CREATE TABLE t (text, label)")
        lite.executemany("INSERT INTO t VALUES (?, ?)", labelled())
    lite.close()
    for name in ("rows.parquet", "rows.xlsx", "rows.duckdb", "rows.sqlite"):
        query = "SELECT text, label FROM t" if name.endswith(("duckdb", "sqlite")) else ""
        options = NewTaskOptions(str(folder / name), query=query)
        made = new_task(folder / "prompts", name.replace(".", "-"), options)
        assert sorted(all_rows(loaded(made))) == sorted(labelled()), name


def test_folders_of_texts_are_labels(folder: Path) -> None:
    for number, (text, label) in enumerate(labelled()):
        path = folder / "mail" / label / f"{number}.{'eml' if number % 2 else 'txt'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        head = f"Subject: {text}\nContent-Type: text/plain; charset=utf-8\n\nThe end.\n"
        path.write_text(head if number % 2 else text, encoding="utf-8")
    task = loaded(new_task(folder / "prompts", "mail", NewTaskOptions(str(folder / "mail"))))
    expected = [
        (f"{text}\n\nThe end." if number % 2 else text, label)
        for number, (text, label) in enumerate(labelled())
    ]
    assert sorted(all_rows(task)) == sorted(expected)


def test_spellings_of_a_label_are_taken_together(folder: Path) -> None:
    rows = labelled()
    rows[0] = (rows[0][0], f" {rows[0][1].upper()}  ")
    made = make(folder, "tickets.csv", as_csv(rows))
    assert set(loaded(made).spec.labels) == set(TEAMS)
    assert any("took spellings of one label together: 'BILLING'" in note for note in made.notes)


def test_rare_labels_are_merged_or_dropped(folder: Path) -> None:
    rows = [*labelled(), ("What are your opening hours", "hours"), ("Any jobs", "jobs")]
    with pytest.raises(InputError, match=r"fewer than 6 rows: hours \(1\), jobs \(1\)"):
        make(folder, "tickets.csv", as_csv(rows))
    made = make(folder, "tickets.csv", as_csv(rows), drop_rare=True)
    assert set(loaded(made).spec.labels) == set(TEAMS)
    assert "left out the labels hours, jobs: too few rows" in made.notes
    made.folder.rename(folder / "earlier")
    many = [*labelled(), *((f"Question {n} on {THINGS[n]}", f"rare {n}") for n in range(7))]
    task = loaded(make(folder, "tickets.csv", as_csv(many), merge_rare="other"))
    assert set(task.spec.labels) == {*TEAMS, "other"}
    assert sum(answer == "other" for _, answer in all_rows(task)) == 7


def objects(count: int = 100) -> list[dict[str, Any]]:
    """Bookings with a verbatim name, an optional date, a choice, a number and a list."""
    rows = []
    for number in range(count):
        name, day = f"Guest{number} Miller", f"{1 + number % 28} May 2026"
        text = f"Table for {name} on {day}, {number % 9 + 1} people, please ({THINGS[number % 7]})"
        answer = {
            "name": name,
            "date": day if number % 3 else None,
            "meal": ("lunch", "dinner")[number % 2],
            "people": number % 9 + 1,
            "extras": [THINGS[number % 7]],
        }
        rows.append({"input": text, "answer": answer})
    return rows


def test_objects_become_fields_with_their_types(folder: Path) -> None:
    content = "".join(json.dumps(row) + "\n" for row in objects())
    made = make(folder, "bookings.jsonl", content)
    task = loaded(made)
    schema = json.loads((made.folder / "schema.json").read_text(encoding="utf-8"))
    fields = schema["properties"]
    assert made.task.kind == "extract"
    assert fields["name"] == {
        "type": "string",
        "x-verbatim": True,
        "x-normalize": ["case", "whitespace"],
    }
    assert fields["date"]["x-normalize"] == ["case", "whitespace", "date"]
    assert fields["meal"] == {"type": "string", "enum": ["dinner", "lunch"]}
    assert fields["people"] == {"type": "integer"}
    assert fields["extras"]["type"] == "array"
    assert schema["required"] == ["name", "meal", "people", "extras"]
    assert len(all_rows(task)) == 100


def test_several_columns_become_fields(folder: Path) -> None:
    lines = [
        "text,who,what",
        *(f"{n} asks for {THINGS[n % 7]},{n},{THINGS[n % 7]}" for n in range(99)),
    ]
    task = loaded(make(folder, "rows.csv", "\n".join(lines), answers=("who", "what")))
    assert task.spec.kind == "extract" and len(all_rows(task)) == 99
    assert json.loads(task.seeds[0].answer).keys() == {"who", "what"}


def test_free_texts_become_a_task_of_texts(folder: Path) -> None:
    rows = [(text, f"Subject: {text[:30]} and so on") for text, _ in labelled(100)]
    task = loaded(make(folder, "rows.csv", as_csv(rows, head=("input", "output"))))
    assert task.spec.kind == "generate" and len(all_rows(task)) == 100


def test_a_system_prompt_of_a_chat_file_is_the_teachers(folder: Path) -> None:
    row = {
        "messages": [
            {"role": "system", "content": "Which team? {{ braces }} {% if %}"},
            {"role": "user", "content": "?"},
            {"role": "assistant", "content": "?"},
        ]
    }
    lines = []
    for text, label in labelled():
        row["messages"][1]["content"], row["messages"][2]["content"] = text, label
        lines.append(json.dumps(row) + "\n")
    task = loaded(make(folder, "chats.jsonl", "".join(lines)))
    assert task.render("answer.system.md") == "Which team? {{ braces }} {% if %}"


def test_people_alone_teach(folder: Path) -> None:
    task = loaded(make(folder, "tickets.csv", as_csv(labelled()), no_teacher=True))
    assert task.spec.generate.sources == ()


def test_odd_names_and_texts_are_written_as_they_are(folder: Path) -> None:
    rows = [(f'{text} "quoted" \\ \x7f émoji 🎉', f"{label} 100 %") for text, label in labelled()]
    made = make(folder, "tickets.csv", as_csv(rows), description='Say "which" \\ team\nnow')
    task = loaded(made)
    assert sorted(all_rows(task)) == sorted(rows)
    text = (made.folder / "task.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["description"] == 'Say "which" \\ team\nnow'


def test_long_texts_get_a_longer_context(folder: Path) -> None:
    rows = [(f"{text} {'word ' * 900}", label) for text, label in labelled()]
    assert loaded(make(folder, "tickets.csv", as_csv(rows))).spec.student.context_tokens == 2048


def test_a_large_table_is_sampled_without_losing_a_rare_label() -> None:
    sample = Sample(500)
    rows = [Row(f"text {n}", "rare" if n % 100 == 7 else "common", "", f"{n}") for n in range(5000)]
    for row in rows:
        sample.add(row)
    found = sample.rows()
    assert sample.left_out == 5000 - len(found) and 500 <= len(found) <= 550
    assert sum(row.answer == "rare" for row in found) == 50, "all of them"
    places = [int(row.place) for row in found]
    assert places == sorted(places) and sum(place < 2500 for place in places) > 200
    backwards = Sample(500)
    for row in reversed(rows):
        backwards.add(row)
    assert {row.place for row in backwards.rows()} == {row.place for row in found}


def test_of_a_large_table_with_times_the_newest_are_taken() -> None:
    sample = Sample(500)
    for number in range(5000):
        sample.add(Row(f"text {number}", f"answer {number}", "", "", time=float(number)))
    assert [row.time for row in sample.rows()] == list(range(4500, 5000))


def test_sentences_without_spaces_are_no_ids(folder: Path) -> None:
    draw, letters = random.Random(0), [chr(code) for code in range(0x4E00, 0x4E00 + 900)]
    texts = ["".join(draw.choices(letters, k=12)) for _ in range(240)]
    rows = list(zip(texts[:120], ("退款", "配送") * 60, strict=True))
    made = make(folder, "tickets.csv", as_csv(rows))
    assert (made.columns.input, made.columns.answers) == ("text", ("label",))
    (folder / "other" / "prompts").mkdir(parents=True)
    pairs = list(zip(texts[:120], texts[120:], strict=True))
    other = make(folder / "other", "texts.csv", as_csv(pairs, head=("input", "output")))
    assert other.task.kind == "generate"


GREETING = [
    {"role": "system", "content": "Which team?"},
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "How can I help?"},
]


def chats(text: str, label: str) -> dict[str, Any]:
    """A row of a chat file with several turns, of which the last is the answer."""
    last = [{"role": "user", "content": text}, {"role": "assistant", "content": label}]
    return {"messages": [*GREETING, *last]}


def beside(text: str, label: str) -> dict[str, Any]:
    """A row with a label beside its turns."""
    return {"messages": [*GREETING, {"role": "user", "content": text}], "label": label}


def calling(text: str, label: str) -> dict[str, Any]:
    """A row of a chat file whose answer calls a tool."""
    function = {"name": "route", "arguments": json.dumps({"team": label, "words": text[:9]})}
    call = {"id": "call_1", "type": "function", "function": function}
    answer = {"role": "assistant", "content": None, "tool_calls": [call]}
    return {"messages": [*GREETING, {"role": "user", "content": text}, answer]}


@pytest.mark.parametrize(("form", "kind"), [(chats, "classify"), (beside, "classify")])
def test_conversations_become_a_task(
    form: Callable[[str, str], dict[str, Any]], kind: str, folder: Path
) -> None:
    rows = labelled()
    lines = "".join(json.dumps(form(*row)) + "\n" for row in rows)
    task = loaded(make(folder, "chats.jsonl", lines))
    assert task.spec.kind == kind and task.has_conversations
    found = {turns_of(text)[-1].content: answer for text, answer in all_rows(task)}
    assert found == dict(rows)
    roles = {tuple(turn.role for turn in turns_of(text)) for text, _ in all_rows(task)}
    assert roles == {("user", "assistant", "user")}
    assert task.render("answer.system.md") == "Which team?"


def test_calls_of_a_tool_become_objects(folder: Path) -> None:
    lines = "".join(json.dumps(calling(*row)) + "\n" for row in labelled())
    task = loaded(make(folder, "chats.jsonl", lines))
    assert task.spec.kind == "extract" and task.has_conversations
    assert json.loads(task.gold[0].answer).keys() == {"team", "words"}


def test_a_text_that_looks_like_an_encoding_stays_a_text(folder: Path) -> None:
    rows = [(f"\x02User: {text}\n\x02Assistant: b\n\x02User: c", a) for text, a in labelled()]
    task = loaded(make(folder, "tickets.csv", as_csv(rows)))
    assert not task.has_conversations
    assert sorted((turns_of(t)[0].content, a) for t, a in all_rows(task)) == sorted(rows)


def test_a_label_can_be_that_of_what_belongs_to_no_other(folder: Path) -> None:
    made = make(folder, "tickets.csv", as_csv(labelled()), other="Returns")
    task = loaded(made)
    assert task.spec.other_label == "returns"
    assert 'returns = {meaning = "returns", other = true}\n' in (
        made.folder / "task.toml"
    ).read_text(encoding="utf-8")


def test_the_label_of_what_belongs_to_no_other_must_have_rows(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="no row has the label 'return'") as refused:
        make(folder, "tickets.csv", as_csv(labelled()), other="return")
    (problem,) = refused.value.problems
    assert problem.key == "--other" and "returns" in problem.fix
    assert not (folder / "prompts" / "tickets").exists()


def test_only_a_task_with_labels_has_one_for_the_rest(folder: Path) -> None:
    with pytest.raises(InputError, match="a generate task has no labels"):
        make(folder, "tickets.csv", as_csv(labelled()), other="returns", kind="generate")
