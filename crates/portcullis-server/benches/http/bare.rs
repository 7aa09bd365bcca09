//! Bare axum servers, each a process of this program's own: what nobody can do with less.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, ExitCode, Stdio},
};

use axum::{
    Json, Router,
    http::{HeaderName, HeaderValue},
    routing::get,
    serve::ListenerExt,
};
use serde::Serialize;

/// What makes this program such a server. The rest of its arguments are an answer's headers, a name and a value in turn.
const SERVE: &str = "--serve-bare";

pub struct Bare {
    child: Child,
    pub address: String,
}

/// An answer's headers and body.
pub struct Answer {
    headers: Vec<(String, String)>,
    body: String,
}

#[derive(Clone, Serialize)]
struct Hello {
    #[serde(rename = "Hello")]
    hello: &'static str,
}

impl Bare {
    /// One that says hello, with the headers that axum sets.
    pub fn hello() -> Self {
        Self::start(&[])
    }

    /// One whose answers are those of another server: the same headers, in the same order, and the same body.
    pub fn answering(answer: &Answer) -> Self {
        // Those that axum and hyper set by themselves.
        let own = ["content-type", "content-length", "date"];
        let headers: Vec<_> =
            answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str())).cloned().collect();
        Self::start(&headers)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn start(headers: &[(String, String)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(SERVE).args(headers.iter().flat_map(|(name, value)| [name, value]));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim_end().to_owned() }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves, where this process was started to do that.
pub fn serve_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != SERVE {
        return None;
    }
    let texts: Vec<String> = arguments.collect();
    let headers: Vec<_> = texts
        .chunks(2)
        .map(|pair| {
            let name: HeaderName = pair[0].parse().unwrap();
            (name, HeaderValue::from_str(&pair[1]).unwrap())
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(serve(headers));
    Some(ExitCode::SUCCESS)
}

async fn serve(headers: Vec<(HeaderName, HeaderValue)>) {
    let secret = move || {
        let headers = headers.clone();
        async move {
            let mut response = axum::response::IntoResponse::into_response(Json(Hello { hello: "Secret!" }));
            response.headers_mut().extend(headers);
            response
        }
    };
    let routes = Router::new()
        .route("/tests/hello", get(async || Json(Hello { hello: "World!" })))
        .route("/tests/secret", get(secret));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    axum::serve(listener, routes).await.unwrap();
}

/// What a server answers to a request with a token.
pub fn answer_of(address: &str, path: &str, token: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 200 "), "{line}");
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").unwrap().1.parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Answer { headers, body: String::from_utf8(body).unwrap() }
}

/// Panics where two answers differ in more than the day's time and the request's id.
pub fn assert_alike(one: &Answer, other: &Answer) {
    let shown = |answer: &Answer| {
        let of_the_moment = ["date", "x-request-id"];
        let mut headers = answer.headers.clone();
        headers.iter_mut().filter(|(name, _)| of_the_moment.contains(&name.as_str())).for_each(
            |(_, value)| {
                *value = value.len().to_string();
            },
        );
        headers.sort();
        (headers, answer.body.clone())
    };
    assert_eq!(shown(one), shown(other));
}
