"""`openapi.json`, which describes the HTTP API (OpenAPI 3.1).

    python -m usher_cli.api_document        writes it anew

It is made of the tables of routes (usher.serving.routes), of their limits, and of the errors in docs/api.md.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from usher.events.checks import MAX_EVENTS
from usher.limits import MAX_ID_LENGTH, MAX_RESULTS
from usher.serving import api_pages
from usher.serving.many_users import MAX_USERS
from usher.serving.requests import MAX_COLUMNS
from usher.serving.routes import ROUTES, Route
from usher.storage.layout import GROUP_NAME

Schema = dict[str, Any]
ROOT = Path(__file__).parents[1]
