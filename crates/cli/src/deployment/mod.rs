//! Commands for a deployment, with an operator's credentials.

mod access;
mod acknowledgement;
mod doctor;
mod incident;
mod incidents;
mod maintenance;
mod mark;
mod memory;
mod mutes;
mod notify;
mod parameters;
mod secrets;
mod topics;

pub(crate) use access::{details, history, region};
pub(crate) use acknowledgement::acknowledge;
pub(crate) use doctor::examine;
pub(crate) use incident::show as incident;
pub(crate) use incidents::list as incidents;
pub(crate) use maintenance::{list as list_maintenance, sync as sync_maintenance};
pub(crate) use mark::mark;
pub(crate) use memory::clear as clear_memory;
pub(crate) use mutes::actions;
pub(crate) use mutes::{list as mutes, mute, unmute};
pub(crate) use notify::notify_test;
pub(crate) use parameters::with_parameters;
pub(crate) use secrets::{check as check_secrets, set as set_secret};
pub(crate) use topics::topics;
