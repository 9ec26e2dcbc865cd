"""The table in docs/local-personalize.md: which operations the local service answers, of those that botocore knows.

`python -m tests.unit.docs.operations` writes it anew.
"""

import re
from collections import defaultdict
from pathlib import Path

from botocore.session import get_session
from moto.core.utils import camelcase_to_underscores

from local.personalize import responses

PAGE = Path(__file__).parents[3] / "docs" / "local-personalize.md"
MARKED = re.compile(r"(<!-- operations -->\n).*?(<!-- end of operations -->)", re.S)
APIS = {
    "personalize": responses.PersonalizeResponse,
    "personalize-runtime": responses.PersonalizeRuntimeResponse,
    "personalize-events": responses.PersonalizeEventsResponse,
}
VERB = re.compile(r"[A-Z][a-z]+")


def table() -> str:
    """One row per API and noun: the verbs that are answered, and those that are not."""
    lines = ["| API | Of | Answered | Not yet |", "|---|---|---|---|"]
    for api, answering in APIS.items():
        nouns: defaultdict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
        for operation in get_session().get_service_model(api).operation_names:
            verb = VERB.match(operation)
            assert verb
            missing = not hasattr(answering, camelcase_to_underscores(operation))
            nouns[_singular(operation[verb.end() :])][missing].append(operation)
        for noun, (answered, missing_ones) in sorted(nouns.items()):
            lines.append(f"| {api} | {noun} | {', '.join(answered)} | {', '.join(missing_ones)} |")
    return "\n".join(lines) + "\n"


def _singular(noun: str) -> str:
    return noun.removesuffix("s") if not noun.endswith("Metrics") else noun


def write() -> None:
    """Bring the page up to date."""
    PAGE.write_text(MARKED.sub(lambda marks: marks[1] + table() + marks[2], PAGE.read_text()))


if __name__ == "__main__":
    write()
