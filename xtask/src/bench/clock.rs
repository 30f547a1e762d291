//! Two clocks: the time that passes, and the time for which the thread that does the work has a CPU.

use std::{
    collections::BTreeMap,
    fs, io,
    time::{Duration, Instant},
};

/// How long something took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Took {
    /// By the clock on the wall.
    pub(super) wall: Duration,
    /// On a CPU: of the thread of the process that was there longest.
    pub(super) cpu: Duration,
}

impl Took {
    /// Both together with those of what came next.
    pub(super) fn plus(self, next: Self) -> Self {
        Self { wall: self.wall + next.wall, cpu: self.cpu + next.cpu }
    }
}

/// Clocks that run.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    cpu: Cpu,
    wall: Instant,
}

/// Whose time on a CPU is counted.
#[derive(Clone, Debug)]
enum Cpu {
    /// That of the calling thread, to the nanosecond.
    Here(Duration),
    /// That of each thread of another process. The system brings it up to date some hundred times a second.
    Process(u32, BTreeMap<String, Duration>),
}

impl Clock {
    /// Starts them for what the calling thread does.
    pub(super) fn start_here() -> Self {
        Self { cpu: Cpu::Here(here()), wall: Instant::now() }
    }

    /// Starts them for what another process does.
    pub(super) fn start(process: u32) -> io::Result<Self> {
        Ok(Self { cpu: Cpu::Process(process, threads(process)?), wall: Instant::now() })
    }

    /// How long it has been.
    pub(super) fn stop(self) -> io::Result<Took> {
        let wall = self.wall.elapsed();
        let cpu = match self.cpu {
            Cpu::Here(before) => here().saturating_sub(before),
            Cpu::Process(process, before) => {
                let before = |thread: &String| before.get(thread).copied().unwrap_or_default();
                let took = threads(process)?.into_iter().map(|(thread, cpu)| cpu.saturating_sub(before(&thread)));
                took.max().unwrap_or_default()
            }
        };
        Ok(Took { wall, cpu })
    }
}

/// For how long the calling thread has had a CPU.
fn here() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// For how long each thread of a process has had a CPU.
fn threads(process: u32) -> io::Result<BTreeMap<String, Duration>> {
    let mut threads = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{process}/task"))? {
        let entry = entry?;
        // A thread may end at any time.
        let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) else { continue };
        let nanoseconds = text.split(' ').next().and_then(|text| text.parse().ok());
        let time = nanoseconds.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "an odd schedstat"))?;
        threads.insert(entry.file_name().to_string_lossy().into_owned(), Duration::from_nanos(time));
    }
    Ok(threads)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_takes_time_on_a_cpu() {
        let (here, process) = (Clock::start_here(), Clock::start(std::process::id()).unwrap());
        let Cpu::Process(this, before) = &process.cpu else { panic!("it was started for a process") };
        let mut sum = 0_u64;
        while threads(*this).unwrap().iter().all(|(thread, now)| before.get(thread).is_none_or(|then| then == now)) {
            sum = std::hint::black_box(sum + 1);
        }
        assert!([here, process].map(|clock| clock.stop().unwrap().cpu).iter().all(|cpu| *cpu > Duration::ZERO));
    }

    #[test]
    fn times_add_up() {
        let took = |wall, cpu| Took { wall: Duration::from_secs(wall), cpu: Duration::from_secs(cpu) };
        assert_eq!(took(3, 1).plus(took(4, 2)), took(7, 3));
    }
}
