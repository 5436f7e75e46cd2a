//! Asks sentinels where the master is.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use feast_config::RedisNode;
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use redis::{Pipeline, Value};
use tokio::time::timeout;

use super::dialer::{Dialer, Purpose};
use super::link::Link;
use super::trouble::{Reason, Trouble};

/// Where this process has found the master last, on whichever of its connections.
#[derive(Default)]
pub(super) struct KnownMaster(ArcSwapOption<RedisNode>);

impl KnownMaster {
    pub(super) fn found_at(&self, node: &RedisNode) {
        self.0.store(Some(Arc::new(node.clone())));
    }

    /// `false` when it was found elsewhere since.
    pub(super) fn may_be_at(&self, node: &RedisNode) -> bool {
        self.0.load().as_deref().is_none_or(|known| known == node)
    }
}

impl Dialer {
    /// Connects to the master of that name. All sentinels are asked at once; the first server that is named and says itself that
    /// it is the master is taken.
    pub(super) async fn dial_master(&self, master: &str) -> Result<Link, Trouble> {
        let mut asked: FuturesUnordered<_> = self
            .config
            .nodes
            .iter()
            .map(|sentinel| self.master_address(sentinel, master))
            .collect();
        let mut refused: Vec<RedisNode> = Vec::new();
        let mut failure = None;
        let mut is_unknown = false;
        while let Some(answer) = asked.next().await {
            match answer {
                // Another sentinel has named it already.
                Ok(Some(node)) if refused.contains(&node) => {}
                Ok(Some(node)) => match self.dial_if_master(&node).await {
                    Ok(link) => return Ok(link),
                    Err(trouble) => {
                        refused.push(node);
                        failure = Some(trouble);
                    }
                },
                Ok(None) => is_unknown = true,
                Err(trouble) => failure = failure.or(Some(trouble)),
            }
        }
        match failure {
            Some(trouble) if !is_unknown || !refused.is_empty() => Err(trouble),
            _ => Err(Trouble::new(
                &self.sentinels(),
                Reason::UnknownMaster(master.to_owned()),
            )),
        }
    }

    /// Whether most sentinels name another server than that one, which is master indeed.
    pub(super) async fn is_master_elsewhere(&self, master: &str, node: &RedisNode) -> bool {
        let sentinels = &self.config.nodes;
        let asked = join_all(sentinels.iter().map(|sentinel| self.master_address(sentinel, master))).await;
        let named: Vec<_> = asked.into_iter().filter_map(|answer| answer.ok().flatten()).collect();
        // One that is late would lead back to the old master.
        let is_of_most = |node: &&RedisNode| named.iter().filter(|other| other == node).count() * 2 > sentinels.len();
        match named.iter().find(is_of_most) {
            Some(other) => other != node && self.dial_if_master(other).await.is_ok(),
            None => false,
        }
    }

    fn sentinels(&self) -> Arc<str> {
        format!("the sentinels at {}", self.addresses()).into()
    }

    /// What a sentinel answers; `None` if it knows no such master.
    async fn master_address(&self, sentinel: &RedisNode, master: &str) -> Result<Option<RedisNode>, Trouble> {
        let link = self.dial(sentinel, Purpose::Sentinel).await?;
        let mut question = Pipeline::new();
        question.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(master);
        let reply = self.answer(&link, &question).await?;
        let unexpected = || Trouble::new(link.server(), Reason::Protocol("it is not a sentinel".to_owned()));
        match &reply {
            Value::Nil => Ok(None),
            Value::ServerError(error) => Err(Trouble::refusal(link.server(), error)),
            Value::Array(parts) => match parts.as_slice() {
                [Value::BulkString(host), Value::BulkString(port)] => {
                    let host = String::from_utf8(host.clone()).map_err(|_| unexpected())?;
                    let port = std::str::from_utf8(port).ok().and_then(|port| port.parse().ok());
                    let port = port.ok_or_else(unexpected)?;
                    Ok(Some(RedisNode { host, port }))
                }
                _ => Err(unexpected()),
            },
            _ => Err(unexpected()),
        }
    }

    /// Sentinels may be late: the server has the last word.
    async fn dial_if_master(&self, node: &RedisNode) -> Result<Link, Trouble> {
        let link = self.dial(node, Purpose::Rows).await?;
        let mut question = Pipeline::new();
        question.cmd("ROLE");
        match self.answer(&link, &question).await? {
            Value::Array(role) if role.first() == Some(&Value::BulkString(b"master".to_vec())) => Ok(link),
            // A user whose rights do not cover the question.
            Value::ServerError(error) if error.code() == "NOPERM" => Ok(link),
            Value::ServerError(error) => Err(Trouble::refusal(link.server(), &error)),
            _ => Err(Trouble::new(link.server(), Reason::NotMaster)),
        }
    }

    async fn answer(&self, link: &Link, question: &Pipeline) -> Result<Value, Trouble> {
        let limit = self.config.connect_timeout;
        let replies = timeout(limit, link.send(question))
            .await
            .unwrap_or_else(|_| Err(Trouble::new(link.server(), Reason::ResponseTimeout(limit))))?;
        Ok(replies.values(link.server())?.into_iter().next().unwrap_or_default())
    }
}
