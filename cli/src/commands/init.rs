//! `feast init`: a new feature repository. Files that exist are left as they are.

use std::path::{Path, PathBuf};

use feast_engine::{CONFIG_FILE, check_project_name, create_parquet, now};

use crate::args::InitArguments;
use crate::output::{Failure, Output};
use crate::templates;

/// Creates a feature repository.
pub(crate) fn run(base: &Path, arguments: &InitArguments, output: &Output) -> Result<(), Failure> {
    let directory = base.join(&arguments.directory);
    let project = project_name(&directory)?;
    if directory.join(CONFIG_FILE).exists() {
        return Err(
            Failure::new(format!("{} is a feature repository already", directory.display()))
                .with_hint("choose another directory, or go there and run: feast apply"),
        );
    }
    let shown = std::path::absolute(&directory).unwrap_or_else(|_| directory.clone());
    output.line(&format!("\nCreating a new Feast repository in {}.\n", shown.display()));
    let mut files = vec![(".gitignore", templates::GITIGNORE.to_owned())];
    if !arguments.minimal {
        files.push(("README.md", templates::readme(&project)));
        files.push(("feature_definitions.py", templates::DEFINITIONS.to_owned()));
        let data = directory.join("data/driver_stats.parquet");
        if data.exists() {
            output.note(&format!("kept {}", data.display()));
        } else {
            let rows = templates::driver_stats(now())
                .map_err(|source| Failure::new(format!("cannot make example data: {source}")))?;
            create_parquet(&data, &rows)?;
        }
    }
    // Last, because it is what makes the directory a repository.
    files.push((CONFIG_FILE, templates::feature_store_yaml(&project)));
    for (name, contents) in files {
        write_new(&directory.join(name), &contents, output)?;
    }
    Ok(())
}

fn project_name(directory: &Path) -> Result<String, Failure> {
    let absolute: PathBuf = std::path::absolute(directory).unwrap_or_else(|_| directory.to_path_buf());
    let absolute = absolute.canonicalize().unwrap_or(absolute);
    // Table names contain project names, so Feast does not allow hyphens in them.
    let name = absolute
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().replace('-', "_"));
    check_project_name(&name).map_err(|_| {
        let message = "Invalid value for PROJECT_DIRECTORY: Name should be alphanumeric values, underscores, and hyphens but not \
                    start with an underscore or hyphen";
        Failure::usage("init", message).with_hint("the project is named after the directory: choose another")
    })?;
    Ok(name)
}

fn write_new(path: &Path, contents: &str, output: &Output) -> Result<(), Failure> {
    let failed = |source: std::io::Error| Failure::new(format!("cannot write {}: {source}", path.display()));
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    match std::fs::File::create_new(path) {
        Ok(mut file) => std::io::Write::write_all(&mut file, contents.as_bytes()).map_err(failed),
        Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {
            output.note(&format!("kept {}", path.display()));
            Ok(())
        }
        Err(source) => Err(failed(source)),
    }
}
