"""The last step of an answer: removes missing and unavailable items, adds the others' details, and marks unknown
subjects.

If the table fails, the answer is that of its source, marked as degraded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from usher.aws import error_kind
from usher.catalogue.entries import Facts
from usher.catalogue.known import Known, UnansweredError
from usher.embedded_metrics import Metrics, put_metrics
from usher.errors import RequestError
from usher.serving.answers import Answer, Listed
from usher.serving.breaker import Breakers
from usher.serving.requests import ReadRequest, columns_in

logger = Logger()
NO_CATALOGUE = "NoCatalogue"
"""The reason of a degraded answer if the table failed: its items lack details, and some may no longer exist."""
FAILURES = (BotoCoreError, ClientError, UnansweredError)
TABLE = "table"
"""The name of the table's breaker."""
SPARE, SPARE_SHARE = 5, 0.2
"""The number and the share of items that are requested in addition: the catalogue may lack some."""


@dataclass(frozen=True, slots=True)
class CatalogueCheck:
    """Checks answers against the catalogue."""

    known: Known
    breakers: Breakers = field(default_factory=Breakers)
    """Breakers; that of the table prevents that it delays every answer while it fails."""

    def facts(self, group: str) -> Facts:
        """The facts of a group's catalogue. Raises botocore's errors, and UnansweredError while the breaker is open."""
        if not self.breakers.allow(TABLE):
            raise UnansweredError
        try:
            facts = self.known.facts(group)
        except FAILURES as error:
            self.breakers.failed(TABLE, error_kind(error))
            raise
        self.breakers.succeeded(TABLE)
        return facts

    def available(self, group: str, answer: Answer, facts: Facts, columns: Sequence[str]) -> Answer:
        """An answer without the items that the catalogue lacks or that are not available. Actions are not items.

        `columns`: the details that the other items get. Without a catalogue of items, the answer stays as it is.
        """
        if not facts["items"]:
            return answer
        ids = [item["itemId"] for item in answer["itemList"] if "itemId" in item]
        try:
            known = self.known.items(group, ids)
        except FAILURES as error:
            return without_catalogue(group, answer, error)
        kept: list[Listed] = []
        for item in answer["itemList"]:
            if "itemId" not in item:
                kept.append(item)
            elif (found := known.get(item["itemId"])) and not found.unavailable:
                values = {name: found.values[name] for name in columns if name in found.values}
                kept.append({**item, "details": values} if columns else item)
        return {**answer, "itemList": kept}

    def mark_unknown(self, request: ReadRequest, answer: Answer, facts: Facts) -> Answer:
        """The answer, marked if its user or item is unknown. A user with an export is known."""
        try:
            is_known = answer.get("source") == "export" or self._is_known(request, facts)
        except FAILURES as error:
            return without_catalogue(request.group, answer, error)
        return answer if is_known else {**answer, "known": False}

    def _is_known(self, request: ReadRequest, facts: Facts) -> bool:
        if request.route.subject == "userId" and facts["users"]:
            return self.known.has_user(request.group, request.subject)
        if request.route.subject == "itemId" and facts["items"]:
            return bool(self.known.items(request.group, [request.subject]))
        return True


def sizes_to_ask(request: ReadRequest, results: int, facts: Facts) -> list[int]:
    """The lengths to request from a source in turn, until enough results are available. Pure."""
    if not facts["items"] or "numResults" not in request.route.options:
        return [results]
    most = max(request.max_results, results)
    return list(dict.fromkeys([min(results + SPARE + int(results * SPARE_SHARE), most), most]))


def details_of(value: object, facts: Facts) -> list[str]:
    """The columns that `details` requests: true, or names, in a list or joined by commas; None: none.

    Raises RequestError for columns that the catalogue does not have.
    """
    if value in (None, False, "false"):
        return []
    if not facts["columns"]:
        raise RequestError(400, "BadDetails", "The catalogue has no columns. List them as `catalogue` in usher.yaml.")
    if value in (True, "true"):
        return facts["columns"]
    names = columns_in(value)
    if not isinstance(names, list) or not names:
        raise RequestError(400, "BadDetails", "details must be true, or names of columns such as TITLE,PRICE.")
    if unknown := [str(name) for name in names if name not in facts["columns"]]:
        message = f"details: the catalogue has no column {unknown[0][:99]}; available: {', '.join(facts['columns'])}."
        raise RequestError(400, "BadDetails", message)
    return list(dict.fromkeys(names))


def without_catalogue(group: str, answer: Answer, error: Exception) -> Answer:
    """The source's answer, marked as degraded because the table failed."""
    logger.warning("Answered without the catalogue", group=group, reason=error_kind(error))
    about = {"Group": group, "Solution": answer.get("solution", "none"), "Reason": NO_CATALOGUE}
    put_metrics(Metrics({"DegradedAnswers": 1}, about))
    return {**answer, "degraded": answer.get("degraded") or {"reason": NO_CATALOGUE}}
