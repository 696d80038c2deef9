//! What the machine says of itself and of a process.

use std::fs;
use std::io::Write;
use std::time::Instant;

/// Load averages over 1, 5 and 15 minutes: other people's work shows here.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// CPU time of the calling thread, ns.
pub(crate) fn thread_cpu_ns() -> anyhow::Result<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().unwrap_or("0").parse()?)
}

/// CPU time of a process, user and system together, µs; the kernel counts in hundredths of a second.
pub(crate) fn process_cpu_us(pid: u32) -> anyhow::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // "pid (name) state …": the name may hold anything.
    let (_, rest) = text.rsplit_once(") ").unwrap_or_default();
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    Ok((ticks(11) + ticks(12)) * 10_000)
}

/// Memory of a process in MiB: what it holds now, and what it held at most.
pub(crate) fn memory_mib(pid: u32) -> anyhow::Result<(u64, u64)> {
    let (now, most) = memory_kib(pid)?;
    Ok((now / 1024, most / 1024))
}

/// The same in KiB.
pub(crate) fn memory_kib(pid: u32) -> anyhow::Result<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0)
    };
    Ok((kib("VmRSS:"), kib("VmHWM:")))
}

/// What the disk itself takes for 4 KiB and a sync, µs, sorted: the floor of everything that is durable.
pub(crate) fn syncs(count: usize) -> anyhow::Result<Vec<u128>> {
    let folder = tempfile::tempdir()?;
    let mut file = fs::File::create(folder.path().join("floor"))?;
    let mut took = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        took.push(began.elapsed().as_micros());
    }
    took.sort_unstable();
    Ok(took)
}

/// The value below which that part of the sorted values lies.
pub(crate) fn quantile<T: Copy + Default>(sorted: &[T], part: f64) -> T {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = ((sorted.len() as f64 - 1.0) * part).round() as usize;
    sorted.get(at).copied().unwrap_or_default()
}

/// A number from the environment, to make a run shorter or longer.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
