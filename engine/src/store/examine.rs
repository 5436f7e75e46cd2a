//! What is found of a repository by a process that does nothing with it, as before a server is started. Nothing is made, written or
//! locked, and a server that runs is not disturbed.

use std::path::{Path, PathBuf};

use feast_config::RepositoryConfig;
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use feast_model::{DataSource, FeatureView};

use super::FeatureStore;
use crate::online_store::{self, Access, OnlineStoreFound, StoreHolder};
use crate::resolve::{self, SourceFound};

/// Looks at the online store of a repository, whatever its registry holds. The process must not have it open.
///
/// # Errors
/// Those of opening it, and of what a server that was given this access could not write.
pub fn examine_online_store(config: &RepositoryConfig, access: Access) -> Result<OnlineStoreFound> {
    online_store::examine(&config.online_store, &config.project, access == Access::ReadWrite)
}

impl FeatureStore {
    /// Refuses an online store that has not been made yet, for those who need one that is there: opened to write it would be made, also in
    /// a place that was not meant. One on the network is taken to be there.
    ///
    /// # Errors
    /// `NotFound`, with its place, and those of the place.
    pub fn check_online_store_made(&self) -> Result<()> {
        online_store::check_made(&self.config.online_store)
    }

    /// Refuses a registry that is not there, for those to whom it is not the same as an empty one.
    ///
    /// # Errors
    /// `NotFound`, with its place, and those of the place.
    pub(super) fn check_registry_made(&self) -> Result<()> {
        let path = &self.config.registry_path;
        let made = path.try_exists();
        if made.map_err(|source| Error::io("look at the registry", path, source))? {
            return Ok(());
        }
        let message = format!("there is no registry at {}", error_path(path));
        Err(Error::new(ErrorKind::NotFound, message)
            .with_hint("correct registry in the settings, or make it with: feast apply"))
    }

    /// Whether the online store can tell the views of the registry apart.
    ///
    /// # Errors
    /// `Data`, with what it cannot.
    pub fn check_view_names(&self) -> Result<()> {
        self.check_names(&self.state())
    }

    /// The names of the sources that views are filled from, each once.
    pub fn sources_of_views(&self) -> Vec<String> {
        let state = self.state();
        let mut names: Vec<String> = Vec::new();
        for (source, _) in filled_from(&state.definitions.feature_views) {
            if !names.iter().any(|name| name == source.name()) {
                names.push(source.name().to_owned());
            }
        }
        names
    }

    /// Looks at the files of one of [`FeatureStore::sources_of_views`]: once for each definition of it, as views hold copies of theirs.
    pub fn examine_source(&self, name: &str) -> Vec<SourceFound> {
        let state = self.state();
        let mut definitions: Vec<(&DataSource, Vec<&FeatureView>)> = Vec::new();
        for (source, view) in filled_from(&state.definitions.feature_views) {
            if source.name() != name {
                continue;
            }
            match definitions.iter_mut().find(|(known, _)| known.kind == source.kind) {
                Some((_, views)) => views.push(view),
                None => definitions.push((source, vec![view])),
            }
        }
        let repository = &self.config.directory;
        let found = definitions
            .into_iter()
            .map(|(source, views)| resolve::inspect(source, &views, repository, &self.schemas));
        found.collect()
    }

    /// Where keys go during a materialization that do not fit into memory.
    pub fn spill_directory(&self) -> PathBuf {
        // Of a store on this machine it is the disk that has room for what is spilled.
        let directory = self.config.online_store.directory();
        directory.map_or_else(std::env::temp_dir, Path::to_path_buf)
    }

    /// Looks at the log of pushes, where the online store cannot hold it: gives the process that has it open. The process that asks must not.
    ///
    /// # Errors
    /// What may not be written.
    pub fn examine_push_log(&self) -> Result<Option<StoreHolder>> {
        online_store::examine_push_log(&self.config.online_store, &self.config.push_log_path)
    }
}

/// Views with the sources of their rows. Labels come from elsewhere.
fn filled_from(views: &[FeatureView]) -> impl Iterator<Item = (&DataSource, &FeatureView)> {
    let views = views.iter().filter(|view| !view.is_label_view());
    views.filter_map(|view| Some((view.batch_source.as_ref()?, view)))
}
