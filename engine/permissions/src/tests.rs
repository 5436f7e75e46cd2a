//! Decisions as data: permissions in one notation, questions in another.

use std::collections::BTreeMap;

use feast_model::{
    Action, DataSource, Definitions, FeatureService, FeatureView, Metadata, ObjectKind, Permission, Policy,
    ResourceType, SourceKind, StreamSettings, ViewKind,
};
use proptest::prelude::*;

use crate::pattern::Pattern;
use crate::{Principal, Remark, Rules, SignInKind};

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn permission(name: &str, types: &[ResourceType], patterns: &[&str], actions: &[Action], policy: Policy) -> Permission {
    Permission {
        metadata: Metadata::new(name),
        types: types.to_vec(),
        name_patterns: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
        actions: actions.to_vec(),
        policy,
        required_tags: BTreeMap::new(),
    }
}

fn roles(names: &str) -> Policy {
    Policy::Roles(words(names))
}

fn view(name: &str) -> FeatureView {
    FeatureView::new(name, DataSource::new("history", SourceKind::parquet("history.parquet")))
}

/// Some views of all sorts, a service and a source.
fn rules(permissions: Vec<Permission>) -> Rules {
    Rules::new(&definitions(permissions), false)
}

fn definitions(permissions: Vec<Permission>) -> Definitions {
    let mut secret = view("secret");
    secret.metadata.tags.insert("sensitivity".to_owned(), "high".to_owned());
    let stream = FeatureView {
        kind: ViewKind::Stream(StreamSettings::default()),
        ..view("live")
    };
    Definitions {
        feature_views: vec![view("plain"), secret, stream],
        services: vec![FeatureService {
            metadata: Metadata::new("model"),
            projections: Vec::new(),
            logging: None,
            precompute_online: false,
        }],
        sources: vec![DataSource::new("history", SourceKind::parquet("history.parquet"))],
        permissions,
        ..Definitions::default()
    }
}

fn somebody(roles: &str) -> Principal {
    Principal {
        roles: words(roles),
        ..Principal::new("ann", SignInKind::Oidc)
    }
}

fn check(rules: &Rules, principal: &Principal, actions: &[Action], kind: ObjectKind, name: &str, expected: &str) {
    let outcome = rules.decide(principal, actions, kind, name);
    let outcome = outcome.map_or_else(|denied| denied.to_string(), |()| "granted".to_owned());
    assert_eq!(outcome, expected);
}

const READ: &[Action] = &[Action::ReadOnline];
const WRITE: &[Action] = &[Action::WriteOnline];
const BOTH_WRITES: &[Action] = &[Action::WriteOffline, Action::WriteOnline];
const VIEW: ObjectKind = ObjectKind::FeatureView;

#[test]
fn without_permissions_whoever_has_a_name_may_do_everything() {
    let rules = rules(Vec::new());
    check(&rules, &somebody(""), WRITE, VIEW, "plain", "granted");
    let nobody = Principal::new("", SignInKind::Oidc);
    let refusal = "No permissions defined and no authenticated user context. Access denied.";
    check(&rules, &nobody, READ, VIEW, "plain", refusal);
}

#[test]
fn a_permission_that_cannot_be_read_is_not_none() {
    let rules = Rules::new(&definitions(Vec::new()), true);
    let refusal = "No permissions defined to manage [<AuthzedAction.READ_ONLINE: 'read_online'>] on <class \
                   'feast.feature_view.FeatureView'>/plain.";
    check(&rules, &somebody("reader"), READ, VIEW, "plain", refusal);
    assert!(!rules.are_of(&definitions(Vec::new()), false));
}

#[test]
fn keys_that_only_read_never_write() {
    for rules in [
        rules(Vec::new()),
        rules(vec![permission("all", &[], &[], &Action::ALL, Policy::AllowAll)]),
    ] {
        let reader = Principal {
            is_read_only: true,
            ..somebody("")
        };
        check(&rules, &reader, READ, VIEW, "plain", "granted");
        check(&rules, &reader, WRITE, VIEW, "plain", "ann may only read");
        check(
            &rules,
            &reader,
            &[Action::ReadOnline, Action::Update],
            VIEW,
            "plain",
            "ann may only read",
        );
    }
}

#[test]
fn one_permission_must_hold_all_actions_and_any_that_does_is_enough() {
    use ResourceType::FeatureView;
    let rules = rules(vec![
        permission("online", &[FeatureView], &["plain"], WRITE, roles("writer")),
        permission(
            "offline",
            &[FeatureView],
            &["plain"],
            &[Action::WriteOffline],
            roles("writer"),
        ),
        permission("both", &[FeatureView], &["pl.*"], BOTH_WRITES, roles("pusher steward")),
    ]);
    check(&rules, &somebody("writer"), WRITE, VIEW, "plain", "granted");
    check(&rules, &somebody("x pusher"), BOTH_WRITES, VIEW, "plain", "granted");
    check(
        &rules,
        &somebody("writer"),
        BOTH_WRITES,
        VIEW,
        "plain",
        "Permission both denied execution of ['WRITE_OFFLINE', 'WRITE_ONLINE'] to FeatureView:plain: Requires roles ['pusher', 'steward']",
    );
    check(
        &rules,
        &somebody("Writer"),
        WRITE,
        VIEW,
        "plain",
        "Permission online denied execution of ['WRITE_ONLINE'] to FeatureView:plain: Requires roles ['writer'],\
         Permission both denied execution of ['WRITE_ONLINE'] to FeatureView:plain: Requires roles ['pusher', 'steward']",
    );
    check(
        &rules,
        &somebody("writer"),
        READ,
        VIEW,
        "plain",
        "No permissions defined to manage [<AuthzedAction.READ_ONLINE: 'read_online'>] on <class 'feast.feature_view.FeatureView'>/plain.",
    );
}

#[test]
fn a_type_covers_its_subclasses_and_nothing_above() {
    use ResourceType::{BatchFeatureView, DataSource, FeatureService, FeatureView, StreamFeatureView};
    let granted = |types: &[ResourceType]| {
        let rules = rules(vec![permission("p", types, &[], READ, Policy::AllowAll)]);
        let objects = [
            (VIEW, "plain"),
            (ObjectKind::StreamFeatureView, "live"),
            (ObjectKind::FeatureService, "model"),
            (ObjectKind::DataSource, "history"),
        ];
        let mut granted = Vec::new();
        for (kind, name) in objects {
            if rules.decide(&somebody(""), READ, kind, name).is_ok() {
                granted.push(name);
            }
        }
        granted.join(" ")
    };
    assert_eq!(granted(&[FeatureView]), "plain live");
    assert_eq!(granted(&[StreamFeatureView]), "live");
    assert_eq!(granted(&[BatchFeatureView]), "");
    assert_eq!(granted(&[FeatureService, DataSource]), "model history");
    assert_eq!(granted(&[]), "plain live model history");
}

#[test]
fn policies_of_groups_and_namespaces() {
    let policies = [
        Policy::Groups(words("g")),
        Policy::Namespaces(words("n")),
        Policy::GroupsAndNamespaces {
            groups: words("g"),
            namespaces: words("n"),
        },
        Policy::Groups(Vec::new()),
    ];
    let of_group = Principal {
        groups: words("g"),
        ..somebody("")
    };
    let of_namespace = Principal {
        namespaces: words("n"),
        ..somebody("g n")
    };
    let outcomes = policies.map(|policy| {
        let rules = rules(vec![permission("p", &[], &[], READ, policy)]);
        [&of_group, &of_namespace, &somebody("g n")]
            .map(|principal| rules.decide(principal, READ, VIEW, "plain").is_ok())
    });
    assert_eq!(
        outcomes,
        [
            [true, false, false],
            [false, true, false],
            [true, true, false],
            [false, false, false]
        ]
    );
}

#[test]
fn required_tags_are_required_and_it_is_said_whom_that_narrows() {
    let mut audit = permission(
        "audit",
        &[ResourceType::FeatureView],
        &["plain|secret"],
        READ,
        roles("auditor"),
    );
    audit.required_tags.insert("sensitivity".to_owned(), "high".to_owned());
    let rules = rules(vec![audit]);
    check(&rules, &somebody("auditor"), READ, VIEW, "secret", "granted");
    assert!(rules.decide(&somebody("auditor"), READ, VIEW, "plain").is_err());
    let remarks: Vec<String> = rules.remarks().iter().map(ToString::to_string).collect();
    assert_eq!(
        remarks,
        [
            "permission audit does not allow the roles auditor to use plain, which lack its required_tags; Feast, which ignores required_tags, \
          does"
        ]
    );
}

#[test]
fn a_pattern_that_cannot_be_read_allows_nothing_and_harms_no_other() {
    let rules = rules(vec![
        permission("broken", &[], &["plain", "(plain"], READ, Policy::AllowAll),
        permission("whole", &[], &["secret"], READ, Policy::AllowAll),
    ]);
    assert!(rules.decide(&somebody(""), READ, VIEW, "plain").is_err());
    check(&rules, &somebody(""), READ, VIEW, "secret", "granted");
    assert_eq!(
        rules.remarks(),
        [Remark::UnreadablePattern {
            permission: "broken".to_owned(),
            pattern: "(plain".to_owned()
        }]
    );
}

#[test]
fn what_the_rules_do_not_know_is_denied() {
    let rules = rules(vec![permission("all", &[], &[], &Action::ALL, Policy::AllowAll)]);
    let refusal = "No permissions can be found for feature view gone.";
    check(&rules, &somebody(""), READ, VIEW, "gone", refusal);
    // Of that name, but of another kind.
    assert!(
        rules
            .decide(&somebody(""), READ, ObjectKind::FeatureService, "plain")
            .is_err()
    );
}

#[test]
fn roles_and_what_nobody_may_do() {
    let rules = rules(vec![
        permission("r", &[ResourceType::FeatureView], &["plain"], READ, roles("reader b")),
        permission("w", &[ResourceType::FeatureView], &["plain"], WRITE, Policy::AllowAll),
    ]);
    assert_eq!(rules.roles().into_iter().collect::<Vec<_>>(), ["b", "reader"]);
    let grants: Vec<_> = rules
        .role_grants()
        .filter(|grant| !grant.actions.is_empty())
        .map(|grant| (grant.role, grant.object.name.as_str(), grant.actions))
        .collect();
    let both = vec![Action::ReadOnline, Action::WriteOnline];
    assert_eq!(grants, [("b", "plain", both.clone()), ("reader", "plain", both)]);
    let of_plain = rules
        .unsecured()
        .find(|unsecured| unsecured.object.name == "plain")
        .unwrap();
    assert!(of_plain.has_permission && of_plain.actions.len() == 6);
    let of_secret = rules
        .unsecured()
        .find(|unsecured| unsecured.object.name == "secret")
        .unwrap();
    assert!(!of_secret.has_permission && of_secret.actions == Action::ALL);
}

/// As Python's `re.fullmatch` gives them; `None` where this binary does not read the pattern.
#[test]
fn patterns_match_whole_names_as_in_python() {
    let check = |pattern: &str, name: &str, expected: Option<bool>| {
        let found = Pattern::new(pattern).map(|pattern| pattern.matches(name).ok());
        assert_eq!(found.flatten(), expected, "{pattern:?} on {name:?}");
    };
    check("book_stats", "book_stats", Some(true));
    check("book_stats", "book_stats_archive", Some(false));
    check("book_.*", "book_", Some(true));
    check("book_.*", "book_a\nb", Some(false));
    check(".*", "", Some(true));
    check("", "", Some(true));
    check("", "a", Some(false));
    check("^a$|b", "a", Some(true));
    check("^a$|b", "b", Some(true));
    check("^a$|b", "bc", Some(false));
    check("a$", "a\n", None);
    check("(?i)BOOK", "book", Some(true));
    check("BOOK", "book", Some(false));
    check("(?!secret_).*", "secret_a", Some(false));
    check("(?!secret_).*", "public", Some(true));
    check(".*(?<!_pii)", "a_pii", Some(false));
    check(".*(?<!_pii)", "a_pi", Some(true));
    check(".*(?<=_v|_w)", "a_v", Some(true));
    check("(dev|prod)_(a|b)+", "dev_abab", Some(true));
    check(r"v\d{1,3}", "v12", Some(true));
    check(r"v\d{1,3}", "v1234", Some(false));
    check(r"\w+", "näme", None);
    check("n.me", "näme", Some(true));
    check("[a-c]+", "abc", Some(true));
    // Python finds an error in these, or something else than the crate would.
    for pattern in [
        r"\h",
        r"\p{L}",
        "(?<name>a)",
        "[[:alpha:]]",
        "[a&&b]x[",
        "(?<=a*)b",
        "a**",
        "(",
        "*a",
        r"\Qa\E",
        r"(a)\1",
        "(?P=x)",
    ] {
        assert!(Pattern::new(pattern).is_none(), "{pattern}");
    }
}

#[test]
fn a_pattern_that_is_made_to_take_long_is_given_up() {
    let pattern = Pattern::new("(?:(?:(?=a)a)+b?)+c").unwrap();
    assert!(pattern.matches(&"a".repeat(200)).is_err());
}

/// The definition, without anything that makes it fast.
fn plain_decision(permissions: &[Permission], principal: &Principal, actions: &[Action], name: &str) -> bool {
    permissions.iter().any(|permission| {
        let is_about =
            permission.name_patterns.is_empty() || permission.name_patterns.iter().any(|known| known == name);
        let Policy::Roles(roles) = &permission.policy else {
            return false;
        };
        is_about
            && actions.iter().all(|action| permission.actions.contains(action))
            && roles.iter().any(|role| principal.roles.contains(role))
    })
}

prop_compose! {
    fn any_permission()(
        patterns in proptest::collection::vec(prop_oneof![Just("plain"), Just("secret"), Just("live")], 0..3),
        actions in proptest::sample::subsequence(Action::ALL.to_vec(), 0..8),
        roles in proptest::sample::subsequence(vec!["a", "b", "c"], 0..3),
    ) -> Permission {
        permission("p", &[], &patterns, &actions, Policy::Roles(roles.into_iter().map(str::to_owned).collect()))
    }
}

proptest! {
    #[test]
    fn decisions_are_those_of_the_definition(
        permissions in proptest::collection::vec(any_permission(), 1..6),
        actions in proptest::sample::subsequence(Action::ALL.to_vec(), 1..3),
        held in proptest::sample::subsequence(vec!["a", "b", "c"], 0..3),
    ) {
        let rules = rules(permissions.clone());
        let principal = somebody(&held.join(" "));
        for (kind, name) in [(VIEW, "plain"), (VIEW, "secret"), (ObjectKind::StreamFeatureView, "live")] {
            let decided = rules.decide(&principal, &actions, kind, name).is_ok();
            prop_assert_eq!(decided, plain_decision(&permissions, &principal, &actions, name));
        }
    }
}
