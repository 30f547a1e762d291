//! The features that the kernel uses.

aerostat_balloon::features! {
    /// What the kernel uses where the device offers it.
    pub(crate) struct KernelFeatures {
        MustTellHost: Optional,
        StatsVq: Optional,
        DeflateOnOom: Optional,
        FreePageHint: Optional,
        PagePoison: Optional,
        PageReporting: Optional,
        BlockInflation: Optional,
        RingPacked: Optional,
        EventIdx: Optional,
    }
}
