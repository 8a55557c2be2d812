"""The checks of curation in running order, each with a description for reports and tables."""

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
