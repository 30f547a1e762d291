#!/bin/busybox sh
# The first and only program of the Linux guest. On the serial line it says and hears what the other guest does.
# Words on the kernel's command line:
#   touch=once  write to nearly all memory once and free it, before the guest is ready
#   spare=768   use so many MiB until a line comes in on the serial line

/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o size=100% tmp /mnt

use() { dd if=/dev/zero of=/mnt/used bs=1M count="$1" 2>/dev/null || echo "panic: no $1 MiB to use"; }

touch=no
spare=0
for word in $(cat /proc/cmdline); do
    case $word in
    touch=once) touch=yes ;;
    spare=*) spare=${word#spare=} ;;
    esac
done

# Before the driver is there, so that nothing of it is reported to the host yet. Some MiB are left, so that nobody is out
# of memory.
if [ $touch = yes ]; then
    use $(($(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) / 1024 - 16))
    rm /mnt/used
fi
[ "$spare" = 0 ] || use "$spare"

for module in /*.ko; do insmod "$module" || echo "panic: $module was not loaded"; done
ls /sys/bus/virtio/drivers/virtio_balloon | grep -q virtio || echo "panic: there is no balloon"
echo "ready: Linux"

read -r line
rm -f /mnt/used
echo "spare: freed $spare MiB"
while true; do sleep 1000; done
