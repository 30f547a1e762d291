//! Available buffer notifications ("Driver Notifications", 2.9).

use aerostat_spec::{Feature, reserved};

use crate::ring::RingPosition;

/// Notifies a device of new buffers in one queue.
pub trait Notifier {
    /// Sends the notification. `next` is the position at which the next buffer will be made available; the notification carries
    /// it if VIRTIO_F_NOTIFICATION_DATA was negotiated.
    fn notify(&self, next: RingPosition);
}

/// The contents of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotificationFormat {
    /// The number of the queue.
    Queue,
    /// The number of the queue and the position in the ring (VIRTIO_F_NOTIFICATION_DATA).
    QueueAndPosition,
}

impl NotificationFormat {
    /// Returns the format that follows from the accepted features.
    pub(super) const fn of(features: u64) -> Self {
        match features & 1 << reserved::feature::NotificationData::BIT {
            0 => Self::Queue,
            _ => Self::QueueAndPosition,
        }
    }

    /// Returns the length of a notification over PCI in bytes, which is also its alignment.
    #[cfg(feature = "pci")]
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Queue => size_of::<u16>(),
            Self::QueueAndPosition => size_of::<u32>(),
        }
    }
}
