//! Headers whose comparisons are written by hand.

use aerostat_codegen::model::{Feature, Kind};

use super::claims::{mentions, parse};
use super::headers::{HeaderSet, names, words};
use super::lists::DESCRIBED;

/// A header, the tests about it, and names that only it has, with the reasons.
struct HandWritten {
    header: &'static str,
    tests: &'static str,
    only_linux: &'static [(&'static str, &'static str)],
    only_newer: &'static [(&'static str, &'static str)],
}

/// Returns the names of the headers that no test has, and the entries that are not needed.
pub(super) fn unlisted(set: &HeaderSet) -> Vec<String> {
    let reserved = parse("reserved");
    let features = reserved.modules.iter().flat_map(|module| match &module.kind {
        Kind::Reserved(features) => &features[..],
        _ => &[],
    });
    let names_of = |feature: &Feature| feature.alias.0.iter().chain([&feature.c_name]).cloned().collect::<Vec<_>>();
    let features: Vec<String> = features.flat_map(names_of).collect();
    let mut errors = Vec::new();
    for HandWritten { header, tests, only_linux, only_newer } in HEADERS {
        let tests = words(tests);
        let ids = DESCRIBED.iter().map(|described| described.id);
        let known: Vec<&str> = ids.chain(tests.iter().chain(&features).map(String::as_str)).collect();
        let found = names(&set.text(header));
        let listed = |name: &str| only_linux.iter().chain(*only_newer).any(|(entry, _)| mentions(name, entry));
        let missing = found.iter().filter(|name| !known.contains(&name.as_str()) && !listed(name));
        errors.extend(missing.map(|name| format!("{header}: {name} is neither claimed nor listed")));
        if !set.has_lists() {
            continue;
        }
        for (entry, reason) in only_linux.iter().chain(*only_newer) {
            let should_exist = !set.is_old() || only_linux.contains(&(entry, reason));
            let is_known = known.iter().any(|name| mentions(name, entry));
            if found.iter().any(|name| mentions(name, entry)) != should_exist || is_known {
                errors.push(format!("{header}: the entry {entry} is not needed"));
            }
        }
    }
    errors
}

const ADMIN: &str = "administration virtqueues are not described";
const NOT_IN_TEXT: &str = "VIRTIO 1.4 does not specify the device type";
const PCI_OFFSET: &str = "the offset of a field, compared with the structure";
const TRANSITIONAL: &str = "the PCI device id of a transitional device";

const HEADERS: &[HandWritten] = &[
    HandWritten {
        header: "linux/virtio_pci.h",
        tests: include_str!("../pci.rs"),
        only_linux: &[
            ("VIRTIO_PCI_ABI_VERSION", "the PCI revision of a legacy device"),
            ("VIRTIO_PCI_CAP_VNDR", PCI_OFFSET),
            ("VIRTIO_PCI_CAP_NEXT", PCI_OFFSET),
            ("VIRTIO_PCI_CAP_LEN", PCI_OFFSET),
            ("VIRTIO_PCI_CAP_CFG_TYPE", PCI_OFFSET),
            ("VIRTIO_PCI_CAP_BAR", PCI_OFFSET),
            ("VIRTIO_PCI_CAP_OFFSET", PCI_OFFSET),
            ("VIRTIO_PCI_CAP_LENGTH", PCI_OFFSET),
            ("VIRTIO_PCI_NOTIFY_CAP_MULT", PCI_OFFSET),
            ("virtio_pci_common_cfg", "compared by the offsets of its fields"),
        ],
        only_newer: &[
            ("VIRTIO_PCI_CAP_VENDOR_CFG", "vendor data is not described"),
            ("virtio_pci_vndr_data", "vendor data is not described"),
            ("virtio_pci_modern_common_cfg", "compared by the offsets of its fields"),
            ("VIRTIO_PCI_COMMON_ADM_*", ADMIN),
            ("VIRTIO_ADMIN_*", ADMIN),
            ("virtio_admin_*", ADMIN),
            ("VIRTIO_DEV_PART*", ADMIN),
            ("virtio_dev_part*", ADMIN),
            ("VIRTIO_RESOURCE_OBJ_*", ADMIN),
            ("virtio_resource_obj_*", ADMIN),
        ],
    },
    HandWritten { header: "linux/virtio_mmio.h", tests: include_str!("../mmio.rs"), only_linux: &[], only_newer: &[] },
    HandWritten {
        header: "linux/virtio_ring.h",
        tests: include_str!("../ring.rs"),
        only_linux: &[
            ("VRING_AVAIL_ALIGN_SIZE", "the alignment of the legacy interface"),
            ("VRING_DESC_ALIGN_SIZE", "the alignment of the legacy interface"),
            ("VRING_USED_ALIGN_SIZE", "the alignment of the legacy interface"),
            ("vring", "pointers of a driver"),
        ],
        only_newer: &[],
    },
    HandWritten {
        header: "linux/virtio_config.h",
        tests: include_str!("../ring.rs"),
        only_linux: &[
            ("VIRTIO_TRANSPORT_F_START", "the range of the features"),
            ("VIRTIO_TRANSPORT_F_END", "the range of the features"),
        ],
        only_newer: &[],
    },
    HandWritten {
        header: "linux/virtio_ids.h",
        tests: "",
        only_linux: &[
            ("VIRTIO_ID_9P", NOT_IN_TEXT),
            ("VIRTIO_ID_AUDIO_POLICY", NOT_IN_TEXT),
            ("VIRTIO_ID_BT", NOT_IN_TEXT),
            ("VIRTIO_ID_CAIF", NOT_IN_TEXT),
            ("VIRTIO_ID_DMABUF", NOT_IN_TEXT),
            ("VIRTIO_ID_IOMEM", NOT_IN_TEXT),
            ("VIRTIO_ID_MAC80211_*", NOT_IN_TEXT),
            ("VIRTIO_ID_MEMORY_BALLOON", NOT_IN_TEXT),
            ("VIRTIO_ID_NITRO_SEC_MOD", NOT_IN_TEXT),
            ("VIRTIO_ID_PARAM_SERV", NOT_IN_TEXT),
            ("VIRTIO_ID_PSTORE", NOT_IN_TEXT),
            ("VIRTIO_ID_RPMSG", NOT_IN_TEXT),
            ("VIRTIO_ID_RPROC_SERIAL", NOT_IN_TEXT),
            ("VIRTIO_ID_SIGNAL_DIST", NOT_IN_TEXT),
            ("VIRTIO_ID_VIDEO_*", NOT_IN_TEXT),
            ("VIRTIO_ID_WATCHDOG", NOT_IN_TEXT),
            ("VIRTIO_TRANS_ID_*", TRANSITIONAL),
        ],
        only_newer: &[],
    },
];
