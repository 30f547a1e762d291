//! Fault injection: how a test makes the device model misbehave.

/// A fault of the device model, permanent or for some buffers.
///
/// Convert a [`RegisterFault`], a [`QueueFault`] or a [`PlannedFault`], and pass it to
/// [`BalloonDevice::inject`](crate::BalloonDevice::inject) or [`Builder::inject`](crate::Builder::inject).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A register reads a wrong value.
    Register(RegisterFault),
    /// A buffer is processed or completed incorrectly.
    Queue(PlannedFault),
}

impl From<RegisterFault> for Fault {
    fn from(fault: RegisterFault) -> Self {
        Self::Register(fault)
    }
}

impl From<QueueFault> for Fault {
    fn from(fault: QueueFault) -> Self {
        Self::Queue(PlannedFault { fault, when: When::Always, queue: None })
    }
}

impl From<PlannedFault> for Fault {
    fn from(fault: PlannedFault) -> Self {
        Self::Queue(fault)
    }
}

/// A register or configuration field that reads a wrong value, or another fault of the register file.
///
/// Variants that are named like a register replace the value that the driver reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterFault {
    /// MagicValue reads this value.
    MagicValue(u32),
    /// Version reads this value.
    Version(u32),
    /// DeviceID reads this value.
    DeviceId(u32),
    /// The device offers these features, including ones that it does not implement, and confirms what the driver accepts.
    Features(u64),
    /// The device clears FEATURES_OK.
    ClearsFeaturesOk,
    /// After a reset, Status reads 1 this many times before it reads 0; `u32::MAX` for a reset that never completes.
    SlowReset(u32),
    /// The reset takes place only when Status has been read this many times. Until then, Status reads its old value, and the
    /// device continues to use its queues.
    DelaysReset(u32),
    /// The device ignores a reset: Status reads its old value, and the device continues to use its queues.
    RefusesReset,
    /// The device does not notice some notifications, counted from 0 over all queues since the start of the device. It finds
    /// the buffers with the next notification of the same queue.
    LosesNotifications(When),
    /// After a queue reset, QueueReset reads 1 this many times before it reads 0; `u32::MAX` for a reset that never
    /// completes.
    SlowQueueReset(u32),
    /// Status reads with these bits set in addition.
    SetsStatusBits(u32),
    /// QueueSizeMax of every queue reads this value.
    QueueSizeMax(u32),
    /// QueueReady of every queue reads this value.
    QueueReady(u32),
    /// ConfigGeneration changes at every read.
    GenerationAlwaysChanges,
    /// `num_pages` reads this value.
    NumPages(u32),
    /// `actual` reads this value instead of the one that the driver wrote.
    Actual(u32),
    /// `free_page_hint_cmd_id` reads this value.
    HintCommand(u32),
    /// `free_page_hint_cmd_id` reads the id of a different round at every read.
    HintCommandAlwaysChanges,
    /// `poison_val` reads this value instead of the one that the driver wrote.
    PoisonVal(u32),
    /// InterruptStatus reads with these bits set in addition, also after they are acknowledged.
    SetsInterruptBits(u32),
    /// Every notification raises an additional interrupt without a cause.
    SpuriousInterrupts,
}

/// An incorrect completion of a buffer, or another fault while the device owns a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueFault {
    /// The used entry has this id; in a packed ring its low 16 bits.
    ReportsId(u32),
    /// The used entry has the id of a descriptor that is not in flight.
    ReportsIdNotInFlight,
    /// The device completes the buffer twice.
    CompletesTwice,
    /// The used entry has this length in bytes.
    ReportsLength(u32),
    /// The used index is off by this value until the next completion. A packed ring has no index: with a positive value
    /// that many following descriptors are marked as used too; with a negative value the used descriptor is unmarked
    /// until the next completion.
    ShiftsUsedIndex(i16),
    /// The device takes the buffer and never completes it.
    NeverCompletes,
    /// The device completes a statistics buffer immediately, without a request of the host.
    CompletesStatisticsEarly,
    /// The device completes the buffer without the interrupt that the driver enabled.
    LosesInterrupt,
    /// The device completes the buffers in flight in reverse order.
    CompletesInReverse,
    /// The device completes the buffer only after this many ticks. A tick is a register access or a call of
    /// [`BalloonDevice::tick`](crate::BalloonDevice::tick); a device with its own thread ticks continuously.
    DelaysCompletion(u32),
    /// The device overwrites shared memory while it owns the buffer.
    Scribbles(Scribble),
    /// The device sets DEVICE_NEEDS_RESET instead of completing the buffer, and stops working until it is reset.
    SetsNeedsReset,
}

/// The memory that a hostile device overwrites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scribble {
    /// The whole descriptor table, or the whole packed ring.
    Descriptors,
    /// The whole available ring including flags and index, or the driver event structure of a packed ring.
    AvailableRing,
    /// The entries and the flags of the used ring but not its index, or the device event structure of a packed ring.
    UsedRing,
    /// The memory of the buffer: the array of page numbers or statistics, or the reported or hinted pages.
    Buffer,
}

/// The calls or buffers that are affected by a fault, counted from 0.
///
/// A [`QueueFault`] counts the buffers of all queues in the order in which the device takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// All.
    Always,
    /// Only this one.
    At(u64),
    /// This one and all later ones.
    From(u64),
}

impl When {
    /// Returns whether `number` is affected.
    pub(crate) fn matches(self, number: u64) -> bool {
        match self {
            Self::Always => true,
            Self::At(at) => at == number,
            Self::From(from) => from <= number,
        }
    }
}

/// A [`QueueFault`] restricted to some buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedFault {
    fault: QueueFault,
    when: When,
    queue: Option<u16>,
}

impl QueueFault {
    /// Restricts the fault to buffer number `buffer`, counted from 0.
    pub fn at(self, buffer: u64) -> PlannedFault {
        PlannedFault { fault: self, when: When::At(buffer), queue: None }
    }

    /// Restricts the fault to buffer number `buffer` and later ones, counted from 0.
    pub fn starting_at(self, buffer: u64) -> PlannedFault {
        PlannedFault { fault: self, when: When::From(buffer), queue: None }
    }

    /// Restricts the fault to one queue.
    pub fn on(self, queue: u16) -> PlannedFault {
        PlannedFault { fault: self, when: When::Always, queue: Some(queue) }
    }
}

impl PlannedFault {
    /// Restricts the fault to one queue.
    pub fn on(self, queue: u16) -> PlannedFault {
        PlannedFault { queue: Some(queue), ..self }
    }
}

/// The injected faults of one device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    registers: Vec<RegisterFault>,
    queues: Vec<PlannedFault>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        match fault {
            Fault::Register(fault) => self.registers.push(fault),
            Fault::Queue(fault) => self.queues.push(fault),
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn has(&self, fault: RegisterFault) -> bool {
        self.registers.contains(&fault)
    }

    /// Returns the first result of `pick`, starting with the newest register fault.
    fn newest<T>(&self, pick: impl Fn(RegisterFault) -> Option<T>) -> Option<T> {
        self.registers.iter().rev().find_map(|fault| pick(*fault))
    }

    /// Returns the value that replaces `free_page_hint_cmd_id`. `changing` computes it for
    /// [`RegisterFault::HintCommandAlwaysChanges`].
    pub(crate) fn hint_command(&self, changing: impl Fn() -> u32) -> Option<u32> {
        self.newest(|fault| match fault {
            RegisterFault::HintCommand(command) => Some(command),
            RegisterFault::HintCommandAlwaysChanges => Some(changing()),
            _ => None,
        })
    }

    /// Returns the fault with which the device loses notification number `number`.
    pub(crate) fn lost_notification(&self, number: u64) -> Option<RegisterFault> {
        self.newest(|fault| match fault {
            RegisterFault::LosesNotifications(when) if when.matches(number) => Some(fault),
            _ => None,
        })
    }

    /// Returns the faults that affect buffer number `buffer`, which was taken from `queue`.
    pub(crate) fn of_buffer(&self, buffer: u64, queue: u16) -> Vec<QueueFault> {
        let affects = |plan: &&PlannedFault| plan.when.matches(buffer) && plan.queue.is_none_or(|only| only == queue);
        self.queues.iter().filter(affects).map(|plan| plan.fault).collect()
    }
}

/// Defines a method for each register fault with a value, which returns the value of the newest fault of that kind.
macro_rules! register_faults {
    ($($method:ident: $fault:ident($value:ident),)*) => {
        impl Faults {
            $(
                pub(crate) fn $method(&self) -> Option<$value> {
                    self.newest(|fault| match fault {
                        RegisterFault::$fault(value) => Some(value),
                        _ => None,
                    })
                }
            )*
        }
    };
}

register_faults! {
    magic_value: MagicValue(u32),
    version: Version(u32),
    device_id: DeviceId(u32),
    features: Features(u64),
    slow_reset: SlowReset(u32),
    delayed_reset: DelaysReset(u32),
    slow_queue_reset: SlowQueueReset(u32),
    status_bits: SetsStatusBits(u32),
    queue_size_max: QueueSizeMax(u32),
    queue_ready: QueueReady(u32),
    num_pages: NumPages(u32),
    actual: Actual(u32),
    poison_val: PoisonVal(u32),
    interrupt_bits: SetsInterruptBits(u32),
}
