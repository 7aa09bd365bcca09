//! What is special about the embedded backend: its file.

mod beside;
mod opening;
mod serving;
mod sessions;
mod upgrading;
