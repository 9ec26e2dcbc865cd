"""The live models of a group, by its serving map. Pure."""

from collections.abc import Iterator, Mapping

from usher.run_record import LiveModel, PinRecord
from usher.serving.serving_map import ServedRecommender, ServedSolution, ServingMap


def live_models(
    serving: ServingMap, trained_at: Mapping[str, str], since: Mapping[str, str], pins: Mapping[str, PinRecord]
) -> Iterator[LiveModel]:
    """The live model of each name of a serving map.

    `trained_at`, `since`: ISO times by a version's ARN; `pins`: by solution. A pin counts if it is about this version.
    """
    entries: list[tuple[str, ServedSolution | ServedRecommender]] = [
        *serving.get("solutions", {}).items(),
        *serving.get("recommenders", {}).items(),
    ]
    for name, entry in entries:
        arn = str(entry.get("solutionVersionArn") or entry.get("recommenderArn") or entry.get("campaignArn") or "")
        pin = pins.get(name)
        chosen = pin if pin and pin["version"] == arn else None
        yield {
            "name": name,
            "version": arn,
            "trainedAt": trained_at.get(arn, ""),
            "since": since.get(arn, ""),
            "by": chosen["who"] if chosen else "",
            "why": chosen["why"] if chosen else "",
            "answeredBy": entry.get("answeredBy", ""),
        }
