//! What the permissions of the registry say of all objects together, in Feast's tables.

use feast_engine::model::{Action, ObjectKind};

use crate::output::{Failure, Output};
use crate::settings::Repository;
use crate::table::Table;

/// Prints what no permission is about, and what is to be known of permissions.
pub(crate) fn check(repository: &Repository, output: &Output) -> Result<(), Failure> {
    let rules = repository.open(output)?.rules();
    let mut objects = Table::new(&["NAME", "TYPE"]);
    let mut actions = Table::new(&["NAME", "TYPE", "UNSECURED ACTIONS"]);
    // Feast does not look at the project.
    for unsecured in rules
        .unsecured()
        .filter(|unsecured| unsecured.object.kind != ObjectKind::Project)
    {
        let (name, class) = (unsecured.object.name.clone(), unsecured.object.short_class().to_owned());
        if !unsecured.has_permission {
            objects.add(vec![name.clone(), class.clone()]);
        }
        actions.add(vec![name, class, lines(&unsecured.actions)]);
    }
    output.line(&output.strong("The following resources are not secured by any permission configuration:"));
    output.table(&objects);
    output.line(&output.strong(
        "The following actions are not secured by any permission configuration (Note: this might not be a security concern, depending \
         on the used APIs):",
    ));
    output.table(&actions);
    for remark in rules.remarks() {
        output.warning(&remark.to_string());
    }
    Ok(())
}

/// Prints the roles that permissions name; with `verbose` what each may do.
pub(crate) fn list_roles(repository: &Repository, verbose: bool, output: &Output) -> Result<(), Failure> {
    let rules = repository.open(output)?.rules();
    if !verbose {
        let mut table = Table::new(&["ROLE NAME"]);
        rules
            .roles()
            .into_iter()
            .for_each(|role| table.add(vec![role.to_owned()]));
        output.text(&table.grid());
        return Ok(());
    }
    let mut table = Table::new(&["ROLE NAME", "RESOURCE NAME", "RESOURCE TYPE", "PERMITTED ACTIONS"]);
    for grant in rules
        .role_grants()
        .filter(|grant| grant.object.kind != ObjectKind::Project)
    {
        table.add(vec![
            grant.role.to_owned(),
            grant.object.name.clone(),
            grant.object.short_class().to_owned(),
            lines(&grant.actions),
        ]);
    }
    output.table(&table);
    Ok(())
}

fn lines(actions: &[Action]) -> String {
    if actions.is_empty() {
        return "-".to_owned();
    }
    actions
        .iter()
        .map(|action| action.feast_name())
        .collect::<Vec<_>>()
        .join("\n")
}
