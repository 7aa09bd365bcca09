//! `/users`

mod adoption;
mod foreign_hashes;
mod login;
mod logout;
mod me;
mod naughty;
mod password;
mod refresh;
mod registration;
