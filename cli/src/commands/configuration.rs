//! `feast configuration`: the settings as the file has them, or as they are in force.

use feast_engine::{Effective, Origin, SETTINGS_VARIABLE, SettingInForce, SettingsSource, without_marks};
use serde_json::{Value, json};

use crate::args::{ConfigurationArguments, ListFormat};
use crate::output::{Failure, Output};
use crate::settings::Repository;
use crate::table::Table;

/// Prints the settings.
pub(crate) fn run(repository: &Repository, arguments: &ConfigurationArguments, output: &Output) -> Result<(), Failure> {
    if !arguments.effective {
        output.yaml(&repository.configuration(output)?);
        return Ok(());
    }
    let effective = repository.effective(output)?;
    let config = &effective.config;
    let silent = config.unknown_keys.iter().chain(&config.without_effect);
    silent.for_each(|line| output.warning(line));
    match arguments.output {
        ListFormat::Json => {
            let settings = effective.settings.iter();
            output.json(&settings.map(|setting| document(&effective, setting)).collect());
        }
        ListFormat::Table => output.table(&table(&effective)),
    }
    Ok(())
}

fn document(effective: &Effective, (setting, origin): &(SettingInForce, Origin)) -> Value {
    let mut document = json!({
        "key": setting.path,
        "value": setting.value,
        "values": setting.setting.values,
        "meaning": setting.setting.meaning,
        "needs_restart": !setting.setting.is_reloaded,
    });
    match origin {
        Origin::File { line, variables } => {
            document["source"] = match effective.source {
                SettingsSource::File(_) => json!("file"),
                SettingsSource::Variable => json!(SETTINGS_VARIABLE),
            };
            document["line"] = json!(line);
            document["variables"] = json!(variables);
        }
        Origin::Default => document["source"] = json!("default"),
        Origin::Computed(words) => {
            document["source"] = json!("computed");
            document["from"] = json!(words);
        }
    }
    document
}

fn table(effective: &Effective) -> Table {
    let name = effective.source.name();
    let mut table = Table::new(&["KEY", "VALUE", "FROM"]);
    for (setting, origin) in &effective.settings {
        let from = match origin {
            Origin::File { line, variables } if variables.is_empty() => format!("{name}:{line}"),
            Origin::File { line, variables } => format!("{name}:{line}, ${}", variables.join(", $")),
            Origin::Default => "default".to_owned(),
            Origin::Computed(words) => format!("computed: {}", without_marks(words)),
        };
        // A value is one line, whatever a description holds.
        let value = setting.text().split_whitespace().collect::<Vec<_>>().join(" ");
        table.add(vec![setting.path.clone(), value, from]);
    }
    table
}
