//! The gateway's HTTP API, as the commands use it.

use std::io::{self, BufRead, BufReader};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::problem::Problem;

/// Where the gateway's API is, and who asks.
#[derive(Args, Debug)]
pub(crate) struct ApiArgs {
    /// Address of the gateway's API.
    #[arg(
        long,
        env = "AMPWARDEN_API",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL",
        global = true,
        help_heading = "Gateway"
    )]
    api: String,
    /// API token (`ampwarden token new` makes one). Better set by the variable: other users see command lines.
    #[arg(
        long = "token",
        id = "api-token",
        env = "AMPWARDEN_API_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        global = true,
        help_heading = "Gateway"
    )]
    token: Option<String>,
}

/// The API.
pub(crate) struct Api {
    url: String,
    token: Option<String>,
    agent: ureq::Agent,
}

/// A setting as the API gives it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    /// Its key in the collection.
    pub key: String,
    /// Counts its changes from 1.
    pub revision: u64,
    /// What it is.
    pub value: Map<String, Value>,
    /// When it was changed (RFC 3339).
    #[serde(default)]
    pub changed_at: String,
    /// Who changed it.
    #[serde(default)]
    pub author: String,
}

#[derive(Deserialize)]
struct Items {
    items: Vec<Item>,
}

/// The gateway's answer is not what was asked for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// 401
    #[error("the gateway wants to know who asks: {0} (set AMPWARDEN_API_TOKEN or --token)")]
    Unknown(String),
    /// 412
    #[error("it was changed meanwhile: {0}")]
    Changed(String),
    /// 400: what was sent is wrong; the same again will not do.
    #[error("{0}")]
    Wrong(String),
    /// 429, 503: later perhaps.
    #[error("the gateway cannot take it now: {0}")]
    Busy(String),
    /// Anything else.
    #[error("the gateway answers {0}: {1}")]
    Other(u16, String),
}

/// How long an answer may take; changes wait for the gateway's disk.
const TIMEOUT: Duration = Duration::from_secs(60);

impl ApiArgs {
    pub(crate) fn connect(&self) -> Api {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .build()
            .new_agent();
        Api { url: self.api.trim_end_matches('/').to_owned(), token: self.token.clone(), agent }
    }
}

impl Api {
    /// All settings of a collection.
    pub(crate) fn list(&self, collection: &str) -> anyhow::Result<Vec<Item>> {
        let answer = self.get(&format!("/v1/{collection}"))?;
        Ok(read::<Items>(&answer.success()?)?.items)
    }

    /// One setting, if there is one.
    pub(crate) fn find(&self, collection: &str, key: &str) -> anyhow::Result<Option<Item>> {
        let answer = self.get(&format!("/v1/{collection}/{}", path_segment(key)))?;
        if answer.status == 404 {
            return Ok(None);
        }
        read(&answer.success()?).map(Some)
    }

    /// The answer of any other path.
    pub(crate) fn read<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        read(&self.get(path)?.success()?)
    }

    /// The lines of an answer that goes on for as long as the gateway likes.
    pub(crate) fn lines(&self, path: &str) -> anyhow::Result<impl Iterator<Item = io::Result<String>>> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let request = request.config().timeout_global(None).timeout_recv_response(Some(TIMEOUT)).build();
        let result = request.call();
        match result {
            Ok(response) if response.status().is_success() => {
                Ok(BufReader::new(response.into_body().into_reader()).lines())
            }
            result => match self.answer(result)?.success() {
                Ok(text) => Err(anyhow::anyhow!("this is no answer of a gateway's API: {text}")),
                Err(error) => Err(error),
            },
        }
    }

    /// Its changes.
    pub(crate) fn history(&self, collection: &str, key: &str) -> anyhow::Result<Vec<Item>> {
        let answer = self.get(&format!("/v1/{collection}/{}/history", path_segment(key)))?;
        Ok(read::<Items>(&answer.success()?)?.items)
    }

    /// Writes a setting; with `revision` only if it is still at that one.
    pub(crate) fn put(
        &self,
        collection: &str,
        key: &str,
        value: &Map<String, Value>,
        revision: Option<u64>,
    ) -> anyhow::Result<Item> {
        let mut request = self.agent.put(format!("{}/v1/{collection}/{}", self.url, path_segment(key)));
        if let Some(revision) = revision {
            request = request.header("If-Match", format!("\"{revision}\""));
        }
        read(&self.send(request, value)?.success()?)
    }

    /// Sends JSON to `path`.
    pub(crate) fn post_json<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        self.post_json_with(path, None, body)
    }

    /// Sends JSON to `path`, perhaps with a header of its own.
    pub(crate) fn post_json_with<T: DeserializeOwned>(
        &self,
        path: &str,
        header: Option<(&str, &str)>,
        body: &Value,
    ) -> anyhow::Result<T> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        read(&self.send(request, body)?.success()?)
    }

    /// Puts JSON to `path`.
    pub(crate) fn put_json<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        read(&self.send(self.agent.put(format!("{}{path}", self.url)), body)?.success()?)
    }

    /// Deletes `path`.
    pub(crate) fn delete<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let mut request = self.agent.delete(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        read(&self.answer(request.call())?.success()?)
    }

    /// Sends a text to `path`, with `parameters` in its query.
    pub(crate) fn post_text<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        content_type: &str,
        text: &str,
    ) -> anyhow::Result<T> {
        let mut request = self
            .agent
            .post(format!("{}{path}?{}", self.url, query(parameters)))
            .header("Content-Type", content_type);
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        read(&self.answer(request.send(text))?.success()?)
    }

    fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        self.answer(request.call())
    }

    fn send(
        &self,
        mut request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        body: &impl Serialize,
    ) -> anyhow::Result<Answer> {
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        self.answer(request.send_json(body))
    }

    fn answer(
        &self,
        result: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> anyhow::Result<Answer> {
        let mut response = result.with_context(|| {
            format!("the gateway's API at {} does not answer (set --api or AMPWARDEN_API)", self.url)
        })?;
        let body = response.body_mut().read_to_string().context("the gateway's answer broke off")?;
        Ok(Answer { status: response.status().as_u16(), body })
    }
}

struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    /// The body of a success; otherwise the problem as an error.
    fn success(self) -> anyhow::Result<String> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let problem =
            serde_json::from_str::<Problem>(&self.body).map(|problem| problem.detail).unwrap_or_default();
        let detail = if problem.is_empty() { self.body.trim().to_owned() } else { problem };
        Err(match self.status {
            400 => Refusal::Wrong(detail),
            401 => Refusal::Unknown(detail),
            412 => Refusal::Changed(detail),
            429 | 503 => Refusal::Busy(detail),
            status => Refusal::Other(status, detail),
        }
        .into())
    }
}

fn read<T: DeserializeOwned>(body: &str) -> anyhow::Result<T> {
    serde_json::from_str(body)
        .with_context(|| format!("this is no answer of a gateway's API (is --api right?): {body:.200}"))
}

/// Parameters as they stand after the question mark.
pub(crate) fn query<V: AsRef<str>>(parameters: &[(&str, V)]) -> String {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", path_segment(value.as_ref()))).collect();
    pairs.join("&")
}

/// A key within a path: whatever is no plain character is escaped.
pub(crate) fn path_segment(key: &str) -> String {
    key.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_are_escaped_in_paths() {
        assert_eq!(super::path_segment("Säule 7/1"), "S%C3%A4ule%207%2F1");
        assert_eq!(super::path_segment("hash:0a"), "hash:0a");
    }
}
