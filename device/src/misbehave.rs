//! How a device can be told to lie.

/// One way to misbehave, for good or at one point in time.
///
/// Made from a [`RegisterFault`], a [`QueueFault`] or a [`PlannedFault`], and given to
/// [`BalloonDevice::misbehave`](crate::BalloonDevice::misbehave) or to the builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehave {
    /// What a register says.
    Register(RegisterFault),
    /// What happens to buffers.
    Queue(PlannedFault),
}

impl From<RegisterFault> for Misbehave {
    fn from(fault: RegisterFault) -> Self {
        Misbehave::Register(fault)
    }
}

impl From<QueueFault> for Misbehave {
    fn from(fault: QueueFault) -> Self {
        Misbehave::Queue(PlannedFault { fault, when: When::Always, queue: None })
    }
}

impl From<PlannedFault> for Misbehave {
    fn from(fault: PlannedFault) -> Self {
        Misbehave::Queue(fault)
    }
}

/// A register, or a field of the configuration, that lies from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterFault {
    /// MagicValue reads as this.
    MagicValue(u32),
    /// Version reads as this.
    Version(u32),
    /// DeviceID reads as this.
    DeviceId(u32),
    /// The offered features read as this, and the device agrees to whatever the driver makes of it.
    Features(u64),
    /// FEATURES_OK does not stay set.
    LosesFeaturesOk,
    /// Status reads 0 only after so many other answers (1 each) once it was reset; `u32::MAX` is never.
    SlowReset(u32),
    /// QueueReset reads 0 only after so many other answers (1 each) once a queue was reset; `u32::MAX` is never.
    SlowQueueReset(u32),
    /// Status has these bits too.
    StatusBits(u32),
    /// QueueSizeMax of every queue reads as this.
    QueueSizeMax(u32),
    /// QueueReady reads as this, whatever was written.
    QueueReady(u32),
    /// ConfigGeneration is another one at every read.
    GenerationNeverSettles,
    /// `num_pages` reads as this.
    NumPages(u32),
    /// `actual` reads as this, not as the driver wrote it.
    Actual(u32),
    /// `free_page_hint_cmd_id` reads as this.
    HintCommand(u32),
    /// `free_page_hint_cmd_id` is the id of another round at every read.
    HintCommandFlaps,
    /// `poison_val` reads as this, not as the driver wrote it.
    PoisonVal(u32),
    /// InterruptStatus has these bits too, which no acknowledgement clears.
    InterruptBits(u32),
    /// Every notification is answered by an interrupt for nothing, beside the right ones.
    SpuriousInterrupts,
}

/// What goes wrong with a buffer on its way back, or while the device has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueFault {
    /// The used entry has this id; in a packed ring its low 16 bits.
    UsedId(u32),
    /// The used entry has the id of a descriptor that is not in flight.
    UsedIdNotOutstanding,
    /// The buffer is given back twice.
    UsedTwice,
    /// The used entry says that so many bytes were written.
    UsedLength(u32),
    /// The used index is off by this much, until the next buffer is given back. A packed ring has no index: there so
    /// many descriptors ahead are marked as used too, or the used one is withdrawn until the next buffer is given back.
    UsedIndexJump(i16),
    /// The buffer is taken and never given back.
    NeverAnswers,
    /// The statistics buffer is given back as soon as it comes, though nobody asked for newer statistics.
    Unasked,
    /// The buffer is given back without an interrupt, though the driver asked for one.
    LosesInterrupt,
    /// The buffers that are in flight are given back in the opposite order.
    OutOfOrder,
    /// The buffer is given back only after this many ticks: register accesses, or calls of
    /// [`BalloonDevice::tick`](crate::BalloonDevice::tick). On its own thread the device ticks by itself.
    Delay(u32),
    /// Shared memory is overwritten while the device has the buffer.
    Scribbles(Scribble),
    /// DEVICE_NEEDS_RESET is set in place of giving the buffer back, and nothing is answered until a reset.
    NeedsReset,
}

/// What a hostile device overwrites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scribble {
    /// The whole descriptor table, or the whole packed ring.
    Descriptors,
    /// The whole available ring, flags and index included; the driver's event structure of a packed ring.
    AvailableRing,
    /// All entries and the flags of the used ring, but not its index; the device's event structure of a packed ring.
    UsedRing,
    /// The buffer itself: the array of page numbers or statistics, or the pages that are reported or hinted.
    Array,
}

/// For which buffers a [`QueueFault`] holds. Buffers are counted from 0 as the device takes them, over all queues,
/// from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// For all.
    Always,
    /// For this one.
    At(u64),
    /// For this one and all after it.
    From(u64),
}

impl When {
    /// Whether this is the time.
    pub(crate) fn holds(self, number: u64) -> bool {
        match self {
            Self::Always => true,
            Self::At(at) => at == number,
            Self::From(from) => from <= number,
        }
    }
}

/// A [`QueueFault`] with its time and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedFault {
    fault: QueueFault,
    when: When,
    queue: Option<u16>,
}

impl QueueFault {
    /// Only for the `buffer`th one, counted from 0.
    pub fn at(self, buffer: u64) -> PlannedFault {
        PlannedFault { fault: self, when: When::At(buffer), queue: None }
    }

    /// Only from the `buffer`th one on, counted from 0.
    pub fn starting_at(self, buffer: u64) -> PlannedFault {
        PlannedFault { fault: self, when: When::From(buffer), queue: None }
    }

    /// Only on this queue.
    pub fn on(self, queue: u16) -> PlannedFault {
        PlannedFault { fault: self, when: When::Always, queue: Some(queue) }
    }
}

impl PlannedFault {
    /// Only on this queue.
    pub fn on(self, queue: u16) -> PlannedFault {
        PlannedFault { queue: Some(queue), ..self }
    }
}

/// All faults that were asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    registers: Vec<RegisterFault>,
    queues: Vec<PlannedFault>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Misbehave) {
        match fault {
            Misbehave::Register(fault) => self.registers.push(fault),
            Misbehave::Queue(fault) => self.queues.push(fault),
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What `pick` makes of the newest register fault it knows.
    pub(crate) fn register<T>(&self, pick: impl Fn(RegisterFault) -> Option<T>) -> Option<T> {
        self.registers.iter().rev().find_map(|fault| pick(*fault))
    }

    pub(crate) fn has(&self, fault: RegisterFault) -> bool {
        self.registers.contains(&fault)
    }

    /// The faults of the `buffer`th buffer of all, taken from `queue`.
    pub(crate) fn of_buffer(&self, buffer: u64, queue: u16) -> Vec<QueueFault> {
        let holds = |plan: &&PlannedFault| plan.when.holds(buffer) && plan.queue.is_none_or(|only| only == queue);
        self.queues.iter().filter(holds).map(|plan| plan.fault).collect()
    }
}
