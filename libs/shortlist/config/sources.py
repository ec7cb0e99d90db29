"""Settings of the candidate sources: one class each."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from shortlist.config.base import BasketKind, Measure, Section

BECAUSE: Final = "{because}"
"""What the sentence of a reason has where the title of an item is to be; one without it names none."""

# What a history says of each item: decayed weight as interactions have it, or how many events there were.
HistoryColumn = Literal["weight", "frequency"]
# What the catalog has of text.
CatalogText = Literal["title", "category"]
# fmt: off
Language = Literal["arabic", "danish", "dutch", "english", "finnish", "french", "german", "greek", "hungarian", "indonesian",
                   "italian", "lithuanian", "norwegian", "porter", "portuguese", "romanian", "russian", "spanish", "swedish",
                   "tamil", "turkish"]
# fmt: on


class AlsSourceConfig(Section):
    """Inner product of a user's and an item's ALS factors; beside an item the cosine of item factors."""

    weight: HistoryColumn = "weight"
    """History column that observations of users without stored factors are weighted by; below 0 it is a hide."""
    reason: str = "fits {because}, by what similar shoppers take"
    """The reason that readers of the table see; `{because}` is the title of the item that adds most to the score."""


class InterestsSourceConfig(AlsSourceConfig):
    """Each of a user's interests by itself, as ALS folds in a user who has it alone."""

    most: int = Field(default=3, ge=1, le=20)
    """Most interests of a user: the clusters of their items."""
    items: int = Field(default=50, ge=1, le=1000)
    """A user's heaviest so many items are clustered; the time grows with their square."""
    reason: str = "like {because}, which you take"
    """The reason that readers of the table see; `{because}` is the title of the item in the middle of the interest."""


class NeighbourListsSourceConfig(Section):
    """Neighbours of what the subject took, added up."""

    weight: HistoryColumn = "weight"
    """History column that seeds are weighted by."""
    seeds: int = Field(default=50, ge=1)
    """A subject's heaviest so many items vote."""
    scoring: Literal["sum", "multi-hit"] = "sum"
    """`sum` of w s, or Pixie's booster (sum sqrt(w s))^2, which favours items that several seeds name."""
    reason: str = "often in one basket with {because}"
    """The reason that readers of the table see; `{because}` is the title of the seed that counted most."""


class CooccurrenceSourceConfig(NeighbourListsSourceConfig):
    """Candidates found in baskets beside the subject's items."""

    measure: Measure = "cosine"
    """Similarity to use; one of `cooccurrence.measures`."""
    scoring: Literal["sum", "multi-hit"] = "multi-hit"
    """`sum` of w s, or Pixie's booster (sum sqrt(w s))^2, which favours items that several seeds name."""


class LastBasketSourceConfig(NeighbourListsSourceConfig):
    """What goes with the items that the subject took last: neighbours by `sources.cooccurrence.measure`."""

    within_days: float = Field(default=0.5, ge=0)
    """What was taken so long before the newest item belongs to the last basket."""
    reason: str = "goes with {because}, which you took last"
    """The reason that readers of the table see; `{because}` is the title of the seed that counted most."""


class Rp3betaSourceConfig(NeighbourListsSourceConfig):
    """Candidates where a random walk from the subject's items over baskets ends; measure rp3beta of `cooccurrence.measures`."""

    reason: str = "goes with {because}"
    """The reason that readers of the table see; `{because}` is the title of the seed that counted most."""


class LogLiftSourceConfig(NeighbourListsSourceConfig):
    """Candidates found in baskets beside the subject's items more often than chance would have it; measure log_lift of
    `cooccurrence.measures`."""

    reason: str = "goes with {because}, more often than by chance"
    """The reason that readers of the table see; `{because}` is the title of the seed that counted most."""


class PopularitySourceConfig(Section):
    """Candidates by how many users engaged with them of late."""

    window_days: int = Field(default=28, ge=1)
    """Days of engagement up to the run date that count."""
    reason: str = "popular these weeks"
    """The reason that readers of the table see."""


class SpectralSourceConfig(Section):
    """A low-pass filter on the normalised graph of users and items: its leading singular vectors."""

    factors: int = Field(default=128, ge=1)
    """Singular vectors."""
    oversampling: int = Field(default=20, ge=0)
    """Further vectors that are iterated and dropped at the end: they make the last ones kept exact sooner."""
    iterations: int = Field(default=6, ge=1)
    """Passes of the subspace iteration over all users; one more ends it."""
    popularity: float = Field(default=0.5, ge=-1, le=1)
    """Exponent of an item's degree in its score; more favours frequent items."""
    seed: int = Field(default=7, ge=0)
    """Of the first vectors."""
    block_pairs: int = Field(default=5_000_000, ge=1)
    """Pairs of user and item in a block, about; one block alone is decomposed in the driver, more of them by tasks."""
    weight: HistoryColumn = "weight"
    """History column that items are weighted by."""
    reason: str = "near what you take"
    """The reason that readers of the table see."""


class NearestSubjectsConfig(Section):
    """What the subjects of a bounded sample took that are nearest to a subject."""

    seed: int = Field(default=7, ge=0)
    """Of the draw."""
    nearest: int = Field(default=400, ge=1)
    """Subjects of the sample that add."""
    power: float = Field(default=1.5, gt=0, le=10)
    """Exponent of a neighbour's similarity."""
    discount: float = Field(default=0.5, ge=0, le=4)
    """How much an item that many subjects have says less about who is near: its weight is degree^-discount."""
    weight: HistoryColumn = "weight"
    """History column that items are weighted by."""
    half_life_days: float | None = Field(default=None, gt=0)
    """What a subject of the sample took adds half as much when it was last taken so many days ago; null: age does not matter."""


class UserNeighboursSourceConfig(NearestSubjectsConfig):
    """What the nearest users of a bounded sample took."""

    sample_users: int = Field(default=10_000, ge=1)
    """Users in the sample, drawn by a seeded hash; it is shared, and nobody is its own neighbour."""
    reason: str = "taken by similar shoppers"
    """The reason that readers of the table see."""


class QueryNeighboursSourceConfig(NearestSubjectsConfig):
    """What was clicked for the queries that share most clicked items with a query."""

    sample_queries: int = Field(default=10_000, ge=1)
    """Queries in the sample, drawn by a seeded hash; it is shared, and none is its own neighbour."""
    nearest: int = Field(default=100, ge=1)
    """Queries of the sample that add."""
    reason: str = "clicked for similar queries"
    """The reason that readers of the table see."""


class QueryClicksSourceConfig(Section):
    """What was clicked for the query, by clicks over those that positions let expect."""

    reason: str = "clicked for this query"
    """The reason that readers of the table see."""


class TextMatchConfig(Section):
    """Items whose text in the catalog matches that of the query (BM25: Robertson, Zaragoza 2009)."""

    fields: dict[CatalogText, Annotated[float, Field(gt=0)]] = Field(
        default={"title": 3.0, "category": 1.0}, min_length=1
    )
    """Columns of the catalog that are searched, and how often a word in one of them counts."""
    saturation: float = Field(default=1.2, ge=0)
    """The k1 of BM25: how much a word counts more that is there again."""
    length: float = Field(default=0.3, ge=0, le=1)
    """The b of BM25: how much words of long texts count less."""


class WordsSourceConfig(TextMatchConfig):
    """Items whose words are those of the query."""

    stemmer: Language | None = "english"
    """Language of Snowball's rules by which forms of a word are one word; null: only equal words match."""
    reason: str = "has the words of the query"
    """The reason that readers of the table see."""


class WordPartsSourceConfig(TextMatchConfig):
    """Items that share parts of words with the query: what was spelled otherwise, or is a part of a longer word."""

    shortest: int = Field(default=3, ge=1)
    """Letters of the shortest part."""
    longest: int = Field(default=5, ge=1)
    """Letters of the longest part."""
    length: float = Field(default=0.5, ge=0, le=1)
    """The b of BM25: how much parts of long texts count less."""
    reason: str = "much like the words of the query"
    """The reason that readers of the table see."""

    @model_validator(mode="after")
    def _has_parts(self) -> Self:
        if self.shortest > self.longest:
            raise ValueError(f"shortest {self.shortest} is above longest {self.longest}; next: swap them")
        return self


class SessionsConfig(Section):
    """Sequences of items that sources learn from: what a user did in one session, each item where it was last."""

    basket_kind: BasketKind = "session"
    """Kind of basket that is a session here; one of the kinds in `baskets`, whose event types, look-back, window and
    `max_items` (the newest) count. `user-window` with `window: lookback` takes all that a user did as one session."""
    sample_sessions: int = Field(default=100_000, ge=1)
    """Sessions in the sample, drawn by a seeded hash from those with at least two items."""
    seed: int = Field(default=7, ge=0)
    """Of the draw."""


class SessionNeighboursSourceConfig(Section):
    """What the nearest sessions of a bounded sample held."""

    sessions: SessionsConfig = SessionsConfig()
    """The sample. A subject's own sessions may be in it: they say what it takes itself."""

    nearest: int = Field(default=500, ge=1)
    """Sessions of the sample that add."""
    sessions_per_item: int = Field(default=2500, ge=1)
    """Newest sessions of the sample that an item finds."""
    position_decay: float = Field(default=0.55, gt=0, le=1)
    """What one position further back in the history leaves of an item's weight."""
    recency: float = Field(default=2.5, ge=0)
    """How much the oldest session of the sample counts less than the newest: exp(-recency)."""
    distance_decay: float = Field(default=0.74, gt=0, le=1)
    """What one position further from the last item in common leaves of an item of a neighbour."""
    before: float = Field(default=0.7, ge=0)
    """What counts an item that comes before the last one in common; 1 after it."""
    same: float = Field(default=1.5, ge=0)
    """What counts the last item in common itself."""
    reason: str = "others went on with it"
    """The reason that readers of the table see."""


class SessionNextSourceConfig(Section):
    """What follows the last items of the history, by directed co-occurrence in a bounded sample of sessions."""

    sessions: SessionsConfig = SessionsConfig()
    """The sample."""
    neighbours: int = Field(default=500, ge=1, le=5000)
    """Following items that are kept of an item."""
    distance_decay: float = Field(default=0.8, gt=0, le=1)
    """The d-th item after an item counts distance_decay^(d - 1)."""
    discount: float = Field(default=0.0, ge=0, le=4)
    """How much frequent followers count less: times (sessions with the item)^-discount."""

    last: int = Field(default=5, ge=1)
    """The newest so many items vote."""
    position_decay: float = Field(default=0.5, gt=0, le=1)
    """What one position further back leaves of an item's vote."""
    reason: str = "often follows {because}"
    """The reason that readers of the table see; `{because}` is the title of the item that counted most."""


class RepeatSourceConfig(Section):
    """What the subject took itself, by decayed frequency."""

    weight: HistoryColumn = "weight"
    """History column with the decayed frequency."""
    gap: Literal["gap_days"] | None = None
    """History column with the usual days between two events of the item; null: cycles are not looked at. 0 in it: unknown."""
    cycle: float = Field(default=1.0, ge=0)
    """How much more an item counts that is just due by its gap; 0: none."""
    reason: str = "you take it again and again"
    """The reason that readers of the table see."""


class ConversionSourceConfig(Section):
    """What the subject took in other ways than buying, by the share of its takers who buy it (`interactions.purchase_types`)."""

    weight: HistoryColumn = "weight"
    """History column that items are weighted by."""
    smoothing: float = Field(default=20.0, ge=0)
    """Takers that are added to each item, of whom as many buy as usual."""
    reason: str = "you have not bought it yet"
    """The reason that readers of the table see."""


class TrendingSourceConfig(Section):
    """Items that grew lately, against windows before."""

    window_days: int = Field(default=28, ge=1)
    """Days of the window that is compared."""
    windows_before: int = Field(default=3, ge=1)
    """Windows before it that it is compared with."""
    smoothing: float = Field(default=10.0, gt=0)
    """Events that are added on both sides: an item must have grown by more than chance."""
    reason: str = "trending"
    """The reason that readers of the table see."""


class FreshSourceConfig(Section):
    """Items that are younger than some days."""

    days: int = Field(default=30, ge=1)
    """Oldest age that counts as fresh."""
    least_users: int = Field(default=0, ge=0)
    """An item with fewer users is not proposed."""
    most_users: int | None = Field(default=None, ge=1)
    """An item with more users needs no help; null: no ceiling."""
    reason: str = "new"
    """The reason that readers of the table see."""


class CategoryAffinitySourceConfig(Section):
    """Items of the categories that the subject takes, by their share of the category lately."""

    weight: HistoryColumn = "weight"
    """History column that items are weighted by."""
    level: int | None = Field(default=None, ge=1)
    """Items are of one category where so many first parts of their category path agree; null: all of it."""
    smoothing: float = Field(default=0.1, ge=0)
    """Users that are added to each item's count."""
    reason: str = "popular among items like {because}"
    """The reason that readers of the table see; `{because}` is the title of the heaviest item of the same category."""


class ContentSourceConfig(Section):
    """Items whose text is near that of what the subject took."""

    weight: HistoryColumn = "weight"
    """History column that items are weighted by."""
    heaviest: int = Field(default=50, ge=1)
    """A subject's heaviest so many items make its profile."""
    terms_per_item: int = Field(default=50, ge=1)
    """Terms of an item that are kept, those of the largest weight."""
    least_items: int = Field(default=2, ge=1)
    """A term in fewer items is dropped."""
    most_share: float = Field(default=0.2, gt=0, le=1)
    """A term in more than this share of the items is dropped."""
    reason: str = "like {because}"
    """The reason that readers of the table see; `{because}` is the title of the item that counted most."""


class SourcesConfig(Section):
    """One entry per candidate source; the same names as `shortlist.sources.SOURCES`."""

    als: AlsSourceConfig = AlsSourceConfig()
    """Matrix factorisation."""
    interests: InterestsSourceConfig = InterestsSourceConfig()
    """Matrix factorisation, asked for each of the subject's interests."""
    cooccurrence: CooccurrenceSourceConfig = CooccurrenceSourceConfig()
    """Basket neighbours."""
    last_basket: LastBasketSourceConfig = LastBasketSourceConfig()
    """Basket neighbours of what was taken last."""
    rp3beta: Rp3betaSourceConfig = Rp3betaSourceConfig()
    """A random walk over baskets."""
    log_lift: LogLiftSourceConfig = LogLiftSourceConfig()
    """Basket neighbours beyond chance."""
    spectral: SpectralSourceConfig = SpectralSourceConfig()
    """A low-pass filter on what users took."""
    user_neighbours: UserNeighboursSourceConfig = UserNeighboursSourceConfig()
    """What similar users took."""
    session_neighbours: SessionNeighboursSourceConfig = SessionNeighboursSourceConfig()
    """What similar sessions held."""
    session_next: SessionNextSourceConfig = SessionNextSourceConfig()
    """What follows the newest items."""
    category_affinity: CategoryAffinitySourceConfig = CategoryAffinitySourceConfig()
    """The subject's categories."""
    content: ContentSourceConfig = ContentSourceConfig()
    """Text of the catalog."""
    query_clicks: QueryClicksSourceConfig = QueryClicksSourceConfig()
    """What was clicked for the query."""
    query_neighbours: QueryNeighboursSourceConfig = QueryNeighboursSourceConfig()
    """What was clicked for similar queries."""
    words: WordsSourceConfig = WordsSourceConfig()
    """Words of the query in the catalog."""
    word_parts: WordPartsSourceConfig = WordPartsSourceConfig()
    """Parts of the query's words in the catalog."""
    repeat: RepeatSourceConfig = RepeatSourceConfig()
    """What the subject took itself."""
    conversion: ConversionSourceConfig = ConversionSourceConfig()
    """What was looked at and not bought yet."""
    trending: TrendingSourceConfig = TrendingSourceConfig()
    """What grew lately."""
    fresh: FreshSourceConfig = FreshSourceConfig()
    """What is new."""
    popularity: PopularitySourceConfig = PopularitySourceConfig()
    """Most engaged with of late."""


def _known_source(name: str) -> str:
    known = SourcesConfig.model_fields
    if name not in known:
        raise ValueError(f"there is no such source; next: choose from {', '.join(known)}")
    return name


KnownSource = Annotated[str, AfterValidator(_known_source)]
