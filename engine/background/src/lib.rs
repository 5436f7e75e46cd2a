//! Threads whose work can wait: those of materializations, in a server that answers requests meanwhile.
//!
//! They give way to others where there are not enough cores, so that a request does not wait for one of their turns, which are some
//! milliseconds long. Where nothing else runs they are as fast as any. A thread that holds a lock for which requests wait must not give
//! way: the requests would wait with it.

/// Of 19 at most. It leaves a tenth of a core to a thread that shares it with one that does not give way.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Lowers the priority of the calling thread until it ends: without privileges it cannot be raised again.
pub fn give_way() {
    // Elsewhere it would be the whole process. What the system does not allow is done without.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICENESS);
}
