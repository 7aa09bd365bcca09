//! `/users`

mod foreign_hashes;
mod login;
mod logout;
mod me;
mod refresh;
mod registration;
