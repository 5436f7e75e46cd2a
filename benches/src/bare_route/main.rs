//! The floor of the server: a route of warp that parses a JSON body and answers the bytes of a file, on one thread.
#![expect(clippy::print_stdout, reason = "the address is this program's output")]

use bytes::Bytes;
use tokio::net::TcpListener;
use warp::Filter;

type Failure = Box<dyn std::error::Error>;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let file = std::env::args()
        .nth(1)
        .ok_or("usage: feast-bare-route FILE_WITH_THE_ANSWER")?;
    let answer = Bytes::from(std::fs::read(file)?);
    let route = warp::path("get-online-features")
        .and(warp::post())
        .and(warp::body::json())
        .map(move |_: serde_json::Value| {
            let mut response = warp::http::Response::new(answer.clone());
            let json = warp::http::HeaderValue::from_static("application/json");
            response.headers_mut().insert("content-type", json);
            response
        });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listens on http://{}", listener.local_addr()?);
    warp::serve(route).incoming(listener).run().await;
    Ok(())
}
