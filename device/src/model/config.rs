//! The configuration space: section 5.5.4.

use super::{State, features};
use crate::log::{Cause, Event};
use crate::misbehave::RegisterFault;
use crate::violation::{Access, Violation};

const NUM_PAGES: usize = 0;
const ACTUAL: usize = 4;
const FREE_PAGE_HINT_CMD_ID: usize = 8;
const POISON_VAL: usize = 12;

/// The fields.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Config {
    num_pages: u32,
    actual: u32,
    free_page_hint_cmd_id: u32,
    /// `None` until the driver has written it.
    poison_val: Option<u32>,
}

impl Config {
    /// What a reset of the device leaves.
    pub(super) fn reset(&mut self) {
        *self = Self { num_pages: self.num_pages, ..Self::default() };
    }
}

impl State {
    /// Length of the configuration space: unless chosen it ends after the last field that an offered feature brings.
    pub(crate) fn config_len(&self) -> usize {
        let offered = self.options.features;
        if let Some(chosen) = self.options.config_bytes {
            chosen
        } else if offered & features::PAGE_POISON != 0 {
            POISON_VAL + 4
        } else if offered & features::FREE_PAGE_HINT != 0 {
            FREE_PAGE_HINT_CMD_ID + 4
        } else {
            ACTUAL + 4
        }
    }

    pub(crate) fn target(&self) -> u32 {
        self.config.num_pages
    }

    pub(crate) fn actual(&self) -> u32 {
        self.config.actual
    }

    /// The host wants `pages` pages in the balloon.
    pub(crate) fn set_target(&mut self, pages: u32) {
        self.config.num_pages = pages;
        self.generation = self.generation.wrapping_add(1);
        self.log(Event::TargetChanged(pages));
        if self.is_live() {
            self.interrupt(Cause::Configuration);
        }
    }

    /// What the driver wrote to `poison_val`, where it may.
    pub(crate) fn poison(&self) -> Option<u32> {
        self.negotiated(features::PAGE_POISON).then_some(self.config.poison_val).flatten()
    }

    /// Whether `poison_val` was written, or cannot be.
    pub(super) fn poison_is_written(&self) -> bool {
        self.config.poison_val.is_some() || self.config_len() <= POISON_VAL
    }

    pub(crate) fn hint_command(&self) -> u32 {
        self.config.free_page_hint_cmd_id
    }

    /// Shows another command without telling the driver.
    pub(super) fn show_hint_command(&mut self, command: u32) {
        self.config.free_page_hint_cmd_id = command;
    }

    /// Shows another command and tells the driver.
    pub(super) fn set_hint_command(&mut self, command: u32) {
        self.show_hint_command(command);
        self.generation = self.generation.wrapping_add(1);
        self.log(Event::HintCommand(command));
        if self.is_live() {
            self.interrupt(Cause::Configuration);
        }
    }

    pub(super) fn read_generation(&mut self) -> u32 {
        if self.faults.has(RegisterFault::GenerationNeverSettles) {
            self.generation = self.generation.wrapping_add(1);
        }
        self.generation
    }

    /// Reads the field at `offset`, which is aligned and inside.
    pub(super) fn read_config(&mut self, offset: usize) -> u32 {
        self.check_feature(Access::Read, offset);
        match offset {
            NUM_PAGES => {
                let lie = self.faults.register(|fault| match fault {
                    RegisterFault::NumPages(pages) => Some(pages),
                    _ => None,
                });
                lie.unwrap_or(self.config.num_pages)
            }
            ACTUAL => {
                let lie = self.faults.register(|fault| match fault {
                    RegisterFault::Actual(pages) => Some(pages),
                    _ => None,
                });
                lie.unwrap_or(self.config.actual)
            }
            FREE_PAGE_HINT_CMD_ID => {
                let command = self.read_hint_command();
                self.hint_command_was_read(command);
                command
            }
            _ => {
                let lie = self.faults.register(|fault| match fault {
                    RegisterFault::PoisonVal(value) => Some(value),
                    _ => None,
                });
                lie.or(self.config.poison_val).unwrap_or(0)
            }
        }
    }

    fn read_hint_command(&mut self) -> u32 {
        let lie = self.faults.register(|fault| match fault {
            RegisterFault::HintCommand(command) => Some(Some(command)),
            RegisterFault::HintCommandFlaps => Some(None),
            _ => None,
        });
        match lie {
            None => self.config.free_page_hint_cmd_id,
            Some(Some(command)) => command,
            // Another one than the driver read before.
            Some(None) => self.hinting.another_command(),
        }
    }

    /// Writes the field at `offset`, which is aligned and inside.
    pub(super) fn write_config(&mut self, offset: usize, value: u32) {
        self.check_feature(Access::Write, offset);
        if !self.features_are_settled() {
            self.violation(Violation::ConfigOutOfTurn { offset, status: self.status });
        }
        match offset {
            ACTUAL => {
                self.config.actual = value;
                self.log(Event::ActualWritten(value));
            }
            POISON_VAL if self.is_live() && self.negotiated(features::PAGE_POISON) => {
                self.violation(Violation::PoisonAfterDriverOk { status: self.status });
            }
            POISON_VAL => {
                self.config.poison_val = Some(value);
                self.log(Event::PoisonWritten(value));
            }
            _ => self.violation(Violation::ConfigReadOnly { offset }),
        }
    }

    fn check_feature(&mut self, access: Access, offset: usize) {
        let needs = match offset {
            FREE_PAGE_HINT_CMD_ID => features::FREE_PAGE_HINT,
            POISON_VAL => features::PAGE_POISON,
            _ => return,
        };
        if !self.negotiated(needs) {
            self.violation(Violation::ConfigWithoutFeature { access, offset });
        }
    }
}
