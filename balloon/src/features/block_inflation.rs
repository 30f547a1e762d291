//! Block inflation, which a kernel declares like a feature.

use aerostat_spec::__private::digit::Digit7;
use aerostat_spec::balloon::{self, feature::PageReporting};
use aerostat_spec::{Device, Feature, FeatureTable};

/// Block inflation: whole free blocks enter the balloon through the reporting queue and leave it without a message.
///
/// It is not a feature of the specification, and nothing is negotiated for it. It needs [`PageReporting`] to be declared, and
/// [`BlockFrames`](crate::platform::BlockFrames) of the kernel. Without it a host discards the memory of the balloon page by page; with it, a block of
/// [`report_block`](crate::Options::report_block) bytes or more in one call.
///
/// # When it is not used
///
/// [`block_inflation`](crate::Balloon::block_inflation) says whether it is in use. All memory goes through arrays of page numbers
/// if PAGE_REPORTING was not negotiated, or if MUST_TELL_HOST or PAGE_POISON was negotiated. With PAGE_POISON every page of a block
/// would have to be filled before its report, and with a value other than 0 hosts discard nothing that is reported;
/// [`Options::without`](crate::Options::without) leaves it out. Declared as `Optional`, it is used when it can be. Declared as `Required`, the
/// [probe](crate::Balloon::probe) fails when it cannot.
///
/// # What deviates from the specification
///
/// The use of memory follows the rules of free page reporting alone ("Free Page Reporting", 5.5.6.7): no page of a block is used
/// before its report was acknowledged, and after that a page may be used without a message. The accounting deviates:
///
/// * "The driver SHOULD supply pages to the balloon when num_pages is greater than the actual number of pages in the balloon." Here
///   `actual` counts pages that never went through the inflate queue.
/// * "The driver MUST use the deflateq to inform the device of pages that it wants to use from the balloon." Pages of blocks leave
///   without the deflate queue. Without MUST_TELL_HOST "the driver MAY begin to re-use pages previously given to the balloon before the
///   device has acknowledged the deflate request", but there is no such request.
/// * "The driver MUST NOT request deflation of pages in the balloon before the device has acknowledged the inflate request." The rest
///   of a block that is broken up is named in the deflate queue. The device has acknowledged its report, and got no inflate request.
///
/// A host that trusts `actual` sees the right size. A host that counts the entries of both queues sees a smaller balloon, and one that
/// keeps a list of ballooned pages does not know the pages of blocks. It may then not discard these pages again after a live
/// migration or a snapshot. [`Options::tell_host_of_blocks`](crate::Options::tell_host_of_blocks) is for hosts that want a message
/// before a page is used again: it sends the entries of the deflate queue. It does not help a host that counts entries, which then
/// sees more pages leave than it has seen enter; do not declare this feature for such a host. Where a frame of a block is migrated, or only a part of a block goes back, the rest of it leaves through the
/// deflate queue in any case, so a host must accept entries for pages that it did not see in the inflate queue. QEMU and Firecracker
/// keep no list of ballooned pages, and do.
///
/// # Errors and silent devices
///
/// The reporting queue is part of every call that takes its reports back. If the device breaks that queue, `service`, `drain`, `deflate`,
/// `migrate` and `freeze` of a balloon that has it return the error, as they do for the queues of arrays; [`Balloon::reset`](crate::Balloon::reset) recovers.
///
/// If the device acknowledges no reports, blocks wait for it and arrays do not replace them: `service` returns
/// [`Step::Waiting`](crate::Step::Waiting), and [`in_flight`](crate::Balloon::in_flight) and [`progress`](crate::Balloon::progress) show
/// it. This holds for reports of [`service_reporting`](crate::Balloon::service_reporting) too, which fill the same queue.
///
/// If the kernel panics while a block is unmapped, the block and the blocks after it in the same report stay in the balloon until the
/// device is reset. If it panics while a step takes blocks or maps them, the blocks of that report count as in flight until then, and
/// a run that was not mapped to its end counts as ballooned although the device did not get it.
/// [`Balloon::abandon`](crate::Balloon::abandon) returns everything.
///
/// # How much a call does
///
/// A step of `service` takes at most 4 GiB in at most 4096 blocks, and returns at most 1024. A deflation returns as many blocks as it is
/// asked for, and `freeze` and `remove` return all of them.
///
/// # Register accesses
///
/// A call of the balloon does at most one access more than its documentation says: it notifies the device of reports, or writes
/// `actual` after blocks went back.
// conformance: deviation balloon.op.3, balloon.op.8, balloon.op.12: if declared, see [Block inflation](#block-inflation)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockInflation;

impl Feature for BlockInflation {
    type Owner = <<balloon::Device as Device>::Features as FeatureTable>::Owner;
    type Index = (Digit7, Digit7);
    // The last bit for a device type. No balloon feature has it, and the driver never accepts it.
    const BIT: u32 = 63;
    const NAME: &'static str = "block inflation";
    const REQUIRES: u64 = 1 << PageReporting::BIT;
}
