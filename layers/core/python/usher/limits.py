"""Documented limits of Amazon Personalize that Usher checks, or depends on. Light.

Pages: [Q] service guide, "Endpoints and quotas" (https://docs.aws.amazon.com/personalize/latest/dg/limits.html); [API]
API reference of the operation; [HPO] service guide, "Hyperparameters and HPO". The amounts of data that a training
considers differ by recipe: see usher.recipes.
"""

SERVICE_NAME_LENGTH = 63
"""The most characters of a resource's name [API]."""
MAX_SCHEMA_LENGTH = 20_000
"""The most characters of a schema as JSON: CreateSchema [API]."""
MAX_METADATA = {"interactions": 5, "items": 100, "users": 25, "actions": 10}
"""The most columns of a dataset that are neither required nor reserved [Q]."""
MAX_EVENT_TYPES = 10
"""The most event types and optional columns of interactions together [Q]."""
MAX_ID_LENGTH = 256
"""The most characters of a USER_ID, ITEM_ID or ACTION_ID [Q]."""
MAX_VALUE_LENGTH = 1000
"""The most characters of any other string that is not textual [Q]."""
WHOLE_NUMBERS = {"int": 2**31, "long": 2**63}
"""The first number that is too large for an Avro type."""
MAX_TEXT_LENGTH = 20_000
"""The most characters of a textual value; Personalize cuts longer ones [Q]."""
FIRST_MILLISECOND = 10**11
"""The limit of a TIMESTAMP, which is in Unix seconds (service guide, "Item interaction data"): as seconds, the year
5138; as milliseconds, 1973.
"""

MIN_ROWS = {"interactions": 1000, "action_interactions": 1000}
"""The fewest rows of an import job, in any mode [Q]."""
MAX_IMPORT_BYTES = 100 * 10**9
"""The most bytes of an import job with the mode FULL [Q]."""
MAX_INCREMENT_BYTES = 10**9
"""The most bytes of an import job with the mode INCREMENTAL [Q]."""

MIN_INTERACTIONS = 1000
"""The fewest interactions of a training, after it has selected event types [Q]."""
MIN_USERS = 25
"""The fewest users with two interactions or more: with fewer, or fewer than a hundredth of all, Personalize does not
train [Q].
"""
ADVISED_INTERACTIONS, ADVISED_USERS = 50_000, 1000
"""The numbers from which AWS expects good recommendations: service guide, "Preparing training data"."""
MAX_TRIALS = 40
"""The most trainings of one solution version with HPO [HPO]."""

DEFAULT_RESULTS = 25
"""The default numResults of a request, and of a line of a batch job [API]."""
MAX_RESULTS = 500
"""The most numResults of GetRecommendations, and the most items of GetPersonalizedRanking [API]."""
MAX_WITH_METADATA = 50
"""The same with metadataColumns: service guide, "Getting recommendations with metadata"."""
DEFAULT_ACTIONS, MAX_ACTIONS = 5, 100
"""The default and the most numResults of GetActionRecommendations [API]."""
MAX_JOB_FILES = 1000
"""The most input files of a batch job [Q]."""
