//! What is in force in a repository, and where each value comes from.

use std::path::Path;

use feast_model::error::Result;

use super::places::Places;
use super::settings::{DefaultValue, SettingInForce};
use super::source::{SettingsSource, SettingsText};
use super::variables::Expanded;
use super::{RepositoryConfig, redact};

/// Settings as the code has them, each with its origin.
#[derive(Debug)]
pub struct Effective {
    /// What was read.
    pub config: RepositoryConfig,
    /// Where it was read.
    pub source: SettingsSource,
    /// Every key that means something in this repository.
    pub settings: Vec<(SettingInForce, Origin)>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The file, or the variable that holds one.
    File {
        /// The line of the value, counted from 1.
        line: usize,
        /// Variables of the environment that have given something of it.
        variables: Vec<String>,
    },
    /// The key is not in the file, and this is what counts then.
    Default,
    /// The key is not in the file, and the value follows from this.
    Computed(&'static str),
}

impl Effective {
    /// Reads the settings of the repository in `directory`.
    ///
    /// # Errors
    /// As [`RepositoryConfig::load`].
    pub fn load(directory: &Path, source: &SettingsSource) -> Result<Self> {
        let SettingsText { written, expanded } = source.read()?;
        Self::of(&written, &expanded, directory, source.clone()).map_err(|error| source.named(error))
    }

    /// What this text says, of which the variables are expanded.
    fn of(text: &str, expanded: &Expanded, directory: &Path, source: SettingsSource) -> Result<Self> {
        let config = RepositoryConfig::parse(&expanded.text, directory)?;
        let places = Places::of(&expanded.text)?;
        let mut settings = Vec::new();
        for mut setting in config.settings() {
            redact::hide_secret(setting.setting.name, &mut setting.value);
            let origin = match place_of(&places, &setting) {
                Some(place) => Origin::File {
                    line: expanded.line(place.start(), text),
                    variables: variables_of(place, expanded),
                },
                None => match setting.setting.default {
                    DefaultValue::Computed(words) => Origin::Computed(words),
                    DefaultValue::Required | DefaultValue::Value | DefaultValue::Nothing(_) => Origin::Default,
                },
            };
            settings.push((setting, origin));
        }
        Ok(Self {
            config,
            source,
            settings,
        })
    }
}

/// Where a key is in the file; also where its block is a string that stands for it.
fn place_of<'places>(places: &'places Places, setting: &SettingInForce) -> Option<&'places Places> {
    let short = || {
        let place = places.find(setting.path.rsplit_once('.')?.0)?;
        (setting.block.short == Some(setting.setting.name) && place.is_scalar()).then_some(place)
    };
    places.find(&setting.path).or_else(short)
}

/// Each variable once.
fn variables_of(place: &Places, expanded: &Expanded) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in place.bytes().iter().flat_map(|part| expanded.variables_in(part)) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use crate::variables::expand_variables;

    use super::*;

    /// What is in force in a file, a line each: path, value, origin.
    fn shown(text: &str, paths: &[&str]) -> Vec<String> {
        let lookup = |name: &str| match name {
            "STORE" => Some("{type: redis,\n connection_string: 'h:1,password=S3CRET'}".to_owned()),
            "REQUESTS" => Some("7".to_owned()),
            "NAME" => Some("shop".to_owned()),
            "STRING" => Some("'h:2,password=S3CRET'".to_owned()),
            _ => None,
        };
        let expanded = expand_variables(text, &lookup);
        let effective = Effective::of(text, &expanded, Path::new("/repo"), SettingsSource::Variable).unwrap();
        let of_paths = effective
            .settings
            .iter()
            .filter(|(setting, _)| paths.contains(&&*setting.path));
        let line = |(setting, origin): &(SettingInForce, Origin)| {
            let origin = match origin {
                Origin::File { line, variables } => format!("line {line} {}", variables.join(",")),
                Origin::Default => "default".to_owned(),
                Origin::Computed(words) => format!("computed: {words}"),
            };
            format!("{} = {} ({})", setting.path, setting.text(), origin.trim_end())
        };
        of_paths.map(line).collect()
    }

    #[test]
    fn values_come_from_the_file_its_variables_the_default_or_the_machine() {
        let text = "project: ${NAME}\nregistry: data/$NAME.db\nonline_store: $STORE\n\n\
                    serving:\n    max_requests: $REQUESTS\n    allowed_hosts:\n        - a.example\n        - $NAME.example\n\
                    \x20   drop_after: 36h\n    rate_limit: {requests_per_second: 5}\n    push_log_path: &log log\n\
                    \x20   service_account_path: *log\n";
        let paths = [
            "project",
            "project_description",
            "serving.log_level",
            "registry.path",
            "registry.registry_type",
            "online_store.type",
            "online_store.connection_string",
            "serving.push_log_path",
            "serving.service_account_path",
            "serving.max_requests",
            "serving.send_timeout_seconds",
            "serving.allowed_hosts",
            "serving.drop_after",
            "serving.rate_limit",
            "serving.rate_limit.requests_per_second",
            "serving.rate_limit.burst",
            "serving.http2",
            "serving.python",
            "online_store.path",
        ];
        let expected = [
            "project = shop (line 1 NAME)",
            "project_description = none (default)",
            "registry.path = /repo/data/shop.db (line 2 NAME)",
            "registry.registry_type = file (default)",
            "online_store.type = redis (line 3 STORE)",
            "online_store.connection_string = h:1,password=*** (line 3 STORE)",
            "serving.push_log_path = /repo/log (line 12)",
            "serving.service_account_path = /repo/log (line 13)",
            "serving.max_requests = 7 (line 6 REQUESTS)",
            "serving.send_timeout_seconds = 60 (default)",
            r#"serving.allowed_hosts = ["a.example","shop.example"] (line 8 NAME)"#,
            "serving.log_level = info (default)",
            "serving.http2 = false (default)",
            "serving.rate_limit.requests_per_second = 5 (line 11)",
            "serving.rate_limit.burst = 5 (computed: `requests_per_second`)",
            "serving.drop_after = 36h (line 10)",
            "serving.python = none (default)",
        ];
        assert_eq!(shown(text, &paths), expected);
    }

    #[test]
    fn a_string_may_stand_for_a_block() {
        let text = "project: p\nregistry: {path: r.db}\nonline_store: rocksdb\nauth: kubernetes\nserving:\n";
        let paths = [
            "registry.path",
            "online_store.type",
            "online_store.path",
            "auth.type",
            "serving.max_requests",
        ];
        let expected = [
            "registry.path = /repo/r.db (line 2)",
            "online_store.type = rocksdb (line 3)",
            "online_store.path = /repo/data/online_store (default)",
            "auth.type = kubernetes (line 4)",
            "serving.max_requests = 256 (default)",
        ];
        assert_eq!(shown(text, &paths), expected);
    }

    #[test]
    fn keys_of_overrides_are_shown_where_they_are() {
        let text = "project: p\nregistry: {path: r.db, registry_type: file}\nonline_store: {type: redis, skip_dedup: true}\nserving:\n\
                    \x20 online_store:\n    connection_string: $STRING\n  registry: $NAME.db\n";
        let paths = [
            "registry.registry_type",
            "registry.path",
            "serving.registry.path",
            "online_store.type",
            "online_store.skip_dedup",
            "online_store.key_ttl_seconds",
            "online_store.connection_string",
            "serving.online_store.connection_string",
        ];
        let expected = [
            "serving.registry.path = /repo/shop.db (line 7 NAME)",
            "registry.registry_type = file (line 2)",
            "online_store.type = redis (line 3)",
            "serving.online_store.connection_string = h:2,password=*** (line 6 STRING)",
            "online_store.key_ttl_seconds = 0 (default)",
            "online_store.skip_dedup = true (line 3)",
        ];
        assert_eq!(shown(text, &paths), expected);

        let text = "project: p\nregistry: {registry_type: sql, path: x}\nserving: {online_store: rocksdb,\n  registry: r.db}\n";
        let paths = [
            "serving.registry.registry_type",
            "serving.registry.path",
            "serving.online_store.type",
            "serving.online_store.path",
        ];
        let expected = [
            "serving.registry.path = /repo/r.db (line 4)",
            "serving.registry.registry_type = file (default)",
            "serving.online_store.type = rocksdb (line 3)",
            "serving.online_store.path = /repo/data/online_store (default)",
        ];
        assert_eq!(shown(text, &paths), expected);

        let text = "project: p\nregistry: r\nonline_store: {path: 'http://h',\n type: feast_server.RustOnlineStore}\n";
        let paths = [
            "online_store.type",
            "online_store.path",
            "serving.online_store.path",
            "serving.online_store.skip_dedup",
        ];
        let expected = [
            "online_store.type = rocksdb (line 4)",
            "serving.online_store.path = /repo/data/online_store (default)",
            "serving.online_store.skip_dedup = false (default)",
        ];
        assert_eq!(shown(text, &paths), expected);
    }

    #[test]
    fn keys_of_a_list_are_shown_for_each() {
        let (one, other) = ("11".repeat(32), "22".repeat(32));
        let text = format!(
            "project: p\nregistry: r\nserving:\n  api_keys:\n  - {{name: a, sha256: '{one}'}}\n  - name: b\n    sha256: '{other}'\n    roles: [x]\n"
        );
        let paths = [
            "serving.api_keys",
            "serving.api_keys[0].name",
            "serving.api_keys[0].roles",
            "serving.api_keys[1].roles",
            "serving.api_keys[1].expires",
        ];
        let expected = [
            "serving.api_keys[0].name = a (line 5)",
            "serving.api_keys[0].roles = none (default)",
            r#"serving.api_keys[1].roles = ["x"] (line 8)"#,
            "serving.api_keys[1].expires = never (default)",
        ];
        assert_eq!(shown(&text, &paths), expected);
    }

    #[test]
    fn no_secret_is_shown() {
        let text = "project: p\nregistry: r\nonline_store:\n  type: redis\n  connection_string: 'h:1,username=u,password=S3CRET,sentinel_kwargs={\"password\":\"S3CRET\"}'\n\
                    auth: {type: oidc, client_secret: S3CRET, token: S3CRET}\n";
        let expanded = expand_variables(text, &|_| None);
        let effective = Effective::of(text, &expanded, Path::new("/repo"), SettingsSource::Variable).unwrap();
        let shown = format!("{:?} {:?}", effective.settings, effective.config);
        assert!(
            shown.contains("h:1,username=u,password=***,sentinel_kwargs=***"),
            "{shown}"
        );
        assert!(!shown.contains("S3CRET"), "{shown}");
    }
}
