//! What happens at an access of the driver to a register.

use crate::bus::{BAR, PORTS, Space, TABLE, WINDOW_DATA, register};
use crate::coverage::Event;
use crate::device::{Bus, DRIVER_OK, Effect, Register, bit};
use crate::memory::Area;
use crate::ring::Ring;
use crate::world::World;

impl World {
    /// Counts an access to configuration space. Later, a window there takes several for each register.
    fn count_function(&mut self) {
        if self.is_connecting {
            self.count(false);
        }
    }

    /// Reads a register of `width` bytes.
    pub(crate) fn read(&mut self, space: Space, offset: usize, width: u32) -> u32 {
        let mask = u32::MAX >> (32 - 8 * width);
        if self.is_stopped {
            return 0;
        }
        if space == Space::Function {
            return self.read_function(offset);
        }
        let register = register(space, self.device.bus, self.has_vectors, offset);
        self.count(register == Register::Status);
        if self.is_stopped {
            return 0;
        }
        if self.device.is_unplugged {
            return self.read_unplugged(register) & mask;
        }
        if register == Register::Status && self.device.is_live() && self.choices.chance(self.hostility.scribbles, 4096)
        {
            // In the middle of a call.
            self.observe();
            self.scribble();
        }
        if register == Register::Generation && self.device.is_restless {
            self.device.generation = self.device.generation.wrapping_add(1);
            self.call.is_bent = true;
        }
        let honest = self.device.read(register) & mask;
        let value = match self.bends(register) {
            true => self.choices.nasty(honest) & mask,
            false => honest,
        };
        if value != honest {
            (self.is_bent, self.call.is_bent) = (true, true);
            self.coverage.count(Event::BentRead);
        }
        if self.prints && value != honest {
            eprintln!("        {register:?} reads {value:#x} instead of {honest:#x}");
        }
        self.note_read(register, value);
        value
    }

    fn read_unplugged(&mut self, register: Register) -> u32 {
        // Another device is plugged in while the driver waits for the end of the reset.
        if register == Register::Status
            && self.device.reset_in.is_some_and(|left| left < 100)
            && self.choices.chance(1, 8)
        {
            self.device.is_unplugged = false;
        }
        self.call.is_bent = true;
        self.has_seen_gone |= register == Register::Status;
        u32::MAX
    }

    fn bends(&mut self, register: Register) -> bool {
        let rate = match self.device.status & DRIVER_OK {
            0 => self.hostility.bends_setup,
            _ => self.hostility.bends_live,
        };
        // A reset that ends because of a wrong value has to be rare, or no reset is ever real.
        register != Register::Other && self.choices.chance(rate, 1024)
    }

    /// Notes what follows from a value that the driver has read.
    fn note_read(&mut self, register: Register, value: u32) {
        match register {
            Register::Status if value & 0xff == 0xff => self.has_seen_gone = true,
            Register::Status => match &mut self.device.reset_in {
                Some(_) if value & 0xff == 0 => self.finish_reset(),
                Some(left) if *left > 0 => *left -= 1,
                Some(_) => self.device.status = 0,
                None => {}
            },
            // The device is what its version says.
            Register::Version if self.device.bus == Bus::Mmio && value == 1 => self.device.bus = Bus::LegacyMmio,
            Register::Version if self.device.bus == Bus::LegacyMmio && value == 2 => self.device.bus = Bus::Mmio,
            Register::Config(8) if value == 1 => self.has_read_done = true,
            Register::QueueSize => {
                let index = self.selected();
                if let Some(queue) = self.device.queues.get_mut(index) {
                    queue.size_read = value as u16;
                }
            }
            _ => {}
        }
    }

    fn selected(&self) -> usize {
        // The register that PCI devices read back as the offset of notifications.
        self.device.read(Register::NotifyOffset) as usize
    }

    /// Writes a register of `width` bytes.
    pub(crate) fn write(&mut self, space: Space, offset: usize, value: u32) {
        if self.is_stopped {
            return;
        }
        if space == Space::Function {
            return self.write_function(offset, value);
        }
        let register = register(space, self.device.bus, self.has_vectors, offset);
        self.count(false);
        if self.is_stopped || (self.device.is_unplugged && register != Register::Status) {
            return;
        }
        self.observe();
        if self.prints {
            eprintln!("        {register:?} = {value:#x}");
        }
        match self.device.write(register, value) {
            Effect::None => {}
            Effect::Reset => self.request_reset(),
            // The driver may write to registers that it does not mean.
            _ if self.is_forged => {}
            Effect::Enable(index) => self.enable(index),
            Effect::Notify(value) => self.notified(value),
            Effect::Live => self.coverage.count(Event::Live),
        }
    }

    fn read_function(&mut self, offset: usize) -> u32 {
        self.count_function();
        if offset == WINDOW_DATA {
            let (space, at) = self.window();
            let (_, _, width) = self.function.window();
            return match (space, width) {
                (Some(space), 1 | 2 | 4) => self.read(space, at, width),
                _ => u32::MAX,
            };
        }
        let honest = self.function.read(offset);
        if self.device.status & DRIVER_OK == 0 && self.choices.chance(self.hostility.bends_function, 1024) {
            self.coverage.count(Event::BentRead);
            (self.is_bent, self.call.is_bent) = (true, true);
            self.is_bar_bent |= (0x10..0x28).contains(&offset);
            self.is_forged = true;
            return self.choices.nasty(honest);
        }
        honest
    }

    fn write_function(&mut self, offset: usize, value: u32) {
        self.count_function();
        if offset == WINDOW_DATA {
            if let (Some(space), at) = self.window() {
                self.write(space, at, value);
            }
        } else {
            self.function.write(offset, value);
        }
    }

    fn window(&self) -> (Option<Space>, usize) {
        let (bar, offset, _) = self.function.window();
        let space = match bar {
            0 => Some(Space::Ports),
            4 => Some(Space::Bar),
            _ => None,
        };
        (space, offset as usize)
    }

    /// Returns the block of registers that a range of a BAR is, and the offset in it.
    pub(crate) fn map_bar(&mut self, address: u64, length: u64, is_ports: bool) -> Option<(Space, usize)> {
        let bars = [(Space::Ports, PORTS), (Space::Table, TABLE), (Space::Bar, BAR)];
        let inside = bars.into_iter().find(|(space, (start, bytes))| {
            let end = address.checked_add(length);
            (*space == Space::Ports) == is_ports && address >= *start && end.is_some_and(|end| end <= start + bytes)
        });
        if inside.is_none() && !self.is_bar_bent {
            self.fail(format!("the driver maps {length} bytes at {address:#x}, outside every BAR"));
        }
        inside.map(|(space, (start, _))| (space, (address - start) as usize))
    }

    fn enable(&mut self, index: usize) {
        let rules = self.device.rules();
        let role = self.device.next_role();
        self.memory.is_mapped = self.device.has(bit::ACCESS_PLATFORM);
        let Some(queue) = self.device.queues.get_mut(index) else { return };
        let size = if self.device.bus == Bus::LegacyPci { queue.size_read } else { queue.size };
        if queue.ring.is_some() {
            return self.fail(format!("queue {index} was enabled twice"));
        }
        if size == 0 || size > 0x8000 || (!rules.packed && !size.is_power_of_two()) {
            return self.fail(format!("queue {index} was enabled with {size} descriptors"));
        }
        let lengths = Ring::lengths(rules, size);
        if rules.legacy {
            let driver = u64::from(queue.pfn) << 12;
            let used = (driver + lengths[0] as u64 + lengths[1] as u64).next_multiple_of(4096);
            queue.addresses = [driver, driver + lengths[0] as u64, used];
        }
        let [desc, driver, device] = [0, 1, 2].map(|part| {
            let start = self.memory.hold(queue.addresses[part], lengths[part] as u64)?;
            Some(Area::new(start, lengths[part]))
        });
        let (Some(desc), Some(driver), Some(device)) = (desc, driver, device) else {
            return self.fail(format!("queue {index} is outside DMA memory"));
        };
        queue.ring = Some(Ring::new(rules, size, desc, driver, device));
        queue.role = role;
        self.device.enabled += 1;
        match role {
            // The driver also sets up queues that it does not use, for devices that need all of their queues.
            None => {}
            Some(role) if !self.is_bent && self.hostility.uses_numbers && self.device.number(role) != index => {
                self.fail(format!("{role:?} has the wrong number {index}"));
            }
            Some(_) => {}
        }
    }

    fn request_reset(&mut self) {
        // One reset that never finishes is enough for an episode, because it takes a long time.
        if self.device.reset_in.is_some_and(|left| left > 1000) {
            self.hostility.slow_reset = 1000;
        }
        self.device.reset_in = Some(match self.choices.below(16) {
            // A kernel waits a few times at least.
            0 => self.choices.below(if self.hostility.is_conforming { 3 } else { 50 }) + 1,
            1 if !self.hostility.is_conforming => self.hostility.slow_reset,
            _ => 0,
        });
        if self.device.reset_in == Some(0) {
            self.device.status = 0;
        } else if self.device.status == 0 {
            self.device.status = 1;
        }
    }

    /// The driver has seen the end of a reset: the device has nothing any more.
    fn finish_reset(&mut self) {
        self.device.reset();
        self.memory.release();
        self.memory.is_mapped = false;
        self.ledger.reset();
        (self.is_bent, self.has_read_done) = (false, false);
        self.coverage.count(Event::Reset);
    }

    /// The kernel cuts the device off: it does not access memory any more, and its registers read as ones.
    pub(crate) fn cut_off(&mut self) {
        self.observe();
        self.finish_reset();
        self.device.is_unplugged = true;
        self.coverage.count(Event::CutOff);
    }

    fn notified(&mut self, value: u32) {
        let index = (value & 0xffff) as usize;
        if self.device.status & DRIVER_OK == 0 && self.device.reset_in.is_none() && !self.device.is_asleep {
            return self.fail(format!("queue {index} was notified before DRIVER_OK"));
        }
        let Some(ring) = self.device.queues.get_mut(index).and_then(|queue| queue.ring.as_mut()) else {
            return self.fail(format!("queue {index} was notified and is not enabled"));
        };
        ring.is_active = true;
        self.coverage.count(Event::Notification);
        if self.device.is_live() && self.choices.chance(self.hostility.works, 16) {
            self.work(index);
        }
    }
}
