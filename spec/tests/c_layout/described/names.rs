//! The names of the text: all names of VIRTIO 1.4 that are in the section of a device type are names in its description.
//!
//! `names/*.txt` has the names of each section, in the order of the text: the words that start with `VIRTIO_`, `VIRTNET_`, `virtio_` or
//! `virtnet_`, and what its listings define. They are from the sources of the text at the tag v1.4-cs01. Left out are families such as
//! `VIRTIO_NET_HASH_TYPE_*`, and the features and administration commands of other chapters (`VIRTIO_F_*`, `VIRTIO_ADMIN_*`).

use std::collections::HashSet;
use std::path::Path;

use super::claims::{c_names, mentions, parse};
use super::lists::DESCRIBED;

/// Why a name of the text is not a name in the description.
const MISSPELLED: &str = "the text has another name too, which is meant";
const IN_CONFIG: &str = "a part of the configuration space, whose fields are fields of it";
const OF_CRYPTO: &str = "a name of the crypto device";

/// The names that the descriptions do not have: the file, the name and the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("net", "VIRTIO_NET_F_GUEST_UDP", MISSPELLED),
    ("net", "VIRTIO_NET_HDR_F_GSO_UDP_TUNNEL_IPV*", MISSPELLED),
    ("net", "VIRTIO_CRYPTO_RESOURCE_OBJ_IPSEC_*", MISSPELLED),
    ("net", "virtio_crypto_*", OF_CRYPTO),
    ("net", "virtio_dev_part", "a structure of administration commands"),
    ("block", "virtio_blk_geometry", IN_CONFIG),
    ("block", "virtio_blk_topology", IN_CONFIG),
    ("block", "virtio_blk_zoned_characteristics", IN_CONFIG),
    ("block", "VIRTIO_BLK_T_ZONE_EOPEN", MISSPELLED),
    ("scsi", "virtio_scsi_ctrl", "what all control requests have in common"),
    ("gpu", "virtio_gpu_shm_id", "the ids of regions, which have a section of their own"),
    ("gpu", "VIRTIO_GPU_SHM_ID_UNDEFINED", "0 is not an id of a region"),
    ("crypto", "VIRTIO_CRYPTO_MAX", "the number of values"),
    ("crypto", "VIRTIO_CRYPTO_OPCODE", "a macro, whose results are values"),
    ("crypto", "VIRTIO_CRYPTO_OPCDE", MISSPELLED),
    ("crypto", "virtio_crypto_akcipher_flf*", MISSPELLED),
    ("crypto", "virtio_crypto_akcipher_data_flf_statless", MISSPELLED),
    ("crypto", "in_addr", "its only field is a field of the structures with addresses"),
    ("crypto", "in6_addr", "its only field is a field of the structures with addresses"),
    ("fs", "virtio_fs_read_req", "an example"),
    ("can", "VIRTIO_CAN_F_CAN_LATE_TX_ACK", MISSPELLED),
    ("can", "VIRTIO_CAN_OK", MISSPELLED),
    ("media", "VIDIOC_G_FMT", "an example of V4L2"),
    ("media", "VIRTIO_OBJECT", "a heading for `VIRTIO_MEDIA_OBJECT`"),
];

fn text(file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/c_layout/described/names/{file}.txt"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn all_names_of_the_text_are_described() {
    let mut errors = Vec::new();
    let mut is_needed = vec![false; EXCEPTIONS.len()];
    for described in DESCRIBED {
        let file = described.file;
        let names: HashSet<String> = c_names(&parse(file)).into_iter().collect();
        let missing = text(file).into_iter().filter(|name| !names.contains(name));
        for name in missing {
            let exception =
                EXCEPTIONS.iter().position(|(other, pattern, _)| *other == file && mentions(&name, pattern));
            match exception {
                Some(at) => is_needed[at] = true,
                None => errors.push(format!("{file}: the description does not have {name}")),
            }
        }
    }
    let exceptions = EXCEPTIONS.iter().zip(is_needed);
    errors.extend(
        exceptions
            .filter(|(_, needed)| !needed)
            .map(|((file, name, _), _)| format!("{file}: the exception {name} is not needed")),
    );
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// A name that Linux does not have is in the text, so that no description makes up a name.
#[test]
fn names_that_linux_does_not_have_are_in_the_text() {
    let mut errors = Vec::new();
    for described in DESCRIBED {
        let text: HashSet<String> = text(described.file).into_iter().collect();
        let absent = |name: &String| described.absent.iter().any(|pattern| mentions(name, pattern));
        let names = c_names(&parse(described.file)).into_iter().filter(absent);
        let unknown = names.filter(|name| !text.contains(name));
        errors.extend(unknown.map(|name| format!("{}: neither the text nor Linux has {name}", described.file)));
    }
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}
