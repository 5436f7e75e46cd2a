//! The process: memory, processor time, open files.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::super::process::{CpuUsage, Process};
use super::{Number, Numbers, gauge, gauges};

/// Feast's gauges, and those that Prometheus has for every process.
pub(super) struct ProcessMetrics {
    usage: CpuUsage,
    feast_cpu: Numbers<1>,
    feast_memory: Numbers<1>,
    /// In seconds.
    cpu: Counter<f64, AtomicU64>,
    resident_bytes: Number,
    virtual_bytes: Number,
    open_files: Number,
    max_open_files: Number,
    threads: Number,
    start_seconds: Number,
}

impl ProcessMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            usage: CpuUsage::new(),
            feast_cpu: gauges(
                registry,
                "feast_feature_server_cpu_usage",
                "CPU usage percentage of the Feast feature server process",
            ),
            feast_memory: gauges(
                registry,
                "feast_feature_server_memory_usage",
                "Memory usage percentage of the Feast feature server process",
            ),
            cpu: {
                let cpu = Counter::<f64, AtomicU64>::default();
                registry.register(
                    "process_cpu_seconds",
                    "Processor time, in user and system mode",
                    cpu.clone(),
                );
                cpu
            },
            resident_bytes: gauge(registry, "process_resident_memory_bytes", "Resident memory"),
            virtual_bytes: gauge(registry, "process_virtual_memory_bytes", "Virtual memory"),
            open_files: gauge(registry, "process_open_fds", "Open files and sockets"),
            max_open_files: gauge(registry, "process_max_fds", "The limit of open files and sockets"),
            threads: gauge(registry, "process_threads", "Threads"),
            start_seconds: gauge(
                registry,
                "process_start_time_seconds",
                "When the process began, since 1970",
            ),
        }
    }

    pub(super) fn look(&mut self) {
        let process = Process::look();
        let id = || [("pid", std::process::id().to_string())];
        self.feast_cpu.get_or_create(&id()).set(self.usage.percent(&process));
        self.feast_memory.get_or_create(&id()).set(process.memory_percent);
        self.cpu.inner().store(process.cpu_seconds.to_bits(), Ordering::Relaxed);
        self.resident_bytes.set(process.resident_bytes as f64);
        self.virtual_bytes.set(process.virtual_bytes as f64);
        self.open_files.set(process.open_files as f64);
        self.max_open_files.set(process.max_open_files as f64);
        self.threads.set(process.threads as f64);
        self.start_seconds.set(process.start_seconds);
    }
}
