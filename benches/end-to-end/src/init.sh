#!/bin/busybox sh
# The init program of the Linux guest. It speaks the same protocol on the serial console as the other guest.
# Options on the kernel command line:
#   touch=once  write to nearly all memory once and free it before the guest is ready
#   spare=768   use this many MiB until a line arrives on the serial console

/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o size=100% tmp /mnt

use() { dd if=/dev/zero of=/mnt/used bs=1M count="$1" 2>/dev/null || echo "panic: failed to use $1 MiB"; }

touch=no
spare=0
for word in $(cat /proc/cmdline); do
    case $word in
    touch=once) touch=yes ;;
    spare=*) spare=${word#spare=} ;;
    esac
done

# Before the driver is loaded, so that nothing is reported to the host yet. Some MiB stay free to avoid an OOM.
if [ $touch = yes ]; then
    use $(($(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) / 1024 - 16))
    rm /mnt/used
fi
[ "$spare" = 0 ] || use "$spare"

for module in /*.ko; do insmod "$module" || echo "panic: $module was not loaded"; done
ls /sys/bus/virtio/drivers/virtio_balloon | grep -q virtio || echo "panic: the driver found no balloon"
echo "ready: Linux"

read -r line
rm -f /mnt/used
echo "spare: freed $spare MiB"
while true; do sleep 1000; done
