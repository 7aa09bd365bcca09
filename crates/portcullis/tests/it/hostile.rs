//! What a stranger may send in a token: each case is refused for its own reason.

mod claims;
mod header;
mod keys;
mod spelling;
mod times;
