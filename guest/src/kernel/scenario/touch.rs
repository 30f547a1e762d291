//! Writing to free memory, so that the host has to back it.

use aerostat_balloon::Pages;
use aerostat_guest::{Options, Touch as When};
use log::info;

use crate::kernel::{arch, balloon, memory};

/// Writes to free memory, some of which came out of the balloon.
#[derive(Debug)]
pub(super) struct Touch {
    when: When,
    /// The size of the balloon at the last poll.
    size: Pages,
}

impl Touch {
    /// Writes to all free memory and logs the time that this takes, unless the command line does not say so.
    pub(super) fn start(options: &Options) -> Self {
        if options.touch != When::Never {
            let started = arch::now();
            memory::touch();
            info!("touched all free memory in {} ms", (arch::now() - started).as_millis());
        }
        Self { when: options.touch, size: Pages(0) }
    }

    /// Writes to all free memory if the balloon has become smaller.
    pub(super) fn poll(&mut self) {
        let size = balloon::size();
        if size < self.size && self.when == When::Always {
            memory::touch();
        }
        self.size = size;
    }
}
