//! The device's turn between two calls of the driver: it works on its queues, changes its configuration, and breaks the
//! protocol.

use crate::coverage::Event;
use crate::device::{NEEDS_RESET, Role, bit};
use crate::ring::Ring;
use crate::world::World;

impl World {
    /// Lets the device do something.
    pub(crate) fn turn(&mut self) {
        self.observe();
        if self.device.is_unplugged && self.choices.chance(1, 16) {
            (self.device.is_unplugged, self.device.is_asleep, self.device.status) = (false, true, 0);
        }
        if !self.device.is_live() {
            return;
        }
        self.change_config();
        self.device.is_restless &= self.choices.chance(7, 8);
        let hostility = self.hostility;
        if self.choices.chance(hostility.scribbles, 1024) {
            self.scribble();
        }
        if self.choices.chance(hostility.breaks, 1024) {
            self.break_queue();
        }
        if self.choices.chance(hostility.events, 1024) {
            self.event();
        }
        for index in 0..self.device.queues.len() {
            let is_active = |ring: &Ring| ring.is_active;
            if self.device.queues[index].ring.as_ref().is_some_and(is_active) && self.choices.chance(hostility.works, 8)
            {
                self.work(index);
            }
        }
    }

    fn change_config(&mut self) {
        if self.choices.chance(1, 8) {
            let pages = (self.frame / 4096) as u32;
            let frames = self.ledger.len();
            let target = match self.choices.below(8) {
                0 | 1 => 0,
                2 => self.choices.below(20),
                3..=5 => self.choices.below(frames.saturating_mul(pages)),
                6 => frames.saturating_mul(2 * pages),
                _ => self.choices.nasty(self.device.config[0]),
            };
            self.set_config(0, target);
        }
        if self.device.has(bit::HINT) && self.choices.chance(1, 6) {
            let command = match self.choices.below(4) {
                0 => 0,
                1 => 1,
                _ => self.choices.below(1000) + 2,
            };
            self.set_config(2, command);
        }
    }

    pub(crate) fn set_config(&mut self, word: usize, value: u32) {
        self.device.config[word] = value;
        self.device.generation = self.device.generation.wrapping_add(1);
        self.device.interrupt |= 2;
    }

    /// Uses some of the buffers of a queue, as the specification says.
    pub(crate) fn work(&mut self, index: usize) {
        let queue = &mut self.device.queues[index];
        let (Some(ring), Some(role)) = (&mut queue.ring, queue.role) else { return };
        if ring.is_broken {
            return;
        }
        let choices = &mut self.choices;
        // The host requests statistics rarely.
        let holds = role == Role::Statistics && choices.chance(3, 4);
        let most = if holds { 0 } else { ring.pending.len() as u32 };
        let count = if choices.chance(1, 2) { most } else { choices.below(most + 1) };
        for _ in 0..count {
            let at = choices.below(ring.pending.len() as u32) as usize;
            let Some(&id) = ring.pending.get(at) else { break };
            let capacity = ring.buffers[usize::from(id)].capacity();
            let length = if choices.chance(1, 2) { 0 } else { choices.below(capacity) };
            ring.complete(id, length);
            if self.prints {
                eprintln!("        the device uses buffer {id} of the {role:?} queue");
            }
            self.device.interrupt |= 1;
            self.coverage.count(Event::Used);
        }
        let by_event = choices.chance(1, 2);
        if ring.pending.is_empty() || holds {
            ring.enable_notifications(by_event);
            // The driver cannot have added buffers in the meantime, because it does not run.
            ring.is_active = holds;
        } else if choices.chance(1, 2) {
            ring.disable_notifications();
        }
    }

    fn some_ring(&mut self) -> Option<(usize, Role)> {
        let enabled = u32::from(self.device.enabled);
        let chosen = self.choices.below(enabled) as usize;
        let queues = self.device.queues.iter().enumerate();
        let mut queues =
            queues.filter_map(|(index, queue)| queue.role.filter(|_| queue.ring.is_some()).map(|role| (index, role)));
        queues.nth(chosen)
    }

    /// Writes arbitrary values to a ring.
    pub(crate) fn scribble(&mut self) {
        let Some((index, _)) = self.some_ring() else { return };
        for _ in 0..=self.choices.below(4) {
            let (which, at) = (self.choices.below(9), self.choices.below(1 << 16));
            let Some(ring) = &mut self.device.queues[index].ring else { return };
            // What broke the protocol has to stay until the driver looks.
            if ring.is_broken {
                return;
            }
            let value = match self.choices.below(4) {
                0 => u32::from(ring.used).wrapping_add(self.choices.below(4)),
                1 => ring.size.into(),
                _ => self.choices.nasty(ring.used.into()),
            };
            ring.scribble(which, at, value);
        }
        self.coverage.count(Event::Scribble);
    }

    /// Breaks the protocol in a queue, in a way that the driver must notice at its next look.
    fn break_queue(&mut self) {
        let Some((index, role)) = self.some_ring() else { return };
        let Some(ring) = &mut self.device.queues[index].ring else { return };
        // The driver takes back one buffer of this queue at a time, so the next look may see an earlier one.
        let is_hidden = role == Role::Statistics && ring.pending.is_empty();
        if ring.is_broken || ring.is_murky || is_hidden {
            return;
        }
        let choices = &mut self.choices;
        let kind = choices.below(5);
        let is_broken = match kind {
            0 | 1 => use_unknown_id(ring, choices.below(6), choices.below(64)),
            2 => {
                let beyond = choices.pick(&[1, 1, 2, 1000, u32::MAX]);
                use_too_long(ring, beyond)
            }
            3 => jump(ring, choices.pick(&[1, 2, 0x100, 0x7fff, 0x8000, 0xfe00])),
            // Between two looks, the single buffer of this queue may be in flight again.
            _ => role != Role::Statistics && use_twice(ring, choices.below(64)),
        };
        if is_broken {
            ring.is_broken = true;
            if self.prints {
                eprintln!(
                    "the device breaks the {role:?} queue: kind {kind}, {:?}, size {}, {} pending, used {}",
                    ring.rules,
                    ring.size,
                    ring.pending.len(),
                    ring.used
                );
            }
            self.coverage.count(Event::Broken);
        }
    }

    fn event(&mut self) {
        match self.choices.below(6) {
            0 | 1 => {
                self.device.status |= NEEDS_RESET;
                self.device.interrupt |= 2;
                self.coverage.count(Event::NeedsReset);
            }
            2 | 3 => {
                self.device.is_restless = true;
                self.coverage.count(Event::Restless);
            }
            4 => {
                (self.device.is_asleep, self.device.status) = (true, 0);
                self.coverage.count(Event::HostReset);
            }
            _ => {
                self.device.is_unplugged = true;
                self.coverage.count(Event::Unplugged);
            }
        }
    }
}

/// Uses an id that the driver has never made available.
fn use_unknown_id(ring: &mut Ring, kind: u32, id: u32) -> bool {
    let id = match kind {
        0 => ring.size.into(),
        1 => 0xffff,
        2 if !ring.rules.packed => 0x1_0000 | id,
        3 if !ring.rules.packed => u32::MAX,
        _ => id,
    };
    let is_known = ring.buffers.get(id as usize).is_some_and(|buffer| buffer.is_known);
    let breaks = !is_known && ring.has_room_for(1);
    if breaks {
        ring.publish(id, 0, 1, 1);
    }
    breaks
}

/// Uses a buffer with a length above its capacity. Over the legacy interface the driver accepts that.
fn use_too_long(ring: &mut Ring, beyond: u32) -> bool {
    let Some(&id) = ring.pending.front().filter(|_| !ring.rules.legacy) else { return false };
    let buffer = &ring.buffers[usize::from(id)];
    let (capacity, descriptors) = (buffer.capacity(), buffer.descriptors);
    let Some(length) = capacity.checked_add(beyond).or_else(|| capacity.checked_add(1)) else { return false };
    ring.publish(id.into(), length, 1, descriptors);
    true
}

/// Moves the used index of a split ring by more than the buffers in flight.
fn jump(ring: &mut Ring, beyond: u16) -> bool {
    if ring.rules.packed {
        return false;
    }
    let distance = beyond + ring.pending.len() as u16;
    ring.used = ring.used.wrapping_add(distance);
    ring.device.write16(2, ring.used);
    true
}

/// Uses a buffer a second time.
fn use_twice(ring: &mut Ring, id: u32) -> bool {
    let Some(buffer) = ring.buffers.get(id as usize) else { return false };
    let descriptors = buffer.descriptors;
    let is_done = buffer.is_known && buffer.is_used && !ring.pending.contains(&(id as u16));
    let breaks = is_done && ring.has_room_for(descriptors);
    if breaks {
        ring.publish(id, 0, 1, descriptors);
    }
    breaks
}
