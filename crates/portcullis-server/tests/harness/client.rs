//! A client with one connection that it keeps, and with patience for a while only.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

/// How long a client waits for an answer before it takes it for lost.
const PATIENCE: Duration = Duration::from_secs(15);

pub struct Client {
    address: String,
    connection: Option<BufReader<TcpStream>>,
}

/// An answer that has arrived whole.
pub struct Reply {
    pub status: u16,
    pub retry_after: bool,
    pub body: Value,
}

impl Reply {
    pub fn text(&self, member: &str) -> String {
        self.body[member].as_str().unwrap_or_else(|| panic!("no {member} in {}", self.body)).to_owned()
    }
}

impl Client {
    /// A client of `host:port`.
    pub fn of(address: &str) -> Self {
        Self { address: address.to_owned(), connection: None }
    }

    pub fn get(&mut self, path: &str, token: &str) -> Option<Reply> {
        self.send("GET", path, Some(token), None)
    }

    pub fn post(&mut self, path: &str, body: &Value) -> Option<Reply> {
        self.send("POST", path, None, Some(body))
    }

    pub fn post_as(&mut self, path: &str, token: &str) -> Option<Reply> {
        self.send("POST", path, Some(token), None)
    }

    /// Sends a request. `None` when no whole answer has come: what became of it is unknown.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Option<Reply> {
        let authorization =
            token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let body = body.map(Value::to_string).unwrap_or_default();
        let content = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\n{authorization}{content}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let reply = self.exchange(request.as_bytes());
        if reply.is_none() {
            self.connection = None;
        }
        reply
    }

    fn exchange(&mut self, request: &[u8]) -> Option<Reply> {
        if self.connection.is_none() {
            let stream = TcpStream::connect(&self.address).ok()?;
            stream.set_nodelay(true).ok()?;
            stream.set_read_timeout(Some(PATIENCE)).ok()?;
            self.connection = Some(BufReader::new(stream));
        }
        let connection = self.connection.as_mut()?;
        connection.get_mut().write_all(request).ok()?;
        let (reply, kept) = read(connection)?;
        if !kept {
            self.connection = None;
        }
        Some(reply)
    }
}

/// Reads an answer, and says whether the connection can be used again.
fn read(connection: &mut BufReader<TcpStream>) -> Option<(Reply, bool)> {
    let mut line = String::new();
    connection.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let (mut length, mut kept, mut retry_after) = (0, true, false);
    loop {
        line.clear();
        connection.read_line(&mut line).ok()?;
        // Without its line end it is the end of the connection.
        let field = line.strip_suffix("\r\n")?;
        let Some((name, value)) = field.split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "connection" => kept = !value.eq_ignore_ascii_case("close"),
            "retry-after" => retry_after = true,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).ok()?;
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).ok()? };
    Some((Reply { status, retry_after, body }, kept))
}
