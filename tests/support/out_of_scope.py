"""The task `pets` with a label for messages about no pet, and what each system says to its gold."""

from tests.conftest import PETS, jsonl, pet_rows

OTHER = "nothing"
LABELS = "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
MARKED = f'{OTHER} = {{meaning = "about no pet at all", other = true}}\n'
HEAD = f'name = "pets"\nkind = "classify"\n[labels]\n{LABELS}{MARKED}'
SEEDS = [
    *pet_rows("seed", 4),
    *({"input": f"nothing here number {n} is a pet", "label": OTHER} for n in range(4)),
]
# The scripted models look for the words of the labels; without one they say cats.
RIGHT = [{"input": f"there is nothing in box {n} that barks", "label": OTHER} for n in range(5)]
FORCED = [{"input": f"the cat food in box {n} is sold out", "label": OTHER} for n in range(2)]
TURNED_AWAY = [{"input": f"there is nothing for kitten {n}", "label": "cats"} for n in range(2)]
# The teacher's prompt tells it that these are about nothing; the student is not told.
TOLD = [{"input": f"an odd thing called number {n}", "label": OTHER} for n in range(10)]
GOLD = [*pet_rows("gold", 4), *RIGHT, *FORCED, *TURNED_AWAY, *TOLD]
FILES = {
    "task_toml": HEAD + "[generate]\nrequests = 40\nseeds_shown = 2\n[teacher]\nfew_shot = 3\n",
    "answer_md": "{% for seed in seeds %}\n{{ seed.input }} -> {{ seed.answer }}\n{% endfor %}\n"
    "{{ input }} ->{{ ' nothing' if 'odd' in input }}\n",
    "near_miss_md": "About {{ label }}s:\nnot {{ near }}: {{ near_seeds[0].input }}\n-\n",
    "seeds_jsonl": jsonl(SEEDS),
    "gold_jsonl": jsonl(GOLD),
}
