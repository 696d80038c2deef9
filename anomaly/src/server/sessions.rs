//! Scoring on request: one session, a stream of them, and one with all that speaks for and against it.

use proto::anomaly::v1 as api;
use proto::anomaly::v1::explain_session_request::Target as Explained;
use proto::anomaly::v1::score_session_request::Target;
use proto::anomaly::v1::score_sessions_response::Result as Answer;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::errors::{invalid, not_stored_yet, of_store, stopping, to_request_error};
use super::{Api, convert};
use crate::reads;
use crate::session::Session;

/// Answers of a stream that wait for a caller who reads slowly; beyond, no further request is read.
const ANSWERS: usize = 64;

impl Api {
    pub(super) async fn score(
        &self,
        request: api::ScoreSessionRequest,
    ) -> Result<api::ScoreSessionResponse, Status> {
        let (session, partial) = self.wanted(request.target).await?;
        let scored = self.scorer.load().score(&session, partial);
        Ok(api::ScoreSessionResponse { score: Some(convert::to_score(&session, scored, crate::now())) })
    }

    /// Answers each request of a stream in its turn, until the caller has sent all or the service stops.
    pub(super) async fn score_all(
        &self,
        mut requests: Streaming<api::ScoreSessionRequest>,
    ) -> Result<ReceiverStream<Result<api::ScoreSessionsResponse, Status>>, Status> {
        let (answers, stream) = mpsc::channel(ANSWERS);
        let api = self.clone();
        tokio::spawn(async move {
            let mut request_index = 0;
            loop {
                let request = tokio::select! {
                    biased;
                    () = api.shutdown.cancelled() => Err(stopping()),
                    request = requests.message() => request,
                };
                let answer = match request {
                    Ok(None) => return,
                    Ok(Some(request)) => {
                        let result = Some(match api.score(request).await {
                            Ok(scored) => Answer::Score(scored.score.unwrap_or_default()),
                            Err(status) => Answer::Error(to_request_error(&status)),
                        });
                        Ok(api::ScoreSessionsResponse { request_index, result })
                    }
                    // What cannot be read as a message ends the stream: nothing after it can be told apart.
                    Err(status) => Err(status),
                };
                request_index += 1;
                let ends = answer.is_err();
                if answers.send(answer).await.is_err() || ends {
                    return;
                }
            }
        });
        Ok(ReceiverStream::new(stream))
    }

    pub(super) async fn explain(
        &self,
        request: api::ExplainSessionRequest,
    ) -> Result<api::ExplainSessionResponse, Status> {
        let target = request.target.map(|target| match target {
            Explained::Name(name) => Target::Name(name),
            Explained::Session(session) => Target::Session(session),
        });
        let (session, partial) = self.wanted(target).await?;
        let explained = self.scorer.load().explain(&session, partial);
        Ok(api::ExplainSessionResponse {
            score: Some(convert::to_score(&session, explained.scored, crate::now())),
            model_score: explained.by_model,
            checks_score: explained.by_checks,
            contributions: explained.contributions.into_iter().map(convert::to_contribution).collect(),
        })
    }

    /// The session that a request names or brings along, with what operators say of its place, and whether meter values
    /// are still to come.
    async fn wanted(&self, target: Option<Target>) -> Result<(Session, bool), Status> {
        let (mut session, partial) = match target {
            None => return Err(invalid("target", "name or session must be set")),
            Some(Target::Session(session)) => (convert::session(session)?, false),
            Some(Target::Name(name)) => {
                let id = convert::session_id("name", &name, "")?;
                let stored = reads::session(&self.reader, id).await.map_err(|e| of_store(&e))?;
                let mut stored = stored.ok_or_else(|| not_stored_yet("session", &name))?;
                if !stored.ended {
                    return Err(Status::failed_precondition(format!("{name} has not ended yet")));
                }
                let only = std::iter::once(&mut stored);
                reads::meters(&self.reader, only).await.map_err(|e| of_store(&e))?;
                let partial = !stored.is_whole();
                (stored.session, partial)
            }
        };
        (self.places)().fill(&mut session);
        Ok((session, partial))
    }
}
