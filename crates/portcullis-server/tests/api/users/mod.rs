//! `/users`

mod login;
mod logout;
mod registration;
