//! The floor: a bare tungstenite server that parses each call and answers it, and keeps nothing.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Serves until the process is ended.
pub(crate) fn serve(port: &str) -> anyhow::Result<()> {
    let port: u16 = port.parse()?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                // Whoever goes is gone.
                let _ = station(stream).await;
            });
        }
    })
}

async fn station(stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let mut ws = accept_hdr_async_with_config(stream, ocpp16, Some(config)).await?;
    while let Some(message) = ws.next().await {
        if let Message::Text(text) = message? {
            let (_, id, _, _): (u8, String, String, Value) = serde_json::from_str(&text)?;
            ws.send(Message::text(format!(r#"[3,"{id}",{{}}]"#))).await?;
        }
    }
    Ok(())
}

#[allow(clippy::result_large_err, clippy::unnecessary_wraps, reason = "tungstenite's callback is made so")]
fn ocpp16(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("ocpp1.6"));
    Ok(response)
}
