//! All names of a description that C headers have: sizes, offsets, values, masks and features.
//!
//! The claims are made from the description itself, so no name is left out: a name that the headers do not have is in the list of
//! the device, with the reason. The generated code asserts the same sizes and offsets.

use std::path::Path;

use aerostat_codegen::model::{Bits, Count, Device, Kind, Member, Model, Request, Struct};
use aerostat_codegen::{Source, parse_text};

use crate::{Claim, cc};

/// A description, and how its names relate to those of Linux.
struct Described {
    file: &'static str,
    headers: &'static [&'static str],
    /// The name of the configuration space in C, or an empty string if C has none.
    config: &'static str,
    /// Names that the headers do not have.
    absent: &'static [&'static str],
}

#[test]
fn descriptions_match_linux() {
    for described in DESCRIBED {
        let claims = claims(described);
        assert!(claims.len() >= 2, "{}", described.file);
        cc::check(&format!("described_{}", described.file), described.headers, &claims);
        eprintln!("{}: {} claims", described.file, claims.len());
    }
}

/// Names that are newer than Linux 6.1. Each header is compared if it has them: `AEROSTAT_LINUX_HEADERS` is a folder with headers of a newer
/// Linux, as `make headers_install` writes them, and `/usr/include` is the default.
#[test]
fn descriptions_match_newer_linux() {
    let folder = std::env::var_os("AEROSTAT_LINUX_HEADERS").unwrap_or_else(|| "/usr/include".into());
    for (described, newer) in NEWER {
        let header = Path::new(&folder).join(described.headers[0]);
        let text = std::fs::read_to_string(&header).unwrap_or_default();
        if !text.contains(newer) {
            eprintln!("skipped: {} has no {newer}", header.display());
            continue;
        }
        let header = header.to_str().expect("a path in UTF-8");
        let claims = claims(described);
        cc::check(&format!("newer_{}", described.file), &[header], &claims);
        eprintln!("{}: {} claims", described.file, claims.len());
    }
}

/// Every entry of the lists is a name of the description, so that no list hides a name by mistake.
#[test]
fn absent_names_are_names_of_the_description() {
    for described in DESCRIBED.iter().chain(NEWER.iter().map(|(described, _)| described)) {
        let all: Vec<String> = all_claims(described).into_iter().map(|(expression, _)| expression).collect();
        for name in described.absent {
            assert!(all.iter().any(|expression| mentions(expression, name)), "{}: {name}", described.file);
        }
    }
}

/// The claims about names that the headers have.
fn claims(described: &Described) -> Vec<Claim> {
    let is_present = |expression: &str| !described.absent.iter().any(|name| mentions(expression, name));
    let present = all_claims(described).into_iter().filter(|(expression, _)| is_present(expression));
    present.map(|(expression, value)| (&*expression.leak(), value)).collect()
}

/// Returns whether a C expression has the name as a word. `NAME_*` stands for all words that start with `NAME_`.
fn mentions(expression: &str, name: &str) -> bool {
    let is_word = |character: Option<char>| character.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let (name, is_prefix) = name.strip_suffix('*').map_or((name, false), |prefix| (prefix, true));
    expression.match_indices(name).any(|(at, _)| {
        let ends = is_prefix || !is_word(expression[at + name.len()..].chars().next());
        !is_word(expression[..at].chars().next_back()) && ends
    })
}

fn all_claims(described: &Described) -> Vec<(String, u64)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("vspec/{}.vspec", described.file));
    let text = std::fs::read_to_string(path).expect("a readable description");
    let model: Model = parse_text(&Source { path: described.file, text: &text }).expect("a valid description");
    let mut claims = Vec::new();
    for module in model.modules {
        if let Kind::Device(device) = &module.kind {
            claims.extend(device_claims(described, device));
        }
        for member in &module.members {
            claims.extend(member_claims(member));
        }
    }
    claims
}

fn device_claims(described: &Described, device: &Device) -> Vec<(String, u64)> {
    let mut claims: Vec<(String, u64)> =
        device.features.iter().map(|feature| (feature.c_name.clone(), feature.bit.into())).collect();
    if !described.config.is_empty() {
        for field in device.config.fields.iter().filter(|field| !is_padding(&field.name.text)) {
            let name = field.alias.as_deref().unwrap_or(&field.name.text);
            claims.push((format!("offsetof(struct {}, {name})", described.config), field.offset));
            let size = field.ty.size();
            claims.push((format!("sizeof(((struct {} *)0)->{name})", described.config), size));
        }
        claims.push((format!("sizeof(struct {})", described.config), device.config.len));
    }
    let regions = device.shared_memory.iter().filter_map(|region| Some((region.alias.clone()?, region.id.into())));
    claims.extend(regions);
    claims
}

fn member_claims(member: &Member) -> Vec<(String, u64)> {
    match member {
        Member::Struct(structure) => struct_claims(structure),
        Member::Request(request) => request_claims(request),
        Member::Bits(bits) => bits_claims(bits),
        Member::Enum(values) => {
            let named = values.variants.iter().filter_map(|variant| Some((variant.alias.clone()?, variant.value)));
            named.collect()
        }
        Member::Const(constant) => constant.alias.iter().map(|alias| (alias.clone(), constant.value)).collect(),
        Member::Registers(_) => Vec::new(),
    }
}

fn struct_claims(structure: &Struct) -> Vec<(String, u64)> {
    let Some(c) = &structure.alias else { return Vec::new() };
    let fields = structure.fields.iter().filter(|field| !is_padding(&field.name.text)).flat_map(|field| {
        let name = field.alias.as_deref().unwrap_or(&field.name.text);
        let size = (format!("sizeof(((struct {c} *)0)->{name})"), field.ty.size());
        [(format!("offsetof(struct {c}, {name})"), field.offset), size]
    });
    [(format!("sizeof(struct {c})"), structure.size)].into_iter().chain(fields).collect()
}

/// The fields of the readable part before the first one of variable length.
fn request_claims(request: &Request) -> Vec<(String, u64)> {
    let Some(c) = &request.alias else { return Vec::new() };
    let (mut offset, mut claims) = (0, Vec::new());
    for field in &request.readable {
        let count = match field.count {
            Count::One => 1,
            Count::Fixed(count) => count.into(),
            Count::Config { .. } | Count::Field { .. } | Count::Open => 0,
        };
        if !field.conditions.is_empty() || count == 0 {
            break;
        }
        if !is_padding(&field.name.text) {
            let name = field.alias.as_deref().unwrap_or(&field.name.text);
            claims.push((format!("offsetof(struct {c}, {name})"), offset));
        }
        offset += field.element.size() * count;
    }
    claims
}

/// Flags are masks or bit numbers in C. A part of several bits has no comparable name.
fn bits_claims(bits: &Bits) -> Vec<(String, u64)> {
    let flags = bits.fields.iter().filter(|field| field.width.is_none());
    flags.filter_map(|field| Some((field.alias.clone()?, 1 << field.low))).collect()
}

fn is_padding(name: &str) -> bool {
    name.starts_with("reserved") || name.starts_with("padding")
}

/// The headers of Linux 6.1 do not have the absent names, unless a comment has another reason.
const DESCRIBED: &[Described] = &[
    Described {
        file: "gpu",
        headers: &["linux/virtio_gpu.h"],
        config: "virtio_gpu_config",
        absent: &[
            "VIRTIO_GPU_F_BLOB_ALIGNMENT",
            "blob_alignment",
            // The structure is longer in VIRTIO 1.4, by `blob_alignment`.
            "sizeof(struct virtio_gpu_config)",
            "VIRTIO_GPU_CAPSET_GFXSTREAM",
            "VIRTIO_GPU_CAPSET_VENUS",
            "VIRTIO_GPU_CAPSET_CROSS_DOMAIN",
        ],
    },
    Described { file: "input", headers: &["linux/virtio_input.h"], config: "virtio_input_config", absent: &[] },
    Described {
        file: "mem",
        headers: &["linux/virtio_mem.h"],
        config: "virtio_mem_config",
        absent: &["VIRTIO_MEM_F_PERSISTENT_SUSPEND"],
    },
    Described {
        file: "pmem",
        headers: &["linux/virtio_pmem.h"],
        config: "virtio_pmem_config",
        absent: &["VIRTIO_PMEM_F_SHMEM_REGION"],
    },
    Described { file: "i2c", headers: &["linux/virtio_i2c.h"], config: "", absent: &[] },
    Described { file: "gpio", headers: &["linux/virtio_gpio.h"], config: "virtio_gpio_config", absent: &[] },
    Described {
        file: "scmi",
        headers: &["linux/virtio_scmi.h"],
        config: "",
        // The header has no structures.
        absent: &["virtio_scmi_request"],
    },
    Described {
        file: "fs",
        headers: &["linux/virtio_fs.h", "linux/fuse.h"],
        config: "virtio_fs_config",
        absent: &[
            "VIRTIO_FS_F_NOTIFICATION",
            "notify_buf_size",
            // The structure is longer in VIRTIO 1.4, by `notify_buf_size`.
            "sizeof(struct virtio_fs_config)",
            // Linux has no structure for it.
            "virtio_fs_req",
        ],
    },
    Described {
        file: "vsock",
        headers: &["linux/virtio_vsock.h"],
        config: "virtio_vsock_config",
        absent: &[
            "VIRTIO_VSOCK_F_STREAM",
            "VIRTIO_VSOCK_F_NO_IMPLIED_STREAM",
            // Linux has no structure for it.
            "virtio_vsock_packet",
        ],
    },
    Described { file: "iommu", headers: &["linux/virtio_iommu.h"], config: "virtio_iommu_config", absent: &[] },
    Described {
        file: "scsi",
        headers: &["linux/virtio_scsi.h"],
        config: "virtio_scsi_config",
        // Linux has no names for the notifications.
        absent: &[
            "VIRTIO_SCSI_EVT_ASYNC_OPERATIONAL_CHANGE",
            "VIRTIO_SCSI_EVT_ASYNC_POWER_MGMT",
            "VIRTIO_SCSI_EVT_ASYNC_EXTERNAL_REQUEST",
            "VIRTIO_SCSI_EVT_ASYNC_MEDIA_CHANGE",
            "VIRTIO_SCSI_EVT_ASYNC_MULTI_HOST",
            "VIRTIO_SCSI_EVT_ASYNC_DEVICE_BUSY",
        ],
    },
    Described {
        file: "sound",
        headers: &["linux/virtio_snd.h"],
        config: "virtio_snd_config",
        absent: &[
            // Control elements are newer. (Later headers have padding in `virtio_snd_ctl_info`, which the text does not have.)
            "VIRTIO_SND_F_CTLS",
            "controls",
            "sizeof(struct virtio_snd_config)",
            "VIRTIO_SND_R_CTL_*",
            "VIRTIO_SND_EVT_CTL_NOTIFY",
            "VIRTIO_SND_CTL_*",
            "virtio_snd_ctl_*",
            "VIRTIO_SND_PCM_RATE_12000",
            "VIRTIO_SND_PCM_RATE_24000",
        ],
    },
    Described {
        file: "media",
        headers: &["linux/videodev2.h", "time.h"],
        config: "",
        // Linux has only the structures of V4L2, in their 64-bit form on this host.
        absent: &["VIRTIO_MEDIA_*", "virtio_media_*"],
    },
    Described {
        file: "crypto",
        headers: &["linux/virtio_crypto.h"],
        config: "virtio_crypto_config",
        absent: &[
            // The header has the requests before revision 1.
            "VIRTIO_CRYPTO_F_*",
            "VIRTIO_CRYPTO_FLAG_SESSION_MODE",
            "VIRTIO_CRYPTO_CTRLQ_OP_SPEC_HDR_LEGACY",
            "VIRTIO_CRYPTO_DATAQ_OP_SPEC_HDR_LEGACY",
            "VIRTIO_CRYPTO_SERVICE_IPSEC",
            "VIRTIO_CRYPTO_IPSEC_*",
            "virtio_crypto_ipsec_data_flf",
            "virtio_crypto_resource_obj_ipsec_sa_256b_key",
            "VIRTIO_CRYPTO_MAC_ZUC_EIA3",
            // Revision 1 has other fields.
            "tag_len",
            "sizeof(struct virtio_crypto_aead_para)",
            // The structures of Linux contain the padding that fills the fixed part.
            "sizeof(struct virtio_crypto_hash_session_para)",
            "sizeof(struct virtio_crypto_ecdsa_session_para)",
            // The text gives 44 bytes to the part for the algorithm.
            "sizeof(struct virtio_crypto_akcipher_session_para)",
            "sizeof(struct virtio_crypto_destroy_session_req)",
            // The text has 2. Linux has 3, because it gives 2 to DSA.
            "VIRTIO_CRYPTO_AKCIPHER_ECDSA",
        ],
    },
];

/// Descriptions, and a name that shows that a header is new enough.
const NEWER: &[(Described, &str)] = &[
    (
        Described {
            file: "net",
            headers: &["linux/virtio_net.h"],
            config: "",
            absent: &[
                "VIRTIO_NET_F_HASH_TUNNEL",
                "VIRTIO_NET_F_RSS_CONTEXT",
                "VIRTIO_NET_F_OUT_NET_HEADER",
                "VIRTIO_NET_F_IPSEC",
                "VIRTIO_NET_F_GUEST_RSC4",
                "VIRTIO_NET_F_GUEST_RSC6",
                "VIRTIO_NET_HDR_F_SECURITY",
                "VIRTIO_NET_HDR_F_SECURITY_*",
                "VIRTIO_NET_HASH_TUNNEL_*",
                "VIRTIO_NET_CTRL_HASH_TUNNEL",
                "VIRTIO_NET_CTRL_HASH_TUNNEL_SET",
                "VIRTNET_RSS_CTX_*",
                "virtnet_*",
                "VIRTIO_NET_FF_*",
                "virtio_net_ff_*",
                "VIRTIO_NET_IPSEC_*",
                "VIRTIO_NET_RESOURCE_*",
                "virtio_net_resource_*",
                "VIRTIO_NET_DEV_PART_*",
                "virtio_net_dev_part_cvq_selector",
                // The structure for all commands has no name in Linux.
                "virtio_net_ctrl",
                // Linux has the hash header with the first part in it, and the table with its addresses.
                "virtio_net_hdr_v1_hash",
                // Linux has other names for the same fields.
                "vq_index",
                "virtio_net_ctrl_coal_vq",
                "rx_packets_allowance_exceeded",
                "rx_bytes_allowance_exceeded",
                "tx_packets_allowance_exceeded",
                "tx_bytes_allowance_exceeded",
                // Linux has an array of one element.
                "virtio_net_ctrl_queue_stats",
                // The requests have the header of the control queue before them.
                "virtio_net_hash_config",
                "virtio_net_rss_config",
            ],
        },
        "virtio_net_stats_rx_basic",
    ),
    (
        Described {
            file: "rtc",
            headers: &["linux/virtio_rtc.h"],
            config: "",
            absent: &[
                // Linux has no alarms yet.
                "VIRTIO_RTC_F_ALARM",
                "VIRTIO_RTC_REQ_READ_ALARM",
                "VIRTIO_RTC_REQ_SET_ALARM",
                "VIRTIO_RTC_REQ_SET_ALARM_ENABLED",
                "VIRTIO_RTC_NOTIF_ALARM",
                "VIRTIO_RTC_FLAG_ALARM_*",
                "virtio_rtc_notif_*",
                "virtio_rtc_req_read_alarm",
                "virtio_rtc_req_set_*",
                // In Linux the head is a structure in each request.
                "msg_type",
            ],
        },
        "virtio_rtc_req_head",
    ),
    (
        Described { file: "can", headers: &["linux/virtio_can.h"], config: "virtio_can_config", absent: &[] },
        "virtio_can_config",
    ),
    (
        Described {
            file: "spi",
            headers: &["linux/virtio_spi.h"],
            config: "virtio_spi_config",
            // In Linux it is `spi_transfer_head`.
            absent: &["virtio_spi_transfer_head"],
        },
        "virtio_spi_config",
    ),
];
