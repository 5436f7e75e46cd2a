//! The time for limits of seconds, which each request reads several times.

/// Milliseconds that never go back, from an unknown start. They may be some milliseconds late, and are quicker to read than
/// the exact time.
#[cfg(target_os = "linux")]
pub(super) fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    let milliseconds = now.tv_sec.saturating_mul(1000) + now.tv_nsec / 1_000_000;
    u64::try_from(milliseconds).unwrap_or_default()
}

/// As above, but exact.
#[cfg(not(target_os = "linux"))]
pub(super) fn now() -> u64 {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}
