//! What the run of a shard tells the one that records the interval once all shards are there.
//!
//! Owns the form of a receipt, and when receipts are of one materialization. A receipt is one JSON object:
//!
//! | member | meaning |
//! |---|---|
//! | `receipt_version` | 1: the form described here |
//! | `project`, `project_uuid` | of the registry; the id is empty where Python Feast never applied it |
//! | `shard`, `shards` | 2 and 8 for the second of eight |
//! | `views` | one object for each view with a window to fill, in the order of the run |
//! | `checksum` | XXH64 of all of the above, in hexadecimal: against mistakes, not against forgery |
//!
//! An object of a view has its name (`view`), the window (`start`, `end`, both included, UTC), its `join_keys` as messages show them,
//! how many rows of the shard were found (`rows`), `written` and left because newer ones were stored (`stale`), and two hashes that
//! all shards share: `source` of the files that were read, `definition` of the columns that were read from them.

use feast_codec::shard::{Shard, stable_hash};
use feast_config::OnlineStoreConfig;
use feast_model::error::{Error, ErrorKind, Result};
use feast_model::{FeatureView, Field, Timestamp};
use serde_json::{Map, Value, json};

use super::progress::ViewReport;
use super::window::ViewWindow;

const RECEIPT_VERSION: u64 = 1;

/// What the run of one shard did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardReceipt {
    pub(crate) project: String,
    pub(crate) project_uuid: String,
    /// Which part of the keys it was for.
    pub shard: Shard,
    /// The views that had a window to fill.
    pub views: Vec<ShardedView>,
}

/// One view of a [`ShardReceipt`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardedView {
    /// The view's name.
    pub view: String,
    /// First event time.
    pub start: Timestamp,
    /// Last event time.
    pub end: Timestamp,
    pub(crate) join_keys: String,
    /// Keys of the shard found in the window.
    pub rows: u64,
    /// Of these, rows that were written.
    pub written: u64,
    /// Of these, rows that a newer stored row kept out.
    pub stale: u64,
    source: String,
    definition: String,
}

impl ShardedView {
    pub(crate) fn new(view: &FeatureView, window: &ViewWindow, report: &ViewReport) -> Self {
        Self {
            view: view.name().to_owned(),
            start: window.start,
            end: window.end,
            join_keys: view.stored_keys().to_string(),
            rows: report.rows as u64,
            written: report.written as u64,
            stale: report.stale as u64,
            source: hexadecimal(report.source_fingerprint.unwrap_or_default()),
            definition: hexadecimal(definition_hash(view)),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "view": self.view,
            "start": self.start.to_string(),
            "end": self.end.to_string(),
            "join_keys": self.join_keys,
            "rows": self.rows,
            "written": self.written,
            "stale": self.stale,
            "source": self.source,
            "definition": self.definition,
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let string = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let number = |name: &str| value.get(name)?.as_u64();
        let time = |name: &str| Timestamp::parse(&string(name)?).ok();
        Some(Self {
            view: string("view")?,
            start: time("start")?,
            end: time("end")?,
            join_keys: string("join_keys")?,
            rows: number("rows")?,
            written: number("written")?,
            stale: number("stale")?,
            source: string("source")?,
            definition: string("definition")?,
        })
    }

    /// What it disagrees about with another shard's, in words.
    fn difference(&self, other: &Self) -> Option<String> {
        let window = |view: &Self| format!("from {} to {}", view.start, view.end);
        if (self.start, self.end) != (other.start, other.end) {
            return Some(format!("was filled {} there and {} here", window(other), window(self)));
        }
        if self.join_keys != other.join_keys {
            let (here, there) = (&self.join_keys, &other.join_keys);
            return Some(format!("had the join keys {there} there and {here} here"));
        }
        if self.definition != other.definition {
            return Some("was defined differently".to_owned());
        }
        (self.source != other.source).then(|| "was read from other files".to_owned())
    }
}

impl ShardReceipt {
    /// As one JSON object.
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("receipt_version".to_owned(), RECEIPT_VERSION.into());
        members.insert("project".to_owned(), self.project.as_str().into());
        members.insert("project_uuid".to_owned(), self.project_uuid.as_str().into());
        members.insert("shard".to_owned(), self.shard.number().into());
        members.insert("shards".to_owned(), self.shard.count().into());
        members.insert(
            "views".to_owned(),
            self.views.iter().map(ShardedView::to_json).collect(),
        );
        let checksum = stable_hash(Value::Object(members.clone()).to_string().as_bytes());
        members.insert("checksum".to_owned(), hexadecimal(checksum).into());
        Value::Object(members)
    }

    /// Reads receipts that follow one another, as `cat` puts them together. `origin` is what messages call the place they come from.
    ///
    /// # Errors
    /// `Invalid` for what is not a receipt, is cut off or was changed, and where there is none.
    pub fn parse_all(bytes: &[u8], origin: &str) -> Result<Vec<Self>> {
        let refused = |problem: String| {
            Error::invalid(format!("{origin} {problem}"))
                .with_hint("give the receipts as feast materialize --shard has printed them to stdout")
        };
        let documents = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
        let receipts = documents.map(|document| {
            let document = document.map_err(|problem| refused(format!("is not a receipt: {problem}")))?;
            match document.get("receipt_version").map(Value::as_u64) {
                Some(Some(RECEIPT_VERSION)) => {}
                Some(_) => return Err(refused("is a receipt of another version of this program".to_owned())),
                None => return Err(refused("is not a receipt".to_owned())),
            }
            // Written again it must be the same: nothing was changed, added or left out.
            let receipt = Self::from_json(&document).filter(|receipt| receipt.to_json() == document);
            receipt.ok_or_else(|| refused("is a receipt that was changed after it was printed".to_owned()))
        });
        let receipts: Vec<Self> = receipts.collect::<Result<_>>()?;
        if receipts.is_empty() {
            return Err(refused("holds no receipt".to_owned()));
        }
        Ok(receipts)
    }

    fn from_json(value: &Value) -> Option<Self> {
        let string = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let number = |name: &str| u32::try_from(value.get(name)?.as_u64()?).ok();
        let views = value.get("views")?.as_array()?.iter();
        Some(Self {
            project: string("project")?,
            project_uuid: string("project_uuid")?,
            shard: Shard::new(number("shard")?, number("shards")?)?,
            views: views.map(ShardedView::from_json).collect::<Option<_>>()?,
        })
    }

    /// Makes sure that it is of the same materialization as another shard's receipt.
    fn check_against(&self, other: &Self) -> Result<()> {
        let (here, there) = (self.shard, other.shard);
        let differ = |problem: String| {
            Err(Error::new(
                ErrorKind::Conflict,
                format!("the receipts of shards {there} and {here} {problem}"),
            )
            .with_hint("run all shards again with one END_TS and the same views, on the same files and definitions"))
        };
        if here.count() != there.count() {
            return differ("are of different numbers of shards".to_owned());
        }
        if (&self.project, &self.project_uuid) != (&other.project, &other.project_uuid) {
            return differ("are of different projects".to_owned());
        }
        let names = |receipt: &Self| receipt.views.iter().map(|view| view.view.clone()).collect::<Vec<_>>();
        let (own, others) = (names(self), names(other));
        if own != others {
            return differ(format!(
                "are of different views: {} and {}",
                listed(&others),
                listed(&own)
            ));
        }
        let mut pairs = self.views.iter().zip(&other.views);
        match pairs.find_map(|(own, other)| Some((&own.view, own.difference(other)?))) {
            Some((view, difference)) => {
                let message =
                    format!("feature view {view} {difference}: shards {there} and {here} do not belong together");
                let hint = "run all shards again with one END_TS, on the same files and definitions";
                Err(Error::new(ErrorKind::Conflict, message).with_hint(hint))
            }
            None => Ok(()),
        }
    }
}

/// Makes sure that receipts are of all shards of one materialization, each once, and that it was one of this project.
///
/// # Errors
/// `Conflict`, saying which shard is missing, there twice or different.
pub(crate) fn check_shards(receipts: &[ShardReceipt], project: &str, project_uuid: &str) -> Result<()> {
    let Some((first, others)) = receipts.split_first() else {
        return Err(Error::invalid("there is no receipt"));
    };
    let conflict = |message: String| Error::new(ErrorKind::Conflict, message);
    for receipt in others {
        receipt.check_against(first)?;
    }
    if (first.project.as_str(), first.project_uuid.as_str()) != (project, project_uuid) {
        let problem = match first.project == project {
            true => format!("the receipts are of a project {project} in another registry"),
            false => format!("the receipts are of project {}, and this is {project}", first.project),
        };
        return Err(
            conflict(problem).with_hint("name the repository whose registry the shards were run with: feast -c DIR")
        );
    }
    let times = |shard: Shard| receipts.iter().filter(|receipt| receipt.shard == shard).count();
    let shards = |chosen: fn(usize) -> bool| {
        let chosen = first.shard.all().filter(|shard| chosen(times(*shard)));
        chosen.map(|shard| shard.to_string()).collect::<Vec<_>>()
    };
    let (missing, repeated) = (shards(|times| times == 0), shards(|times| times > 1));
    if !missing.is_empty() {
        let message = format!("receipts are missing: {}", listed(&missing));
        return Err(
            conflict(message).with_hint("run the same command with --shard for each of them, and keep what it prints")
        );
    }
    if !repeated.is_empty() {
        let message = format!("receipts are there more than once: {}", listed(&repeated));
        return Err(conflict(message).with_hint("give the receipt of the last run of each shard"));
    }
    Ok(())
}

/// Makes sure that several machines fill one store of this kind.
///
/// # Errors
/// `Invalid` when each of them would fill its own.
pub(crate) fn check_target(online_store: &OnlineStoreConfig) -> Result<()> {
    match online_store {
        OnlineStoreConfig::Redis(_) => Ok(()),
        OnlineStoreConfig::RocksDb { .. } | OnlineStoreConfig::Sqlite { .. } => Err(Error::invalid(format!(
            "shards are for an online store that several machines fill together, and a {} store is on one machine",
            online_store.type_name()
        ))
        .with_hint("leave --shard out: one run uses all cores; or set online_store to type: redis")),
    }
}

/// The columns that rows are made of, and where they come from.
fn definition_hash(view: &FeatureView) -> u64 {
    let source = view.batch_source.as_ref();
    let column = |name: &str| source.map_or(name, |source| source.source_column(name)).to_owned();
    let fields = |fields: &[Field]| {
        let fields = fields.iter();
        let fields = fields.map(|field| json!([field.name, field.value_type.to_string(), column(&field.name)]));
        fields.collect::<Vec<_>>()
    };
    let created = source.and_then(|source| source.created_column());
    let event_time = source.map(|source| column(&source.timestamp_field));
    let definition = json!([
        view.name(),
        fields(&view.entity_columns),
        fields(&view.features),
        event_time,
        created.map(column),
    ]);
    stable_hash(definition.to_string().as_bytes())
}

fn hexadecimal(hash: u64) -> String {
    format!("{hash:016x}")
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

#[cfg(test)]
mod tests;
