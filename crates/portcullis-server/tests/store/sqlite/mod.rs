//! What is special about the embedded backend: its file.

mod audit;
mod backup;
mod beside;
mod opening;
mod serving;
mod sessions;
mod upgrading;
