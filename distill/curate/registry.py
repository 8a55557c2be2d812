"""The checks of curation in running order, each with a description and its keys in task.toml."""

CHECKS = {
    "review": "a person rejected it",
    "form": "no usable answer, empty, too short, too long, no label, does not fit the schema",
    "wording": "refusals, placeholders, text of the prompt",
    "language": "another language than the task's",
    "privacy": "personal data and secrets",
    "agreement": "votes that differ, another answer than asked for, two answers to one input",
    "exact_duplicates": "the same text, whatever its case and white space",
    "near_duplicates": "nearly the same characters (Jaccard)",
    "semantic_duplicates": "nearly the same meaning (cosine)",
    "suspect_labels": "a label that rows like it do not have",
    "second_opinion": "a model fitted to the seeds answers otherwise",
    "judge": "the judge's score is too low",
    "balance": "more rows of its label than wanted",
    "context": "longer than the student's context",
    "leak_gate": "too close to gold",
}

# The keys of task.toml that set each check; a check without a key always runs.
KEYS = {
    "form": ("curate.min_words", "curate.max_words"),
    "wording": ("curate.boilerplate", "curate.leaked_prompt"),
    "language": ("curate.language",),
    "privacy": (
        *("curate.privacy", "curate.private_kinds", "curate.private_names", "curate.phone_region"),
    ),
    "agreement": ("curate.agreement", "curate.min_agreement", "curate.contradictions"),
    "exact_duplicates": ("curate.exact_duplicates",),
    "near_duplicates": ("curate.near_duplicates",),
    "semantic_duplicates": ("curate.semantic_duplicates",),
    "suspect_labels": ("curate.suspect_labels",),
    "second_opinion": ("curate.second_opinion",),
    "judge": ("curate.judge", "curate.judge_model"),
    "balance": ("curate.balance",),
    "context": ("student.context_tokens",),
    "leak_gate": ("leaks.near", "leaks.semantic", "leaks.most_share"),
}
