//! Key pairs: every form, every algorithm, every way to get them wrong, and what others make of our tokens.

mod forms;
mod hostile;
mod jwk;
mod made;
mod others;
mod remembered;
mod secrets;
mod sets;
