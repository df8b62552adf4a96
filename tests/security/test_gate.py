"""Each class of attack that was used on comparable platforms, with the tests that stand for it here."""

import ast
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]


class Case(NamedTuple):
    """What must not work, the tests that try it, and what there is nothing to try on yet."""

    attack: str
    tests: tuple[str, ...]
    not_there: str = ""


CASES = {
    "S01": Case(
        "work is submitted without signing in",
        ("security/test_authentication.py::test_every_route_needs_a_token",),
    ),
    "S02": Case(
        "a new route is left out of authorisation",
        (
            "unit/server/test_authorisation.py::test_every_route_declares_who_may_use_it",
            "security/test_authentication.py::test_every_route_needs_a_token",
            "security/test_authentication.py::test_other_methods_open_nothing",
        ),
    ),
    "S03": Case(
        "a route does not look whose object it acts on",
        (
            "security/test_roles.py::test_each_role_opens_what_it_allows_and_nothing_else",
            "security/test_roles.py::test_owner_of_one_workspace_reaches_nothing_of_another_by_its_id",
            "security/test_run_tokens.py::test_another_run_and_what_belongs_to_it_stay_closed",
            "security/test_service_tokens.py::test_another_web_service_stays_closed",
        ),
    ),
    "S04": Case(
        "a path leads out of the store on reading and listing",
        (
            "security/test_paths.py::test_hostile_path_in_a_query_is_refused",
            "security/test_paths.py::test_hostile_path_in_an_address_is_refused",
            "security/test_paths.py::test_hostile_path_in_a_body_is_refused",
            "security/test_paths.py::test_every_field_that_names_a_file_is_tried",
        ),
    ),
    "S05": Case(
        "a path that is decoded twice leads out of the store on deleting",
        (
            "security/test_paths.py::test_hostile_path_in_a_query_is_refused",
            "security/test_paths.py::test_hostile_path_in_an_address_is_refused",
        ),
    ),
    "S06": Case(
        "the source of a model points at a file of the server",
        ("security/test_sources.py::test_source_outside_of_the_workspace_is_refused_whatever_stands_beside_it",),
    ),
    "S07": Case(
        "the server unpickles, or runs, what users send",
        (
            "security/test_sources.py::test_server_imports_nothing_that_makes_objects_of_bytes",
            "functional/server/test_models.py::test_broken_mlmodel_is_refused",
            "security/test_names.py::test_run_configuration_is_read_as_data",
        ),
    ),
    "S08": Case(
        "an archive writes outside of its folder",
        (
            "security/test_archives.py::test_download_never_leaves_its_folder",
            "security/test_archives.py::test_restored_snapshot_never_leaves_its_folder",
            "security/test_archives.py::test_snapshot_holds_plain_files_only",
            "security/test_archives.py::test_existing_link_is_replaced_and_not_written_through",
            "unit/node/test_files.py::test_path_that_leaves_the_root_is_refused",
        ),
    ),
    "S09": Case(
        "a small archive becomes a large one",
        (
            "security/test_archives.py::test_pack_that_lies_is_refused_and_leaves_nothing",
            "security/test_archives.py::test_archive_of_one_content_in_many_places_is_made_while_it_is_read",
            "security/test_archives.py::test_large_file_passes_through_small_memory",
        ),
        "The server unpacks no compressed archive.",
    ),
    "S10": Case(
        "the server fetches an address that a user names",
        (
            "security/test_sources.py::test_address_in_any_text_is_not_fetched",
            "security/test_sources.py::test_server_imports_nothing_that_fetches",
            "security/test_webhooks.py::test_address_inside_is_refused",
            "security/test_webhooks.py::test_allowed_place_opens_no_other",
            "security/test_webhooks.py::test_destination_is_checked_at_each_delivery",
            "security/test_webhooks.py::test_name_is_looked_up_once_for_each_call_and_all_its_addresses_count",
            "security/test_single_sign_on.py::test_provider_leads_the_server_nowhere_else",
        ),
        "But for webhooks and the provider of single sign-on nothing is fetched or called for a user: there are no "
        "datastores, and imports are sent.",
    ),
    "S11": Case(
        "a text or a file of a user runs script in a browser",
        (
            "security/test_texts.py::test_script_in_any_text_reaches_no_page",
            "security/test_texts.py::test_script_in_a_name_is_text_in_a_notebook",
            "security/test_secrets.py::test_bytes_of_users_are_files_to_keep_and_not_to_show",
            "security/test_secrets.py::test_no_answer_of_the_api_is_a_page",
            "security/test_secrets.py::test_public_page_shows_an_address_as_text",
        ),
    ),
    "S12": Case(
        "a page of another site makes a browser change things",
        (
            "security/test_network.py::test_pages_of_others_change_nothing_even_with_a_token",
            "security/test_authentication.py::test_token_counts_in_the_header_only",
            "functional/server/test_sessions.py::test_cookie_alone_changes_nothing",
            "security/test_single_sign_on.py::test_answer_counts_in_the_browser_that_asked",
        ),
    ),
    "S13": Case(
        "a foreign name is made to point at the server",
        (
            "security/test_network.py::test_a_name_that_points_here_opens_nothing",
            "security/test_network.py::test_pages_of_others_change_nothing_even_with_a_token",
        ),
    ),
    "S14": Case(
        "a socket is opened without signing in",
        ("security/test_hidden.py::test_no_address_becomes_a_socket",),
        "There are no sockets: no notebooks, no terminals.",
    ),
    "S15": Case(
        "signing in leads to a foreign address, or somebody else's answer signs in",
        (
            "security/test_single_sign_on.py::test_sign_in_leads_to_no_other_site",
            "security/test_single_sign_on.py::test_page_that_is_named_twice_leads_nowhere_else",
            "security/test_single_sign_on.py::test_provider_leads_the_server_nowhere_else",
            "security/test_single_sign_on.py::test_answer_counts_in_the_browser_that_asked",
            "security/test_single_sign_on.py::test_answer_counts_once",
            "security/test_single_sign_on.py::test_code_counts_once",
            "security/test_single_sign_on.py::test_code_of_another_browser_is_worth_nothing",
            "security/test_single_sign_on.py::test_token_that_does_not_count_signs_nobody_in",
            "functional/server/test_single_sign_on.py::test_who_has_somebodys_address_after_them_does_not_become_them",
            "functional/server/test_single_sign_on.py::test_administrator_is_linked_by_an_administrator_alone",
            "unit/server/test_single_sign_on.py::test_what_could_lead_elsewhere_is_refused",
            "unit/server/test_single_sign_on.py::test_name_that_the_provider_does_not_vouch_for_is_refused",
        ),
    ),
    "S16": Case(
        "secrets stand in logs and errors",
        (
            "security/test_secrets.py::test_secret_in_a_request_that_fails_is_kept_nowhere",
            "security/test_secrets.py::test_fault_of_the_database_tells_no_value",
            "security/test_secrets.py::test_server_tells_no_token",
            "security/test_hidden.py::test_token_in_the_wrong_place_is_logged_nowhere",
            "security/test_vault.py::test_no_refusal_tells_a_value",
            "security/test_webhooks.py::test_secret_of_a_webhook_is_told_nowhere",
            "security/test_single_sign_on.py::test_what_opens_a_session_is_kept_and_logged_nowhere",
        ),
    ),
    "S17": Case(
        "somebody stays signed in whose rights were taken away",
        (
            "security/test_roles.py::test_what_is_taken_away_is_gone_within_a_second",
            "security/test_roles.py::test_deleted_user_is_out_at_once",
            "security/test_roles.py::test_token_is_kept_as_a_hash_and_dies_when_it_is_deleted",
            "security/test_run_tokens.py::test_token_dies_with_its_run",
            "faults/test_team.py::test_what_one_process_takes_away_is_gone_in_the_other_within_a_second",
            "functional/server/test_sessions.py::test_session_ends_at_once",
            "functional/server/test_sessions.py::test_sessions_of_a_team_end_on_every_process",
            "functional/server/test_single_sign_on.py::test_user_who_is_not_active_stays_out",
            "functional/server/test_single_sign_on.py::test_groups_that_follow_the_sign_in_have_whom_the_provider_names",
            "security/test_single_sign_on.py::test_session_that_somebody_left_in_a_browser_is_not_taken_over",
        ),
    ),
    "S18": Case(
        "another origin reads answers",
        ("security/test_network.py::test_no_answer_opens_itself_to_other_origins",),
    ),
    "S19": Case(
        "an export holds formulas",
        (
            "unit/server/test_activity.py::test_cell_is_never_a_formula",
            "functional/server/test_activity.py::test_csv_holds_no_formula",
        ),
    ),
    "S20": Case(
        "others write into folders of the platform",
        ("security/test_secrets.py::test_nothing_of_the_home_is_open_to_others",),
    ),
    "S21": Case(
        "endless, slow or many-parted requests hold the server up",
        (
            "security/test_network.py::test_headers_are_bounded",
            "security/test_network.py::test_slow_request_ends_and_others_are_served",
            "security/test_input.py::test_large_headers_and_addresses_hold_nobody_up",
            "security/test_input.py::test_number_of_parameters_is_bounded",
            "security/test_hidden.py::test_form_of_many_parts_is_refused_at_once",
        ),
    ),
    "S22": Case(
        "a name or an option becomes a command",
        (
            "security/test_names.py::test_script_gets_its_arguments_and_variables_as_they_were_given",
            "security/test_names.py::test_definition_that_no_process_can_have_is_refused_at_once",
            "unit/core/requirement/test_requirements.py::test_hostile_or_local_line_is_refused",
            "unit/core/requirement/test_requirements.py::test_line_that_becomes_two_is_refused",
            "unit/node/test_plan.py::test_interpreter_that_is_none_is_refused",
        ),
    ),
    "S23": Case(
        "files of the working directory run inside of the platform",
        (
            "security/test_names.py::test_modules_of_a_snapshot_are_imported_by_no_program_of_ours",
            "security/test_names.py::test_modules_of_the_current_folder_are_imported_by_no_program_of_ours",
        ),
    ),
    "S24": Case(
        "there is a password that everybody knows, or a way to register oneself",
        (
            "security/test_hidden.py::test_each_installation_has_a_token_of_its_own",
            "security/test_roles.py::test_user_without_a_role_gets_at_nothing",
        ),
    ),
    "S25": Case(
        "hidden files are served",
        ("security/test_hidden.py::test_no_address_serves_a_file_of_the_home",),
    ),
    "S26": Case(
        "one tenant's cache, account or files serve another",
        (
            "security/test_run_tokens.py::test_token_is_seen_nowhere",
            "security/test_run_tokens.py::test_another_workspace_stays_closed",
        ),
        "All runs of a machine are one user's processes (docs/security.md); steps that are used again are not there.",
    ),
    "S27": Case(
        "a filter takes for ever",
        (
            "security/test_search.py::test_no_text_breaks_the_search",
            "security/test_hidden.py::test_filter_of_a_megabyte_is_answered_at_once",
        ),
    ),
    "S28": Case(
        "a model is exchanged after it was looked at",
        (
            "functional/server/test_models.py::test_damaged_bytes_are_not_handed_out",
            "unit/node/test_files.py::test_content_that_is_damaged_where_it_is_kept_is_named",
        ),
    ),
    "S29": Case(
        "a token is told by a log or an environment",
        (
            "security/test_run_tokens.py::test_token_is_seen_nowhere",
            "security/test_service_tokens.py::test_secrets_are_seen_nowhere",
        ),
    ),
    "S30": Case(
        "a value becomes SQL, or sets what is the server's",
        (
            "security/test_input.py::test_every_field_takes_every_wrong_value",
            "security/test_input.py::test_what_the_server_sets_is_not_taken_from_a_body",
            "security/test_input.py::test_random_requests_meet_no_fault",
            "security/test_search.py::test_no_text_breaks_the_search",
        ),
    ),
}


@lru_cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_every_class_of_attack_is_considered():
    assert list(CASES) == [f"S{number:02}" for number in range(1, 31)]


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_attack_has_its_tests(case: Case):
    assert case.tests or case.not_there
    for name in case.tests:
        file, _, test = name.partition("::")
        assert test in names_in(file), name
