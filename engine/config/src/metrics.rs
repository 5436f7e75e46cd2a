//! The block `feature_server.metrics`, which is Feast's, and where metrics are served, which is our own.

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::block::{flag_at, number_at, string_at};

/// Which metrics a server keeps. The parts are Feast's; each is also that of our own metrics about the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Whether there are any (`feature_server.metrics.enabled`).
    pub is_enabled: bool,
    /// Processor and memory of the process.
    pub resource: bool,
    /// Requests and their times.
    pub request: bool,
    /// What reads find.
    pub online_features: bool,
    /// Pushes.
    pub push: bool,
    /// Materializations.
    pub materialization: bool,
    /// The age of views.
    pub freshness: bool,
    /// Upper ends of the bins of numbers of features.
    pub feature_count_bins: Vec<u64>,
    /// Where they are served (`serving.metrics_host`). `None`: on all addresses, as Feast does.
    pub host: Option<String>,
    /// The port there (`serving.metrics_port`).
    pub port: u16,
    /// Whether `GET /metrics` of the serving port has them too (`serving.metrics_route`).
    pub has_route: bool,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            is_enabled: false,
            resource: true,
            request: true,
            online_features: true,
            push: true,
            materialization: true,
            freshness: true,
            feature_count_bins: vec![10, 50, 200],
            host: None,
            port: 8000,
            has_route: false,
        }
    }
}

pub(super) fn metrics(root: &Value) -> Result<MetricsConfig> {
    let default = MetricsConfig::default();
    let block = &root["feature_server"]["metrics"];
    let flag = |key: &str, otherwise: bool| match block.get(key) {
        None | Some(Value::Null) => Ok(otherwise),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(Error::invalid(format!(
            "feature_server.metrics.{key} must be true or false, not {other}"
        ))),
    };
    // It is of the audit log, which has it.
    flag("audit_logging", false)?;
    Ok(MetricsConfig {
        is_enabled: flag("enabled", false)?,
        resource: flag("resource", true)?,
        request: flag("request", true)?,
        online_features: flag("online_features", true)?,
        push: flag("push", true)?,
        materialization: flag("materialization", true)?,
        freshness: flag("freshness", true)?,
        feature_count_bins: match block.get("feature_count_bins") {
            None | Some(Value::Null) => default.feature_count_bins,
            Some(bins) => feature_count_bins(bins)?,
        },
        host: string_at(&root["serving"], "serving", "metrics_host")?.map(str::to_owned),
        port: match number_at(root, "serving", "metrics_port", 0)? {
            None => default.port,
            Some(port) => u16::try_from(port)
                .map_err(|_| Error::invalid(format!("serving.metrics_port must be a port, not {port}")))?,
        },
        has_route: flag_at(root, "serving", "metrics_route")?,
    })
}

fn feature_count_bins(bins: &Value) -> Result<Vec<u64>> {
    let numbers = bins.as_array().filter(|bins| !bins.is_empty());
    let numbers = numbers.and_then(|bins| bins.iter().map(Value::as_u64).collect::<Option<Vec<_>>>());
    numbers
        .filter(|bins| bins[0] > 0 && bins.is_sorted_by(|before, after| before < after))
        .ok_or_else(|| {
            Error::invalid(format!(
                "feature_server.metrics.feature_count_bins must be whole numbers above 0, each greater than the one before, not {bins}"
            ))
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_read() {
        assert_eq!(metrics(&Value::Null).unwrap(), MetricsConfig::default());
        let given = metrics(&json!({
            "feature_server": {"metrics": {"enabled": true, "push": false, "feature_count_bins": [1, 5]}},
            "serving": {"metrics_port": 0, "metrics_host": "127.0.0.1", "metrics_route": true},
        }));
        let expected = MetricsConfig {
            is_enabled: true,
            push: false,
            feature_count_bins: vec![1, 5],
            host: Some("127.0.0.1".to_owned()),
            port: 0,
            has_route: true,
            ..MetricsConfig::default()
        };
        assert_eq!(given.unwrap(), expected);
    }

    #[test]
    fn settings_that_mean_nothing_are_named() {
        let refused = |metrics: Value, serving: Value, expected: &str| {
            let root = json!({"feature_server": {"metrics": metrics}, "serving": serving});
            assert_eq!(super::metrics(&root).unwrap_err().to_string(), expected);
        };
        refused(
            json!({"enabled": "yes"}),
            Value::Null,
            "feature_server.metrics.enabled must be true or false, not \"yes\"",
        );
        for bins in [
            json!([]),
            json!([0, 1]),
            json!([5, 5]),
            json!([5, 4]),
            json!(["5"]),
            json!(5),
        ] {
            let expected = format!(
                "feature_server.metrics.feature_count_bins must be whole numbers above 0, each greater than the one before, not {bins}"
            );
            refused(json!({ "feature_count_bins": bins }), Value::Null, &expected);
        }
        refused(
            Value::Null,
            json!({"metrics_port": 70_000}),
            "serving.metrics_port must be a port, not 70000",
        );
    }
}
