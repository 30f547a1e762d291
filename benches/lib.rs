//! What the benchmarks share: a balloon on a device in this process whose work is reduced to acknowledging.

use aerostat_balloon::transport::{Mmio, Spin};
use aerostat_balloon::{Balloon, MustTellHost, Ready, Size4KiB, features};
use aerostat_device::{BalloonDevice, Logging, Registers, Reuse, TestPlatform, Work};

/// A live balloon on the in-process device.
pub type BenchBalloon = Balloon<Ready<Mmio<Registers>, TestPlatform<Size4KiB>, features! { MustTellHost: Required }>>;

/// A live balloon that keeps at most `depth` arrays with the device, and the device.
///
/// # Panics
///
/// When this machine has no memory for it.
pub fn balloon(depth: u16) -> (BenchBalloon, BalloonDevice) {
    let device = BalloonDevice::builder().work(Work::Acknowledge).logging(Logging::Off).inline().start();
    let device = device.expect("there is memory for a guest");
    let platform = TestPlatform::builder(device.memory()).reuse(Reuse::Later).build();
    let bus = Mmio::new(device.registers()).map_err(|(_, error)| error).expect("the device is there");
    let balloon = Balloon::new(bus, platform.expect("there is memory for frames")).depth(depth);
    let balloon = balloon.require(MustTellHost).probe().map_err(|failed| failed.error);
    (balloon.expect("the device is honest"), device)
}

/// Inflates the balloon to `pages`, and deflates it again.
///
/// # Panics
///
/// When the device stops working.
pub fn up_and_down(balloon: &mut BenchBalloon, device: &BalloonDevice, pages: u32) {
    device.set_target(pages);
    let up = balloon.inflate(pages).and_then(|inflation| inflation.wait(&mut Spin::default()));
    assert_eq!(up, Ok(pages));
    device.set_target(0);
    let down = balloon.deflate(pages).and_then(|deflated| deflated.tell_host().wait(&mut Spin::default()));
    assert_eq!(down, Ok(pages));
}
