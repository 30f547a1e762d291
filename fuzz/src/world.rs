//! What driver, device and kernel share in an episode, and the oracle that watches them.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::ptr::NonNull;
use std::rc::Rc;

use crate::bus::Function;
use crate::choices::Choices;
use crate::coverage::{Coverage, Event};
use crate::device::{Bus, Device, NEEDS_RESET, Role};
use crate::ledger::Ledger;
use crate::memory::Memory;
use crate::ring::Ring;
use crate::temper::Temper;

/// A world that driver, device and kernel share.
pub(crate) type Shared = Rc<RefCell<World>>;

/// The panic with which a call of the driver ends that makes too many register accesses.
#[derive(Debug)]
pub(crate) struct TooManyAccesses;

/// The call of the driver that is running.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    /// Register accesses since it started, without reads of the status.
    accesses: u32,
    status_reads: u32,
    /// Accesses that it may make, and reads of the status.
    limits: (u32, u32),
    /// Whether it returns frames before the device has answered.
    pub(crate) is_early: bool,
    /// Whether it takes hinted blocks back before the host is done.
    pub(crate) reclaims: bool,
    /// Whether the device has returned a wrong value since the call started.
    pub(crate) is_bent: bool,
    /// Queues that were broken when the call started, and that the call looks at.
    must_fail: bool,
}

impl Call {
    const NONE: Self = Self {
        name: "nothing",
        accesses: 0,
        status_reads: 0,
        limits: (u32::MAX, u32::MAX),
        is_early: false,
        reclaims: false,
        is_bent: false,
        must_fail: false,
    };
}

/// What driver, device and kernel share in an episode.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) choices: Choices,
    pub(crate) memory: Memory,
    pub(crate) ledger: Ledger,
    pub(crate) device: Device,
    pub(crate) function: Function,
    pub(crate) temper: Temper,
    pub(crate) call: Call,
    pub(crate) coverage: Coverage,
    /// The first violation that the oracle has noticed.
    pub(crate) finding: Option<String>,
    /// Bytes in a frame.
    pub(crate) frame: u64,
    /// Whether the device uses MSI-X.
    pub(crate) has_vectors: bool,
    /// Whether the driver is looking at the PCI function.
    pub(crate) is_connecting: bool,
    /// Whether a register has returned a wrong value since the last reset.
    pub(crate) is_bent: bool,
    /// Whether a BAR register has returned a wrong value.
    pub(crate) is_bar_bent: bool,
    /// Whether the PCI function describes registers that are not where it says.
    pub(crate) is_forged: bool,
    /// Whether the driver has read the command DONE since it hinted the last block.
    pub(crate) has_read_done: bool,
    /// Whether a call was stopped because it made too many accesses. Registers do nothing then.
    pub(crate) is_stopped: bool,
    /// Whether the status has read all ones, as that of a device that is gone.
    pub(crate) has_seen_gone: bool,
    /// Whether DMA memory may be lost, because a reset was not finished.
    pub(crate) may_lose_memory: bool,
    /// Calls of the driver so far.
    pub(crate) steps: u64,
    /// Whether each call is printed.
    pub(crate) prints: bool,
    /// Private memory of the driver.
    pub(crate) private: Vec<NonNull<[u64]>>,
}

impl World {
    pub(crate) fn new(choices: Choices, bus: Bus, temper: Temper, frame: u64, base: u64, frames: u32) -> Self {
        // The memory for DMA is below the frames, or behind them.
        let behind = (base + u64::from(frames)) * frame;
        let memory = Memory::starting(if base == 0 { behind } else { 0x1_0000 });
        Self {
            choices,
            memory,
            ledger: Ledger::new(base, frames),
            device: Device::new(bus),
            function: Function::new(bus, 16, 4),
            temper,
            call: Call::NONE,
            coverage: Coverage::default(),
            finding: None,
            frame,
            has_vectors: false,
            is_connecting: false,
            is_bent: false,
            is_bar_bent: false,
            is_forged: false,
            has_read_done: false,
            is_stopped: false,
            has_seen_gone: false,
            may_lose_memory: false,
            steps: 0,
            prints: false,
            private: Vec::new(),
        }
    }

    /// Notes a violation.
    pub(crate) fn fail(&mut self, message: impl Into<String>) {
        // What happens while a panic unwinds follows from it.
        if self.finding.is_none() && !std::thread::panicking() {
            self.finding = Some(format!("step {}: {}: {}", self.steps, self.call.name, message.into()));
        }
    }

    /// Notes a violation, if there is one.
    pub(crate) fn check(&mut self, result: Result<(), String>) {
        if let Err(message) = result {
            self.fail(message);
        }
    }

    /// Starts a call of the driver that looks at the used buffers of these queues.
    pub(crate) fn begin(&mut self, name: &'static str, limits: (u32, u32), looks_at: &[Role]) {
        let is_live = self.device.is_live();
        let is_broken = |role: &Role| self.ring(*role).is_some_and(|ring| ring.is_broken);
        let reaps = looks_at.contains(&Role::Inflate);
        let needs_reset = reaps && self.device.status & NEEDS_RESET != 0;
        let must_fail = is_live && (needs_reset || looks_at.iter().any(is_broken));
        self.call = Call { name, limits, must_fail, ..Call::NONE };
        self.steps += 1;
        if self.prints {
            eprintln!("step {}: {name}", self.steps);
        }
    }

    /// Ends a call of the driver. `is_error` says whether it returned an error of the device.
    pub(crate) fn end(&mut self, is_error: bool) {
        self.observe();
        if self.call.must_fail && !self.call.is_bent && !is_error {
            self.fail("the driver did not notice that the device broke the protocol");
        }
        if is_error {
            self.coverage.count(Event::DeviceError);
            if self.temper.is_gentle {
                self.fail("the driver reports an error of a device that keeps the protocol");
            }
        }
        self.call = Call { name: self.call.name, ..Call::NONE };
    }

    /// Starts another turn of a call that waits.
    pub(crate) fn restart_counts(&mut self) {
        (self.call.accesses, self.call.status_reads) = (0, 0);
        self.call.must_fail = false;
    }

    /// Returns the ring of a queue.
    pub(crate) fn ring(&self, role: Role) -> Option<&Ring> {
        self.device.queues.iter().find(|queue| queue.role == Some(role))?.ring.as_ref()
    }

    /// Counts an access, and stops the call if it makes too many.
    pub(crate) fn count(&mut self, is_status: bool) {
        let Call { accesses, status_reads, limits, .. } = &mut self.call;
        let (count, limit) = match (self.is_forged, is_status) {
            // Any register may be where the status should be.
            (true, _) => (accesses, limits.0.saturating_add(limits.1)),
            (false, true) => (status_reads, limits.1),
            (false, false) => (accesses, limits.0),
        };
        *count += 1;
        if *count > limit {
            let what = if is_status { "reads of the status" } else { "register accesses" };
            self.fail(format!("more than {limit} {what}"));
            self.is_stopped = true;
        }
    }

    /// Returns whether a finding stopped the call, which then ends with a panic.
    pub(crate) const fn is_stopped(&self) -> bool {
        self.is_stopped
    }
}

/// Ends the running call of the driver if it made too many accesses. It might never end otherwise.
pub(crate) fn stop_if_needed(was_stopped: bool, is_stopped: bool) {
    if is_stopped && !was_stopped && !std::thread::panicking() {
        resume_unwind(Box::new(TooManyAccesses));
    }
}
