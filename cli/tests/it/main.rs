//! The real binary, a real socket, real files.
//!
//! - `walk`: the documented way from `feast init` to served and pushed features.
//! - `golden`: recorded answers of Python Feast's server, replayed.
//! - `copy`: rows from one online store into another.
//! - `connections`: clients that hold connections, TLS, Unix sockets, and the end of a server.
//! - `contract`: what recordings do not hold: on-demand views, versions, gates, searches, the server's own documents.
//! - `arrow`: reads with Arrow streams.
//! - `sign_in`: API keys, tokens of a provider and of a cluster, and who may do what.
//! - `sqlite`: a repository with Feast's default online store.
//! - `hand_over`: reads that are not answered on the thread that received them.
//! - `on_demand`: on-demand views, computed when they are read or when rows are written.
//! - `online_store_keys`: rows of single entities, shown and removed for good.
//! - `online_store_scan`: the rows of whole views, and how many there are.
//! - `overload`: more work than the server takes on.
//! - `large_pushes`: what pushes take in memory.
//! - `waiting_pushes`: pushes that wait for their parquet source.
//! - `held_locks`: locks and registries that others hold.
//! - `tables`: rows of views that leave the registry and come back.
//! - `times`: points in time that are accepted, and those that are not; rows without values.
//! - `types`: values of every type from parquet and over HTTP.
//! - `doctor`: what is found of repositories and machines before a server goes live, and that it leaves no trace.
//! - `durability`: full disks, damaged files, killed servers, pushes that wait in the log.
//! - `feature_logging`: the log of what was served of feature services.
//! - `awaited_runs`: materializations whose clients wait for them, and are gone.
//! - `store_heals`: stores that cannot be written for a while, are moved, or are read by other processes.
//! - `backups`: backups under a server that takes pushes, what is restored from them, and processes that are killed meanwhile.
//! - `one_yaml`: settings that Python reads too, and those of a variable of the environment.
//! - `configuration`: settings in force, each with its origin, and a changed file that a server is told of.
//! - `lambda`: the server's answers in a function of AWS Lambda, through an emulator of what is around it.
//! - `background`: materializations that go on after their responses.
//! - `browsers`: requests that a browser makes for pages of other sites.
//! - `bodies`: bodies in the encodings that Python reads, and integers that do not fit.
//! - `metrics`: the page that Prometheus reads.
//! - `traces`: spans of requests, and where the time of slow ones goes.
//! - `log`: a log that is not read stops nothing, and its lines are its own.
//! - `bad_input`: what a mistake gets: one clear line, the exit code, nothing half-written.
//! - `registries`: registries that Python Feast wrote, against ours of the same definitions.
//! - `audit`: the lines of the audit log, and what a strict one does not let happen.
//! - `apply`: what `apply` and `plan` accept and print.
//! - `lost_volumes`: an online store that is gone while the registry still tells of its rows.
//! - `missing_registry`: a registry whose file is not there, or is empty.
//! - `read_only`: servers and commands that only read, beside a server that writes.
//! - `redis_clusters`: clusters and sentinels that fail over and move their slots while clients go on.
//! - `redis_removal`: rows of removed views in a Redis that others use too.
//! - `redis_shards`: a Redis that is filled in parts.
//! - `redis_trouble`: a Redis that is away, hangs or refuses, and hashes that are damaged.
//! - `usage`: commands that are typed wrong.
//! - `look_up`: lists, descriptions and edits of what the registry holds.
//! - `interop`: Python Feast itself on the same repositories.
//! - `fuzz`: changed requests, byte by byte.
//! - `layers`: which module may use which.
//! - `licences`: the licences of dependencies, and which of them are there twice.
//! - `links`: files that the documents name.

#![expect(clippy::unwrap_used, reason = "a test fails by it, also in its helpers")]

mod apply;
mod arrow;
mod audit;
mod awaited_runs;
mod background;
mod backups;
mod bad_input;
mod bodies;
mod browsers;
mod configuration;
mod connections;
mod contract;
mod copy;
mod doctor;
mod durability;
mod feature_logging;
mod fuzz;
mod golden;
mod hand_over;
mod held_locks;
mod interop;
mod lambda;
mod large_pushes;
mod layers;
mod licences;
mod links;
mod log;
mod look_up;
mod lost_volumes;
mod metrics;
mod missing_registry;
mod name_collisions;
mod on_demand;
mod one_yaml;
mod online_store_keys;
mod online_store_scan;
mod overload;
mod read_only;
mod redis_clusters;
mod redis_removal;
mod redis_shards;
mod redis_trouble;
mod registries;
mod sign_in;
mod sqlite;
mod store_heals;
mod support;
mod tables;
mod times;
mod traces;
mod types;
mod usage;
mod waiting_pushes;
mod walk;
