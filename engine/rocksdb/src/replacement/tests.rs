//! What is moved, what is not, and who may open the store meanwhile. That processes are killed is a test of the engine.

use feast_config::OnlineStoreMemory;

use super::*;
use crate::RocksDbStore;

const TIME: &str = "2026-11-27T01-40-12Z";
const MEMORY: OnlineStoreMemory = OnlineStoreMemory {
    row_cache: 0,
    block_cache: 1 << 20,
};

fn identity(path: &Path) -> String {
    RocksDbStore::open(path, "shop", MEMORY).unwrap().identity().to_owned()
}

/// Puts a new store into the place. Gives its identity, and where the former one is.
fn replace(place: &Path) -> (String, Option<PathBuf>) {
    let mut replacement = Replacement::begin(place).unwrap();
    let new = identity(&replacement.stage().unwrap());
    replacement.mark(TIME).unwrap();
    let refused = |error: Option<Error>| {
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    };
    refused(RocksDbStore::open(place, "shop", MEMORY).err());
    let aside = replacement.put().unwrap();
    refused(RocksDbStore::open(place, "shop", MEMORY).err());
    refused(RocksDbStore::open_read_only(place, "shop", MEMORY).err());
    replacement.finish().unwrap();
    (new, aside)
}

fn names(directory: &Path) -> Vec<String> {
    let names = names_in(directory).unwrap().into_iter();
    names.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn a_store_is_moved_beside_its_place_and_what_is_not_of_it_stays() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("online");
    let former = identity(&place);
    std::fs::write(place.join("registry.db"), "x").unwrap();
    std::fs::create_dir(place.join("lost+found")).unwrap();
    let (new, aside) = replace(&place);
    assert_eq!(identity(&place), new);
    let beside = directory
        .path()
        .canonicalize()
        .unwrap()
        .join(format!("online.before-{TIME}"));
    assert_eq!(aside, Some(beside.clone()));
    assert_eq!(identity(&beside), former);
    assert!(place.join("registry.db").exists() && place.join("lost+found").exists());
}

#[test]
fn a_store_is_moved_within_its_place_where_it_cannot_be_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("online");
    let former = identity(&place);
    // As in a volume, from which nothing can be renamed to what is around it.
    std::fs::create_dir_all(directory.path().join(format!("online.before-{TIME}/taken"))).unwrap();
    let (new, aside) = replace(&place);
    assert_eq!(identity(&place), new);
    let within = place.canonicalize().unwrap().join(format!("before-{TIME}"));
    assert_eq!(aside, Some(within.clone()));
    assert_eq!(identity(&within), former);
}

#[test]
fn a_link_stays_and_the_store_is_where_it_leads() {
    let directory = tempfile::tempdir().unwrap();
    let disk = tempfile::tempdir().unwrap();
    let place = directory.path().join("online");
    let target = disk.path().join("store");
    identity(&target);
    std::os::unix::fs::symlink(&target, &place).unwrap();
    let (new, _) = replace(&place);
    assert!(place.is_symlink());
    assert_eq!(identity(&target), new);
    assert_eq!(names(directory.path()), ["online"]);
}

#[test]
fn a_replacement_that_is_given_up_leaves_the_place_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("online");
    drop(Replacement::begin(&place).unwrap());
    assert!(!place.exists());
    std::fs::create_dir(&place).unwrap();
    let replacement = Replacement::begin(&place).unwrap();
    std::fs::write(replacement.stage().unwrap().join("000001.sst"), "x").unwrap();
    drop(replacement);
    assert_eq!(names(&place), Vec::<String>::new());
    let former = identity(&place);
    let before = names(&place);
    let replacement = Replacement::begin(&place).unwrap();
    replacement.stage().unwrap();
    drop(replacement);
    assert_eq!(names(&place), before);
    assert_eq!(identity(&place), former);
}

#[test]
fn a_place_is_free_with_what_is_nobodys() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("online");
    assert!(!is_occupied(&place).unwrap());
    for name in ["lost+found", "RESTORE.tmp", "before-2026"] {
        std::fs::create_dir_all(place.join(name)).unwrap();
    }
    std::fs::write(place.join("LOCK"), "").unwrap();
    assert!(!is_occupied(&place).unwrap());
    std::fs::write(place.join("data.parquet"), "").unwrap();
    assert!(is_occupied(&place).unwrap());
}

#[test]
fn a_follower_goes_over_to_the_store_that_was_put_there() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("online");
    let former = identity(&place);
    let follower = RocksDbStore::open_read_only(&place, "shop", MEMORY).unwrap();
    assert_eq!(follower.identity(), former);
    let (new, _) = replace(&place);
    follower.follow().unwrap();
    let stored: Option<String> = follower
        .read_record(feast_codec::storage_key::KeyTag::Identity)
        .unwrap();
    assert_eq!(stored, Some(new));
}
