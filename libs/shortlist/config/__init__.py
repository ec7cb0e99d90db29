"""Settings: every default once, typed, unknown keys refused.

Precedence: the defaults here < the YAML file < overrides (`--set als.factors=32`, Airflow's `settings` parameter). This
module imports no Spark: Airflow's side and people on call read settings too.
"""

from shortlist.config.base import (
    CHECKOUT,
    DIRECTED_MEASURES,
    IN_CHECKOUT,
    WEIGHTED_MEASURES,
    BasketKind,
    EventType,
    Measure,
    Section,
    job_program,
    state_home,
)
from shortlist.config.budget import BudgetConfig
from shortlist.config.checks import (
    ChecksConfig,
    CloseupsConfig,
    EmptyColumnsConfig,
    FreshnessConfig,
    HeaviestConfig,
    OptionalColumn,
    SaveRateConfig,
    TrafficConfig,
    UnknownItemsConfig,
    VolumeConfig,
)
from shortlist.config.data import BasketConfig, InteractionsConfig, QueriesConfig
from shortlist.config.extraction import ExtractionConfig, IdsConfig, ReasonKind
from shortlist.config.feeds import (
    ID_COLUMNS,
    CsvConfig,
    DescriptionConfig,
    EngagementColumn,
    FeedConfig,
    LandingFormat,
    TimestampConfig,
)
from shortlist.config.loading import load_settings, parse_override, settings_file
from shortlist.config.models import AlsConfig, CooccurrenceConfig
from shortlist.config.settings import EvaluationConfig, PathsConfig, Settings
from shortlist.config.slots import ExplorationConfig, FreshSlotsConfig
from shortlist.config.sources import (
    AlsSourceConfig,
    CooccurrenceSourceConfig,
    PopularitySourceConfig,
    SourcesConfig,
)
from shortlist.config.surfaces import (
    BlendConfig,
    FatigueConfig,
    GuardrailsConfig,
    LapsingConfig,
    PromotionsConfig,
    SentConfig,
    SurfaceConfig,
)
from shortlist.config.telemetry import TelemetryConfig
from shortlist.config.upkeep import MaintenanceConfig, SyntheticConfig

__all__ = [
    "CHECKOUT",
    "DIRECTED_MEASURES",
    "ID_COLUMNS",
    "IN_CHECKOUT",
    "WEIGHTED_MEASURES",
    "AlsConfig",
    "AlsSourceConfig",
    "BasketConfig",
    "BasketKind",
    "BlendConfig",
    "BudgetConfig",
    "ChecksConfig",
    "CloseupsConfig",
    "CooccurrenceConfig",
    "CooccurrenceSourceConfig",
    "CsvConfig",
    "DescriptionConfig",
    "EmptyColumnsConfig",
    "EngagementColumn",
    "EvaluationConfig",
    "EventType",
    "ExplorationConfig",
    "ExtractionConfig",
    "FatigueConfig",
    "FeedConfig",
    "FreshSlotsConfig",
    "FreshnessConfig",
    "GuardrailsConfig",
    "HeaviestConfig",
    "IdsConfig",
    "InteractionsConfig",
    "LandingFormat",
    "LapsingConfig",
    "MaintenanceConfig",
    "Measure",
    "OptionalColumn",
    "PathsConfig",
    "PopularitySourceConfig",
    "PromotionsConfig",
    "QueriesConfig",
    "ReasonKind",
    "SaveRateConfig",
    "Section",
    "SentConfig",
    "Settings",
    "SourcesConfig",
    "SurfaceConfig",
    "SyntheticConfig",
    "TelemetryConfig",
    "TimestampConfig",
    "TrafficConfig",
    "UnknownItemsConfig",
    "VolumeConfig",
    "job_program",
    "load_settings",
    "parse_override",
    "settings_file",
    "state_home",
]
