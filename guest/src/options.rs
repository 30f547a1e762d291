//! The kernel command line.

use core::time::Duration;

use heapless::Vec;

/// What the command line asks for. Words are separated by spaces; that for MMIO is as QEMU and Firecracker say
/// it.
///
/// | word | meaning |
/// |---|---|
/// | `touch`, `touch=once` | write to every free frame, so that the host backs it: see [`Touch`] |
/// | `quiet` | say nothing but the line that the kernel is ready, and errors |
/// | `then=idle`, `exit`, `panic`, `fault`, `hang` | what to do when ready: see [`Then`] |
/// | `virtio_mmio.device=512@0xfeb00e00:12` | a virtio device: bytes, address, interrupt |
/// | `features=tell,stats,oom,hint,report,poison` | which features the balloon wants: see [`Features`] |
/// | `poison=0xaaaaaaaa` | the value that memory which comes back from the host is filled with, if `poison` is wanted |
/// | `spare=512`, `spare-after=3000` | use so many MiB until a byte comes in on the serial port, or so many ms have passed |
/// | `hog=256` | once the balloon is on target, allocate so many MiB, also at the balloon's cost |
/// | `hold-off=1000` | ms in which the balloon leaves a kernel alone that was out of memory; 0 for none |
/// | `freeze=500`, `freeze=key` | freeze and restore the balloon each time that so many ms have passed, or by a byte on the serial port each: see [`Freeze`] |
/// | `async` | let futures drive the balloon instead of a loop |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// When to write to every free frame.
    pub touch: Touch,
    /// Say nothing but the line that the kernel is ready, and errors.
    pub quiet: bool,
    /// What to do when ready.
    pub then: Then,
    /// Which features the balloon wants.
    pub features: Features,
    /// The value that memory which comes back from the host is filled with, if that feature is wanted.
    pub poison: u32,
    /// MiB that are in use until the host has them freed, or [`Self::spare_after`].
    pub spare: Option<u64>,
    /// After what time the spare memory is freed in any case.
    pub spare_after: Option<Duration>,
    /// MiB to allocate once the balloon is on target.
    pub hog: Option<u64>,
    /// The pause after the kernel was out of memory, unless it is that of the driver.
    pub hold_off: Option<Duration>,
    /// When the balloon is frozen and restored, over and over.
    pub freeze: Option<Freeze>,
    /// What drives the balloon.
    pub drive: Drive,
    /// The virtio devices on MMIO that the loader knows of.
    pub virtio_mmio: Vec<MmioDevice, 32>,
}

/// When the kernel writes to every free frame, so that the host backs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Touch {
    /// It does not.
    #[default]
    Never,
    /// Before the balloon goes live.
    Once,
    /// Before the balloon goes live, and after each deflation.
    Always,
}

/// What the kernel does when it is ready. Everything but [`Then::Idle`] is for those who test what runs the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// Service the balloon until QEMU ends.
    #[default]
    Idle,
    /// End with success.
    Exit,
    /// Panic.
    Panic,
    /// Read from an address where nothing is mapped.
    Fault,
    /// Never answer again.
    Hang,
}

/// Which features the balloon wants. A driver says so in its types, so that there are as many choices as are written down
/// here: `tell,stats,oom,hint,report`, in any order, with or without `poison`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Features {
    /// All but page poisoning.
    #[default]
    AllButPoison,
    /// All of them.
    All,
}

/// When the balloon is frozen and restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freeze {
    /// Each time that so much time has passed, and restored at once.
    Every(Duration),
    /// Frozen by one byte on the serial port, and restored by the next.
    ByKey,
}

/// What drives the balloon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drive {
    /// A loop that looks after each interrupt.
    #[default]
    Loop,
    /// Futures, which interrupts wake.
    Futures,
}

/// A virtio device on MMIO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmioDevice {
    /// Physical address of its registers, in bytes.
    pub address: u64,
    /// Length of its register block, in bytes.
    pub bytes: u64,
    /// Its interrupt, in the numbering of the whole machine.
    pub interrupt: u32,
}

impl Options {
    /// Reads a command line. Words that mean nothing here, or that are ill-formed, go to `ignored`: a loader may
    /// have added its own.
    pub fn parse<'a>(command_line: &'a str, mut ignored: impl FnMut(&'a str)) -> Self {
        let mut options = Self::default();
        for word in command_line.split_ascii_whitespace() {
            if options.apply(word).is_none() {
                ignored(word);
            }
        }
        options
    }

    fn apply(&mut self, word: &str) -> Option<()> {
        match word.split_once('=') {
            None if word == "touch" => self.touch = Touch::Always,
            None if word == "quiet" => self.quiet = true,
            None if word == "async" => self.drive = Drive::Futures,
            Some(("touch", "once")) => self.touch = Touch::Once,
            Some(("then", then)) => self.then = Then::parse(then)?,
            Some(("virtio_mmio.device", device)) => self.virtio_mmio.push(MmioDevice::parse(device)?).ok()?,
            Some(("features", list)) => self.features = Features::parse(list)?,
            Some(("poison", value)) => self.poison = number(value)?.try_into().ok()?,
            Some(("spare", mebibytes)) => self.spare = Some(number(mebibytes)?),
            Some(("spare-after", pause)) => self.spare_after = Some(milliseconds(pause)?),
            Some(("hog", mebibytes)) => self.hog = Some(number(mebibytes)?),
            Some(("hold-off", pause)) => self.hold_off = Some(milliseconds(pause)?),
            Some(("freeze", pause)) => self.freeze = Some(Freeze::parse(pause)?),
            _ => return None,
        }
        Some(())
    }
}

impl Then {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "idle" => Self::Idle,
            "exit" => Self::Exit,
            "panic" => Self::Panic,
            "fault" => Self::Fault,
            "hang" => Self::Hang,
            _ => return None,
        })
    }
}

impl Freeze {
    fn parse(word: &str) -> Option<Self> {
        if word == "key" { Some(Self::ByKey) } else { milliseconds(word).map(Self::Every) }
    }
}

impl Features {
    fn parse(list: &str) -> Option<Self> {
        let named = |feature| list.split(',').any(|name| name == feature);
        let known = ["tell", "stats", "oom", "hint", "report"];
        let others = list.split(',').any(|name| !known.contains(&name) && name != "poison");
        match (known.into_iter().all(named) && !others, named("poison")) {
            (false, _) => None,
            (true, false) => Some(Self::AllButPoison),
            (true, true) => Some(Self::All),
        }
    }
}

impl MmioDevice {
    /// `<bytes>@<address>:<interrupt>`, followed by `:<id>` or nothing. The bytes may have a suffix `K`.
    fn parse(text: &str) -> Option<Self> {
        let (bytes, place) = text.split_once('@')?;
        let mut place = place.splitn(3, ':');
        let device = Self {
            address: number(place.next()?)?,
            bytes: match bytes.strip_suffix(['K', 'k']) {
                Some(kibibytes) => number(kibibytes)?.checked_mul(1024)?,
                None => number(bytes)?,
            },
            interrupt: number(place.next()?)?.try_into().ok()?,
        };
        device.address.checked_add(device.bytes)?;
        Some(device)
    }
}

fn milliseconds(text: &str) -> Option<Duration> {
    number(text).map(Duration::from_millis)
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    fn parse(command_line: &str) -> (Options, Vec<&str>) {
        let mut ignored = Vec::new();
        let options = Options::parse(command_line, |word| ignored.push(word));
        (options, ignored)
    }

    #[test]
    fn nothing_is_asked_for_by_an_empty_line() {
        assert_eq!(parse(" "), (Options::default(), Vec::new()));
    }

    #[test]
    fn options_come_in_any_order_among_words_of_others() {
        let (options, ignored) = parse("console=ttyS0  quiet then=exit nokaslr touch\n");
        assert!(options.quiet);
        assert_eq!((options.touch, options.then), (Touch::Always, Then::Exit));
        assert_eq!(ignored, ["console=ttyS0", "nokaslr"]);
    }

    #[test]
    fn a_flag_with_a_value_is_another_word() {
        let (options, ignored) = parse("touch=1 quiet= then");
        assert_eq!(options, Options::default());
        assert_eq!(ignored, ["touch=1", "quiet=", "then"]);
        assert_eq!(parse("touch=once").0.touch, Touch::Once);
    }

    #[test]
    fn features_are_those_that_the_kernel_can_declare() {
        let read = |list: &str| Features::parse(list);
        assert_eq!(read("tell,stats,oom,hint,report"), Some(Features::AllButPoison));
        assert_eq!(read("poison,report,hint,oom,stats,tell"), Some(Features::All));
        for list in
            ["", "tell", "tell,stats,oom,hint", "poison", "tell,stats,oom,hint,report,", "tell,stats,oom,hint,report,x"]
        {
            assert_eq!(read(list), None, "{list}");
        }
    }

    #[test]
    fn amounts_are_mebibytes_and_times_are_milliseconds() {
        let (options, ignored) = parse(
            "spare=512 spare-after=20 hog=0x10 hold-off=0 freeze=1500 poison=0xaabbccdd async poison=0x100000000 hog=x",
        );
        assert_eq!(ignored, ["poison=0x100000000", "hog=x"]);
        assert_eq!((options.spare, options.hog, options.poison), (Some(512), Some(16), 0xaabb_ccdd));
        assert_eq!(options.spare_after, Some(Duration::from_millis(20)));
        assert_eq!(
            (options.hold_off, options.freeze),
            (Some(Duration::ZERO), Some(Freeze::Every(Duration::from_millis(1500))))
        );
        assert_eq!(options.drive, Drive::Futures);
    }

    #[test]
    fn a_freeze_is_a_matter_of_time_or_of_a_key() {
        assert_eq!(parse("freeze=key").0.freeze, Some(Freeze::ByKey));
        assert_eq!(parse("freeze=keys"), (Options::default(), std::vec!["freeze=keys"]));
    }

    #[test]
    fn devices_are_read_as_qemu_and_firecracker_write_them() {
        let (options, ignored) = parse(
            "virtio_mmio.device=512@0xfeb00e00:12 virtio_mmio.device=4K@0xd0001000:5 virtio_mmio.device=1K@4096:7:3",
        );
        assert_eq!(ignored, [""; 0]);
        assert_eq!(
            options.virtio_mmio,
            [
                MmioDevice { address: 0xfeb0_0e00, bytes: 512, interrupt: 12 },
                MmioDevice { address: 0xd000_1000, bytes: 4096, interrupt: 5 },
                MmioDevice { address: 4096, bytes: 1024, interrupt: 7 },
            ]
        );
    }

    #[test]
    fn an_ill_formed_device_is_ignored() {
        for device in [
            "",
            "512",
            "512@",
            "512@0xfeb00e00",
            "512@0xfeb00e00:",
            "512@0xfeb00e00:-1",
            "x@0xfeb00e00:12",
            "512@0xfffffffffffffff0:12",
            "0xffffffffffffffffK@0:12",
        ] {
            let word = std::format!("virtio_mmio.device={device}");
            let (options, ignored) = parse(&word);
            assert_eq!(options.virtio_mmio, [], "{word}");
            assert_eq!(ignored, [word.as_str()]);
        }
    }

    #[test]
    fn more_devices_than_there_is_room_for_are_ignored() {
        let line = "virtio_mmio.device=512@0xfeb00000:5 ".repeat(33);
        let (options, ignored) = parse(&line);
        assert_eq!(options.virtio_mmio.len(), 32);
        assert_eq!(ignored.len(), 1);
    }
}
