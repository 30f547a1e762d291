//! The lies that a used ring can tell, and what the driver answers.

use aerostat_balloon::transport::DeviceError;
use aerostat_device::{PlannedFault, QueueFault};

use crate::TARGET;

/// A lie about the first of two arrays on a queue, or about both.
pub(crate) struct Lie {
    pub(crate) faults: Vec<PlannedFault>,
    pub(crate) error: DeviceError,
    /// How many of the [`TARGET`] frames the device has acknowledged before the lie shows.
    pub(crate) acknowledged: u32,
}

/// Bytes of a full array.
const ARRAY: u32 = 1024;

/// All lies about a queue whose next two arrays, of 256 and 44 frames, are the buffers `first` and `first + 1` of the
/// device, and whose used index is `used`.
pub(crate) fn lies(queue: u16, first: u64, used: u16) -> Vec<Lie> {
    use QueueFault::{NeedsReset, NeverAnswers, UsedId, UsedIdNotOutstanding, UsedIndexJump, UsedLength, UsedTwice};

    let lie = |faults: &[PlannedFault], acknowledged, error| Lie { faults: faults.to_vec(), error, acknowledged };
    let nothing = |id| DeviceError::NotOutstanding { queue, id };
    let jumped = |by: i16| {
        let to = used.wrapping_add(2).wrapping_add_signed(by);
        DeviceError::IndexJumped { queue, from: used, to, in_flight: 2 }
    };
    let too_long = |length| DeviceError::LengthTooLong { queue, id: 0, length, capacity: ARRAY };
    let (first, second) = (move |fault: QueueFault| fault.at(first), move |fault: QueueFault| fault.at(first + 1));
    vec![
        // An id that no descriptor has, one that would be right if it were cut to 16 bits, one that is just free.
        lie(&[first(UsedId(u32::MAX))], 0, nothing(u32::MAX)),
        lie(&[first(UsedId(0x1_0000))], 0, nothing(0x1_0000)),
        lie(&[first(UsedId(0xffff))], 0, nothing(0xffff)),
        lie(&[first(UsedId(127))], 0, nothing(127)),
        lie(&[first(UsedIdNotOutstanding)], 0, nothing(2)),
        lie(&[second(UsedIdNotOutstanding)], 256, nothing(0)),
        // The same buffer again, while another one is in flight.
        lie(&[second(UsedId(0))], 256, nothing(0)),
        lie(&[first(UsedTwice), second(NeverAnswers)], 256, nothing(0)),
        // More than was made available.
        lie(&[first(UsedTwice)], 0, jumped(1)),
        lie(&[second(UsedIndexJump(1))], 0, jumped(1)),
        lie(&[second(UsedIndexJump(i16::MAX))], 0, jumped(i16::MAX)),
        // Backwards.
        lie(&[second(UsedIndexJump(-3))], 0, jumped(-3)),
        lie(&[second(UsedIndexJump(i16::MIN))], 0, jumped(i16::MIN)),
        // Longer than the buffer.
        lie(&[first(UsedLength(ARRAY + 1))], 0, too_long(ARRAY + 1)),
        lie(&[first(UsedLength(u32::MAX))], 0, too_long(u32::MAX)),
        // Gives up by itself.
        lie(&[first(NeedsReset)], 0, DeviceError::NeedsReset),
    ]
}

/// Frames of which the device has lied, or which it did not reach.
impl Lie {
    pub(crate) fn kept(&self) -> u32 {
        TARGET - self.acknowledged
    }

    pub(crate) fn name(&self, when: &str) -> String {
        format!("{when}: {:?}", self.faults)
    }
}
