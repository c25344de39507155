//! What operators ask of the embedded node: `POST /v1/members` and `POST /v1/leader`.

use std::time::Duration;

use futures_util::FutureExt as _;
use reqwest::RequestBuilder;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shakedown_history::{Index, NodeId, Witness};

use crate::system::{Refusal, Wish};

/// How long a node may need to say that it has no answer in time.
const GRACE: Duration = Duration::from_millis(200);

/// Somebody who may change the cluster.
pub(super) struct Operator {
    http: reqwest::Client,
    token: String,
}

#[derive(Deserialize)]
struct Changed {
    witness: Witness,
}

#[derive(Deserialize)]
struct Transferred {
    leader: NodeId,
}

#[derive(Deserialize)]
struct ApiError {
    error: String,
    message: String,
}

impl Operator {
    pub(super) fn new(token: &str) -> reqwest::Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder().no_proxy().build()?,
            token: token.to_owned(),
        })
    }

    pub(super) fn change_members(
        &self,
        url: String,
        body: Value,
        patience: Duration,
    ) -> Wish<'_, Index> {
        let asked = self.post::<Changed>(url, body, patience);
        async { Ok(asked.await?.witness.index) }.boxed()
    }

    pub(super) fn hand_over(
        &self,
        url: String,
        body: Value,
        patience: Duration,
    ) -> Wish<'_, NodeId> {
        let asked = self.post::<Transferred>(url, body, patience);
        async { Ok(asked.await?.leader) }.boxed()
    }

    async fn post<T: DeserializeOwned>(
        &self,
        url: String,
        body: Value,
        patience: Duration,
    ) -> Result<T, Refusal> {
        let request = self
            .http
            .post(url)
            .bearer_auth(&self.token)
            .header("shakedown-timeout-ms", patience.as_millis().to_string())
            .timeout(patience + GRACE)
            .json(&body);
        answer(request).await
    }
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Refusal> {
    let nothing = |why: String| Refusal {
        why,
        senseless: false,
    };
    let response = request.send().await.map_err(|e| nothing(e.to_string()))?;
    if response.status().is_success() {
        return response.json().await.map_err(|e| nothing(e.to_string()));
    }
    let status = response.status();
    match response.json::<ApiError>().await {
        Ok(ApiError { error, message }) => Err(Refusal {
            senseless: error == "no-such-change",
            why: format!("{error}: {message}"),
        }),
        Err(_) => Err(nothing(format!("HTTP status {status}"))),
    }
}
