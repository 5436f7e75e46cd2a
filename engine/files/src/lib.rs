//! Files that are at each instant either the whole old one or the whole new one, the locks under which they change, and the
//! durable steps at which a test may end the process; and what can be known of a place before anything is written there.
//!
//! Knows nothing of what the files hold.

mod durable_file;
pub mod fail_point;
mod file_lock;
mod local_disk;
mod lock_holder;
mod plain_file;
mod writable;

pub use durable_file::{create_directories, give_to, remove_leftovers, replace, replace_bytes};
pub use file_lock::{COMMAND_PATIENCE, FileLock, REQUEST_PATIENCE};
pub use local_disk::is_on_local_disk;
pub use lock_holder::{lock_holder, process_in_words};
pub use plain_file::open_plain;
pub use writable::{DiskRoom, check_writable, check_writable_directory, room_on_disk_of};
