//! The kernel command line.

use core::time::Duration;

use aerostat_transport::spec::Feature;
use aerostat_transport::spec::balloon::feature;
use heapless::Vec;

use crate::mmio::MmioDevice;

/// The options of the kernel command line. Words are separated by spaces. The word for MMIO devices has the form that QEMU
/// and Firecracker use.
///
/// | word | meaning |
/// |---|---|
/// | `touch`, `touch=once` | write to every free frame, so that the host backs it: see [`Touch`] |
/// | `quiet` | print only errors and the line `ready: …` |
/// | `then=idle`, `exit`, `panic`, `fault`, `hang`, `stack`, `adapters` | what to do when ready: see [`Then`] |
/// | `virtio_mmio.device=512@0xfeb00e00:12` | a virtio device: bytes, address, interrupt |
/// | `features=tell,stats,oom,hint,report,poison` | the optional features that the balloon uses: see [`Features`] |
/// | `blocks`, `blocks=only`, `blocks=deflate-entries` | inflate the balloon by whole free blocks where the device offers reporting: see [`BlockInflation`]; ignored with `async`, where the task of reporting has the queue |
/// | `poison=0xaaaaaaaa` | the value that free memory is filled with, if the feature `poison` is used |
/// | `spare=512`, `spare-after=3000` | use this many MiB until a byte is received on the serial port, or this many ms have passed |
/// | `memory-test=256` | once the balloon has reached its target, allocate this many MiB, also from the balloon |
/// | `oom-backoff=1000` | ms without inflation after the kernel was out of memory; 0 for none |
/// | `freeze=500`, `freeze=key` | freeze and restore the balloon every 500 ms, or on a byte on the serial port: see [`Freeze`]; ignored with `async` |
/// | `reset=1000` | reset the device of the balloon after 1000 ms, as after an error of the device; ignored with `async` |
/// | `async` | drive the balloon by futures instead of a loop |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// When to write to every free frame.
    pub touch: Touch,
    /// Print only errors and the line `ready: …`.
    pub quiet: bool,
    /// What to do when ready.
    pub then: Then,
    /// The features that the balloon uses.
    pub features: Features,
    /// Whether whole free blocks enter the balloon by reports.
    pub blocks: BlockInflation,
    /// The value that free memory is filled with, if page poisoning is used.
    pub poison: u32,
    /// MiB to use until a byte is received on the serial port, or for [`Self::spare_after`].
    pub spare: Option<u64>,
    /// The time after which the spare memory is freed without a byte.
    pub spare_after: Option<Duration>,
    /// MiB to allocate once the balloon has reached its target.
    pub memory_test: Option<u64>,
    /// The pause of inflation after the kernel was out of memory. `None` for the driver's default.
    pub oom_backoff: Option<Duration>,
    /// When to freeze and restore the balloon, repeatedly.
    pub freeze: Option<Freeze>,
    /// The time after which the device of the balloon is reset.
    pub reset: Option<Duration>,
    /// What drives the balloon.
    pub drive: Drive,
    /// The virtio devices on MMIO.
    pub virtio_mmio: Vec<MmioDevice, 32>,
}

/// When the kernel writes to every free frame, so that the host backs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Touch {
    /// Never.
    #[default]
    Never,
    /// Before the balloon is probed.
    Once,
    /// Before the balloon is probed, and after each deflation.
    Always,
}

/// Whether the balloon inflates by whole free blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockInflation {
    /// It does not.
    #[default]
    Unused,
    /// It does.
    Used,
    /// It does, and memory that is free without a balloon is not reported: for measurements.
    Only,
    /// As [`BlockInflation::Only`], and each page leaves the balloon through the deflate queue.
    DeflateEntries,
}

/// What the kernel does when it is ready. All variants but [`Then::Idle`] are for tests of the host's tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// Service the balloon until QEMU ends.
    #[default]
    Idle,
    /// Exit with success.
    Exit,
    /// Panic.
    Panic,
    /// Read from an address that is not mapped.
    Fault,
    /// Stop responding.
    Hang,
    /// Measure how much stack each call of the balloon uses, in place of servicing it. This needs the cargo feature
    /// `stack`.
    MeasureStack,
    /// Run a balloon over each adapter of `aerostat-adapters`, in place of servicing the kernel's balloon. This needs the
    /// cargo feature `adapters`.
    RunAdapters,
}

/// The set of features that the balloon uses where the device offers them: by default all that have a name but PAGE_POISON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features(u64);

/// When the balloon is frozen and restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freeze {
    /// Frozen and restored at once, each time that this much time has passed.
    Every(Duration),
    /// Frozen when a byte is received on the serial port, and restored when another is received.
    ByKey,
}

/// What drives the balloon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drive {
    /// A loop that services the balloon after each interrupt.
    #[default]
    Loop,
    /// Futures that interrupts wake.
    Futures,
}

impl Options {
    /// Parses a command line. Calls `ignored` with words that are unknown or malformed: a loader may add its own words.
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
            None if word == "blocks" => self.blocks = BlockInflation::Used,
            None if word == "async" => self.drive = Drive::Futures,
            Some(("touch", "once")) => self.touch = Touch::Once,
            Some(("blocks", "only")) => self.blocks = BlockInflation::Only,
            Some(("blocks", "deflate-entries")) => self.blocks = BlockInflation::DeflateEntries,
            Some(("then", then)) => self.then = Then::parse(then)?,
            Some(("virtio_mmio.device", device)) => self.virtio_mmio.push(MmioDevice::parse(device)?).ok()?,
            Some(("features", list)) => self.features = Features::parse(list)?,
            Some(("poison", value)) => self.poison = number(value)?.try_into().ok()?,
            Some(("spare", mebibytes)) => self.spare = Some(number(mebibytes)?),
            Some(("spare-after", pause)) => self.spare_after = Some(milliseconds(pause)?),
            Some(("memory-test", mebibytes)) => self.memory_test = Some(number(mebibytes)?),
            Some(("oom-backoff", pause)) => self.oom_backoff = Some(milliseconds(pause)?),
            Some(("freeze", pause)) => self.freeze = Some(Freeze::parse(pause)?),
            Some(("reset", pause)) => self.reset = Some(milliseconds(pause)?),
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
            "stack" => Self::MeasureStack,
            "adapters" => Self::RunAdapters,
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
    /// The features that the balloon may do without: names on the command line, and masks of feature bits.
    const NAMES: [(&str, u64); 6] = [
        ("tell", bit(feature::MustTellHost)),
        ("stats", bit(feature::StatsVq)),
        ("oom", bit(feature::DeflateOnOom)),
        ("hint", bit(feature::FreePageHint)),
        ("report", bit(feature::PageReporting)),
        ("poison", bit(feature::PagePoison)),
    ];

    /// Returns whether a feature is in the set.
    pub const fn has<F: Feature>(self, feature: F) -> bool {
        self.0 & bit(feature) != 0
    }

    fn parse(list: &str) -> Option<Self> {
        let bit = |name| Self::NAMES.into_iter().find_map(|(known, bit)| (known == name).then_some(bit));
        list.split(',').try_fold(0, |features, name| Some(features | bit(name)?)).map(Self)
    }
}

impl Default for Features {
    fn default() -> Self {
        let all = Self::NAMES.into_iter().fold(0, |all, (_, bit)| all | bit);
        Self(all & !bit(feature::PagePoison))
    }
}

/// Returns the mask of a feature bit.
const fn bit<F: Feature>(_: F) -> u64 {
    1 << F::BIT
}

impl MmioDevice {
    /// Parses `<bytes>@<address>:<interrupt>`, which `:<id>` may follow. The bytes may have the suffix `K`.
    fn parse(text: &str) -> Option<Self> {
        let (bytes, rest) = text.split_once('@')?;
        let mut rest = rest.splitn(3, ':');
        let device = Self {
            address: number(rest.next()?)?,
            bytes: match bytes.strip_suffix(['K', 'k']) {
                Some(kibibytes) => number(kibibytes)?.checked_mul(1024)?,
                None => number(bytes)?,
            },
            interrupt: number(rest.next()?)?.try_into().ok()?,
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
    fn an_empty_line_has_the_default_options() {
        assert_eq!(parse(" "), (Options::default(), Vec::new()));
    }

    #[test]
    fn options_may_be_in_any_order_among_unknown_words() {
        let (options, ignored) = parse("console=ttyS0  quiet then=exit blocks nokaslr touch\n");
        assert!(options.quiet);
        assert_eq!(options.blocks, BlockInflation::Used);
        assert_eq!(parse("blocks=only blocks=x").0.blocks, BlockInflation::Only);
        assert_eq!(parse("blocks=deflate-entries").0.blocks, BlockInflation::DeflateEntries);
        assert_eq!((options.touch, options.then), (Touch::Always, Then::Exit));
        assert_eq!(ignored, ["console=ttyS0", "nokaslr"]);
    }

    #[test]
    fn a_flag_with_a_value_is_ignored() {
        let (options, ignored) = parse("touch=1 quiet= then");
        assert_eq!(options, Options::default());
        assert_eq!(ignored, ["touch=1", "quiet=", "then"]);
        assert_eq!(parse("touch=once").0.touch, Touch::Once);
        assert_eq!(parse("then=stack").0.then, Then::MeasureStack);
        assert_eq!(parse("then=adapters").0.then, Then::RunAdapters);
    }

    #[test]
    fn features_are_a_list_of_names() {
        let parse = |list: &str| Features::parse(list);
        assert_eq!(parse("tell,stats,oom,hint,report"), Some(Features::default()));
        assert_eq!(
            parse("poison,report,hint,oom,stats,tell"),
            Some(Features(Features::default().0 | bit(feature::PagePoison)))
        );
        let some = parse("stats,poison").expect("both names are known");
        assert!(some.has(feature::StatsVq) && some.has(feature::PagePoison) && !some.has(feature::MustTellHost));
        for list in ["", "tell,", "tell, stats", "tell,x"] {
            assert_eq!(parse(list), None, "{list}");
        }
    }

    #[test]
    fn sizes_are_mebibytes_and_times_are_milliseconds() {
        let (options, ignored) = parse(
            "spare=512 spare-after=20 memory-test=0x10 oom-backoff=0 freeze=1500 poison=0xaabbccdd async poison=0x100000000 memory-test=x",
        );
        assert_eq!(ignored, ["poison=0x100000000", "memory-test=x"]);
        assert_eq!((options.spare, options.memory_test, options.poison), (Some(512), Some(16), 0xaabb_ccdd));
        assert_eq!(options.spare_after, Some(Duration::from_millis(20)));
        assert_eq!(
            (options.oom_backoff, options.freeze),
            (Some(Duration::ZERO), Some(Freeze::Every(Duration::from_millis(1500))))
        );
        assert_eq!(options.drive, Drive::Futures);
    }

    #[test]
    fn a_freeze_is_by_time_or_by_key() {
        assert_eq!(parse("freeze=key").0.freeze, Some(Freeze::ByKey));
        assert_eq!(parse("freeze=keys"), (Options::default(), std::vec!["freeze=keys"]));
    }

    #[test]
    fn devices_have_the_form_of_qemu_and_firecracker() {
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
    fn a_malformed_device_is_ignored() {
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
    fn devices_beyond_the_capacity_are_ignored() {
        let line = "virtio_mmio.device=512@0xfeb00000:5 ".repeat(33);
        let (options, ignored) = parse(&line);
        assert_eq!(options.virtio_mmio.len(), 32);
        assert_eq!(ignored.len(), 1);
    }
}
