"""The table of kinds: each kind's facts, and the functions that manage it. A new kind is a new row."""

from collections.abc import Callable
from dataclasses import dataclass

from usher_local.personalize.control import auto_training, solutions, validators
from usher_local.personalize.core import request_checks
from usher_local.personalize.core.resources import Backend, Dependent, Kind, Quota, Resource, Values
from usher_local.personalize.jobs import attributions, batch_jobs, deletion_jobs, export_jobs, import_jobs
from usher_local.personalize.modelling import training
from usher_local.personalize.modelling.model_store import ModelBackend

Work = Callable[[ModelBackend, Resource], None]
"""The background work of a resource. The text of a JobFailedError becomes its failureReason."""


@dataclass(frozen=True, slots=True)
class ManagedKind(Kind):
    """One row of the table."""

    prepare: Callable[[Backend, Values], None] | None = None
    """Check a new resource beyond the model, and add the members that the service sets."""
    prepare_update: Callable[[Backend, Resource, Values], None] | None = None
    """Check an update, and add the members that the request leaves out."""
    work: Work | None = None
    on_time: Callable[[ModelBackend, Resource], None] | None = None
    """Make the changes that are due; called before a resource is shown or used."""


_BATCHES = (Dependent("BatchInferenceJob", pending=True), Dependent("BatchSegmentJob", pending=True))
_JOB_QUOTA = (Quota(5, pending=True),)
_ROWS = (
    ManagedKind("Recipe", "recipe/{id}"),
    ManagedKind("Algorithm", "algorithm/{id}"),
    ManagedKind("FeatureTransformation", "feature-transformation/{id}"),
    ManagedKind(
        "Schema", "schema/{id}", quotas=(Quota(500),), dependents=(Dependent("Dataset"),), prepare=validators.schema
    ),
    ManagedKind(
        "DatasetGroup",
        "dataset-group/{id}",
        minutes=0.5,
        statuses={"DELETE IN_PROGRESS": "DELETE PENDING"},
        quotas=(Quota(5),),
        dependents=(
            Dependent("EventTracker"),
            Dependent("Solution"),
            Dependent("Recommender"),
            Dependent("Dataset"),
            Dependent("DataDeletionJob", pending=True),
        ),
        prepare=validators.dataset_group,
    ),
    ManagedKind(
        "Dataset",
        "dataset/{datasetGroupArn}/{datasetType}",
        minutes=0.4,
        dependents=(
            Dependent("Filter", group=True),
            Dependent("EventTracker", group=True, of={"datasetType": "INTERACTIONS"}),
            Dependent("MetricAttribution", group=True, of={"datasetType": "INTERACTIONS"}),
            Dependent("DatasetImportJob", pending=True),
            Dependent("DatasetExportJob", pending=True),
            Dependent("DataDeletionJob", group=True, pending=True),
            Dependent("BatchInferenceJob", group=True, pending=True),
            Dependent("BatchSegmentJob", group=True, pending=True),
            Dependent("SolutionVersion", group=True, pending=True),
            Dependent("Recommender", group=True, pending=True),
            Dependent("Campaign", group=True),
        ),
        prepare=validators.dataset,
        prepare_update=validators.dataset_update,
    ),
    ManagedKind(
        "DatasetImportJob",
        "dataset-import-job/{id}",
        minutes=5,
        quotas=_JOB_QUOTA,
        defaults={"importMode": "FULL", "publishAttributionMetricsToS3": False},
        owner="Dataset",
        prepare=validators.import_job,
        work=import_jobs.run,
    ),
    ManagedKind(
        "DatasetExportJob",
        "dataset-export-job/{id}",
        minutes=5,
        quotas=_JOB_QUOTA,
        defaults={"ingestionMode": "PUT"},
        owner="Dataset",
        prepare=export_jobs.check,
        work=export_jobs.run,
    ),
    ManagedKind(
        "DataDeletionJob",
        "data-deletion-job/{id}",
        minutes=30,
        statuses={
            "CREATE PENDING": "PENDING",
            "CREATE IN_PROGRESS": "IN_PROGRESS",
            "ACTIVE": "COMPLETED",
            "CREATE FAILED": "FAILED",
        },
        quotas=(Quota(5, group=True, pending=True),),
        owner="DatasetGroup",
        prepare=request_checks.role_and_location,
        work=deletion_jobs.run,
    ),
    ManagedKind(
        "EventTracker",
        "event-tracker/{hex}",
        minutes=0.5,
        quotas=(Quota(1, group=True),),
        prepare=validators.event_tracker,
    ),
    ManagedKind(
        "MetricAttribution",
        "metric-attribution/{id}",
        minutes=1,
        quotas=(Quota(1, group=True),),
        owner="DatasetGroup",
        prepare=attributions.check,
        prepare_update=attributions.check_update,
        work=attributions.run,
    ),
    ManagedKind(
        "Filter",
        "filter/{id}",
        minutes=0.5,
        quotas=(Quota(30, group=True),),
        dependents=_BATCHES,
        owner="DatasetGroup",
        prepare=validators.item_filter,
    ),
    ManagedKind(
        "Solution",
        "solution/{id}",
        minutes=0.3,
        quotas=(Quota(10, group=True),),
        defaults={"performHPO": False, "performAutoML": False, "performAutoTraining": True, "solutionConfig": {}},
        dependents=(Dependent("Campaign"), Dependent("SolutionVersion", pending=True), *_BATCHES),
        prepare=solutions.solution,
        prepare_update=solutions.solution_update,
        on_time=auto_training.train_when_due,
    ),
    ManagedKind(
        "SolutionVersion",
        "solution/{solutionArn}/{id}",
        minutes=25,
        quotas=(Quota(20, pending=True),),
        defaults={"trainingMode": "FULL", "trainingType": "MANUAL"},
        inherits=(
            "performHPO",
            "performAutoML",
            "performIncrementalUpdate",
            "recipeArn",
            "datasetGroupArn",
            "solutionConfig",
            "eventType",
        ),
        owner="Solution",
        prepare=solutions.version,
        work=training.run,
        trained=True,
    ),
    ManagedKind(
        "Campaign",
        "campaign/{id}",
        minutes=8,
        quotas=(Quota(5, group=True),),
        defaults={"minProvisionedTPS": 1},
        prepare=solutions.campaign,
        prepare_update=solutions.campaign_update,
        on_time=solutions.follow_latest,
    ),
    ManagedKind(
        "Recommender",
        "recommender/{id}",
        minutes=20,
        quotas=(Quota(5, group=True),),
        defaults={"recommenderConfig": {"minRecommendationRequestsPerSecond": 1}},
        prepare=solutions.recommender,
        prepare_update=solutions.recommender_update,
        work=training.run,
        trained=True,
    ),
    ManagedKind(
        "BatchInferenceJob",
        "batch-inference-job/{id}",
        minutes=15,
        quotas=_JOB_QUOTA,
        defaults={"numResults": 25, "batchInferenceJobMode": "BATCH_INFERENCE"},
        owner="Solution",
        prepare=validators.batch_inference_job,
        work=batch_jobs.run,
    ),
    ManagedKind(
        "BatchSegmentJob",
        "batch-segment-job/{id}",
        minutes=8,
        quotas=_JOB_QUOTA,
        defaults={"numResults": 25},
        owner="Solution",
        prepare=validators.batch_segment_job,
        work=batch_jobs.run_segments,
    ),
)
KINDS = {row.name: row for row in _ROWS}
BY_ARN_MEMBER = {row.arn_member: row for row in _ROWS}
