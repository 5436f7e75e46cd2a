//! The block `online_store` of type `sqlite`, Feast's default.

use std::path::Path;

use feast_model::error::Result;

use super::online_store::{self, OnlineStoreConfig};
use super::overrides::SharedBlock;
use super::settings::{ONLINE_STORE, SQLITE};

/// Feast's.
const DEFAULT_PATH: &str = "data/online.db";

/// The class of the store, which Feast takes for its type too.
pub(super) const CLASS: &str = "feast.infra.online_stores.sqlite.SqliteOnlineStore";

/// The store of the block.
///
/// # Errors
/// `Invalid`, naming the key.
pub(super) fn sqlite(block: SharedBlock<'_>, directory: &Path) -> Result<OnlineStoreConfig> {
    block.check_keys(online_store::SQLITE, &[&ONLINE_STORE, &SQLITE])?;
    Ok(OnlineStoreConfig::Sqlite {
        path: directory.join(block.file("path")?.unwrap_or(DEFAULT_PATH)),
    })
}

#[cfg(test)]
mod tests {
    use crate::RepositoryConfig;

    use super::*;

    /// The file of the store, or what is wrong, or what has no effect.
    fn verdict(block: &str) -> String {
        let text = format!("project: p\nregistry: data/registry.db\n{block}\n");
        match RepositoryConfig::parse(&text, Path::new("/repo")) {
            Err(error) => format!("{error} | {}", error.hint().unwrap_or_default()),
            Ok(config) if !config.without_effect.is_empty() => config.without_effect.join("\n"),
            Ok(config) => match config.online_store {
                OnlineStoreConfig::Sqlite { path } => path.to_str().unwrap().to_owned(),
                other => format!("{other:?}"),
            },
        }
    }

    #[test]
    fn feasts_default_is_the_file_of_a_repository() {
        for block in [
            "",
            "online_store:",
            "online_store: sqlite",
            "online_store: {type: sqlite}",
            "online_store: {}",
            &format!("online_store: {CLASS}"),
        ] {
            assert_eq!(verdict(block), "/repo/data/online.db", "{block}");
        }
        assert_eq!(verdict("online_store: {path: store.db}"), "/repo/store.db");
        assert_eq!(
            verdict("online_store: {type: sqlite, path: /srv/store.db}"),
            "/srv/store.db"
        );
    }

    #[test]
    fn keys_are_those_of_feast() {
        assert!(
            verdict("online_store: {type: sqlite, skip_dedup: true}")
                .starts_with("online_store.skip_dedup is not known | the keys of online_store are type, path")
        );
        assert!(verdict("online_store: {pth: x}").starts_with("online_store.pth is not known: did you mean path?"));
        assert_eq!(
            verdict("online_store: {path: 5}"),
            "online_store.path must be a string, not 5 | "
        );
    }

    #[test]
    fn what_search_needs_has_no_effect() {
        for key in [
            "vector_enabled",
            "text_search_enabled",
            "enable_openai_compatible_store",
        ] {
            let verdict = verdict(&format!("online_store: {{type: sqlite, {key}: true}}"));
            assert!(
                verdict.starts_with(&format!("online_store.{key} has no effect here")),
                "{verdict}"
            );
        }
        assert_eq!(
            verdict("online_store: {vector_enabled: false, similarity: cosine}"),
            "/repo/data/online.db"
        );
    }
}
