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
                }
                revocations {
                    a_revocation_survives_a_restart
                    revoking_again_changes_nothing
                    of_two_entries_for_one_token_the_later_expiry_counts
                    one_token_revoked_by_many_at_once_is_one_entry
                    pages_of_any_size_have_every_entry_once_and_in_order
                    any_text_can_be_a_jti
                    every_expiry_comes_back_as_it_was
                    an_expiry_beyond_the_calendar_is_further_than_any_in_it
                    purge_takes_what_expired_before_and_nothing_else
                    purge_stops_at_its_limit
                    purged_entries_are_gone_after_a_restart
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
