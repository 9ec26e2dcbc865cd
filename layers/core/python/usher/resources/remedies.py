"""Remedies for the failures that Personalize reports."""

# (a piece of the service's text, the remedy), most specific first. Texts: service guide and its users' reports.
REMEDIES = (
    ("fewer than 1000 interactions", "Add interactions, or loosen the event type or threshold that leaves so few."),
    ("fewer than 25 users", "Add users with at least two interactions each, or loosen the solution's event filter."),
    (
        "Insufficient privileges",
        "Redeploy the stack: it lets Personalize's role and the bucket's policy read the bucket.",
    ),
    ("missing the following columns", "Give the CSV an unquoted header that has every column of the schema."),
    ("Invalid Data location", "Check that the file is still in the bucket, and drop it again."),
    ("Length cannot be more than", "Look for unbalanced quotes in that column."),
    ("reserved keywords or null", "Give EVENT_TYPE real values."),
    ("Invalid Expression", "Correct the filter in usher.yaml; it can use the fields of the schemas only."),
    (
        "already exists",
        "A resource that is not this group's has this name. Rename yours in usher.yaml, or delete the other one.",
    ),
    ("More than", "Delete resources that no longer serve (see docs/operations.md), or ask AWS for a higher quota."),
    (
        "is not authorized to",
        "If it names something that this stack did not make, take it over (usher import --adopt). If not, redeploy the "
        "stack: one of its roles has lost a permission.",
    ),
)


def remedy_for(reason: str) -> str:
    """The remedy for a failure, from Personalize's message."""
    return next(
        (remedy for piece, remedy in REMEDIES if piece in reason),
        "Correct the cause that it names, and drop the file or usher.yaml again; the run resumes where it stopped.",
    )
