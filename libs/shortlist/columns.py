"""The house language: every column name, written once.

Tests hold this file against the contracts in `schemas/`: a column of a contract has a constant here and the other way round.
"""

from typing import Final

# Who and what
USER_ID: Final = "user_id"
ITEM_ID: Final = "item_id"
SUBJECT_ID: Final = "subject_id"
RELATED_ITEM_ID: Final = "related_item_id"
PROMOTION_ID: Final = "promotion_id"
ID: Final = "id"

# Engagement
EVENT_ID: Final = "event_id"
EVENT_TYPE: Final = "event_type"
EVENT_TS: Final = "event_ts"
EVENT_DATE: Final = "event_date"
INGEST_DATE: Final = "ingest_date"
SURFACE: Final = "surface"
SESSION_ID: Final = "session_id"
BOARD_ID: Final = "board_id"
QUERY: Final = "query"
REQUEST_ID: Final = "request_id"
POSITION: Final = "position"
VALUE: Final = "value"

# Quarantine
RAW: Final = "raw"
RAW_BYTES: Final = "raw_bytes"
HEADER: Final = "header"
FILE: Final = "file"
OFFSET: Final = "offset"
REASONS: Final = "reasons"

# Landed rows, between their reader and their parser: mapped values as text where the reader knows fields (all formats but
# JSON), values that a folder's name states, why the reader took a row for none, and what was read of a file, in a row of
# its own
GIVEN: Final = "given"
FOLDER_VALUES: Final = "folder_values"
FAULT: Final = "fault"
RECEIPT: Final = "receipt"

# Catalog and promotions
TITLE: Final = "title"
CATEGORY: Final = "category"
CREATED_AT: Final = "created_at"
PRICE: Final = "price"
BUYABLE: Final = "buyable"
STATUS: Final = "status"
CREATOR: Final = "creator"
CONTENT_KEY: Final = "content_key"
SNAPSHOT_DATE: Final = "snapshot_date"
CAMPAIGN: Final = "campaign"
AUDIENCE: Final = "audience"
STARTS_AT: Final = "starts_at"
ENDS_AT: Final = "ends_at"

# Interactions and baskets
RUN_DATE: Final = "run_date"
WEIGHT: Final = "weight"
EVENTS: Final = "events"
LAST_TS: Final = "last_ts"
HIDDEN: Final = "hidden"
PURCHASES: Final = "purchases"
FIRST_PURCHASE_TS: Final = "first_purchase_ts"
LAST_PURCHASE_TS: Final = "last_purchase_ts"
BASKET_KIND: Final = "basket_kind"
BASKET_ID: Final = "basket_id"

# Models
FACTORS: Final = "factors"
MEASURE: Final = "measure"
KIND: Final = "kind"
BLEND: Final = "blend"
BLENDED_SCORE: Final = "blended_score"
IMPORTANCE: Final = "importance"
JUDGED: Final = "judged"
JUDGED_SUBJECTS: Final = "judged_subjects"
CUTS: Final = "cuts"
SUPPORT: Final = "support"

# Candidates
RANK: Final = "rank"
SCORE: Final = "score"
SOURCE: Final = "source"
SOURCES: Final = "sources"
RANKS: Final = "ranks"
SCORES: Final = "scores"
CONTRIBUTION: Final = "contribution"
CONTRIBUTIONS: Final = "contributions"
REMOVED_BY: Final = "removed_by"
REASON: Final = "reason"
BECAUSE_ITEM_ID: Final = "because_item_id"
MODEL_VERSION: Final = "model_version"
RUN_ID: Final = "run_id"
EXPIRES_AT: Final = "expires_at"
SLOT: Final = "slot"
PROPENSITY: Final = "propensity"
CONDITION: Final = "condition"
RELATION: Final = "relation"
LENGTH: Final = "length"
ELIGIBLE_LEFT: Final = "eligible_left"
REMOVED: Final = "removed"

# Audiences
LATENESS: Final = "lateness"
RETURN_PROBABILITY: Final = "return_probability"
DECISION: Final = "decision"

# Evaluations
CANDIDATES_DATE: Final = "candidates_date"
HORIZON_DAYS: Final = "horizon_days"
METRIC: Final = "metric"
K: Final = "k"
SEGMENT: Final = "segment"
CI_LOW: Final = "ci_low"
CI_HIGH: Final = "ci_high"
SUBJECTS: Final = "subjects"
WITHOUT_LIST: Final = "without_list"
BLEND_MINUS_SOURCE: Final = "blend_minus_source"
BLEND_MINUS_SOURCE_LOW: Final = "blend_minus_source_low"
BLEND_MINUS_SOURCE_HIGH: Final = "blend_minus_source_high"

# Backtests
BACKTEST: Final = "backtest"
SETTINGS_FINGERPRINT: Final = "settings_fingerprint"
HELD_BY: Final = "held_by"

# Publications
PUBLISHED_AT: Final = "published_at"
TABLE_VERSION: Final = "table_version"
ROWS: Final = "rows"
DIGEST: Final = "digest"
WHY: Final = "why"

# Erasures
SUBJECT_DIGEST: Final = "subject_digest"
SUBJECT_KIND: Final = "subject_kind"
TABLE_NAME: Final = "table_name"
FILES_REMOVED: Final = "files_removed"
ERASED_AT: Final = "erased_at"
