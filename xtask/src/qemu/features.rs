//! The features that QEMU's balloon device offers to the guest.

use clap::ValueEnum;
use serde::Serialize;

/// The name of the thread on which QEMU takes hints.
const THREAD: &str = "balloon-hints";

/// A feature of QEMU's balloon device, under the name of the property that switches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Feature {
    /// Memory statistics: QEMU always offers them
    Stats,
    /// The guest may take pages back when it is out of memory
    DeflateOnOom,
    /// The guest reports its free pages as they become free
    FreePageReporting,
    /// The guest hints at its free pages during a migration
    FreePageHint,
    /// The guest tells what its free pages are filled with
    PagePoison,
    /// Packed virtqueues
    Packed,
    /// Each side names the index at which it wants to be notified
    #[value(name = "event_idx")]
    #[serde(rename = "event_idx")]
    EventIdx,
}

impl Feature {
    /// Those that are of rings, and that devices of any type offer.
    const OF_RINGS: [Self; 2] = [Self::Packed, Self::EventIdx];

    /// The property that switches it, if any does.
    const fn property(self) -> Option<&'static str> {
        match self {
            Self::Stats => None,
            Self::DeflateOnOom => Some("deflate-on-oom"),
            Self::FreePageReporting => Some("free-page-reporting"),
            Self::FreePageHint => Some("free-page-hint"),
            Self::PagePoison => Some("page-poison"),
            Self::Packed => Some("packed"),
            Self::EventIdx => Some("event_idx"),
        }
    }
}

/// Which features the device offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Those that QEMU switches on by itself.
    #[default]
    Usual,
    /// Of those that can be switched, these and no others.
    Exactly(Vec<Feature>),
}

impl Offer {
    /// Whether `feature` was asked for.
    pub(crate) fn names(&self, feature: Feature) -> bool {
        matches!(self, Self::Exactly(features) if features.contains(&feature))
    }

    /// The device's properties, each after a comma.
    pub(crate) fn properties(&self) -> String {
        let mut properties = self.switches(Feature::value_variants());
        if self.names(Feature::FreePageHint) {
            properties.extend([",iothread=", THREAD]);
        }
        properties
    }

    /// The same for another device, whose rings are to be of the same kind.
    pub(crate) fn ring_properties(&self) -> String {
        self.switches(&Feature::OF_RINGS)
    }

    fn switches(&self, features: &[Feature]) -> String {
        let mut properties = String::new();
        if *self == Self::Usual {
            return properties;
        }
        for feature in features {
            if let Some(property) = feature.property() {
                let state = if self.names(*feature) { "on" } else { "off" };
                properties.extend([",", property, "=", state]);
            }
        }
        properties
    }

    /// The object that the device needs beside it, for `-object`.
    pub(crate) fn object(&self) -> Option<String> {
        self.names(Feature::FreePageHint).then(|| format!("iothread,id={THREAD}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_nobody_asks_anything_of_is_as_qemu_makes_it() {
        assert_eq!((Offer::Usual.properties().as_str(), Offer::Usual.object()), ("", None));
    }

    #[test]
    fn what_is_not_listed_is_switched_off() {
        let offer = Offer::Exactly(vec![Feature::DeflateOnOom, Feature::Stats]);
        assert_eq!(
            offer.properties(),
            ",deflate-on-oom=on,free-page-reporting=off,free-page-hint=off,page-poison=off,packed=off,event_idx=off"
        );
        assert_eq!(offer.ring_properties(), ",packed=off,event_idx=off");
        assert_eq!(offer.object(), None);
    }

    #[test]
    fn hints_come_with_the_thread_that_takes_them() {
        let offer = Offer::Exactly(vec![Feature::FreePageHint]);
        assert!(offer.properties().contains(",free-page-hint=on,"));
        assert!(offer.properties().ends_with(",iothread=balloon-hints"));
        assert_eq!(offer.object().as_deref(), Some("iothread,id=balloon-hints"));
    }

    #[test]
    fn users_write_the_names_of_qemus_properties() {
        for feature in Feature::value_variants() {
            let name = feature.to_possible_value().unwrap();
            assert_eq!(name.get_name(), feature.property().unwrap_or("stats"));
        }
    }
}
