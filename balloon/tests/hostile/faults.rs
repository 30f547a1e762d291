//! The faults of a used ring, and the error of the driver for each.

use aerostat_balloon::transport::DeviceError;
use aerostat_device::{PlannedFault, QueueFault};

use crate::TARGET;

/// A fault of the first of two arrays on a queue, or of both.
pub(crate) struct RingFault {
    pub(crate) faults: Vec<PlannedFault>,
    pub(crate) error: DeviceError,
    /// How many of the [`TARGET`] frames the device has acknowledged before the driver notices the fault.
    pub(crate) acknowledged: u32,
}

/// Bytes of a full array.
const ARRAY: u32 = 1024;

/// Returns all faults of a queue whose next two arrays, of 256 and 44 frames, are the buffers `first` and `first + 1` of the
/// device, and whose used index is `used`.
pub(crate) fn ring_faults(queue: u16, first: u64, used: u16) -> Vec<RingFault> {
    use QueueFault::{
        CompletesTwice, NeverCompletes, ReportsId, ReportsIdNotInFlight, ReportsLength, SetsNeedsReset, ShiftsUsedIndex,
    };

    let fault =
        |faults: &[PlannedFault], acknowledged, error| RingFault { faults: faults.to_vec(), error, acknowledged };
    let not_in_flight = |id| DeviceError::NotOutstanding { queue, id };
    let jumped = |by: i16| {
        let to = used.wrapping_add(2).wrapping_add_signed(by);
        DeviceError::IndexJumped { queue, from: used, to, in_flight: 2 }
    };
    let too_long = |length| DeviceError::LengthTooLong { queue, id: 0, length, capacity: ARRAY };
    let (first, second) = (move |fault: QueueFault| fault.at(first), move |fault: QueueFault| fault.at(first + 1));
    vec![
        // An id of no descriptor, an id whose low 16 bits are valid, and an id of a free descriptor.
        fault(&[first(ReportsId(u32::MAX))], 0, not_in_flight(u32::MAX)),
        fault(&[first(ReportsId(0x1_0000))], 0, not_in_flight(0x1_0000)),
        fault(&[first(ReportsId(0xffff))], 0, not_in_flight(0xffff)),
        fault(&[first(ReportsId(127))], 0, not_in_flight(127)),
        fault(&[first(ReportsIdNotInFlight)], 0, not_in_flight(2)),
        fault(&[second(ReportsIdNotInFlight)], 256, not_in_flight(0)),
        // The same buffer again, while another one is in flight.
        fault(&[second(ReportsId(0))], 256, not_in_flight(0)),
        fault(&[first(CompletesTwice), second(NeverCompletes)], 256, not_in_flight(0)),
        // More buffers than are available.
        fault(&[first(CompletesTwice)], 0, jumped(1)),
        fault(&[second(ShiftsUsedIndex(1))], 0, jumped(1)),
        fault(&[second(ShiftsUsedIndex(i16::MAX))], 0, jumped(i16::MAX)),
        // Backwards.
        fault(&[second(ShiftsUsedIndex(-3))], 0, jumped(-3)),
        fault(&[second(ShiftsUsedIndex(i16::MIN))], 0, jumped(i16::MIN)),
        // Longer than the buffer.
        fault(&[first(ReportsLength(ARRAY + 1))], 0, too_long(ARRAY + 1)),
        fault(&[first(ReportsLength(u32::MAX))], 0, too_long(u32::MAX)),
        // The device sets DEVICE_NEEDS_RESET.
        fault(&[first(SetsNeedsReset)], 0, DeviceError::NeedsReset),
    ]
}

impl RingFault {
    /// Returns how many frames the device has not acknowledged.
    pub(crate) fn kept(&self) -> u32 {
        TARGET - self.acknowledged
    }

    /// Returns the name of the case for assertions.
    pub(crate) fn name(&self, when: &str) -> String {
        format!("{when}: {:?}", self.faults)
    }
}
