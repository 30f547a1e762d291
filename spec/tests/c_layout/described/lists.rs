//! How the names of each description relate to those of Linux. The headers do not have the absent names, unless a comment has another
//! reason.

use super::{Described, Part, Side, part};

/// Why a structure of Linux is not described on its own.
const IN_PARTS: &str = "its fields are compared as fields of other structures";
/// Why a constant of Linux is not described.
const NOT_IN_TEXT: &str = "the text does not have it";
const REVISION_0: &str = "the whole request in the format before revision 1";

pub(super) const DESCRIBED: &[Described] = &[
    Described {
        file: "net",
        id: "VIRTIO_ID_NET",
        headers: &["linux/virtio_net.h"],
        bit_numbers: &["VIRTIO_NET_F_GUEST_*"],
        absent: &[
            "VIRTIO_NET_F_HASH_TUNNEL",
            "VIRTIO_NET_F_RSS_CONTEXT",
            "VIRTIO_NET_F_OUT_NET_HEADER",
            "VIRTIO_NET_F_IPSEC",
            "VIRTIO_NET_F_GUEST_RSC4",
            "VIRTIO_NET_F_GUEST_RSC6",
            "VIRTIO_NET_HDR_F_SECURITY*",
            "VIRTIO_NET_HASH_TUNNEL_*",
            "VIRTIO_NET_CTRL_HASH_TUNNEL*",
            "VIRTNET_RSS_CTX_*",
            "virtnet_*",
            "VIRTIO_NET_FF_*",
            "virtio_net_ff_*",
            "VIRTIO_NET_IPSEC_*",
            "VIRTIO_NET_RESOURCE_*",
            "virtio_net_resource_*",
            "VIRTIO_NET_DEV_PART_*",
            "virtio_net_dev_part_cvq_selector",
            "supported_tunnel_types",
            "ipsec_resource_hdr",
            // The structure for all commands has no name in Linux.
            "virtio_net_ctrl",
            // Names of the text. Linux has others, which are compared.
            "VIRTIO_NET_HASH_TYPE_*",
            "virtio_net_ctrl_mq_pairs_set",
            "rx_packets_allowance_exceeded",
            "rx_bytes_allowance_exceeded",
            "tx_packets_allowance_exceeded",
            "tx_bytes_allowance_exceeded",
        ],
        newer: &[
            "VIRTIO_NET_F_DEVICE_STATS",
            "VIRTIO_NET_F_VQ_NOTF_COAL",
            "VIRTIO_NET_F_GUEST_USO4",
            "VIRTIO_NET_F_GUEST_USO6",
            "VIRTIO_NET_F_HOST_USO",
            "VIRTIO_NET_F_GUEST_HDRLEN",
            "VIRTIO_NET_F_GUEST_UDP_TUNNEL_*",
            "VIRTIO_NET_F_HOST_UDP_TUNNEL_*",
            "VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM",
            "VIRTIO_NET_HDR_GSO_UDP_L4",
            "VIRTIO_NET_HDR_GSO_UDP_TUNNEL_*",
            "VIRTIO_NET_CTRL_NOTF_COAL_VQ_*",
            "virtio_net_ctrl_coal",
            "virtio_net_ctrl_coal_vq",
            "VIRTIO_NET_CTRL_STATS*",
            "VIRTIO_NET_STATS_*",
            "virtio_net_stats_*",
            "virtio_net_ctrl_queue_stats",
        ],
        other_form: &[
            // Linux has the hash header with the first part in it, and the table with its addresses.
            "virtio_net_hdr_v1_hash",
            "virtio_net_ctrl_mac",
            // The requests have the header of the control queue before them.
            "virtio_net_hash_config",
            "virtio_net_rss_config",
            "virtio_net_ctrl_queue_stats",
        ],
        // `supported_tunnel_types` is missing.
        different: &["sizeof(struct virtio_net_config)"],
        only_linux: &[
            ("virtio_net_ctrl_coal_rx", "older names of the fields of `virtio_net_ctrl_coal`"),
            ("virtio_net_ctrl_coal_tx", "older names of the fields of `virtio_net_ctrl_coal`"),
            ("virtio_net_hdr_mrg_rxbuf", "an older name of `virtio_net_hdr_v1`"),
        ],
        only_newer: &[
            ("VIRTIO_NET_HDR_GSO_UDP_TUNNEL", "a mask of two flags"),
            ("virtio_net_hdr_v1_hash_tunnel", IN_PARTS),
            ("virtio_net_rss_config_hdr", IN_PARTS),
            ("virtio_net_rss_config_trailer", IN_PARTS),
        ],
        claims: [141, 287],
        ..Described::NONE
    },
    Described {
        file: "block",
        id: "VIRTIO_ID_BLOCK",
        headers: &["linux/virtio_blk.h"],
        absent: &[
            "VIRTIO_BLK_F_LIFETIME",
            "VIRTIO_BLK_T_GET_LIFETIME",
            "virtio_blk_lifetime",
            "VIRTIO_BLK_PRE_EOL_INFO_*",
            // Linux has the header and the status of a request.
            "virtio_blk_req",
            "virtio_blk_req_za",
            "virtio_scsi_pc_req",
            "SCSI_SENSE_BUFFERSIZE",
            "VIRTIO_BLK_T_SCSI_CMD_OUT",
            "VIRTIO_BLK_T_FLUSH_OUT",
            // In Linux its fields have no common name.
            "topology",
        ],
        newer: &[
            "VIRTIO_BLK_F_ZONED",
            "VIRTIO_BLK_T_ZONE_*",
            "VIRTIO_BLK_S_ZONE_*",
            "VIRTIO_BLK_Z_*",
            "VIRTIO_BLK_ZT_*",
            "VIRTIO_BLK_ZS_*",
            "virtio_blk_zone_report",
            "virtio_blk_zone_descriptor",
            "zoned",
            "sizeof(struct virtio_blk_config)",
        ],
        only_linux: &[("virtio_blk_geometry", IN_PARTS)],
        only_newer: &[("virtio_blk_zoned_characteristics", IN_PARTS)],
        claims: [95, 148],
        ..Described::NONE
    },
    Described {
        file: "console",
        id: "VIRTIO_ID_CONSOLE",
        headers: &["linux/virtio_console.h"],
        absent: &[
            "virtio_console_resize",
            // Names of the text. Linux has others, which are compared.
            "VIRTIO_CONSOLE_DEVICE_ADD",
            "VIRTIO_CONSOLE_DEVICE_REMOVE",
        ],
        only_linux: &[("VIRTIO_CONSOLE_BAD_ID", NOT_IN_TEXT)],
        claims: [28, 28],
        ..Described::NONE
    },
    // Linux has no header.
    Described { file: "entropy", id: "VIRTIO_ID_RNG", claims: [1, 1], ..Described::NONE },
    Described {
        file: "balloon",
        id: "VIRTIO_ID_BALLOON",
        headers: &["linux/virtio_balloon.h"],
        absent: &["VIRTIO_BALLOON_F_PAGE_REPORTING"],
        newer: &[
            "VIRTIO_BALLOON_S_OOM_KILL",
            "VIRTIO_BALLOON_S_ALLOC_STALL",
            "VIRTIO_BALLOON_S_ASYNC_*",
            "VIRTIO_BALLOON_S_DIRECT_*",
        ],
        only_linux: &[
            ("VIRTIO_BALLOON_S_NR", "the number of tags"),
            ("VIRTIO_BALLOON_S_NAMES", "names of the tags for people"),
        ],
        claims: [34, 40],
        ..Described::NONE
    },
    Described {
        file: "scsi",
        id: "VIRTIO_ID_SCSI",
        headers: &["linux/virtio_scsi.h"],
        parts: &[Part { request: "cmd", side: Side::Readable, c: "virtio_scsi_cmd_req_pi", features: &["t10_pi"] }],
        lengths: &[("cdb_size", 32), ("sense_size", 96)],
        // Linux has no names for the notifications.
        absent: &[
            "VIRTIO_SCSI_EVT_ASYNC_OPERATIONAL_CHANGE",
            "VIRTIO_SCSI_EVT_ASYNC_POWER_MGMT",
            "VIRTIO_SCSI_EVT_ASYNC_EXTERNAL_REQUEST",
            "VIRTIO_SCSI_EVT_ASYNC_MEDIA_CHANGE",
            "VIRTIO_SCSI_EVT_ASYNC_MULTI_HOST",
            "VIRTIO_SCSI_EVT_ASYNC_DEVICE_BUSY",
            // Names of the text. Linux has others, which are compared.
            "VIRTIO_SCSI_S_FUNCTION_COMPLETE",
            "virtio_scsi_req_cmd",
            "virtio_scsi_ctrl_tmf",
            "virtio_scsi_ctrl_an",
        ],
        different: &[
            // The text has the lengths after the command block, Linux before it.
            "offsetof(struct virtio_scsi_cmd_req_pi, cdb)",
            "offsetof(struct virtio_scsi_cmd_req_pi, pi_bytesout)",
            "offsetof(struct virtio_scsi_cmd_req_pi, pi_bytesin)",
        ],
        only_linux: &[
            ("VIRTIO_SCSI_CDB_SIZE", "the default size, unless a program defines it"),
            ("VIRTIO_SCSI_SENSE_SIZE", "the default size, unless a program defines it"),
        ],
        claims: [128, 128],
        ..Described::NONE
    },
    Described {
        file: "gpu",
        id: "VIRTIO_ID_GPU",
        headers: &["linux/virtio_gpu.h"],
        // Names of the text. Linux has others, which are compared.
        absent: &["VIRTIO_GPU_CAPSET_GFXSTREAM", "virtio_gpu_get_edid"],
        newer: &[
            "VIRTIO_GPU_F_BLOB_ALIGNMENT",
            "blob_alignment",
            "sizeof(struct virtio_gpu_config)",
            "VIRTIO_GPU_CAPSET_GFXSTREAM_VULKAN",
            "VIRTIO_GPU_CAPSET_VENUS",
            "VIRTIO_GPU_CAPSET_CROSS_DOMAIN",
        ],
        only_linux: &[
            ("VIRTIO_GPU_UNDEFINED", "0 is not a type of a request"),
            ("VIRTIO_GPU_SHM_ID_UNDEFINED", "0 is not an id of a region"),
            // The text names these commands without the structures.
            ("VIRTIO_GPU_RESOURCE_FLAG_Y_0_TOP", NOT_IN_TEXT),
            ("virtio_gpu_box", NOT_IN_TEXT),
            ("virtio_gpu_cmd_submit", NOT_IN_TEXT),
            ("virtio_gpu_ctx_destroy", NOT_IN_TEXT),
            ("virtio_gpu_ctx_resource", NOT_IN_TEXT),
            ("virtio_gpu_resource_create_3d", NOT_IN_TEXT),
            ("virtio_gpu_transfer_host_3d", NOT_IN_TEXT),
        ],
        only_newer: &[("VIRTIO_GPU_CAPSET_DRM", NOT_IN_TEXT)],
        claims: [294, 301],
        ..Described::NONE
    },
    Described {
        file: "rtc",
        id: "VIRTIO_ID_CLOCK",
        headers: &["linux/virtio_rtc.h"],
        // The header is newer.
        newer: &["*"],
        only_newer: &[
            ("virtio_rtc_req_requestq", "a union of all requests"),
            ("virtio_rtc_resp_requestq", "a union of all answers"),
            ("virtio_rtc_notif_alarmq", "a union of one notification"),
        ],
        claims: [0, 120],
        ..Described::NONE
    },
    Described {
        file: "input",
        id: "VIRTIO_ID_INPUT",
        headers: &["linux/virtio_input.h"],
        claims: [64, 64],
        ..Described::NONE
    },
    Described {
        file: "vsock",
        id: "VIRTIO_ID_VSOCK",
        headers: &["linux/virtio_vsock.h"],
        absent: &[
            "VIRTIO_VSOCK_F_STREAM",
            "VIRTIO_VSOCK_F_NO_IMPLIED_STREAM",
            // Linux has no structure for a packet.
            "virtio_vsock_packet",
            // Names of the text. Linux has others, which are compared.
            "VIRTIO_VSOCK_SHUTDOWN_F_*",
        ],
        claims: [44, 44],
        ..Described::NONE
    },
    Described {
        file: "crypto",
        id: "VIRTIO_ID_CRYPTO",
        headers: &["linux/virtio_crypto.h"],
        absent: &[
            // The header has the requests before revision 1.
            "VIRTIO_CRYPTO_F_*",
            "VIRTIO_CRYPTO_FLAG_SESSION_MODE",
            "VIRTIO_CRYPTO_CTRLQ_OP_SPEC_HDR_LEGACY",
            "VIRTIO_CRYPTO_DATAQ_OP_SPEC_HDR_LEGACY",
            "VIRTIO_CRYPTO_SERVICE_IPSEC",
            "VIRTIO_CRYPTO_IPSEC_*",
            "VIRTIO_CRYPTO_RESOURCE_OBJ_IPSEC_*",
            "virtio_crypto_ipsec_*",
            "virtio_crypto_resource_obj_ipsec_sa*",
            "VIRTIO_CRYPTO_MAC_ZUC_EIA3",
            "tag_len",
            "VIRTIO_CRYPTO_*_HDR_*SIZE",
            // Names of the text. Linux has others for the fixed parts, which are compared, and none for the rest.
            "virtio_crypto_*_flf*",
            "virtio_crypto_*_vlf*",
            "virtio_crypto_create_session_input",
            "virtio_crypto_destroy_session_input",
        ],
        // The fields of the header are in a structure, and those of the services in a union.
        other_form: &["virtio_crypto_op_ctrl_req", "virtio_crypto_op_data_req"],
        different: &[
            // Revision 1 has other fields.
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
        only_linux: &[
            ("VIRTIO_CRYPTO_AKCIPHER_DSA", NOT_IN_TEXT),
            ("virtio_crypto_aead_create_session_req", REVISION_0),
            ("virtio_crypto_aead_data_req", REVISION_0),
            ("virtio_crypto_akcipher_create_session_req", REVISION_0),
            ("virtio_crypto_akcipher_data_req", REVISION_0),
            ("virtio_crypto_alg_chain_data_req", REVISION_0),
            ("virtio_crypto_alg_chain_session_req", REVISION_0),
            ("virtio_crypto_cipher_data_req", REVISION_0),
            ("virtio_crypto_cipher_session_req", REVISION_0),
            ("virtio_crypto_hash_create_session_req", REVISION_0),
            ("virtio_crypto_hash_data_req", REVISION_0),
            ("virtio_crypto_mac_create_session_req", REVISION_0),
            ("virtio_crypto_mac_data_req", REVISION_0),
        ],
        claims: [277, 277],
        ..Described::NONE
    },
    Described {
        file: "iommu",
        id: "VIRTIO_ID_IOMMU",
        headers: &["linux/virtio_iommu.h"],
        parts: &[
            part("attach", Side::Behind, "virtio_iommu_req_attach"),
            part("detach", Side::Behind, "virtio_iommu_req_detach"),
            part("map", Side::Behind, "virtio_iommu_req_map"),
            part("unmap", Side::Behind, "virtio_iommu_req_unmap"),
            part("probe", Side::Behind, "virtio_iommu_req_probe"),
        ],
        // The array has no length in C.
        lengths: &[("probe_size", 0)],
        // In C, the end of the request is not a field, because it is behind the array.
        different: &[
            "offsetof(struct virtio_iommu_req_probe, tail)",
            "sizeof(((struct virtio_iommu_req_probe *)0)->tail)",
        ],
        only_linux: &[
            ("VIRTIO_IOMMU_FAULT_F_EXEC", NOT_IN_TEXT),
            ("VIRTIO_IOMMU_MAP_F_MASK", "a mask of all flags"),
            ("VIRTIO_IOMMU_PROBE_T_MASK", "the range of bits in `property_type`"),
        ],
        claims: [137, 137],
        ..Described::NONE
    },
    Described {
        file: "mem",
        id: "VIRTIO_ID_MEM",
        headers: &["linux/virtio_mem.h"],
        newer: &["VIRTIO_MEM_F_PERSISTENT_SUSPEND"],
        claims: [57, 58],
        ..Described::NONE
    },
    Described {
        file: "sound",
        id: "VIRTIO_ID_SOUND",
        headers: &["linux/virtio_snd.h"],
        bit_numbers: &[
            "VIRTIO_SND_JACK_F_*",
            "VIRTIO_SND_PCM_F_*",
            "VIRTIO_SND_CTL_ACCESS_*",
            "VIRTIO_SND_CTL_EVT_MASK_*",
        ],
        absent: &["VIRTIO_SND_PCM_RATE_12000", "VIRTIO_SND_PCM_RATE_24000", "virtio_snd_ctl_tlv"],
        newer: &[
            // Control elements.
            "VIRTIO_SND_F_CTLS",
            "controls",
            "sizeof(struct virtio_snd_config)",
            "VIRTIO_SND_R_CTL_*",
            "VIRTIO_SND_EVT_CTL_NOTIFY",
            "VIRTIO_SND_CTL_*",
            "virtio_snd_ctl_*",
        ],
        different: &[
            // Linux has padding that the text does not have.
            "sizeof(struct virtio_snd_ctl_info)",
            "offsetof(struct virtio_snd_ctl_info, value)",
        ],
        only_linux: &[("VIRTIO_SND_VQ_MAX", "the number of queues"), ("virtio_snd_chmap_hdr", NOT_IN_TEXT)],
        claims: [207, 280],
        ..Described::NONE
    },
    Described {
        file: "fs",
        id: "VIRTIO_ID_FS",
        headers: &["linux/virtio_fs.h", "linux/fuse.h"],
        absent: &[
            "VIRTIO_FS_F_NOTIFICATION",
            "notify_buf_size",
            // Linux has no structures for them.
            "virtio_fs_req",
            "virtio_fs_notify",
        ],
        // `notify_buf_size` is missing.
        different: &["sizeof(struct virtio_fs_config)"],
        claims: [30, 30],
        ..Described::NONE
    },
    Described {
        file: "pmem",
        id: "VIRTIO_ID_PMEM",
        headers: &["linux/virtio_pmem.h"],
        newer: &["VIRTIO_PMEM_F_SHMEM_REGION", "VIRTIO_PMEM_SHMEM_REGION_ID"],
        claims: [13, 15],
        ..Described::NONE
    },
    Described {
        file: "rpmb",
        id: "VIRTIO_ID_RPMB",
        // Linux has no header.
        absent: &["VIRTIO_RPMB_*", "virtio_rpmb_*"],
        claims: [1, 1],
        ..Described::NONE
    },
    Described {
        file: "scmi",
        id: "VIRTIO_ID_SCMI",
        headers: &["linux/virtio_scmi.h"],
        // The header has no structures.
        absent: &["virtio_scmi_request", "virtio_scmi_response", "virtio_scmi_event_msg"],
        only_linux: &[("VIRTIO_SCMI_VQ_MAX_CNT", "the number of queues")],
        claims: [5, 5],
        ..Described::NONE
    },
    Described {
        file: "i2c",
        id: "VIRTIO_ID_I2C_ADAPTER",
        headers: &["linux/virtio_i2c.h"],
        // Linux has the header and the status of a request.
        absent: &["virtio_i2c_req"],
        claims: [14, 14],
        ..Described::NONE
    },
    Described {
        file: "can",
        id: "VIRTIO_ID_CAN",
        headers: &["linux/virtio_can.h"],
        // The header is newer.
        newer: &["*"],
        only_newer: &[("VIRTIO_CAN_MAX_DLEN", NOT_IN_TEXT)],
        claims: [0, 40],
        ..Described::NONE
    },
    Described {
        file: "gpio",
        id: "VIRTIO_ID_GPIO",
        headers: &["linux/virtio_gpio.h"],
        // Names of the text. Linux has others, which are compared.
        absent: &["VIRTIO_GPIO_MSG_GET_LINE_NAMES", "VIRTIO_GPIO_MSG_SET_IRQ_TYPE", "virtio_gpio_response_N"],
        claims: [46, 46],
        ..Described::NONE
    },
    Described {
        file: "spi",
        id: "VIRTIO_ID_SPI",
        headers: &["linux/virtio_spi.h", "linux/const.h"],
        absent: &[
            // Names of the text. Linux has `spi_transfer_head` and `spi_transfer_result`.
            "virtio_spi_transfer_head",
            "virtio_spi_transfer_result",
            // Linux has the parts of a request.
            "virtio_spi_transfer_req",
        ],
        // The header is newer.
        newer: &["*"],
        claims: [0, 68],
        ..Described::NONE
    },
    Described {
        file: "media",
        headers: &["linux/videodev2.h", "time.h"],
        // Linux has only the structures of V4L2, in their 64-bit form on this host.
        absent: &["VIRTIO_MEDIA_*", "virtio_media_*"],
        claims: [129, 129],
        ..Described::NONE
    },
];
