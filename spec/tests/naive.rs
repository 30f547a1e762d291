//! The descriptions that one writes first, from the text of the specification: the generated code compiles, and works.
//!
//! The tests of the compiler have the same files.

use zerocopy::{FromBytes as _, IntoBytes as _};

aerostat_spec::virtio_spec!("../codegen/tests/naive/gpu.vspec");
aerostat_spec::virtio_spec!("../codegen/tests/naive/mem_complete.vspec");

#[test]
fn structures_contain_structures() {
    let answer = gpu::RespCapset::ref_from_bytes(&[0; 26]).expect("a header and two bytes");
    assert_eq!((answer.hdr.fence_id.get(), answer.capset_data.len()), (0, 2));
    assert_eq!(size_of::<gpu::RespDisplayInfo>(), 24 + 16 * 24);
    assert_eq!(gpu::CtrlType::from_raw(0x101), gpu::CtrlType::CmdResourceCreate2d);
}

#[test]
fn unions_contain_structures() {
    let zeros = [0.into(); 3];
    let plug = mem::ReqPlug::new(0x1000, 2, zeros);
    let request = mem::Req::new(0, zeros, mem::ReqUnion::from_plug(plug));
    assert_eq!(request.as_bytes()[8..18], [0, 0x10, 0, 0, 0, 0, 0, 0, 2, 0]);
}
