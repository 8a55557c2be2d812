"""The split of people's rows into test, seeds and examples.

The test is drawn before anything else, so that nothing that is chosen later depends on it. Each row
has a number from the hash of its text, and near copies share the least number among them. Within a
label the rows with the least numbers are tested. So no order in the file and no other row decides.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from distill.core.errors import InvalidInput, Problem
from distill.core.sample_size import PROVABLE, sample_size_for_margin
from distill.core.text import fold, stable_hash

NEAR = 0.8  # Jaccard similarity of near copies
TEST_SHARE = 0.4
FEWEST_TESTED = 30
FEWEST_OF_LABEL = 3
SEEDS_OF_LABEL = 12
MOST_SEEDS = 150
MOST_CLUSTERED = 2000  # rows of a label among which seeds are chosen
COMPONENTS = 64  # of texts, by which seeds are chosen


@dataclass(frozen=True, slots=True)
class Row:
    """A row that people answered.

    `answer`: a label, an object or a text. `label`: the group by which rows are shared out.
    `place`: the file and line. `group`: rows with the same value stay together; "" without one.
    `time`: a value that orders rows; None without one.
    """

    input: str
    answer: Any
    label: str
    place: str
    group: str = ""
    time: Any = None


@dataclass(frozen=True, slots=True)
class Parts:
    """The rows of a new task: for the test, for the teacher's prompt, and for training alone."""

    gold: tuple[Row, ...]
    seeds: tuple[Row, ...]
    examples: tuple[Row, ...]


def size_of_test(count: int, asked: int | None, where: str) -> int:
    """Return the number of rows to test on, of `count` rows that people labelled.

    It is `asked`, or 40 % of the rows up to the number that proves the least margin. `where`: the
    name of the table. Raises InputError if fewer than 30 rows are left for the test.
    """
    most = sample_size_for_margin(PROVABLE[0])
    tested = asked if asked is not None else min(round(TEST_SHARE * count), most)
    if tested < FEWEST_TESTED:
        said = (
            f"{count} labelled rows leave {tested} for the test, and fewer than {FEWEST_TESTED} "
            "prove nothing"
        )
        fix = f"label {round(FEWEST_TESTED / TEST_SHARE)} rows or more"
        raise InvalidInput(Problem(said, where, key="--test", fix=fix))
    if tested >= count:
        said = f"--test {tested}: only {count} rows are labelled, and some must teach"
        raise InvalidInput(Problem(said, where, key="--test"))
    return tested


def split_rows(rows: Sequence[Row], tested: int, *, by_label: bool) -> Parts:
    """Split rows, so that each label keeps its share in the test and at least 3 rows of it.

    `by_label`: True if the groups of the rows are labels, each of which must be tested.
    """
    gold = tested_places(rows, tested, by_label=by_label)
    rest = [row for place, row in enumerate(rows) if place not in gold]
    seeds = choose_seeds(rest, by_label=by_label)
    chosen = {row.place for row in seeds}
    return Parts(
        tuple(rows[place] for place in sorted(gold)),
        tuple(seeds),
        tuple(row for row in rest if row.place not in chosen),
    )


def tested_places(
    rows: Sequence[Row], tested: int, *, by_label: bool, before: Sequence[bool] = ()
) -> set[int]:
    """Return the places of `tested` rows to test on, a little more where near copies are together.

    `before`: for each of the first rows, which a task has already, True if it is a test row. Those
    rows stay where they are, and near copies of them go to the same side.
    """
    by_time = rows[-1].time is not None
    # Of near copies the newest are tested: the leak gate keeps the older ones from the training.
    clusters = _clusters(rows, together=not by_time)
    if by_time:
        gold = _with_copies(_tested(before), clusters, before)
        gold |= _newest(rows, len(before), tested - len(gold))
    else:
        gold = _drawn(rows, clusters, tested, by_label=by_label, before=before)
    return _with_copies(gold, clusters, before)


def _tested(before: Sequence[bool]) -> set[int]:
    return {place for place, is_test in enumerate(before) if is_test}


def _taught(clusters: Sequence[str], before: Sequence[bool]) -> set[str]:
    """Return the clusters with rows of the task that teach."""
    return {clusters[place] for place, is_test in enumerate(before) if not is_test}


def _with_copies(gold: Set[int], clusters: Sequence[str], before: Sequence[bool]) -> set[int]:
    """Return test rows with the new rows of their clusters."""
    sides = {clusters[place] for place in gold} - _taught(clusters, before)
    new = range(len(before), len(clusters))
    return {*gold, *(place for place in new if clusters[place] in sides)}


def _clusters(rows: Sequence[Row], *, together: bool) -> list[str]:
    """Return the number of each row's cluster: rows of one group, and near copies if `together`."""
    from distill.text.near_duplicates import near_pairs

    parents = list(range(len(rows)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    for first, second, _ in near_pairs([row.input for row in rows], NEAR) if together else ():
        parents[root(second)] = root(first)
    first_of: dict[Hashable, int] = {}
    for place, row in enumerate(rows):
        if row.group:
            parents[root(place)] = root(first_of.setdefault(row.group, place))
    numbers: dict[int, str] = {}
    for place, row in enumerate(rows):
        own = stable_hash(["test", fold(row.input)])
        numbers[root(place)] = min(own, numbers.get(root(place), own))
    return [numbers[root(place)] for place in range(len(rows))]


def _newest(rows: Sequence[Row], begin: int, count: int) -> set[int]:
    order = sorted(range(begin, len(rows)), key=lambda place: (rows[place].time, place))
    return set(order[-count:]) if count > 0 else set()


def _drawn(
    rows: Sequence[Row],
    clusters: Sequence[str],
    tested: int,
    *,
    by_label: bool,
    before: Sequence[bool],
) -> set[int]:
    """Draw whole clusters for the test, label by label, the rarest label first."""
    of_label: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        of_label[row.label if by_label else ""].append(place)
    of_cluster: dict[str, list[int]] = defaultdict(list)
    for place, cluster in enumerate(clusters):
        of_cluster[cluster].append(place)
    taught = _taught(clusters, before)
    drawn = _with_copies(_tested(before), clusters, before)
    for label, places in sorted(of_label.items(), key=lambda item: (len(item[1]), item[0])):
        wanted = max(FEWEST_OF_LABEL, round(tested * len(places) / len(rows)))
        most = len(places) - FEWEST_OF_LABEL
        have = sum(place in drawn for place in places)
        free = (place for place in places if place not in drawn and clusters[place] not in taught)
        sizes = Counter(clusters[place] for place in free)
        for cluster in sorted(sizes):
            if have >= wanted:
                break
            if have + sizes[cluster] <= most:
                drawn.update(of_cluster[cluster])
                have += sizes[cluster]
        if by_label and have < FEWEST_OF_LABEL and places[0] >= len(before):
            said = (
                f"the rows of label {label!r} are near copies of each other or of one group, so "
                "that no test row can be kept apart"
            )
            first = rows[places[0]]
            raise InvalidInput(Problem.at(first.place, said, "add other rows, or remove these"))
    return drawn


def choose_seeds(rows: Sequence[Row], *, by_label: bool) -> list[Row]:
    """Choose typical rows, for each label or among all."""
    if not by_label:
        return representatives(rows, min(MOST_SEEDS, max(len(rows) // 2, 1)))
    of_label: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_label[row.label].append(row)
    return [row for label in of_label for row in representatives(of_label[label], SEEDS_OF_LABEL)]


def representatives(rows: Sequence[Row], count: int) -> list[Row]:
    """Return `count` typical rows: the row nearest to the middle of each cluster.

    Texts are compared by their words and letters (tf-idf and its main components), and clustered by
    k-means. The rows keep their order.
    """
    if len(rows) <= count:
        return list(rows)
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import pairwise_distances_argmin
    from threadpoolctl import threadpool_limits

    some = sorted(rows, key=lambda row: stable_hash(["seed", fold(row.input)]))[:MOST_CLUSTERED]
    texts = [row.input for row in some]
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)).fit_transform(texts)
    with threadpool_limits(1):  # threads cost more than they save on so few rows
        if min(vectors.shape) > COMPONENTS:
            vectors = TruncatedSVD(COMPONENTS, random_state=0).fit_transform(vectors)
        means = KMeans(count, n_init=1, random_state=0).fit(vectors)
    nearest = pairwise_distances_argmin(means.cluster_centers_, vectors)
    chosen = {some[place].place for place in nearest}
    return [row for row in rows if row.place in chosen]
