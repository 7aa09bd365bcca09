//! The contract of `Store`: one list of tests that every backend passes, and what is special about each backend.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets what it did not expect has to fail"
)]

mod backend;
mod contract;
#[cfg(feature = "mongo")]
mod mongo;
mod sessions;
mod sqlite;

/// Runs the contract against one backend.
macro_rules! contract_for {
    ($name:ident: $backend:ty) => {
        mod $name {
            contract_for! { @list $backend:
                users {
                    a_registered_user_is_found_by_every_spelling
                    a_name_that_nobody_has_finds_nobody
                    a_taken_name_is_refused_in_every_spelling
                    of_many_registrations_at_once_exactly_one_is_made
                    different_names_at_once_are_all_made
                    every_field_survives_a_restart
                    an_id_is_never_given_twice
                    a_hash_is_replaced_if_it_is_the_expected_one
                    of_many_replacements_at_once_one_is_made
                }
                revocations {
                    a_revocation_survives_a_restart
                    revoking_again_changes_nothing
                    of_two_entries_for_one_token_the_later_expiry_counts
                    one_token_revoked_by_many_at_once_is_one_entry
                    any_text_can_be_a_jti
                    every_expiry_comes_back_as_it_was
                    an_expiry_beyond_the_calendar_is_further_than_any_in_it
                    purge_takes_what_expired_before_and_nothing_else
                    purge_stops_at_its_limit
                    purged_entries_are_gone_after_a_restart
                }
                sessions {
                    a_user_is_found_by_the_id
                    every_field_survives_a_restart
                    a_session_of_nobody_or_of_another_epoch_is_refused
                    opening_the_same_session_again_changes_nothing
                    one_session_opened_by_many_at_once_is_one
                    one_that_has_ended_before_it_is_opened_only_takes_its_name
                    the_least_recently_used_are_displaced
                    the_new_one_is_never_displaced
                    many_opened_at_once_are_at_most_as_many_as_may_live
                    a_list_has_what_lives_in_the_order_of_use
                    what_was_seen_only_rises
                    purge_takes_what_expired_before_and_nothing_else
                    purge_stops_at_its_limit
                }
                refreshes {
                    every_row_of_the_rule
                    a_token_of_no_session_is_gone
                    what_is_answered_is_what_is_stored
                    many_uses_of_one_token_give_one_pair
                    without_a_window_one_use_of_many_gets_a_pair
                    the_same_use_again_finds_its_own_pair
                    a_void_head_ends_the_session_for_good
                    a_clock_that_steps_back_counts_as_one_that_stands
                    a_restart_in_between_changes_nothing
                    a_session_goes_on_until_its_absolute_end
                    an_adopted_session_is_opened_once_and_goes_on
                }
                ends {
                    an_end_is_durable_and_its_first_reason_stays
                    what_is_not_there_does_not_end
                    of_many_ends_at_once_one_stands
                    all_sessions_of_a_user_end_and_nobody_elses
                    one_session_can_be_kept
                    only_a_living_session_of_the_user_is_kept
                    no_session_of_an_earlier_epoch_lives_after_a_race
                    the_list_has_every_end_once
                    the_list_has_every_reason_and_nothing_that_has_expired
                }
                epochs {
                    a_new_hash_holds_and_no_session_of_before_lives
                    the_session_that_is_kept_goes_on
                    of_many_changes_at_once_one_is_made
                    the_same_change_again_settles_it
                    a_change_from_another_hash_changes_nothing
                    a_session_is_opened_for_the_hash_that_was_shown
                    a_disabled_user_has_no_session_and_gets_none
                    nobody_is_not_changed
                    no_session_of_before_lives_after_a_race_with_a_change
                    no_session_lives_after_a_race_with_a_disabling
                }
                levels {
                    access_tokens_of_before_are_void_and_sessions_live
                    a_refresh_goes_on_with_the_new_level
                    the_same_level_again_costs_one_more_refresh
                    a_session_is_opened_for_the_level_that_was_read
                    no_access_token_of_an_earlier_level_survives_a_race
                }
                failures {
                    each_counts_and_locks_by_the_policy
                    of_many_at_once_each_counts
                    of_many_at_once_one_locks_and_the_others_make_it_no_longer
                    the_right_password_is_not_accepted_while_locked
                    a_login_that_succeeds_forgets_them
                    a_right_guess_among_many_is_in_or_out
                    without_a_policy_nobody_is_locked
                    a_name_that_nobody_has_is_noted_and_changes_nobody
                    an_unlocked_user_begins_anew_and_no_session_ends
                    with_another_password_a_user_begins_anew
                }
                admins {
                    the_last_one_stays
                    of_two_who_go_at_once_one_stays
                    of_three_who_go_at_once_one_stays
                    one_who_is_taken_away_by_many_at_once_goes_once
                    of_many_who_would_be_the_first_one_is
                }
                deletions {
                    a_deleted_user_is_gone_with_every_session
                    the_same_deletion_again_finds_nobody_and_no_session
                    the_name_is_kept_until_its_moment_and_free_from_then_on
                    no_session_lives_after_a_race_with_a_deletion
                    nobody_gets_the_name_in_a_race_with_a_deletion
                    what_is_left_is_purged_when_the_name_is_free
                }
                lists {
                    everybody_is_on_one_page_as_they_came
                    a_page_has_every_field
                    names_are_found_by_how_they_begin
                    only_those_who_are_wanted_are_listed
                    whoever_is_there_throughout_is_listed_once_while_others_come
                    a_cursor_goes_on_behind_users_who_are_gone
                }
                audit {
                    every_field_survives_a_restart_the_newest_first
                    a_detail_is_cut_and_nothing_finer_than_a_millisecond_is_kept
                    each_is_on_one_page_while_others_are_recorded
                    only_those_that_are_wanted_are_listed
                    what_was_done_by_and_to_a_deleted_user_is_kept
                    a_cursor_that_no_such_store_gave_out_is_refused
                    an_act_has_its_event_and_what_was_not_done_has_none
                    purge_takes_what_is_older_and_nothing_else
                }
                feed {
                    everything_is_streamed_once
                    what_comes_after_a_mark_is_streamed_and_nothing_else
                    every_kind_comes_back_as_it_was
                    of_two_entries_the_one_that_says_more_counts
                    what_has_expired_is_left_out
                    the_access_tokens_of_a_void_head_are_void_after_a_restart
                    a_session_that_is_refreshed_is_no_news
                    what_is_written_while_all_is_streamed_is_not_lost
                    a_mark_of_another_life_means_everything
                    a_listener_that_goes_away_ends_the_stream
                    purge_takes_every_kind_that_has_expired
                    what_others_write_is_heard
                }
                flask {
                    what_it_is_told_is_not_on_the_list
                    it_is_told_once_of_every_ended_session_that_kept_its_tokens
                    every_way_to_end_is_told
                    of_many_ended_sessions_all_are_told_in_the_end
                    an_access_token_is_noted_while_its_session_lives
                    one_access_token_noted_by_many_is_kept_once
                    tokens_noted_while_others_refresh_are_all_kept
                }
                life {
                    a_fresh_store_answers_and_is_empty
                    concurrent_writes_are_all_durable
                    reads_see_what_was_acknowledged
                    what_was_acknowledged_while_closing_is_there
                    a_closed_store_is_unavailable
                    closing_twice_is_closing_once
                    a_store_that_was_dropped_can_be_opened_again
                }
            }
        }
    };
    (@list $backend:ty: $($topic:ident { $($test:ident)+ })+) => {
        $(mod $topic {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if <$backend as crate::backend::Backend>::is_there() {
                    crate::contract::$topic::$test::<$backend>().await;
                }
            })+
        })+
    };
}

contract_for!(on_sqlite: crate::backend::Sqlite);

#[cfg(feature = "mongo")]
contract_for!(on_mongo: crate::mongo::Mongo);
