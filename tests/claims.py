"""The claims about a deployment, the tests that prove them here, and what only a real account can show.

`make docs` makes docs/proof.md of this table. A test is named by its node ID of pytest, without parameters.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Claim(NamedTuple):
    """One claim. `seen`: how to see in the first deployment what tests can't prove; `check`: the check of usher
    doctor."""

    says: str
    tests: tuple[str, ...] = ()
    seen: str = ""
    check: str = ""


ACTIONS = "tests/command/test_actions.py"
ALARMS = "tests/integration/test_alarms.py"
API_PAGE = "tests/integration/test_api_page.py"
COMMANDS = "tests/unit/docs/test_commands.py"
KEY_LIMITS = "tests/unit/usher/access/test_key_limits.py"
API = "tests/integration/test_api.py"
DOCTOR = "tests/integration/test_doctor.py"
ERASURE = "tests/command/test_erase.py"
EVALUATION = "tests/integration/test_evaluation.py"
EXPORT = "tests/integration/test_export.py"
FIRST_HOUR = "tests/unit/usher/resources/test_first_hour.py"
GATE = "tests/integration/test_gate.py"
IAM = "tests/unit/cloud/access/test_iam.py"
LAMBDAS = "tests/unit/cloud/aws_lambda/test_lambda_functions.py"
LAYERS = "tests/unit/cloud/aws_lambda/test_layers.py"
MACHINE = "tests/command/test_stack_views.py"
MACHINES = "tests/unit/stack/test_state_machines.py"
OWNERSHIP = "tests/unit/usher/resources/test_ownership.py"
PACKAGING = "tests/unit/stack/test_packaging.py"
PIPELINE = "tests/integration/test_pipeline.py"
POLICY = "tests/unit/stack/test_bucket_policy.py"
REMOVAL = "tests/command/test_remove.py"
RIGHTS = "tests/integration/test_rights.py"
RULES = "tests/unit/stack/test_rules.py"
SURVIVAL = "tests/integration/test_survival.py"
TEMPLATE = "tests/unit/stack/test_template.py"
TRANSFORMED = "tests/unit/stack/test_transformed.py"
UI = "tests/integration/test_ui.py"

CLAIMS: Mapping[str, tuple[Claim, ...]] = MappingProxyType(
    {
        "The stack is created": (
            Claim(
                "CloudFormation accepts the template, and the stack has its outputs.",
                (f"{TEMPLATE}::test_cfn_lint_finds_nothing", f"{DOCTOR}::test_a_deployed_stack_is_in_order"),
                "sam deploy ends with CREATE_COMPLETE.",
                "stack",
            ),
            Claim(
                "EventBridge accepts the rules: none is too complex by its own measure.",
                (
                    f"{RULES}::test_eventbridge_takes_the_rule",
                    "tests/unit/cloud/eventbridge/test_event_patterns.py::test_wildcards_are_as_complex_as_event_ruler_finds_them",
                ),
                "The rules are CREATE_COMPLETE. Their limit of 10 is not documented.",
                "rules",
            ),
            Claim(
                "A new account has enough memory for every function.",
                (
                    f"{TRANSFORMED}::test_a_new_account_has_the_memory_for_every_function",
                    f"{LAMBDAS}::test_a_new_account_has_functions_of_at_most_3008_mb",
                ),
            ),
            Claim(
                "A second stack in the same account and region has no name in common with the first.",
                (f"{TRANSFORMED}::test_two_stacks_have_no_name_in_common",),
            ),
            Claim(
                "Each function is imported with its layers alone, on Lambda's Python.",
                (
                    f"{LAYERS}::test_a_function_imports_with_its_layers_alone",
                    f"{LAYERS}::test_a_function_does_not_import_without_its_data_layer",
                    f"{PACKAGING}::test_a_layers_packages_are_all_pinned_with_hashes",
                ),
                "The layers are built for arm64; the tests install them for their own machine.",
            ),
        ),
        "A drop becomes a campaign": (
            Claim(
                "Every file that Usher reads starts a run, and none that it writes.",
                (
                    f"{RULES}::test_every_key_that_the_code_reads_starts_a_run",
                    f"{RULES}::test_keys_that_usher_writes_start_no_run",
                    f"{PIPELINE}::test_a_dropped_csv_becomes_live_recommendations",
                ),
                check="rules",
            ),
            Claim(
                "The role may create solutions from recipes, which belong to no account.",
                (
                    f"{TEMPLATE}::test_reconcile_may_create_from_recipes_which_belong_to_no_account",
                    f"{IAM}::test_a_solution_needs_the_right_to_its_recipe_and_to_tag",
                ),
                "The first solution is created: personalize:CreateSolution is not denied.",
            ),
            Claim(
                "Each role allows the calls that are made with it, and no others.",
                (
                    f"{RIGHTS}::test_no_request_of_the_stack_is_refused",
                    f"{RIGHTS}::test_every_right_of_every_role_is_used",
                    f"{TEMPLATE}::test_no_right_is_a_wildcard",
                ),
                "A service may require more rights than its documentation says.",
                "role, simulated",
            ),
            Claim(
                "Personalize may read the bucket and write exports into it.",
                (f"{TEMPLATE}::test_personalize_acts_for_this_account_only",),
                "The first import becomes ACTIVE: Personalize sends aws:SourceAccount to S3. "
                "If its privileges are insufficient, remove the conditions from BucketPolicy.",
                "bucket policy",
            ),
            Claim(
                "Nobody but the stack's roles and Personalize writes below `out/`.",
                (
                    f"{POLICY}::test_only_usher_writes_the_keys_that_usher_reads",
                    f"{POLICY}::test_personalize_writes_its_answers_as_itself_and_by_its_role_and_nothing_else",
                    f"{RIGHTS}::test_only_usher_writes_the_keys_that_usher_reads_even_against_administrators",
                ),
                "`aws s3 cp x s3://<bucket>/a/out/x` is AccessDenied, with an administrator's key too. "
                "An export gets its output: Personalize writes by its role, or sends aws:PrincipalServiceName.",
            ),
            Claim(
                "A group can have an increment a day for a year.",
                (
                    "tests/unit/usher/resources/test_passes.py::test_no_pass_costs_more_calls_however_many_files_were_added",
                    "tests/unit/usher/resources/test_passes.py::test_a_year_of_files_at_once_is_imported_five_at_a_time_within_the_executions_time",
                ),
            ),
            Claim(
                "Increments that Personalize would refuse are refused before the run.",
                (
                    "tests/unit/usher/datasets/test_data_rules.py::test_an_increment_of_few_interactions_is_refused_before_personalize_does",
                    "tests/unit/usher/datasets/test_data_rules.py::test_an_increment_above_a_gigabyte_is_refused",
                ),
            ),
            Claim(
                "A quota of things in progress is waited for, whatever Personalize calls it.",
                (
                    "tests/unit/usher/resources/test_reconcile.py::test_a_temporary_quota_is_recognised_by_its_kind_whatever_the_words",
                ),
                "With six imports at once, the sixth waits.",
                "quotas",
            ),
            Claim(
                "A plan that the quotas have no room for is refused before anything is made; its remedy works.",
                (
                    f"{FIRST_HOUR}::test_the_remedy_of_a_missing_room_works",
                    f"{FIRST_HOUR}::test_foreign_resources_are_reported_if_they_take_the_room",
                ),
                "Service Quotas lists Personalize's quotas; their names are not documented.",
                "quotas",
            ),
            Claim(
                "Campaigns make room for each other without a gap in the answers.",
                (
                    f"{FIRST_HOUR}::test_the_first_hour_ends_well_with_five_campaigns_as_the_limit",
                    "tests/integration/test_first_hour.py::test_other_names_come_without_a_gap",
                ),
                "Whether a campaign that is being deleted counts is not documented; the run waits for it.",
            ),
            Claim(
                "A large check ends on an account that runs ten functions at once.",
                (
                    f"{MACHINES}::test_a_throttled_call_is_retried_for_a_quarter_of_an_hour",
                    f"{LAMBDAS}::test_the_execution_beyond_the_limit_is_refused_until_another_has_ended",
                    f"{DOCTOR}::test_a_new_account_runs_more_functions_at_once_than_the_default_takes",
                ),
                check="concurrency",
            ),
            Claim(
                "Nothing is trained twice if a step is retried or a response is lost.",
                (
                    "tests/unit/usher/resources/test_reconcile.py::test_a_training_whose_answer_is_lost_is_not_paid_for_twice",
                    f"{MACHINES}::test_reconcile_is_not_retried_before_a_list_can_show_its_resources",
                    f"{SURVIVAL}::test_killed_workers_do_no_lasting_harm",
                ),
            ),
            Claim(
                "No execution exceeds Step Functions' quotas.",
                (
                    "tests/unit/cloud/step_functions/test_executions.py::test_an_execution_fails_with_the_event_that_its_history_has_no_more_room_for",
                    "tests/unit/cloud/step_functions/test_executions.py::test_a_states_output_has_a_size_limit_in_bytes",
                ),
            ),
        ),
        "Two stacks leave each other alone": (
            Claim(
                "Everything that a stack creates has its ARN as a tag.",
                (f"{OWNERSHIP}::test_a_stacks_resources_bear_its_arn",),
            ),
            Claim(
                "A second stack with the same folder is refused, and changes nothing of the first stack.",
                (f"{OWNERSHIP}::test_a_second_stack_with_the_same_folder_is_refused_and_changes_nothing",),
            ),
            Claim(
                "Two stacks with different folders do not affect each other.",
                (f"{OWNERSHIP}::test_two_stacks_with_two_folders_leave_each_other_alone",),
            ),
            Claim(
                "Resources with another stack's tag are neither updated nor deleted.",
                (f"{OWNERSHIP}::test_resources_with_the_tag_of_another_stack_are_neither_updated_nor_deleted",),
            ),
            Claim(
                "The role of reconcile can't change resources without the stack's tag.",
                (
                    f"{RIGHTS}::test_reconcile_may_not_change_resources_without_the_stacks_tag",
                    f"{RIGHTS}::test_reconcile_may_neither_change_nor_give_to_resources_of_another_stack",
                    f"{TEMPLATE}::test_reconcile_changes_only_resources_with_the_stacks_tag_or_without_tags",
                    f"{IAM}::test_a_condition_knows_the_tags_of_a_resource_of_personalize",
                    f"{IAM}::test_only_the_common_tags_of_a_version_and_its_solution_count",
                ),
                "A first run, a retraining, a stopped evaluation and a removal succeed: Personalize sends "
                "aws:ResourceTag of every existing resource, versions included, and aws:RequestTag of every new one.",
            ),
            Claim(
                "Services assume the stack's roles for this account only.",
                (f"{TEMPLATE}::test_a_service_assumes_a_role_only_for_this_account_and_says_for_what",),
                "The first drop starts an execution that invokes a function, and the hourly schedule starts Watch: "
                "Step Functions and Scheduler send aws:SourceArn.",
            ),
        ),
        "The API answers": (
            Claim(
                "New code serves the API as soon as it is deployed.",
                (
                    f"{TRANSFORMED}::test_new_code_in_the_layer_makes_new_versions_of_the_api",
                    f"{LAMBDAS}::test_a_published_version_stays_as_it_was_while_latest_changes",
                ),
                check="aliases",
            ),
            Claim(
                "Old versions are deleted with their snapshots, which cost money.",
                (f"{TRANSFORMED}::test_old_versions_and_layers_go",),
                "The bill for SnapStart does not grow with deployments.",
                "versions",
            ),
            Claim(
                "IDs may have any characters, in the path or in the query.",
                (
                    f"{API}::test_ids_with_unusual_characters_are_users_like_others",
                    "tests/unit/usher/serving/test_http_api.py::test_an_id_may_stand_in_the_query",
                    "tests/unit/cloud/http_api/test_http_api.py::test_a_parameter_of_the_path_is_decoded_for_the_route_and_once_more",
                ),
                "Send a request for an ID with a %.",
            ),
            Claim(
                "If a campaign hangs, an export or an error answers before the function times out.",
                (
                    "tests/unit/usher/serving/test_http_api.py::test_a_campaign_that_hangs_is_stood_in_for_too",
                    "tests/unit/usher/test_aws.py::test_a_request_that_hangs_is_given_up_before_the_function_is",
                ),
            ),
            Claim(
                "Everything but the API reads consistently from the table.",
                ("tests/unit/usher/serving/test_serving_map.py::test_only_the_api_reads_inconsistently",),
            ),
            Claim(
                "Requests are logged and limited.",
                (f"{TRANSFORMED}::test_every_machine_and_the_api_log_and_the_api_has_a_limit",),
            ),
            Claim(
                "A key with a limit makes no more requests in a minute than it may.",
                (
                    f"{KEY_LIMITS}::test_a_key_makes_as_many_requests_in_a_minute_as_it_may_from_all_environments",
                    f"{KEY_LIMITS}::test_the_api_refuses_requests_above_a_keys_limit_and_names_the_time_to_retry",
                    f"{API}::test_a_key_is_good_for_its_group_and_routes",
                ),
                "Send two requests with a key of `--per-minute 1`: the second one gets 429.",
            ),
            Claim(
                "The examples of the API's page are answered.",
                (
                    f"{API_PAGE}::test_the_commands_of_the_page_are_answered",
                    f"{API_PAGE}::test_the_python_of_the_page_is_answered",
                ),
            ),
        ),
        "Exports and evaluations": (
            Claim(
                "An export has recommendations for everyone, and a failed one leaves the former in place.",
                (
                    f"{EXPORT}::test_an_export_for_everyone_is_there_as_answers_csv_and_parquet",
                    f"{EXPORT}::test_an_export_that_fails_leaves_the_former_latest_and_says_why",
                ),
                "Look at the first export's folder: Personalize's guide does not name files of errors.",
            ),
            Claim(
                "An evaluation leaves nothing behind.",
                (f"{EVALUATION}::test_solutions_and_live_versions_are_compared_with_popularity_and_nothing_is_left",),
                "With AthenaWorkgroup, Lake Formation may refuse what IAM allows.",
            ),
        ),
        "People see it, run it and end it": (
            Claim(
                "A button of the page does what the command does, once its plan is confirmed.",
                (
                    f"{UI}::test_the_buttons_do_what_the_command_does_once_a_plan_is_confirmed",
                    f"{UI}::test_a_version_is_rolled_back_once_its_plan_is_confirmed_and_its_run_is_seen",
                    f"{MACHINE}::test_actions_show_their_plan_and_change_nothing_before_they_are_carried_out",
                ),
                "./usher ui shows the stack's groups.",
            ),
            Claim(
                "A page of another site can neither read nor press the page's buttons.",
                ("tests/unit/ui/test_app.py::test_pages_of_other_sites_can_neither_read_nor_press",),
            ),
            Claim(
                "A rollback serves at once: during a run, during a pause, and however wrong the newest files are.",
                (
                    "tests/command/test_pauses.py::test_a_rollback_is_live_at_once_during_a_pause_and_with_any_files",
                    "tests/command/test_races.py::test_a_rollback_takes_effect_during_a_training_and_holds_until_that_is_done",
                ),
                "Roll a campaign back, and look at its solutionVersionArn after some minutes.",
            ),
            Claim(
                "A plan shows its price before anything is spent; an export's is what its run then orders.",
                (
                    f"{ACTIONS}::test_an_exports_plan_has_the_price_that_its_run_then_orders",
                    f"{ACTIONS}::test_an_evaluations_plan_has_its_price_and_makes_nothing",
                    f"{REMOVAL}::test_deletions_and_their_cost_are_shown_before_they_begin",
                ),
                "The first bill: the price list is a copy (docs/cost.md).",
            ),
            Claim(
                "A removed group is gone by listing, after a cut at any step, too; other groups and its files stay.",
                (
                    f"{REMOVAL}::test_a_removed_group_is_gone_by_listing_and_its_files_and_another_group_stay",
                    f"{REMOVAL}::test_after_an_interruption_of_any_step_a_removal_continues_and_leaves_nothing",
                ),
                "Remove a group, and list Personalize's dataset groups.",
            ),
            Claim(
                "A stack that still has a group is not deleted.",
                (
                    "tests/command/test_deletion_protection.py::test_a_stack_with_a_group_is_not_deleted_and_nothing_of_it_is",
                ),
                "sam delete fails, and names the group.",
            ),
            Claim(
                "An erased user is in no file, item, queue or dataset; what a model still knows is named with a date.",
                (f"{ERASURE}::test_all_of_a_users_data_and_none_of_the_others_is_deleted",),
                "The first data deletion job becomes COMPLETED within a day.",
            ),
            Claim(
                "A budget stops what would exceed it, and nothing that serves.",
                (
                    "tests/unit/usher/costs/test_months.py::test_a_budget_stops_resources_that_would_exceed_it_and_none_that_is_free",
                    "tests/command/test_cost.py::test_a_budgets_share_notifies_people_once_and_its_end_stops_new_resources",
                ),
            ),
        ),
        "Notifications and alarms": (
            Claim(
                "Each alarm goes off for its cause, and notifies the topic.",
                (
                    f"{ALARMS}::test_an_alarm_goes_off_for_its_cause_and_the_topic_hears_of_it",
                    f"{TRANSFORMED}::test_alarms_on_sums_do_not_miss_a_failure_beside_a_metric_without_a_point",
                ),
                "Drop an empty interactions.csv: the alarm's mail arrives within minutes. "
                "This proves that FILL fills a metric that never had a point.",
                "alarms",
            ),
            Claim(
                "The API's alarms count what happens at each of its addresses.",
                (f"{TRANSFORMED}::test_alarms_on_the_api_count_each_address_that_there_is",),
                "Open the graph of ApiErrors in the console: it has a line, also with one address.",
            ),
            Claim(
                "Each alarm names its section of the runbook, whose commands exist.",
                (
                    f"{COMMANDS}::test_every_alarm_has_a_runbook_with_a_command_and_names_it",
                    f"{COMMANDS}::test_every_command_of_a_page_exists",
                ),
            ),
            Claim(
                "Each graph of the dashboard has data.",
                (f"{ALARMS}::test_every_graph_of_the_dashboard_finds_data",),
                "The dashboard shows the first run.",
            ),
            Claim(
                "An undelivered event is kept.",
                (
                    f"{TRANSFORMED}::test_every_rule_schedule_and_background_function_has_a_dead_letter_queue",
                    "tests/unit/cloud/test_local_cloud.py::test_an_event_that_fails_three_times_is_left_in_the_dead_letter_queue",
                ),
                check="lost events",
            ),
            Claim(
                "An event that Personalize refuses for good is kept, with the reason.",
                (
                    "tests/unit/usher/events/test_replay.py::test_permanently_refused_events_are_set_aside_with_the_reason_and_the_others_pass",
                ),
                check="refused events",
            ),
            Claim(
                "The record of a stopped or dead run is closed, and people are notified.",
                (f"{GATE}::test_a_stopped_run_is_closed_and_reported",),
                check="notifications",
            ),
            Claim("Logs expire when LogRetentionDays says.", (f"{TRANSFORMED}::test_every_log_group_forgets",)),
        ),
        "The surroundings": (
            Claim(
                "The machines are valid in every partition.",
                (f"{MACHINES}::test_machines_are_valid_in_every_partition",),
                "A deployment outside the partition aws works. None was ever tried.",
            ),
            Claim(
                "Without sufficient rights, usher doctor names the checks that it could not make.",
                (f"{DOCTOR}::test_a_caller_without_permissions_sees_which_checks_are_unknown",),
            ),
            Claim(
                "The region has Personalize.",
                ("tests/unit/cli/test_doctor_checks.py::test_a_region_without_personalize_is_a_problem",),
                check="region",
            ),
            Claim(
                "The machine's clock is right.",
                (f"{DOCTOR}::test_a_clock_that_is_wrong_is_a_problem",),
                check="clock",
            ),
            Claim(
                "AWS does not discontinue a service or a runtime that the stack uses.",
                (),
                "AWS Health announces the end of a service, if the support plan includes it.",
                "service health",
            ),
        ),
    }
)
"""The claims by part of the deployment, in the order of a first deployment."""
