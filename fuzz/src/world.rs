//! What driver, device and kernel share in an episode, and the oracle that watches them.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::ptr::NonNull;
use std::rc::Rc;

use crate::bus::Function;
use crate::choices::Choices;
use crate::coverage::{Coverage, Event};
use crate::device::{Bus, Device, NEEDS_RESET, Role};
use crate::hostility::Hostility;
use crate::ledger::Ledger;
use crate::memory::Memory;
use crate::methods::Method;
use crate::ring::Ring;

/// A world that driver, device and kernel share.
pub(crate) type Shared = Rc<RefCell<World>>;

/// The panic with which a call of the driver ends that makes too many register accesses.
#[derive(Debug)]
pub(crate) struct TooManyAccesses;

/// The call of the driver that is running.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    method: Option<Method>,
    /// Register accesses since it started or since its last wait, without reads of the status.
    accesses: u32,
    status_reads: u32,
    /// Accesses that it may make, and reads of the status.
    limits: (u32, u32),
    /// All accesses that it may make while the configuration does not change.
    steady: u32,
    /// The generation of the configuration when it started or after its last wait.
    generation: u32,
    /// Whether it may return no memory to the kernel.
    pub(crate) returns_nothing: bool,
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
        method: None,
        accesses: 0,
        status_reads: 0,
        limits: (u32::MAX, u32::MAX),
        steady: u32::MAX,
        generation: 0,
        returns_nothing: false,
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
    pub(crate) hostility: Hostility,
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
    pub(crate) fn new(choices: Choices, bus: Bus, hostility: Hostility, frame: u64, base: u64, frames: u32) -> Self {
        // The memory for DMA is below the frames, or behind them.
        let behind = (base + u64::from(frames)) * frame;
        let memory = Memory::starting(if base == 0 { behind } else { 0x1_0000 });
        Self {
            choices,
            memory,
            ledger: Ledger::new(base, frames),
            device: Device::new(bus),
            function: Function::new(bus, 16, 4),
            hostility,
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

    /// Starts a call of the driver that looks at the used buffers of these queues. `has_blocks` says whether block inflation is
    /// declared.
    pub(crate) fn begin(&mut self, method: Method, has_blocks: bool, looks_at: &[Role]) {
        let is_live = self.device.is_live();
        let is_broken = |role: &Role| self.ring(*role).is_some_and(|ring| ring.is_broken);
        let reaps = looks_at.contains(&Role::Inflate);
        let needs_reset = reaps && self.device.status & NEEDS_RESET != 0;
        let must_fail = is_live && (needs_reset || looks_at.iter().any(is_broken));
        self.steps += 1;
        self.start(method, has_blocks, must_fail);
    }

    /// Starts a call of the driver that is not a step of the episode: a query.
    pub(crate) fn begin_query(&mut self, method: Method) {
        self.start(method, false, false);
    }

    fn start(&mut self, method: Method, has_blocks: bool, must_fail: bool) {
        let limit = method.limit();
        let blocks = if has_blocks { limit.blocks } else { 0 };
        let (limits, steady) = ((limit.accesses + blocks, limit.status), limit.steady + blocks);
        let generation = self.device.generation;
        self.call =
            Call { name: method.path(), method: Some(method), limits, steady, generation, must_fail, ..Call::NONE };
        self.coverage.called(method);
        if self.prints {
            eprintln!("step {}: {}", self.steps, method.path());
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
            if self.hostility.is_conforming {
                self.fail("the driver reports an error of a device that keeps the protocol");
            }
        }
        self.note_accesses();
        self.call = Call { name: self.call.name, ..Call::NONE };
    }

    /// Notes and checks the accesses of the call since it started or since its last wait.
    fn note_accesses(&mut self) {
        let Call { method, accesses, status_reads, steady, generation, is_bent, .. } = self.call;
        // Any register of a forged function may be where the status should be.
        let Some(method) = method.filter(|_| !self.is_forged) else { return };
        self.coverage.note_accesses(method, accesses, status_reads);
        let is_steady = !is_bent && !self.device.is_restless && generation == self.device.generation;
        if is_steady && accesses + status_reads > steady {
            self.fail(format!("more than {steady} register accesses, and the configuration did not change"));
        }
    }

    /// Ends a part of a call that waits: the device has a turn.
    pub(crate) fn wait(&mut self) {
        self.note_accesses();
        (self.call.accesses, self.call.status_reads) = (0, 0);
        self.call.must_fail = false;
        self.turn();
        self.call.generation = self.device.generation;
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
