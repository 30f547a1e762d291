//! Enables the queues of a live device.

use aerostat_spec::FeatureSet;

use crate::bus::{Notifier, Transport};
use crate::device::lifecycle::{Device, Live};
use crate::queue::{BufferQueue, Disabled, Enabled, VirtQueue};

impl<N: Notifier, const K: usize> VirtQueue<N, K, Disabled> {
    /// Enables the queue of a live device: [`notify`](VirtQueue::notify) can be called on the returned queue. A queue of another device
    /// becomes unusable.
    pub fn enable<T: Transport, D, F: FeatureSet>(self, live: &Device<T, D, Live<F>>) -> VirtQueue<N, K, Enabled> {
        self.enable_for(live.generation)
    }
}

impl<N: Notifier, const K: usize, S> VirtQueue<N, K, S> {
    /// Returns whether the queue was set up for this device since its last reset.
    pub fn is_of<T: Transport, D, F: FeatureSet>(&self, device: &Device<T, D, Live<F>>) -> bool {
        self.generation() == device.generation
    }
}

impl<N: Notifier, const K: usize, B> BufferQueue<N, K, Disabled, B> {
    /// Enables the queue of a live device: [`notify`](BufferQueue::notify) can be called on the returned queue. A queue of another device
    /// becomes unusable.
    pub fn enable<T: Transport, D, F: FeatureSet>(self, live: &Device<T, D, Live<F>>) -> BufferQueue<N, K, Enabled, B> {
        self.enable_for(live.generation)
    }
}

impl<N: Notifier, const K: usize, S, B> BufferQueue<N, K, S, B> {
    /// Returns whether the queue was set up for this device since its last reset.
    pub fn is_of<T: Transport, D, F: FeatureSet>(&self, device: &Device<T, D, Live<F>>) -> bool {
        self.generation() == device.generation
    }
}
