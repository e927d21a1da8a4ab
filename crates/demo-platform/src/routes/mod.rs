//! Handlers: a module per area of the contract.

pub(crate) mod auth;
pub(crate) mod bookings;
pub(crate) mod finance;
pub(crate) mod health;
pub(crate) mod notifications;
pub(crate) mod ops;
pub(crate) mod pages;
pub(crate) mod payments;
pub(crate) mod schools;
pub(crate) mod status;
pub(crate) mod webhook;
pub(crate) mod work;
