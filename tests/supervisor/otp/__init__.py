"""The cases of Erlang/OTP's supervisor_SUITE in our words, and what our supervisor has beyond OTP's.

Each case of the suite (without auto-shutdown, which is left out on purpose) stands below with the tests that show its
rule here, as `file.test` without the `test_` of both; or with the reason why it has no meaning here, after a dash.
tests/supervisor/otp/test_table.py holds the table against the tests.

start
  sup_start_normal                              start.a_supervisor_without_children_starts_and_stops
  sup_start_ignore_init                         - a supervisor is its spec: there is no callback that could decline
  sup_start_ignore_child                        start.a_child_with_nothing_to_do_is_neither_started_nor_failed
  sup_start_ignore_temporary_child              start.a_temporary_child_with_nothing_to_do_is_forgotten
  sup_start_ignore_temporary_child_start_child  dynamic.an_added_temporary_child_with_nothing_to_do_is_forgotten
  sup_start_ignore_temporary_child_start_child_simple
                                                dynamic.an_added_temporary_child_with_nothing_to_do_is_forgotten
  sup_start_ignore_permanent_child_start_child_simple
                                                dynamic.an_added_child_with_nothing_to_do_stays_known_and_down
  sup_start_error_return                        start.a_factory_that_makes_nothing_of_use_is_a_failed_start
  sup_start_fail                                start.a_factory_that_makes_nothing_of_use_is_a_failed_start
  sup_start_child_returns_error                 dynamic.an_added_child_that_does_not_come_up_is_told_and_forgotten
  sup_start_restart_child_returns_error         admin.a_restart_that_an_operator_wanted_and_that_fails_is_his_to_decide
  sup_start_child_returns_error_simple          dynamic.a_template_that_makes_no_use_is_told_and_starts_nothing
  sup_start_map                                 specs.the_defaults_of_a_worker specs.the_defaults_of_a_supervisor
  sup_start_map_simple                          dynamic.children_are_added_one_by_one
  sup_start_map_faulty_specs                    start.a_faulty_tree_is_refused_before_anything_of_it_starts
                                                specs.an_id_and_a_factory_are_needed_and_an_unknown_flag_is_refused

stop
  sup_stop_infinity                             stop.a_child_may_have_all_the_time_it_wants
  sup_stop_timeout                              stop.a_child_that_misses_its_deadline_is_given_up
  sup_stop_brutal_kill                          stop.a_brutal_stop_asks_nothing
  child_unlink                                  stop.a_child_that_ignores_its_stop_holds_nobody_up

administration and specs
  child_adm                                     admin.a_child_is_stopped_started_again_and_removed
                                                admin.commands_for_a_child_that_runs
                                                admin.commands_for_a_child_that_nobody_knows
                                                admin.commands_for_a_child_that_is_stopped
  child_adm_simple                              dynamic.children_are_added_one_by_one
                                                dynamic.a_name_that_is_taken_cannot_be_added
  extra_return                                  admin.a_child_is_stopped_started_again_and_removed
  child_specs                                   specs.a_faulty_field_of_a_child specs.two_children_of_one_name
                                                dynamic.a_template_that_makes_no_use_is_told_and_starts_nothing
  sup_flags                                     specs.a_faulty_field_of_a_supervisor specs.a_faulty_field_of_a_budget
  get_callback_module                           - there is no callback module
  code_change                                   - code changes with the process; what runs keeps the spec it was given
  code_change_map                               - as code_change
  code_change_simple                            - as code_change
  code_change_simple_map                        - as code_change

restart types
  permanent_normal                              restart_types.which_end_is_followed_by_a_restart
  transient_normal                              restart_types.which_end_is_followed_by_a_restart
  temporary_normal                              restart_types.which_end_is_followed_by_a_restart
  permanent_shutdown                            restart_types.which_end_is_followed_by_a_restart
  transient_shutdown                            restart_types.which_end_is_followed_by_a_restart
                                                restart_types.a_transient_child_that_has_ended_can_be_asked_for_again
  temporary_shutdown                            restart_types.which_end_is_followed_by_a_restart
  permanent_abnormal                            restart_types.which_end_is_followed_by_a_restart
  transient_abnormal                            restart_types.which_end_is_followed_by_a_restart
  temporary_abnormal                            restart_types.which_end_is_followed_by_a_restart
  faulty_application_shutdown                   start.a_failure_deep_down_reaches_the_top_with_its_name_and_its_reason
  temporary_bystander                           restart_types.a_temporary_bystander_is_forgotten_and_not_charged
  do_not_save_start_parameters_for_temporary_children
                                                dynamic.nothing_is_kept_of_an_added_temporary_child
  do_not_save_child_specs_for_temporary_children
                                                restart_types.nothing_is_kept_of_a_temporary_child_that_has_ended
                                                dynamic.what_is_left_of_an_added_child_that_has_ended

strategies
  multiple_restarts                             budget.failures_that_keep_their_distance_can_go_on_for_ever
  one_for_one                                   one_for_one.only_the_one_that_failed_is_restarted
                                                budget.the_budget_is_of_the_supervisor_and_not_of_the_child
  one_for_one_escalation                        budget.each_failed_restart_is_charged_too
  one_for_all                                   one_for_all.all_go_down_in_reverse_and_come_back_in_order
                                                one_for_all.a_group_restart_is_one_failure
  one_for_all_escalation                        one_for_all.a_child_that_cannot_come_back_ends_it_for_all
  one_for_all_other_child_fails_restart         one_for_all.when_one_fails_to_come_back_those_that_did_go_down_again
  simple_one_for_one                            dynamic.only_the_added_child_that_failed_is_restarted
  simple_one_for_one_shutdown                   dynamic.added_children_stop_together_under_one_deadline
  simple_one_for_one_extra                      dynamic.only_the_added_child_that_failed_is_restarted
  simple_one_for_one_escalation                 dynamic.an_added_child_that_cannot_come_back_ends_it_for_all
  rest_for_one                                  rest_for_one.the_one_that_failed_and_those_after_it
                                                rest_for_one.failures_of_different_children_are_one_count
  rest_for_one_escalation                       rest_for_one.a_later_one_that_cannot_come_back_ends_it_for_all
  rest_for_one_other_child_fails_restart        rest_for_one.a_failed_restart_resumes_at_the_child_that_failed

trees, loops and numbers
  tree                                          escalation.a_tree_falls_only_as_far_as_it_must
  simple_global_supervisor                      escalation.a_supervisor_that_is_killed_takes_its_children_along
                                                escalation.a_worker_below_can_be_stopped_and_started_again_on_its_own
  hanging_restart_loop                          admin.commands_for_a_child_that_waits_for_its_restart
                                                stop.a_stop_does_not_wait_for_a_restart
  hanging_restart_loop_rest_for_one             admin.commands_for_a_child_that_waits_for_its_restart
                                                rest_for_one.those_after_it_go_down_at_once_and_wait_for_it
  hanging_restart_loop_simple                   dynamic.commands_work_while_an_added_child_waits_for_its_restart
  count_children                                scale.thousands_are_counted
  count_children_supervisor                     scale.thousands_of_supervisors_are_counted
  count_restarting_children                     dynamic.children_that_wait_for_a_restart_are_known_and_not_up
  order_of_children                             start.children_start_in_the_order_of_the_spec_and_stop_in_reverse
                                                rest_for_one.the_order_holds_in_a_restart_and_in_the_stop_after_it
  simple_one_for_one_scale_many_temporary_children
                                                scale.adding_and_stopping_one_by_one_is_linear
  scale_start_stop_many_children                scale.starting_and_stopping_one_after_the_other_is_linear

Three rules differ from OTP's, on purpose: what an operator has stopped does not come back with its siblings (OTP's
`tree` expects it to); an added child has a name of its own, so all commands apply to it (OTP's `child_adm_simple`
refuses them); and a field that a spec does not know is refused, not ignored (`sup_start_map_faulty_specs`).
"""
