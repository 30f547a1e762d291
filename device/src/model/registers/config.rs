//! Accesses to the configuration space (5.5.4), and changes of it by the host.

use super::super::features;
use super::super::state::State;
use crate::event::{Cause, Event};
use crate::fault::RegisterFault;
use crate::quirk::Quirk;
use crate::violation::{Access, ConfigViolation};

/// Offsets in bytes of the fields.
const NUM_PAGES: usize = 0;
const ACTUAL: usize = 4;
const FREE_PAGE_HINT_CMD_ID: usize = 8;
const POISON_VAL: usize = 12;

/// Size in bytes of each field.
const FIELD_BYTES: usize = 4;

impl State {
    /// Returns the length in bytes of the configuration space: the one that the builder chose, or up to the last field of
    /// an offered feature.
    pub(crate) fn config_len(&self) -> usize {
        let offered = self.options.features;
        if let Some(bytes) = self.options.config_bytes {
            bytes
        } else if offered & features::PAGE_POISON != 0 {
            POISON_VAL + FIELD_BYTES
        } else if offered & features::FREE_PAGE_HINT != 0 {
            FREE_PAGE_HINT_CMD_ID + FIELD_BYTES
        } else {
            ACTUAL + FIELD_BYTES
        }
    }

    pub(crate) fn target(&self) -> u32 {
        self.config.num_pages
    }

    pub(crate) fn actual(&self) -> u32 {
        self.config.actual
    }

    pub(crate) fn hint_command(&self) -> u32 {
        self.config.free_page_hint_cmd_id
    }

    /// Returns `poison_val`, if PAGE_POISON is negotiated and the driver has written it.
    pub(crate) fn poison(&self) -> Option<u32> {
        self.negotiated(features::PAGE_POISON).then_some(self.config.poison_val).flatten()
    }

    /// Returns whether the driver has written `poison_val`. Also `true` if the configuration space has no such field.
    pub(crate) fn is_poison_written(&self) -> bool {
        self.config.poison_val.is_some() || self.config.is_poison_refused || self.config_len() <= POISON_VAL
    }

    /// Sets `num_pages`.
    pub(crate) fn set_target(&mut self, pages: u32) {
        self.config.num_pages = pages;
        self.configuration_changed(Event::TargetChanged(pages));
    }

    /// Sets `free_page_hint_cmd_id` and notifies the driver.
    pub(crate) fn set_hint_command(&mut self, command: u32) {
        self.config.free_page_hint_cmd_id = command;
        self.configuration_changed(Event::HintCommand(command));
    }

    /// Advances the generation, and raises the interrupt once the driver has set DRIVER_OK.
    fn configuration_changed(&mut self, event: Event) {
        self.config.advance_generation();
        self.log(event);
        if self.is_live() {
            self.interrupt(Cause::Configuration);
        }
    }

    pub(crate) fn read_generation(&mut self) -> u32 {
        if self.faults.has(RegisterFault::GenerationAlwaysChanges) {
            self.config.advance_generation();
        }
        self.config.generation
    }

    /// Reads the field at `offset`, which is aligned and inside.
    pub(crate) fn read_config(&mut self, offset: usize) -> u32 {
        self.check_field_feature(Access::Read, offset);
        match offset {
            NUM_PAGES => self.faults.num_pages().unwrap_or(self.config.num_pages),
            ACTUAL => self.faults.actual().unwrap_or(self.config.actual),
            FREE_PAGE_HINT_CMD_ID => self.read_hint_command(),
            _ => self.faults.poison_val().or(self.config.poison_val).unwrap_or(0),
        }
    }

    fn read_hint_command(&mut self) -> u32 {
        let fault = self.faults.hint_command(|| self.hinting.different_command());
        let command = fault.unwrap_or(self.config.free_page_hint_cmd_id);
        self.hint_command_was_read(command);
        command
    }

    /// Writes the field at `offset`, which is aligned and inside.
    pub(crate) fn write_config(&mut self, offset: usize, value: u32) {
        self.check_field_feature(Access::Write, offset);
        if !self.is_negotiated() {
            self.violation(ConfigViolation::OutOfTurn { offset, status: self.status });
        }
        match offset {
            ACTUAL => {
                self.config.actual = value;
                self.log(Event::ActualWritten(value));
            }
            POISON_VAL if self.is_live() && self.negotiated(features::PAGE_POISON) => {
                self.violation(ConfigViolation::PoisonAfterDriverOk { status: self.status });
            }
            POISON_VAL => {
                match self.has(Quirk::RefusesPoison) {
                    true => self.config.is_poison_refused = true,
                    false => self.config.poison_val = Some(value),
                }
                self.log(Event::PoisonWritten(value));
            }
            _ => self.violation(ConfigViolation::ReadOnly { offset }),
        }
    }

    fn check_field_feature(&mut self, access: Access, offset: usize) {
        let feature = match offset {
            FREE_PAGE_HINT_CMD_ID => features::FREE_PAGE_HINT,
            POISON_VAL => features::PAGE_POISON,
            _ => return,
        };
        if !self.negotiated(feature) {
            self.violation(ConfigViolation::WithoutFeature { access, offset });
        }
    }
}
