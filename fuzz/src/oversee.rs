//! What the driver announces to the device through shared memory, and what it returns to the kernel.

use crate::coverage::Event;
use crate::device::{Role, bit};
use crate::ledger::HostState;
use crate::memory::{Area, MAPPED};
use crate::ring::Ring;
use crate::world::World;

impl World {
    /// Takes note of everything that the driver has made available.
    pub(crate) fn observe(&mut self) {
        if self.device.enabled == 0 {
            return;
        }
        for index in 0..self.device.queues.len() {
            if let Some(role) = self.device.queues[index].role {
                self.observe_queue(index, role);
            }
        }
    }

    fn observe_queue(&mut self, index: usize, role: Role) {
        while let Some(ring) = &mut self.device.queues[index].ring {
            match ring.take(&mut self.memory) {
                Ok(None) => break,
                Ok(Some(id)) => {
                    let known = self.oversee(index, role, id);
                    self.check(known);
                }
                Err(message) => {
                    self.fail(format!("{role:?} queue: {message}"));
                    break;
                }
            }
        }
    }

    /// Checks a new buffer, and notes what it announces.
    fn oversee(&mut self, index: usize, role: Role, id: u16) -> Result<(), String> {
        let Some(ring) = &self.device.queues[index].ring else { return Ok(()) };
        let buffer = &ring.buffers[usize::from(id)];
        let (parts, serial) = (buffer.parts.clone(), buffer.serial);
        if self.prints {
            eprintln!("        {role:?} buffer {id}: {} parts in {} descriptors", parts.len(), buffer.descriptors);
        }
        if parts.is_empty() || parts.iter().any(|part| part.length == 0) {
            return Err(format!("an empty buffer in the {role:?} queue"));
        }
        for part in &parts {
            let is_block = matches!(role, Role::Reporting | Role::Hinting) && part.is_writable;
            if is_block != part.is_writable {
                return Err(format!("a writable buffer in the {role:?} queue"));
            }
            if is_block {
                self.oversee_block(role, (id as u8, serial), part.address, part.length)?;
                continue;
            }
            let start = self.memory.hold(part.address, part.length.into());
            let start =
                start.ok_or_else(|| format!("a {role:?} buffer at {:#x} is outside DMA memory", part.address))?;
            let area = Area::new(start, part.length as usize);
            match role {
                Role::Inflate => self.oversee_array(&area, HostState::Inflated)?,
                Role::Deflate => self.oversee_array(&area, HostState::Deflated(id as u8))?,
                Role::Statistics if !part.length.is_multiple_of(10) => return Err("half a statistic".to_owned()),
                Role::Hinting if part.length != 4 => return Err("a command id with a wrong length".to_owned()),
                Role::Reporting => return Err("a report that the device cannot write".to_owned()),
                Role::Statistics | Role::Hinting => {}
            }
        }
        Ok(())
    }

    fn oversee_array(&mut self, array: &Area, what: HostState) -> Result<(), String> {
        let pages = (self.frame / 4096) as usize;
        if array.len() > 1024 || !array.len().is_multiple_of(4 * pages) {
            return Err(format!("an array of {} bytes", array.len()));
        }
        for at in (0..array.len()).step_by(4 * pages) {
            let first = array.read32(at);
            let is_frame = (first as usize).is_multiple_of(pages)
                && (1..pages).all(|page| array.read32(at + 4 * page) == first.wrapping_add(page as u32));
            if !is_frame {
                return Err(format!("page {first} is not the start of a whole frame"));
            }
            let frame = u64::from(first) / pages as u64;
            self.check_reported(frame)?;
            self.ledger.announce(frame, what)?;
        }
        self.coverage.count(Event::Array);
        Ok(())
    }

    /// Checks that the device has returned the report that names a frame, if one does.
    fn check_reported(&self, frame: u64) -> Result<(), String> {
        let HostState::Reported(id, serial) = self.ledger.host_state(frame) else { return Ok(()) };
        let buffer = self.ring(Role::Reporting).map(|ring| &ring.buffers[usize::from(id)]);
        match buffer.is_some_and(|buffer| buffer.serial == serial && !buffer.is_used) {
            true => Err(format!("frame {frame} is named while report {id} is in flight")),
            false => Ok(()),
        }
    }

    fn oversee_block(&mut self, role: Role, (id, serial): (u8, u16), address: u64, length: u32) -> Result<(), String> {
        let physical = self.memory.physical(address, length.into());
        let physical = physical.ok_or_else(|| format!("the block at {address:#x} is not mapped"))?;
        if !physical.is_multiple_of(self.frame) || !u64::from(length).is_multiple_of(self.frame) {
            return Err(format!("the block at {physical:#x} does not consist of whole frames"));
        }
        let what = match role {
            Role::Hinting => {
                self.has_read_done = false;
                self.coverage.count(Event::Hint);
                HostState::Hinted(id, serial)
            }
            _ => {
                self.coverage.count(Event::Report);
                HostState::Reported(id, serial)
            }
        };
        let first = physical / self.frame;
        (first..first + u64::from(length) / self.frame).try_for_each(|frame| self.ledger.announce(frame, what))
    }

    /// The driver returns a run to the kernel.
    pub(crate) fn give_back(&mut self, first: u64, count: u32) {
        self.observe();
        self.check_may_return("a frame");
        let may_be_early = self.call.is_early && !self.device.has(bit::MUST_TELL_HOST);
        let has_read_done = self.has_read_done || self.call.reclaims;
        let [deflate, hinting, reporting] = [Role::Deflate, Role::Hinting, Role::Reporting].map(|role| {
            self.device.queues.iter().find(|queue| queue.role == Some(role)).and_then(|queue| queue.ring.as_ref())
        });
        let is_used = |ring: Option<&Ring>, id: u8| ring.is_none_or(|ring| ring.buffers[usize::from(id)].is_used);
        let is_reused = |ring: Option<&Ring>, id: u8, serial: u16| {
            ring.is_some_and(|ring| ring.buffers[usize::from(id)].serial != serial)
        };
        let result = self.ledger.give_back(first, count, |state| match state {
            HostState::Guest => true,
            HostState::Inflated => false,
            HostState::Deflated(id) => may_be_early || is_used(deflate, id),
            HostState::Reported(id, serial) => is_reused(reporting, id, serial) || is_used(reporting, id),
            HostState::Hinted(id, serial) => has_read_done && (is_reused(hinting, id, serial) || is_used(hinting, id)),
        });
        self.check(result);
    }

    /// Checks that the call may return memory to the kernel, and access frames.
    pub(crate) fn check_may_return(&mut self, what: &str) {
        if self.call.returns_nothing {
            self.fail(format!("{what} is returned or accessed before the machine is switched off"));
        }
    }

    /// The address that the device has for physical memory.
    pub(crate) fn map(&mut self, physical: u64, bytes: usize) -> Option<u64> {
        if physical & MAPPED != 0 || self.choices.chance(self.hostility.no_memory, 256) {
            return None;
        }
        Some(self.memory.map(physical, bytes))
    }
}
