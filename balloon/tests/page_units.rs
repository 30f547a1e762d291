//! Sizes in pages and in bytes.

use aerostat_balloon::Pages;

#[test]
fn a_page_has_4_kib() {
    assert_eq!(Pages::SIZE, 4 << 10);
    assert_eq!((Pages(0).bytes(), Pages(3).bytes(), Pages(u32::MAX).bytes()), (0, 12 << 10, (1 << 44) - (4 << 10)));
}
