"""The versions of each solution: their metrics over time, the gate, and the choice of the one that serves."""

from collections.abc import Sequence

from markupsafe import Markup
from nicegui import ui
from usher.reports.charts import Axis, Series, lines
from usher.reports.html import code, facts, number, tag

from usher_cli.actions.runs import retrain
from usher_cli.actions.versions import serve_version
from usher_cli.stack_views.versions import Gate, Solution, SolutionVersion, solutions_of
from usher_cli.ui.actions import WHY, Field, action_button
from usher_cli.ui.parts import card, empty
from usher_cli.ui.report import filled, in_utc, minute, report
from usher_cli.ui.visit import Visit

USUAL_METRIC = "normalized_discounted_cumulative_gain_at_25"


async def show(visit: Visit) -> None:
    """Show a card for each solution."""
    solutions = await visit.read(solutions_of, visit.stack, visit.group)
    if not solutions:
        empty(f"{visit.group} has no solution yet.", "For the reason, see its last run under Runs.")
    for solution in solutions:
        with card(solution["name"]):
            _solution(visit, solution)


def _solution(visit: Visit, solution: Solution) -> None:
    stack, group, name = visit.stack, visit.group, solution["name"]
    versions, gate = solution["versions"], solution["gate"]
    metrics = sorted({metric for one in versions for metric in one["metrics"]})
    if gate:
        report(of_gate(gate))
    measured = [one for one in versions if one["metrics"]]
    if len(measured) == 1:
        report(facts({name.replace("_", " "): f"{measured[0]['metrics'][name]:.4f}" for name in metrics}))
    elif metrics:
        first = gate["metric"] if gate and gate["metric"] in metrics else USUAL_METRIC
        choice = ui.select(metrics, value=first if first in metrics else metrics[0], label="Metric")
        choice.props("outlined dense options-dense").classes("metric")
        plot = ui.html("", sanitize=False).classes("plot")

        def draw() -> None:
            plot.set_content(str(chart(versions, choice.value, gate)))

        choice.on_value_change(draw)
        draw()
    report(of_versions(versions))
    usable = {one["arn"]: choice_label(one) for one in reversed(versions) if one["status"] == "ACTIVE"}
    with ui.row().classes("controls"):
        action_button(visit, "Retrain", "model_training", lambda _: retrain(stack, group, name))
        if len(usable) > 1:
            action_button(
                visit,
                "Roll back",
                "undo",
                lambda given: serve_version(stack, group, name, "previous", given["why"]),
                [WHY],
            )
            action_button(
                visit,
                "Serve another version",
                "published_with_changes",
                lambda given: serve_version(stack, group, name, given["version"], given["why"]),
                [Field("version", "Version, by when it was trained (UTC)", options=usable), WHY],
            )


def choice_label(version: SolutionVersion) -> str:
    """A version as a choice. Pure."""
    live = ", serves now" if version["live"] else ""
    return f"{in_utc(version['trainedAt'])}{live}: {version['arn'].rpartition('/')[2]}"


def chart(versions: Sequence[SolutionVersion], metric: str, gate: Gate | None) -> Markup:
    """A metric of the versions over time, with the floor of the gate. Pure."""
    measured = [one for one in versions if metric in one["metrics"]]
    days = [in_utc(one["trainedAt"])[5:] for one in measured]
    series = [Series(metric.replace("_", " "), [(at, one["metrics"][metric]) for at, one in enumerate(measured)])]
    live = [(at, one["metrics"][metric]) for at, one in enumerate(measured) if one["live"]]
    if live:
        series.append(Series("live", live, joined=False))
    if gate and gate["metric"] == metric and "atLeast" in gate:
        floor = gate["atLeast"]
        series.append(Series("floor of the gate", [(0, floor), (max(len(measured) - 1, 1), floor)]))
    return lines(metric.replace("_", " "), series, Axis(labels=days or [""]), Axis())


def of_gate(gate: Gate) -> Markup:
    """The rule of a gate, and its verdict on the newest version. Pure."""
    rule = ", ".join(f"{name} {gate[name]:g}" for name in ("atLeast", "versusLive", "versusPopularity") if name in gate)
    verdict = ""
    if gate["verdict"]:
        look, word = ("good", "would pass") if gate["passes"] else ("warn", "is held back")
        verdict = Markup("<p class='{}'>The newest version {}: {}.</p>").format(look, word, gate["verdict"])
    return Markup("<p>Gate: {} {}</p>{}").format(gate["metric"], rule, verdict)


def of_versions(versions: Sequence[SolutionVersion]) -> Markup:
    """A row for each version, the newest first. Pure."""
    rows = [
        [
            code(one["arn"].rpartition("/")[2]),
            minute(one["trainedAt"]),
            tag("live") if one["live"] else tag(one["status"]),
            minute(one["liveSince"]),
            one["chosenBy"],
            number(one["trainingHours"], "g"),
            one["failure"] or ("Personalize trained it by itself." if one["automatic"] else ""),
        ]
        for one in reversed(versions)
    ]
    head = ["Version", "Trained", "Status", "Live since", "Chosen by", "#Hours billed", ""]
    return filled("", head, rows)
