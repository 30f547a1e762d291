//! Measures elapsed time and CPU time.

use std::{
    collections::BTreeMap,
    fs, io,
    time::{Duration, Instant},
};

/// How long something took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Elapsed {
    /// Elapsed time.
    pub(crate) wall: Duration,
    /// CPU time, of all threads if it is another process.
    pub(crate) cpu: Duration,
}

impl Elapsed {
    /// Returns the sum.
    pub(crate) fn plus(self, next: Self) -> Self {
        Self { wall: self.wall + next.wall, cpu: self.cpu + next.cpu }
    }

    /// Returns the time without that of a part.
    pub(crate) fn without(self, part: Self) -> Self {
        Self { wall: self.wall.saturating_sub(part.wall), cpu: self.cpu.saturating_sub(part.cpu) }
    }
}

/// A running measurement.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    cpu: Cpu,
    wall: Instant,
}

/// The threads whose CPU time is measured.
#[derive(Clone, Debug)]
enum Cpu {
    /// The calling thread, with its CPU time at the start, in nanoseconds.
    ThisThread(Duration),
    /// The threads of another process, with their CPU times at the start. The kernel updates them about a hundred times a second.
    Process(u32, BTreeMap<String, Duration>),
}

impl Clock {
    /// Starts to measure the calling thread.
    pub(crate) fn start_this_thread() -> Self {
        Self { cpu: Cpu::ThisThread(this_thread()), wall: Instant::now() }
    }

    /// Starts to measure another process.
    pub(crate) fn start(process: u32) -> io::Result<Self> {
        Ok(Self { cpu: Cpu::Process(process, threads(process)?), wall: Instant::now() })
    }

    /// Ends the measurement.
    pub(crate) fn stop(self) -> io::Result<Elapsed> {
        let wall = self.wall.elapsed();
        let cpu = match self.cpu {
            Cpu::ThisThread(before) => this_thread().saturating_sub(before),
            Cpu::Process(process, before) => {
                let before = |thread: &String| before.get(thread).copied().unwrap_or_default();
                let elapsed = threads(process)?.into_iter().map(|(thread, cpu)| cpu.saturating_sub(before(&thread)));
                elapsed.sum()
            }
        };
        Ok(Elapsed { wall, cpu })
    }
}

/// Returns the CPU time of the calling thread.
fn this_thread() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Returns the CPU time of each thread of a process.
fn threads(process: u32) -> io::Result<BTreeMap<String, Duration>> {
    let mut threads = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{process}/task"))? {
        let entry = entry?;
        // The thread may have ended.
        let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) else { continue };
        let nanoseconds = text.split(' ').next().and_then(|text| text.parse().ok());
        let time =
            nanoseconds.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "schedstat has an unknown format"))?;
        threads.insert(entry.file_name().to_string_lossy().into_owned(), Duration::from_nanos(time));
    }
    Ok(threads)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_takes_cpu_time() {
        let (thread, process) = (Clock::start_this_thread(), Clock::start(std::process::id()).unwrap());
        let Cpu::Process(this, before) = &process.cpu else { panic!("not a process") };
        let mut sum = 0_u64;
        while threads(*this).unwrap().iter().all(|(thread, now)| before.get(thread).is_none_or(|then| then == now)) {
            sum = std::hint::black_box(sum + 1);
        }
        assert!([thread, process].map(|clock| clock.stop().unwrap().cpu).iter().all(|cpu| *cpu > Duration::ZERO));
    }

    #[test]
    fn times_add_up() {
        let elapsed = |wall, cpu| Elapsed { wall: Duration::from_secs(wall), cpu: Duration::from_secs(cpu) };
        assert_eq!(elapsed(3, 1).plus(elapsed(4, 2)), elapsed(7, 3));
        assert_eq!(elapsed(7, 3).without(elapsed(4, 2)), elapsed(3, 1));
    }
}
