//! The features that QEMU's balloon device offers.

use clap::{ValueEnum, builder::PossibleValue};

/// The name of the thread on which QEMU processes free page hints.
const THREAD: &str = "balloon-hints";

/// A feature of QEMU's balloon device, with the name of its device property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Memory statistics. QEMU always offers them.
    Stats,
    /// The guest may deflate the balloon when it is out of memory.
    DeflateOnOom,
    /// The guest reports pages when it frees them.
    FreePageReporting,
    /// The guest hints which pages are free during a migration.
    FreePageHint,
    /// The guest states the value that its free pages are filled with.
    PagePoison,
    /// The guest inflates the balloon by reports of whole blocks.
    Blocks,
    /// Packed virtqueues.
    Packed,
    /// Notification suppression by event index.
    EventIdx,
}

impl Feature {
    /// The features of virtqueues, which devices of every type offer.
    const RING_FEATURES: [Self; 2] = [Self::Packed, Self::EventIdx];

    /// Returns the name, as the command line spells it.
    pub const fn name(self) -> &'static str {
        match self.property() {
            Some(property) => property,
            None if matches!(self, Self::Blocks) => "blocks",
            None => "stats",
        }
    }

    /// Returns the device property that controls the feature, if there is one.
    const fn property(self) -> Option<&'static str> {
        match self {
            Self::Stats | Self::Blocks => None,
            Self::DeflateOnOom => Some("deflate-on-oom"),
            Self::FreePageReporting => Some("free-page-reporting"),
            Self::FreePageHint => Some("free-page-hint"),
            Self::PagePoison => Some("page-poison"),
            Self::Packed => Some("packed"),
            Self::EventIdx => Some("event_idx"),
        }
    }
}

impl ValueEnum for Feature {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Stats,
            Self::DeflateOnOom,
            Self::FreePageReporting,
            Self::FreePageHint,
            Self::PagePoison,
            Self::Blocks,
            Self::Packed,
            Self::EventIdx,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(match self {
            Self::Stats => "Memory statistics; QEMU always offers them",
            Self::DeflateOnOom => "The guest may deflate the balloon when it is out of memory",
            Self::FreePageReporting => "The guest reports pages when it frees them",
            Self::FreePageHint => "The guest hints which pages are free during a migration",
            Self::PagePoison => "The guest states the value that its free pages are filled with",
            Self::Blocks => "The guest inflates the balloon by reports of whole blocks; includes free-page-reporting",
            Self::Packed => "Packed virtqueues",
            Self::EventIdx => "Notification suppression by event index",
        }))
    }
}

/// The features that the device offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Offer {
    /// The features that QEMU enables by default.
    #[default]
    Default,
    /// Exactly these, of the features that have a property.
    Exactly(Vec<Feature>),
}

impl Offer {
    /// Returns whether `feature` was requested.
    pub fn requests(&self, feature: Feature) -> bool {
        let Self::Exactly(features) = self else { return false };
        features.contains(&feature) || feature == Feature::FreePageReporting && features.contains(&Feature::Blocks)
    }

    /// Returns the device's properties, each after a comma.
    pub fn properties(&self) -> String {
        let mut properties = self.switches(Feature::value_variants());
        if self.requests(Feature::FreePageHint) {
            properties.extend([",iothread=", THREAD]);
        }
        properties
    }

    /// Returns the properties that give another device rings of the same kind.
    pub fn ring_properties(&self) -> String {
        self.switches(&Feature::RING_FEATURES)
    }

    fn switches(&self, features: &[Feature]) -> String {
        let mut properties = String::new();
        if *self == Self::Default {
            return properties;
        }
        for feature in features {
            if let Some(property) = feature.property() {
                let state = if self.requests(*feature) { "on" } else { "off" };
                properties.extend([",", property, "=", state]);
            }
        }
        properties
    }

    /// Returns the object that the device refers to, for `-object`.
    pub fn object(&self) -> Option<String> {
        self.requests(Feature::FreePageHint).then(|| format!("iothread,id={THREAD}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_offer_sets_no_property() {
        assert_eq!((Offer::Default.properties().as_str(), Offer::Default.object()), ("", None));
    }

    #[test]
    fn features_that_are_not_listed_are_disabled() {
        let offer = Offer::Exactly(vec![Feature::DeflateOnOom, Feature::Stats]);
        assert_eq!(
            offer.properties(),
            ",deflate-on-oom=on,free-page-reporting=off,free-page-hint=off,page-poison=off,packed=off,event_idx=off"
        );
        assert_eq!(offer.ring_properties(), ",packed=off,event_idx=off");
        assert_eq!(offer.object(), None);
    }

    #[test]
    fn blocks_need_reporting() {
        let offer = Offer::Exactly(vec![Feature::Blocks]);
        assert!(offer.properties().contains(",free-page-reporting=on,"));
        assert_eq!(Feature::Blocks.name(), "blocks");
    }

    #[test]
    fn hinting_adds_its_thread() {
        let offer = Offer::Exactly(vec![Feature::FreePageHint]);
        assert!(offer.properties().contains(",free-page-hint=on,"));
        assert!(offer.properties().ends_with(",iothread=balloon-hints"));
        assert_eq!(offer.object().as_deref(), Some("iothread,id=balloon-hints"));
    }
}
