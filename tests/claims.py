"""What is claimed of a deployment, which tests prove it here, and what only a real account can show.

`python -m tests.proof` makes docs/proof.md of this table. A test is named by its node id of pytest, without parameters.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Claim(NamedTuple):
    """One claim. `seen`: how the first deployment shows what no test can; `check`: the check of usher doctor for it."""

    says: str
    tests: tuple[str, ...] = ()
    seen: str = ""
    check: str = ""


ALARMS = "tests/integration/test_alarms.py"
API = "tests/integration/test_api.py"
DOCTOR = "tests/integration/test_doctor.py"
EVALUATION = "tests/integration/test_evaluation.py"
EXPORT = "tests/integration/test_export.py"
GATE = "tests/integration/test_gate.py"
IAM = "tests/unit/cloud/test_iam.py"
LAMBDAS = "tests/unit/cloud/test_lambdas.py"
LAYERS = "tests/unit/cloud/test_layers.py"
MACHINES = "tests/unit/stack/test_state_machines.py"
OWNERSHIP = "tests/unit/usher/test_ownership.py"
PACKAGING = "tests/unit/stack/test_packaging.py"
PIPELINE = "tests/integration/test_pipeline.py"
RIGHTS = "tests/integration/test_rights.py"
RULES = "tests/unit/stack/test_rules.py"
SURVIVAL = "tests/integration/test_survival.py"
TEMPLATE = "tests/unit/stack/test_template.py"
TRANSFORMED = "tests/unit/stack/test_transformed.py"

CLAIMS: Mapping[str, tuple[Claim, ...]] = MappingProxyType(
    {
        "The stack is created": (
            Claim(
                "CloudFormation takes the template, and the outputs are there.",
                (f"{TEMPLATE}::test_cfn_lint_finds_nothing", f"{DOCTOR}::test_a_deployed_stack_is_in_order"),
                "sam deploy ends with CREATE_COMPLETE.",
                "stack",
            ),
            Claim(
                "EventBridge takes the rules: none is too complex, by its own measure.",
                (),
                "The limit of 10 is not documented; the rules are CREATE_COMPLETE.",
                "rules",
            ),
            Claim(
                "A new account has the memory for every function.",
                (),
            ),
            Claim(
                "A second stack in the same account and region has no name in common with the first.",
                (),
            ),
            Claim(
                "Each function is imported with its layers alone, on Lambda's Python.",
                (f"{PACKAGING}::test_a_layers_packages_are_all_pinned_with_hashes",),
                "The layers are for arm64; here they are installed for the machine of the test.",
            ),
        ),
        "A drop becomes a campaign": (
            Claim(
                "Every file that is read starts a run, and what Usher writes starts none.",
                (f"{PIPELINE}::test_a_dropped_csv_becomes_live_recommendations",),
                check="rules",
            ),
            Claim(
                "Solutions may be made from recipes, which belong to no account.",
                (),
                "The first solution is made: personalize:CreateSolution is not denied.",
            ),
            Claim(
                "Each role is allowed what is done with it, and nothing else.",
                (f"{TEMPLATE}::test_no_right_is_a_wildcard",),
                "A service may ask for more than its documentation says.",
                "role, simulated",
            ),
            Claim(
                "Personalize may read the bucket and write exports into it.",
                (f"{TEMPLATE}::test_personalize_acts_for_this_account_only",),
                "The first import becomes ACTIVE: Personalize says aws:SourceAccount when it asks S3. "
                "If it has insufficient privileges, take the Conditions out of BucketPolicy.",
                "bucket policy",
            ),
            Claim(
                "A group may have an increment a day for a year.",
                (),
            ),
            Claim(
                "Increments that Personalize would refuse are refused before the run.",
                (),
            ),
            Claim(
                "Quotas of what ends by itself are waited for, whatever Personalize calls them.",
                (),
                "With six imports at once, the sixth waits.",
                "quotas",
            ),
            Claim(
                "A large check ends on an account that runs ten functions at once.",
                (),
                check="concurrency",
            ),
            Claim(
                "Nothing is trained twice after a step is retried.",
                (f"{SURVIVAL}::test_killed_workers_do_no_lasting_harm",),
            ),
            Claim(
                "No execution outgrows Step Functions' quotas.",
                (),
            ),
        ),
        "Two stacks leave each other alone": (
            Claim(
                "What a stack makes bears its ARN.",
                (),
            ),
            Claim(
                "A second stack with the same folder is refused, and changes nothing of the first.",
                (),
            ),
            Claim(
                "Two stacks with two folders do not notice each other.",
                (),
            ),
            Claim(
                "What bears another stack's tag is neither updated nor deleted.",
                (),
            ),
        ),
        "The API answers": (
            Claim(
                "New code reaches the API with the deployment that brings it.",
                (),
                check="aliases",
            ),
            Claim(
                "Old versions go, and with them their snapshots, which are paid for.",
                (),
                "The bill for SnapStart does not grow with deployments.",
                "versions",
            ),
            Claim(
                "IDs of any characters are asked for, in the path or in the query.",
                (f"{API}::test_ids_with_unusual_characters_are_users_like_others",),
                "Ask for an ID with a % in it.",
            ),
            Claim(
                "A campaign that hangs is stood in for before the function times out.",
                (),
            ),
            Claim(
                "What has just been written is read, by everyone but the API.",
                (),
            ),
            Claim(
                "Requests are logged and limited.",
                (),
            ),
        ),
        "Exports and evaluations": (
            Claim(
                "An export has an answer for everyone, and a failed one leaves the former in place.",
                (
                    f"{EXPORT}::test_an_export_for_everyone_is_there_as_answers_csv_and_parquet",
                    f"{EXPORT}::test_an_export_that_fails_leaves_the_former_latest_and_says_why",
                ),
                "Personalize's guide does not say what files of errors are called: look at the first export's folder.",
            ),
            Claim(
                "An evaluation leaves nothing behind.",
                (f"{EVALUATION}::test_solutions_and_what_is_live_are_compared_with_popularity_and_nothing_is_left",),
                "With AthenaWorkgroup: Lake Formation may refuse what IAM allows.",
            ),
        ),
        "People hear of it": (
            Claim(
                "Each alarm goes off for its cause, and the topic hears of it.",
                (f"{ALARMS}::test_an_alarm_goes_off_for_its_cause_and_the_topic_hears_of_it",),
                "Drop an empty interactions.csv: the alarm's mail arrives within minutes. "
                "It proves that FILL fills a metric that never had a point.",
                "alarms",
            ),
            Claim(
                "Each graph of the dashboard has data.",
                (f"{ALARMS}::test_every_graph_of_the_dashboard_finds_data",),
                "The dashboard shows the first run.",
            ),
            Claim(
                "An event that does not get through is kept.",
                (),
                check="lost events",
            ),
            Claim(
                "A run that is stopped or dies is closed, and told.",
                (f"{GATE}::test_a_stopped_run_is_closed_and_told",),
                check="notifications",
            ),
            Claim("Logs are kept for as long as wished.", ()),
        ),
        "What is around it": (
            Claim(
                "The machines are valid in every partition.",
                (),
                "Only regions of the partition aws were ever looked at.",
            ),
            Claim(
                "Whoever may not ask is told what can't be told.",
                (f"{DOCTOR}::test_whoever_may_do_nothing_is_told_what_can_not_be_told",),
            ),
            Claim(
                "The clock of the machine is right.",
                (f"{DOCTOR}::test_a_clock_that_is_wrong_is_a_problem",),
                check="clock",
            ),
            Claim(
                "The services go on as they are.",
                (),
                "AWS Health tells of services that end, where the support plan allows to ask.",
                "service health",
            ),
        ),
    }
)
"""By part of the deployment, in the order in which a first deployment meets them."""
